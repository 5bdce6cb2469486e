"""The fit of Gaussians to a map: its target against an independent FSC, its slope, and what comes out."""

import numpy as np
import pytest
import references
from molecules import molecule

from gmmrefine.gmm.fit import MapTarget, fit_gaussians, gmm_map_fsc
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.render import centered_from_map, render_map
from gmmrefine.gmm.seed import molecule_voxels, seed_gaussians
from gmmrefine.maps.filter import low_pass

BOX, PIXEL_SIZE, RADIUS = 24, 2.0, 8  # 6 Å
WEIGHTS = np.array([0, 1, 2, 2, 1, 1, 0.5, 1, 1.5])
EVALUATIONS = 40


@pytest.fixture(scope="module")
def volume():
    """A map of 60 atoms at full resolution, in units of its own."""
    gmm = molecule(60, width=(1.0, 1.6))
    return 7.5 * render_map(Gmm(0.8 * gmm.centers, gmm.amplitudes, gmm.widths), BOX, PIXEL_SIZE)


@pytest.fixture(scope="module")
def target(volume):
    return MapTarget(centered_from_map(volume), PIXEL_SIZE, WEIGHTS)


@pytest.fixture(scope="module")
def seeds(volume):
    voxels = molecule_voxels(low_pass(volume, RADIUS), None, 0.15 * volume.max())
    return seed_gaussians(volume, voxels, 40, PIXEL_SIZE, 6.0, np.random.default_rng(4))


@pytest.fixture(scope="module")
def fitted(seeds, target):
    losses = []
    gmm = fit_gaussians(seeds, target, EVALUATIONS, lambda done, loss: losses.append((done, loss)))
    return gmm, losses


def parameters_of(gmm):
    return np.column_stack([gmm.centers / PIXEL_SIZE, gmm.masses / gmm.masses.mean(), gmm.widths / PIXEL_SIZE])


def gmm_of(parameters):
    amplitudes = parameters[:, 3] / (parameters[:, 4] * np.sqrt(2 * np.pi)) ** 3
    return Gmm(parameters[:, :3] * PIXEL_SIZE, amplitudes, parameters[:, 4] * PIXEL_SIZE)


def weighted_disagreement(parameters, target):
    fsc = gmm_map_fsc(gmm_of(parameters), target.transform, PIXEL_SIZE, RADIUS)
    return 1 - np.sum(WEIGHTS * fsc) / np.sum(WEIGHTS)


def test_fsc_with_a_map_equals_a_loop_over_voxels(volume, seeds):
    """The reference sums every voxel of the full transform of the Gaussians' map in real space."""
    small = volume[4:20, 4:20, 4:20]
    gmm = Gmm(0.35 * seeds.centers, seeds.amplitudes, np.full(len(seeds), 3.0))
    found = gmm_map_fsc(gmm, centered_from_map(small), PIXEL_SIZE, 5)
    expected = references.shell_correlation(references.gaussian_map(gmm, 16, PIXEL_SIZE), small)
    assert found.shape == (6,)
    assert found == pytest.approx(expected[:6], abs=3e-3)


def test_disagreement_is_one_minus_the_weighted_fsc(seeds, target, rng):
    parameters = parameters_of(seeds)
    for _ in range(3):
        parameters = parameters * rng.uniform(0.9, 1.1, parameters.shape)
        value, gradient = target.disagreement(parameters)
        assert gradient.shape == parameters.shape
        assert value == pytest.approx(weighted_disagreement(parameters, target), abs=2e-3)


