"""Composite maps: weighted averages of focused maps, the seams between them, and local signal-to-noise."""

import numpy as np
import pytest
from scipy import ndimage

from gmmrefine.maps.composite import composite_map, local_snr, overlap, seam_map
from gmmrefine.maps.mask import spherical_mask

BOX, PIXEL_SIZE = 24, 2.0


@pytest.fixture
def maps(rng):
    return list(rng.normal(0, 3.0, (3, BOX, BOX, BOX)))


@pytest.fixture
def masks():
    """Soft spheres: two overlap, the third lies apart; most of the box is in none."""
    return [spherical_mask(center, 8.0, BOX, PIXEL_SIZE, 3.0) for center in ([-8.0, 0, 0], [4.0, 2.0, 0], [0, 0, 22.0])]


def test_of_one_full_mask_it_is_the_map(maps):
    found = composite_map(maps[:1], [np.ones((BOX,) * 3)])
    assert found.dtype == np.float32 and np.array_equal(found, maps[0].astype(np.float32))
    assert np.array_equal(composite_map(maps[:1], [np.ones((BOX,) * 3)], maps[1]), found)  # nothing of the background
    assert not seam_map(maps[:1], [np.ones((BOX,) * 3)]).any() and not seam_map(maps[:1], [np.ones((BOX,) * 3)], maps[1]).any()


@pytest.mark.parametrize("count", (2, 3))
def test_of_identical_maps_it_is_the_map_without_a_seam(maps, masks, count):
    same = [maps[0]] * count
    assert composite_map(same, masks[:count]) == pytest.approx(maps[0], abs=1e-5)
    assert composite_map(same, masks[:count], maps[0]) == pytest.approx(maps[0], abs=1e-5)
    for behind in (None, maps[0]):
        seams = seam_map(same, masks[:count], behind)
        assert seams.dtype == np.float32 and seams.shape == (BOX,) * 3 and (seams == 0).all()
    # the test would pass on a seam map that is always 0
    assert (seam_map([maps[0], maps[1], maps[0]][:count], masks[:count]) > 0).any()


def test_it_is_the_sum_of_mask_times_map_over_the_sum_of_masks(maps, masks):
    """Voxel by voxel; where the masks add up to less than 1 the rest of the weight is the background's."""
    background = maps[0][::-1] + 5
    found, plain = composite_map(maps, masks, background), composite_map(maps, masks)
    in_several, on_edges, outside = 0, 0, 0
    for voxel in np.ndindex(found.shape):
        weights = [float(mask[voxel]) for mask in masks]
        values = [volume[voxel] for volume in maps]
        total = sum(weights)
        average = sum(weight * value for weight, value in zip(weights, values)) / total if total else 0
        share = min(total, 1)
        assert found[voxel] == pytest.approx(share * average + (1 - share) * background[voxel], abs=1e-5)
        assert plain[voxel] == pytest.approx(share * average + (1 - share) * sum(values) / 3, abs=1e-5)
        in_several, on_edges, outside = in_several + (total > 1), on_edges + (0 < total < 1), outside + (total == 0)
    assert min(in_several, on_edges, outside) > 100


def test_outside_all_masks_it_is_the_background(maps, masks):
    outside = np.sum(masks, axis=0) == 0
    assert outside.mean() > 0.3
    assert composite_map(maps, masks, maps[2])[outside] == pytest.approx(maps[2][outside], abs=1e-6)
    assert composite_map(maps, masks)[outside] == pytest.approx(np.mean(maps, axis=0)[outside], abs=1e-6)


def test_weights_need_not_be_masks(maps):
    """Where they add up to more than 1, only their ratio counts."""
    weights = [np.full((BOX,) * 3, 6.0), np.full((BOX,) * 3, 2.0)]
    expected = 0.75 * maps[0] + 0.25 * maps[1]
    assert composite_map(maps[:2], weights, maps[2]) == pytest.approx(expected, abs=1e-5)


def weighted_deviation(values, weights):
    mean = np.average(values, weights=weights)
    return np.sqrt(np.average((np.array(values) - mean) ** 2, weights=weights))


