"""Local resolution: right on each side of a map of two halves, and never from the mask or from noise."""

import numpy as np
import pytest
import references
from half_and_half import globule, half_and_half

from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.maps.local_resolution import band_centers, local_resolution

BOX, PIXEL_SIZE = 84, 1.5


@pytest.fixture(scope="module")
def ball():
    return globule(BOX, PIXEL_SIZE, np.random.default_rng(2))


def sides(values, mask, away=16.0):
    """Values (M,) inside the mask more than ``away`` Å to the left and to the right of the middle."""
    x = (np.arange(BOX) - BOX // 2) * PIXEL_SIZE
    inside = mask > 0.5
    return [values[inside & chosen[None, None, :]] for chosen in (x < -away, x > away)]


def test_each_side_within_ten_percent(ball, rng):
    signal, mask = ball
    found = local_resolution(*half_and_half(signal, mask, PIXEL_SIZE, (8.0, 4.0), rng), mask, PIXEL_SIZE)
    coarse, fine = sides(found, mask)
    assert np.median(coarse) == pytest.approx(8.0, rel=0.1)
    assert np.median(fine) == pytest.approx(4.0, rel=0.1)


@pytest.mark.parametrize("resolution", [4.0, 6.0])
def test_an_even_map_has_its_global_resolution_everywhere(ball, rng, resolution):
    signal, mask = ball
    halves = half_and_half(signal, mask, PIXEL_SIZE, (resolution, resolution), rng)
    found = local_resolution(*halves, mask, PIXEL_SIZE)[mask > 0.5]
    assert np.median(found) == pytest.approx(gold_standard_fsc(*halves, mask, PIXEL_SIZE).resolution(), rel=0.05)
    assert np.percentile(found, (10, 90)) == pytest.approx(resolution, rel=0.2)


def test_maps_that_hold_nothing_beyond_nyquist(rng):
    """As reconstructions are: a band across the end would see its coarser half only and take it for the whole."""
    molecule, mask = globule(72, 1.8, rng)
    halves = [low_pass(half, 34) for half in half_and_half(molecule, mask, 1.8, (4.4, 4.4), rng)]
    found = local_resolution(*halves, mask, 1.8)[mask > 0.5]
    assert np.median(found) == pytest.approx(4.4, rel=0.06) and np.mean(found < 3.7) < 0.1


def test_equals_a_sum_over_all_voxels(rng):
    """The curve at single voxels, from whole-box transforms and direct sums."""
    n, window, threshold = 48, 1.3, 0.3
    signal, mask = globule(n, 2.0, rng)
    halves = half_and_half(signal, mask, 2.0, (10.0, 6.0), rng)
    found = local_resolution(*halves, mask, 2.0, window=window, threshold=threshold)
    centers = band_centers(n)
    for voxel in ((24, 24, 12), (18, 30, 24), (24, 30, 36)):
        curve = [references.local_correlation(*halves, mask, voxel, each, 0.35, window * n / each) for each in centers]
        first = int(np.argmax(np.array(curve) < threshold))
        part = (curve[first - 1] - threshold) / (curve[first - 1] - curve[first])
        shell = centers[first - 1] * (centers[first] / centers[first - 1]) ** part
        assert found[voxel] == pytest.approx(n * 2.0 / shell, rel=0.02), voxel


def test_units_and_scale(ball, rng):
    signal, mask = ball
    a, b = half_and_half(signal, mask, PIXEL_SIZE, (8.0, 4.0), rng)
    found = local_resolution(a, b, mask, PIXEL_SIZE)
    assert found.dtype == np.float32 and np.array_equal(found == 0, mask == 0)
    np.testing.assert_allclose(local_resolution(a, b, mask, 2 * PIXEL_SIZE), 2 * found, rtol=1e-6)
    np.testing.assert_allclose(local_resolution(a, 3.7 * b, mask, PIXEL_SIZE), found, rtol=1e-3)


def test_noise_alone_resolves_nothing_however_tight_the_mask(ball, rng):
    """A mask laid on the maps before the filter would make their outlines agree; here it weighs what is filtered already."""
    _, mask = ball
    noise = rng.standard_normal((2, BOX, BOX, BOX), np.float32)
    coarsest = BOX * PIXEL_SIZE / band_centers(BOX)[0]
    for cut in (mask, np.where(np.indices(mask.shape)[0] % 7 < 3, mask, 0)):
        found = local_resolution(*noise, cut, PIXEL_SIZE)[cut > 0.5]
        assert np.mean(found > 0.95 * coarsest) > 0.8 and found.min() > 2.5 * PIXEL_SIZE


def test_equal_maps_are_resolved_to_nyquist(ball):
    signal, mask = ball
    found = local_resolution(signal, signal, mask, PIXEL_SIZE)[mask > 0.5]
    np.testing.assert_allclose(found, 2 * PIXEL_SIZE, rtol=1e-5)


def test_an_odd_box(rng):
    signal, mask = globule(45, 2.0, rng)
    found = local_resolution(*half_and_half(signal, mask, 2.0, (8.0, 8.0), rng), mask, 2.0)[mask > 0.5]
    assert np.median(found) == pytest.approx(8.0, rel=0.1)


def test_bands_cover_all_that_can_be_measured():
    for box_size in (32, 96, 401):
        centers = band_centers(box_size)
        assert centers[0] == pytest.approx(6) and 0.8 * box_size / 2 < centers[-1] < box_size / 2
        assert np.diff(np.log(centers)) == pytest.approx(0.07)
