"""The width mask of focused refinement, and how far Gaussians belong to a region."""

import numpy as np
import pytest
import references
from molecules import BOX, PIXEL_SIZE, molecule

from gmmrefine.gmm.mask import membership, values_at, weighted, widened_outside
from gmmrefine.gmm.model import Gmm

FIRST, LAST = -(BOX // 2) * PIXEL_SIZE, (BOX - BOX // 2 - 1) * PIXEL_SIZE  # centres of the outer voxels, Å
PER_VOXEL = np.array([1.0, 2.0, 4.0]) / (7 * (BOX - 1))  # x, y, z


@pytest.fixture
def slope():
    """A mask that grows linearly and differently along x, y and z, from 0 at the first voxel to 1 at the last."""
    z, y, x = np.indices((BOX,) * 3)
    return x * PER_VOXEL[0] + y * PER_VOXEL[1] + z * PER_VOXEL[2]


def along_x(values):
    """A mask that depends on x only, with the Gaussians' places: one on every value."""
    mask = np.zeros((BOX,) * 3)
    mask[:, :, : len(values)] = values
    centers = np.array([[FIRST + number * PIXEL_SIZE, 0.0, 0.0] for number in range(len(values))])
    count = len(values)
    return mask, Gmm(centers, np.linspace(0.6, 1.4, count), np.linspace(1.8, 2.6, count))


def test_values_between_voxels_are_trilinear(slope, rng):
    points = rng.uniform(FIRST, LAST, (50, 3))
    assert values_at(points, slope, PIXEL_SIZE) == pytest.approx((points - FIRST) / PIXEL_SIZE @ PER_VOXEL, abs=1e-9)
    corner = np.zeros_like(slope)
    corner[BOX // 2 + 1, BOX // 2, BOX // 2] = 1  # one voxel along z from the origin
    points = np.array([[0, 0, PIXEL_SIZE], [0, 0, 0.25 * PIXEL_SIZE], [0.5 * PIXEL_SIZE, 0, 0.5 * PIXEL_SIZE]])
    assert values_at(points, corner, PIXEL_SIZE) == pytest.approx([1, 0.25, 0.25])


@pytest.mark.parametrize("axis", range(3))
def test_outside_the_box_the_mask_is_0(axis):
    points = np.zeros((4, 3))
    points[:, axis] = FIRST, FIRST - 0.1, LAST, LAST + 0.1
    assert values_at(points, np.ones((BOX,) * 3), PIXEL_SIZE).tolist() == [1, 0, 1, 0]


def test_values_stay_between_0_and_1(slope):
    points = np.zeros((1, 3))
    assert values_at(points, slope + 5, PIXEL_SIZE) == 1 and values_at(points, slope - 5, PIXEL_SIZE) == 0


@pytest.mark.parametrize(
    "level, factors",
    [(0.25, [4.0, 1 / 0.4375, 1.6, 1 / 0.8125, 1.0]), (0.5, [2.0, 1.6, 4 / 3, 8 / 7, 1.0]), (1.0, [1, 1, 1, 1, 1])],
)
def test_widths_follow_the_formula_of_the_paper(level, factors):
    """σ' = σ / (0.25 + 0.75 M) at M = 0, 1/4, 1/2, 3/4, 1: four times as wide outside, not twice."""
    mask, gmm = along_x([0.0, 0.25, 0.5, 0.75, 1.0])
    found = widened_outside(gmm, mask, PIXEL_SIZE, level)
    assert found.widths / gmm.widths == pytest.approx(factors, rel=1e-12)
    assert found.masses == pytest.approx(gmm.masses, rel=1e-12)
    assert np.array_equal(found.centers, gmm.centers)
    if level == 0.25:
        assert np.array_equal(widened_outside(gmm, mask, PIXEL_SIZE).widths, found.widths)


def test_density_outside_is_4_times_as_wide_and_as_much():
    """Of the map itself: the spread of a blob along x, and its sum."""
    blob = Gmm(np.zeros((1, 3)), np.ones(1), np.array([2.0]))
    found = widened_outside(blob, np.zeros((BOX,) * 3), PIXEL_SIZE)
    before, after = (references.gaussian_map(gmm, 64, 1.0) for gmm in (blob, found))
    x = np.arange(64) - 32
    spread = [np.sqrt((volume.sum(axis=(0, 1)) * x**2).sum() / volume.sum()) for volume in (before, after)]
    assert spread == pytest.approx([2.0, 8.0], rel=1e-3)
    assert after.sum() == pytest.approx(before.sum(), rel=1e-3)


def test_inside_nothing_changes():
    """Only centres with M < 1 are treated."""
    gmm, mask = molecule(60), np.zeros((BOX,) * 3)
    mask[:, :, BOX // 2 :] = 1
    found = widened_outside(gmm, mask, PIXEL_SIZE)
    inside = gmm.centers[:, 0] >= 0
    assert 10 < inside.sum() < 50
    assert found.widths[inside] == pytest.approx(gmm.widths[inside], rel=1e-12)
    assert found.amplitudes[inside] == pytest.approx(gmm.amplitudes[inside], rel=1e-12)
    assert (found.widths[~inside] > 1.01 * gmm.widths[~inside]).mean() > 0.9
    outside = gmm.centers[:, 0] <= -PIXEL_SIZE
    assert found.widths[outside] == pytest.approx(4 * gmm.widths[outside])


def test_membership_ends_in_the_middle_of_the_edge():
    mask, gmm = along_x([0.0, 0.25, 0.5, 0.75, 0.9, 1.0])
    assert membership(gmm, mask, PIXEL_SIZE) == pytest.approx([0, 0, 0, 0.5, 0.8, 1])


def test_weighted_scales_the_mass_and_drops_what_is_left_of_nothing():
    _, gmm = along_x([0.0] * 5)
    found = weighted(gmm, np.array([0.0, 0.5, 1.0, 1e-4, 0.01]))
    assert found.masses == pytest.approx(gmm.masses[[1, 2, 4]] * [0.5, 1, 0.01])
    assert np.array_equal(found.centers, gmm.centers[[1, 2, 4]]) and np.array_equal(found.widths, gmm.widths[[1, 2, 4]])


def test_a_region_and_its_rest_are_the_whole(slope):
    """Of one GMM nothing is lost and nothing counted twice, on the soft edge either."""
    gmm = molecule(60)
    share = membership(gmm, slope, PIXEL_SIZE)
    assert 0 < np.sum((share > 0) & (share < 1)) and (share == 0).any()
    parts = [references.gaussian_map(weighted(gmm, weights), 20, 3.0) for weights in (share, 1 - share)]
    assert sum(parts) == pytest.approx(references.gaussian_map(gmm, 20, 3.0), abs=5e-3)
