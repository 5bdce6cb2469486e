"""Resolution by direction: planted views are told from even ones, and the worst axis is the planted one."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from gmmrefine.geometry.sphere import axis_name, cell_centers, cell_of, even_axes, lowest_axis
from gmmrefine.geometry.symmetry import ASYMMETRIC, point_group
from gmmrefine.maps.directions import directional_fsc
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.particles.views import sampling_compensation, view_coverage

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def planted():
    sys.path.append(str(BENCHMARKS))
    try:
        return importlib.import_module("honest_maps_directions")
    finally:
        sys.path.remove(str(BENCHMARKS))


def rotations_of(views):
    rotations = np.zeros((len(views), 3, 3))
    rotations[:, 2] = views
    return rotations


def test_planted_views(planted):
    rng, wrong = np.random.default_rng(7), {}
    for name, preferred, views, snr, *worst in planted.distributions(1500, rng):
        said = planted.judged(views, snr, 40, rng)
        found = said["directions"]
        off = planted.away_from_worst(np.array(found.get("coarsest_axis", found["poorest_axis"])), *worst)
        if found["preferred_views"] != preferred or (preferred and off > 15):
            wrong[name] = off, said["directions_text"]
        if found["preferred_views"]:
            assert "alike in all directions" not in said["directions_text"], name
    assert not wrong


@pytest.mark.parametrize("snr", (2.0, 0.3))
def test_half_maps_alone_show_a_missing_cone_and_not_even_views(planted, snr):
    rng = np.random.default_rng(3)
    even = planted.axis_views(2000, rng)
    for views, anisotropic in ((even, False), (even[np.abs(even[:, 2]) > 0.5], True)):
        maps, mask = planted.half_maps(views, snr, 40, rng)
        curve = gold_standard_fsc(*maps, mask, 2.0, 1)
        found = directional_fsc(*maps, mask, curve)
        assert found.anisotropic == anisotropic
    assert abs(found.axes[found.best_and_worst[1]][2]) > np.cos(np.radians(15))
    assert found.cfar < 0.2


def test_cones_equal_a_sum_over_all_samples(rng):
    """Without mask, one cone, by a loop over the half transform; cells are two degrees wide."""
    n, signal = 24, rng.normal(size=(24,) * 3)
    maps = [signal + rng.normal(size=signal.shape) for _ in range(2)]
    found = directional_fsc(*maps, None, gold_standard_fsc(*maps, None, 1.0))
    one, other = (np.fft.fftn(each) for each in maps)
    k = np.stack(np.meshgrid(*[np.fft.fftfreq(n) * n] * 3, indexing="ij"))[::-1].reshape(3, -1)
    radius = np.linalg.norm(k, axis=0)
    for number in (3, 100, 200):
        inside = np.abs(found.axes[number] @ k) > np.cos(np.radians(20)) * radius
        shells = inside & (np.abs(np.rint(radius) - 9) <= 1)
        expected = np.sum((one * other.conj()).real.ravel()[shells]) / np.sqrt(
            np.prod([np.sum(np.abs(each.ravel()[shells]) ** 2) for each in (one, other)])
        )
        assert found.fsc[number, 9] == pytest.approx(expected, abs=0.05)
    assert found.cfar == pytest.approx(found.area.min() / found.area.max())


def test_sampling_compensation_of_even_uneven_and_missing_directions():
    assert sampling_compensation(np.full(100, 40)) == pytest.approx(1)
    half = np.repeat([20, 60], 50)
    assert sampling_compensation(half) == pytest.approx(1 / (40 * 0.5 * (1 / 20 + 1 / 60)))
    missing = np.repeat([0, 50], (20, 80))  # mean 40: 1 / (40 (1 / 50 + 0.2 / 1.6))
    assert sampling_compensation(missing) == pytest.approx(1 / (40 * (0.02 + 0.125)))
    assert sampling_compensation(np.zeros(5)) == 0


@pytest.mark.parametrize("count", (60, 100, 500, 5000))
def test_even_views_are_never_short_of_evenness(planted, count):
    for seed in range(10):
        found = view_coverage(rotations_of(planted.axis_views(count, np.random.default_rng(seed))), ASYMMETRIC)
        assert found.scf > 0.81 and found.hole == 0


def test_few_views_are_not_judged(planted, rng):
    assert view_coverage(rotations_of(planted.axis_views(40, rng)), ASYMMETRIC) is None


def test_symmetry_fills_what_one_view_lacks(rng):
    views = np.array([1, 0, 0]) + 0.1 * rng.normal(size=(500, 3))
    views /= np.linalg.norm(views, axis=1, keepdims=True)
    alone, cubic = (view_coverage(rotations_of(views), point_group(name)).scf for name in ("C1", "I"))
    assert alone < 0.2 and cubic > 0.81


def test_cells_and_axes_are_even(rng):
    directions = rng.normal(size=(50000, 3))
    centers = cell_centers()
    own = centers[cell_of(*directions.T)]
    off = np.degrees(np.arccos(np.minimum(np.abs(np.sum(own * directions, 1)) / np.linalg.norm(directions, axis=1), 1)))
    assert off.max() < 2.0
    axes = even_axes(256)
    near = np.sort(np.abs(axes @ axes.T - np.eye(256)), axis=1)[:, -1]
    assert np.degrees(np.arccos(near)).min() > 4.5


def test_the_middle_of_a_low_region_and_the_names_of_axes():
    axes = even_axes(256)
    cap = 1 - (np.abs(axes @ [0, 0.6, 0.8]) > 0.8)
    assert abs(axes[lowest_axis(axes, cap.astype(float))] @ [0, 0.6, 0.8]) > np.cos(np.radians(7))
    ring = np.abs(axes[:, 2])
    assert abs(axes[lowest_axis(axes, ring)][2]) < 0.2
    assert axis_name([0, 0, -1]).startswith("z") and axis_name([0.6, 0, 0.8]) == "rot 0° tilt 37°"
