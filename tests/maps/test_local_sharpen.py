"""Local sharpening of a molecule of which one half is blurred more than the other."""

import numpy as np
import pytest
from half_and_half import globule

from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.local_filter import local_low_pass
from gmmrefine.maps.local_sharpen import Bands, with_even_amplitudes, with_local_amplitudes
from gmmrefine.maps.sharpen import without_b_factor

BOX, PIXEL_SIZE, FINE = 72, 1.5, 4.0
RADIUS = BOX * PIXEL_SIZE / FINE
RIGHT = np.indices((BOX,) * 3)[2] >= BOX // 2


@pytest.fixture(scope="module")
def truth():
    """Molecule and mask; amplitudes without any blur."""
    return globule(BOX, PIXEL_SIZE, np.random.default_rng(6))


@pytest.fixture(scope="module")
def blurred(truth):
    """B 50 where x is above the middle and 200 below, with noise."""
    one, other = (without_b_factor(truth[0], -b_factor, PIXEL_SIZE) for b_factor in (50.0, 200.0))
    noise = np.random.default_rng(7).standard_normal(one.shape, np.float32)
    return np.where(RIGHT, one, other) + 0.002 * noise


@pytest.fixture
def bands():
    return Bands(BOX, BOX * PIXEL_SIZE / 10, RADIUS, 10 / PIXEL_SIZE)


def agreement(volume, truth):
    """Correlation with the truth within each side of the mask, left and right, both low-passed."""
    molecule, mask = truth
    expected, found = low_pass(molecule, RADIUS), low_pass(volume, RADIUS)
    return [np.corrcoef(expected[side], found[side])[0, 1] for side in ((mask > 0.5) & ~RIGHT, (mask > 0.5) & RIGHT)]


def test_bands_add_up_to_the_map(truth, bands):
    whole = sum(bands.split(truth[0]))
    assert low_pass(whole, RADIUS - 4) == pytest.approx(low_pass(truth[0], RADIUS - 4), abs=1e-4)


def test_local_power_is_the_mean_square_nearby(bands, rng):
    part = np.where(RIGHT, 3.0, 1.0) * rng.standard_normal(RIGHT.shape)
    power = bands.power(part.astype(np.float32))
    assert power[36, 36, 54] == pytest.approx(9, rel=0.15) and power[36, 36, 18] == pytest.approx(1, rel=0.15)


def test_amplitudes_of_a_model_restore_both_sides(truth, blurred, bands):
    sharpened = with_local_amplitudes(blurred, truth[0], truth[1], bands)
    before, after = agreement(blurred, truth), agreement(sharpened, truth)
    assert min(after) > 0.9 and after[0] > before[0] + 0.1
    x = np.indices(RIGHT.shape)[2] - BOX // 2
    apart = [low_pass(sharpened, RADIUS)[(truth[1] > 0.5) & side].std() for side in (x > 14, x < -14)]
    together = [low_pass(blurred, RADIUS)[(truth[1] > 0.5) & side].std() for side in (x > 14, x < -14)]
    assert apart[0] == pytest.approx(apart[1], rel=0.15) and together[0] > 1.7 * together[1]


def test_what_a_model_lacks_is_faded(truth, blurred, bands):
    half = np.where(RIGHT, truth[0], 0)
    sharpened = with_local_amplitudes(blurred, half, truth[1], bands)
    far = truth[1] * (np.indices(RIGHT.shape)[2] < BOX // 2 - 16) > 0.5
    assert sharpened[far].std() < 0.15 * with_local_amplitudes(blurred, truth[0], truth[1], bands)[far].std()


def test_even_amplitudes_without_a_model_restore_both_sides(truth, blurred, bands):
    gain = np.exp(100 * np.where(np.arange(len(bands.centers)), bands.centers / (BOX * PIXEL_SIZE), 0) ** 2 / 4)
    even = with_even_amplitudes(blurred, truth[1], bands, gain)
    one_b = without_b_factor(blurred, 100.0, PIXEL_SIZE)
    before, globally, after = (agreement(each, truth) for each in (blurred, one_b, even))
    assert min(after) > 0.88 and after[0] > before[0] + 0.1 and after[0] > globally[0]
    # noise is not blown up where nothing is
    solvent = truth[1] == 0
    assert low_pass(even, RADIUS)[solvent].std() < low_pass(one_b, RADIUS)[solvent].std()


def test_even_amplitudes_leave_an_even_map_as_it_is(truth, bands):
    molecule, mask = truth
    even = with_even_amplitudes(molecule, mask, bands, np.ones(len(bands.centers)))
    assert min(agreement(even, truth)) > 0.97


def test_b_factor_by_local_resolution_restores_the_blurred_side(truth, blurred):
    """B / 4 d² the same on both sides: resolutions of 3.5 and 7 Å mean B 50 and 200."""
    resolution = np.where(RIGHT, 3.5, 7.0)
    sharpened = local_low_pass(blurred, resolution, PIXEL_SIZE, lambda local: 50 * (local / 3.5) ** 2)
    coarse = low_pass(truth[0], BOX * PIXEL_SIZE / 7)
    inside = (truth[1] > 0.5) & (np.indices(RIGHT.shape)[2] < BOX // 2 - 8)
    before, after = (
        np.corrcoef(coarse[inside], low_pass(each, BOX * PIXEL_SIZE / 7)[inside])[0, 1] for each in (blurred, sharpened)
    )
    assert after > 0.97 and after > before + 0.02
