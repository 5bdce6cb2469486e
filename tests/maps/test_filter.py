"""Filters of maps, shell by shell."""

import numpy as np
import pytest

from gmmrefine.fourier.shells import shell_index
from gmmrefine.maps.filter import low_pass, randomise_phases, scale_shells

BOX = 20
SHELLS = shell_index(BOX)


@pytest.fixture
def volume(rng):
    return rng.normal(size=(BOX, BOX, BOX)).astype(np.float32) + 0.5


def spectrum(volume):
    return np.fft.rfftn(volume)


def test_low_pass_keeps_low_and_kills_high_shells(volume):
    filtered = low_pass(volume, 6)
    assert filtered.dtype == np.float32 and filtered.shape == volume.shape
    before, after = spectrum(volume), spectrum(filtered)
    assert after[SHELLS <= 4] == pytest.approx(before[SHELLS <= 4], abs=1e-3)
    assert np.abs(after[SHELLS >= 8]).max() < 1e-3
    # half height at the radius, half of that cosine to each side
    for shell, factor in ((5, 0.5 + 0.5 * np.sqrt(0.5)), (6, 0.5), (7, 0.5 - 0.5 * np.sqrt(0.5))):
        assert after[SHELLS == shell] == pytest.approx(factor * before[SHELLS == shell], abs=1e-3)


def test_fractional_radius_is_between_its_neighbours(volume):
    power = [np.sum(low_pass(volume, radius) ** 2) for radius in (5, 5.5, 6)]
    assert power[0] < power[1] < power[2]


def test_scale_by_shell_and_by_voxel(volume):
    factor = 1.0 / (1 + np.arange(BOX // 2 + 1))
    before = spectrum(volume)
    scaled = spectrum(scale_shells(volume, factor))
    for shell in (0, 3, 10):
        assert scaled[SHELLS == shell] == pytest.approx(factor[shell] * before[SHELLS == shell], abs=1e-3)
    # corners beyond the curve take its last value
    assert scaled[SHELLS == 14] == pytest.approx(factor[-1] * before[SHELLS == 14], abs=1e-3)
    by_voxel = scale_shells(volume, factor[np.minimum(SHELLS, BOX // 2)])
    assert by_voxel == pytest.approx(scale_shells(volume, factor), abs=1e-5)


def test_random_phases_keep_amplitudes_and_the_low_shells(volume, rng):
    randomised = randomise_phases(volume, 5, rng)
    assert randomised.dtype == np.float32
    before, after = spectrum(volume), spectrum(randomised)
    assert after[SHELLS <= 5] == pytest.approx(before[SHELLS <= 5], abs=2e-3)
    assert np.abs(after) == pytest.approx(np.abs(before), abs=2e-3)
    high = SHELLS > 5
    agreement = np.sum((before * np.conj(after)).real[high]) / np.sum(np.abs(before[high]) ** 2)
    assert abs(agreement) < 0.05


def test_random_phases_are_drawn_from_the_seed(volume):
    first, again, other = (randomise_phases(volume, 5, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.allclose(first, other)