@pytest.mark.parametrize("backed", (True, False))
def test_the_seam_is_the_weighted_standard_deviation_of_all_that_shows(maps, masks, backed):
    """Voxel by voxel; the background, or else the mean of the parts, has the weight that the masks leave."""
    background = maps[2] if backed else np.mean(maps[:2], axis=0)
    found = seam_map(maps[:2], masks[:2], maps[2] if backed else None)
    overlaps, rims = 0, 0
    for voxel in np.ndindex(found.shape):
        weights = [float(mask[voxel]) for mask in masks[:2]]
        room = max(0, 1 - sum(weights))
        values = [float(volume[voxel]) for volume in (*maps[:2], background)]
        assert found[voxel] == pytest.approx(weighted_deviation(values, [*weights, room]), abs=1e-5)
        overlaps, rims = overlaps + (min(weights) > 0), rims + (0 < room < 1)
    assert min(overlaps, rims) > 100
    equal = np.ones((BOX,) * 3)
    assert seam_map(maps[:2], [equal, equal], maps[2]) == pytest.approx(np.abs(maps[0] - maps[1]) / 2, abs=1e-5)


def test_the_rim_of_one_part_against_the_background_is_a_seam(maps, masks):
    found, mask = seam_map(maps[:1], masks[:1], maps[1]), masks[0]
    rim = (mask > 0) & (mask < 1)
    assert rim.sum() > 100 and found[rim] == pytest.approx(
        (np.sqrt(mask * (1 - mask)) * np.abs(maps[0] - maps[1]))[rim], abs=1e-5
    )
    assert not found[~rim].any() and not seam_map(maps[:1], masks[:1], maps[0]).any()


def test_the_seam_of_three_maps(maps, masks):
    weights = np.array([0.2, 0.5, 0.3])[:, None, None, None] * np.ones((3, BOX, BOX, BOX))
    mean = np.average(maps, axis=0, weights=weights)
    expected = np.sqrt(np.average((np.array(maps) - mean) ** 2, axis=0, weights=weights))
    assert seam_map(maps, list(weights)) == pytest.approx(expected, abs=1e-5)
    alone = (np.max(masks, axis=0) == 1) & (np.sum(np.array(masks) > 0, axis=0) == 1)
    assert alone.sum() > 50 and (seam_map(maps, masks, maps[0] + 1)[alone] == 0).all()


@pytest.fixture
def noisy(rng):
    """Half maps of the same signal everywhere; the noise is four times as strong where x is above the centre."""
    box = 48
    signal = ndimage.gaussian_filter(rng.normal(size=(box,) * 3), 1.5)
    signal /= signal.std()
    level = np.where(np.arange(box) < box // 2, 0.5, 2.0)
    return [signal + level * rng.normal(size=signal.shape) for _ in range(2)]


def test_local_signal_to_noise_is_higher_where_the_noise_is_lower(noisy):
    """Noise four times as strong is 16 times the variance."""
    found = local_snr(*noisy, PIXEL_SIZE, 8.0)
    assert found.dtype == np.float32 and found.shape == (48,) * 3
    assert found.min() > 0
    clear, dim = found[12:36, 12:36, 2:8], found[12:36, 12:36, -8:-2]
    assert clear.min() > dim.max()
    assert np.median(clear) / np.median(dim) == pytest.approx(16, rel=0.35)


def test_local_signal_to_noise_treats_both_halves_alike(noisy):
    assert np.array_equal(local_snr(*noisy, PIXEL_SIZE, 8.0), local_snr(*noisy[::-1], PIXEL_SIZE, 8.0))


def test_local_signal_to_noise_does_not_know_the_unit_of_density(noisy):
    scaled = [1e-4 * half for half in noisy]
    assert local_snr(*scaled, PIXEL_SIZE, 8.0) == pytest.approx(local_snr(*noisy, PIXEL_SIZE, 8.0), rel=1e-3)


def test_its_windows_are_in_angstrom(noisy):
    assert np.array_equal(local_snr(*noisy, PIXEL_SIZE, 8.0), local_snr(*noisy, 2 * PIXEL_SIZE, 16.0))


def test_noise_alone_still_has_a_weight(rng):
    """And so have halves without any difference."""
    found = local_snr(*rng.normal(size=(2, BOX, BOX, BOX)), PIXEL_SIZE, 8.0)
    assert np.isfinite(found).all() and found.min() == pytest.approx(1e-3) and found.max() < 0.1
    same = rng.normal(size=(BOX,) * 3)
    for half in (same, np.zeros((BOX,) * 3)):
        found = local_snr(half, half, PIXEL_SIZE, 8.0)
        assert np.isfinite(found).all() and found.min() > 0


def test_overlap_is_a_volume():
    first, second = np.zeros((2, BOX, BOX, BOX))
    first[:10, :10, :10] = 1
    second[5:, 5:, 5:] = 0.5
    assert overlap(first, second, PIXEL_SIZE) == pytest.approx(5**3 * 0.5 * PIXEL_SIZE**3)
    assert overlap(second, first, 1.0) == pytest.approx(62.5) and overlap(first, np.zeros_like(first), 1.0) == 0