@pytest.mark.parametrize(
    "columns, step", ((slice(0, 3), 0.05), (slice(3, 4), 0.05), (slice(4, 5), 0.02)), ids=("centre", "mass", "width")
)
def test_gradient_equals_finite_differences(seeds, target, rng, columns, step):
    """Along random directions, of the target itself and of the independent FSC."""
    parameters = parameters_of(seeds)
    gradient = target.disagreement(parameters)[1]
    steepest = np.zeros_like(parameters)
    steepest[:, columns] = gradient[:, columns]
    for direction in (steepest, rng.normal(size=parameters.shape)):
        move = np.zeros_like(parameters)
        move[:, columns] = direction[:, columns]
        move *= step / np.abs(move).max()
        expected = np.sum(gradient * move)
        change = (target.disagreement(parameters + move)[0] - target.disagreement(parameters - move)[0]) / 2
        independent = (weighted_disagreement(parameters + move, target) - weighted_disagreement(parameters - move, target)) / 2
        scale = np.linalg.norm(gradient[:, columns]) * np.linalg.norm(move)
        assert change == pytest.approx(expected, abs=0.01 * scale)
        assert independent == pytest.approx(expected, abs=0.03 * scale)


def test_gaussian_that_moves_across_a_voxel_keeps_its_gradient(seeds, target):
    """The grid points of a Gaussian change there; value and slope must not."""
    parameters = parameters_of(seeds)
    grid_per_px = target.side / BOX
    border = (np.floor(parameters[0, 0] * grid_per_px) + 0.5) / grid_per_px
    found = []
    for x in (border - 1e-4, border + 1e-4):
        parameters[0, 0] = x
        value, gradient = target.disagreement(parameters)
        found.append((value, gradient[0, 0]))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-5)
    assert found[0][1] == pytest.approx(found[1][1], rel=0.05, abs=1e-5)


def test_fit_follows_the_map_to_the_target_resolution(fitted, seeds, target):
    gmm, losses = fitted
    before = gmm_map_fsc(seeds, target.transform, PIXEL_SIZE, RADIUS)
    fsc = gmm_map_fsc(gmm, target.transform, PIXEL_SIZE, RADIUS)
    assert before[1:].min() < 0.85 and before[1:].mean() < 0.93  # there was something to do
    assert fsc[1:].min() > 0.95 and fsc[1:].mean() >= 0.98
    done = [number for number, _ in losses]
    assert done == list(range(1, len(done) + 1)) and EVALUATIONS <= len(done) <= EVALUATIONS + 20
    assert losses[-1][1] < 0.2 * losses[0][1]


def test_fit_is_in_the_units_of_the_map(fitted, volume):
    gmm, _ = fitted
    a, b = (part - part.mean() for part in (render_map(gmm, BOX, PIXEL_SIZE, RADIUS), volume))
    assert np.sum(a * b) / np.sum(a * a) == pytest.approx(1, abs=1e-3)


def test_scale_of_the_map_changes_amplitudes_only(seeds, volume, fitted):
    larger = fit_gaussians(seeds, MapTarget(centered_from_map(10 * volume), PIXEL_SIZE, WEIGHTS), EVALUATIONS)
    gmm, _ = fitted
    assert larger.amplitudes.sum() == pytest.approx(10 * gmm.amplitudes.sum(), rel=0.02)
    assert np.abs(larger.centers - gmm.centers).max() < 0.2


def test_widths_stay_those_of_the_resolution(fitted):
    """Narrower ones look like points, wider ones outgrow the grid points of a Gaussian."""
    widths = fitted[0].widths / 6.0
    assert widths.min() >= 0.1 - 1e-6 and widths.max() <= 0.45 + 1e-6


def test_gaussian_without_density_is_removed():
    """Three blobs and a hole in the map, a seed on each: the one in the hole loses its mass and goes."""
    centers = np.array([[10.0, 0, 0], [0, -10, 4], [-8, 6, -8], [6, 8, 8]])
    blobs = Gmm(centers, np.array([1, 1, 1, -0.7]), np.full(4, 2.5))
    transform = centered_from_map(references.gaussian_map(blobs, BOX, PIXEL_SIZE))
    start = Gmm(blobs.centers + 0.7, np.ones(4), np.full(4, 2.2))
    gmm = fit_gaussians(start, MapTarget(transform, PIXEL_SIZE, np.array([0] + [1] * RADIUS)), EVALUATIONS)
    assert len(gmm) == 3
    nearest = np.linalg.norm(gmm.centers[:, None] - blobs.centers, axis=2).argmin(axis=1)
    assert sorted(nearest.tolist()) == [0, 1, 2]
