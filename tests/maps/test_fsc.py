"""Fourier shell correlation, its mask correction, and the resolution it means."""

import numpy as np
import pytest
import references
from molecules import molecule

from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.fsc import FscCurve, gold_standard_fsc, shell_correlation, transform_correlation

BOX = 32


def curve_of(values, box_size=12, pixel_size=2.0):
    values = np.asarray(values, float)
    return FscCurve(values, values, values, 0 * values, 0 * values, box_size, pixel_size)


def test_equals_a_loop_over_all_voxels(rng):
    a, b = rng.normal(size=(2, 12, 12, 12))
    b = b + 0.5 * a
    expected = references.shell_correlation(a, b)
    assert shell_correlation(a, b) == pytest.approx(expected, abs=1e-12)
    assert transform_correlation(np.fft.rfftn(a), np.fft.rfftn(b)) == pytest.approx(expected, abs=1e-12)


def test_equal_maps_agree_wholly_whatever_their_scale(rng):
    volume = rng.normal(size=(BOX, BOX, BOX))
    assert shell_correlation(volume, volume) == pytest.approx(1, abs=1e-12)
    assert shell_correlation(volume, 3.7 * volume) == pytest.approx(1, abs=1e-12)
    assert shell_correlation(volume, -volume) == pytest.approx(-1, abs=1e-12)


def test_noise_agrees_as_little_as_chance_allows(rng):
    """The deviation of a shell is that of half its voxels: mates are not independent."""
    a, b = rng.normal(size=(2, BOX, BOX, BOX))
    fsc = shell_correlation(a, b)
    voxels = np.array([4 * np.pi * shell**2 for shell in range(1, BOX // 2 + 1)])
    assert np.all(np.abs(fsc[3:]) < 4 * np.sqrt(2 / voxels[2:]))
    assert abs(fsc[5:].mean()) < 0.02


def test_known_signal_to_noise_gives_its_fsc(rng):
    """White signal and noise of equal power in each half: SNR / (1 + SNR) = 0.5."""
    signal, noise_1, noise_2 = rng.normal(size=(3, BOX, BOX, BOX))
    assert shell_correlation(signal + noise_1, signal + noise_2)[6:] == pytest.approx(0.5, abs=0.06)


def test_empty_shells_agree_in_nothing():
    volume = np.zeros((12, 12, 12))
    assert shell_correlation(volume, volume).tolist() == [0.0] * 7


def test_crossing_is_interpolated():
    curve = curve_of([1, 0.9, 0.5, 0.243, 0.043, 0, 0])
    assert curve.resolution(0.143) == pytest.approx(24 / 3.5)
    assert curve.resolution(0.5) == pytest.approx(24 / 2.0)
    assert curve.resolution_text(0.143) == "6.86 Å (FSC = 0.143)"
    assert curve.frequency == pytest.approx(np.arange(7) / 24)


def test_crossing_at_the_fine_end_counts_and_a_dip_is_named():
    curve = curve_of([1, 0.9, 0.1, 0.6, 0.6, 0.1, 0])
    assert curve.resolution(0.143) == pytest.approx(24 / (4 + (0.6 - 0.143) / 0.5))
    assert curve.resolution_text() == "4.88 Å (FSC = 0.143); the curve dips to 0.10 at 12.0 Å"


def test_a_dip_from_the_first_shell_is_not_agreement_in_no_shell():
    curve = curve_of([1, 0.1, 0.8, 0.9, 0.9, 0.7, 0.6])
    assert curve.resolution() == 4.0
    assert curve.resolution_text() == (
        "4.00 Å: the FSC stays above 0.143 up to Nyquist after a dip; use a smaller pixel to see the limit; the curve dips to "
        "0.10 at 24.0 Å"
    )


def test_what_creeps_up_towards_nyquist_is_named_and_not_counted():
    curve = curve_of([1, 0.9, 0.8, 0.1, 0.02, 0.05, 0.2, 0.3, 0.4, 0.4, 0.4, 0.45, 0.5], 24)
    assert curve.resolution() == pytest.approx(48 / (2 + (0.8 - 0.143) / 0.7))
    assert "it rises again to 0.45 at 4.4 Å, which is not counted" in curve.resolution_text()


def test_noise_above_the_threshold_is_no_recovery():
    assert curve_of([1, 0.9, 0.1, 0.3, 0.05, 0.1, 0]).resolution() == pytest.approx(24 / (1 + (0.9 - 0.143) / 0.8))


def test_resolution_in_angstrom_follows_the_pixel():
    values = [1, 0.9, 0.5, 0.243, 0.043, 0, 0]
    fine, coarse = (curve_of(values, pixel_size=pixel_size).resolution() for pixel_size in (2.0, 3.0))
    assert coarse == pytest.approx(1.5 * fine)


@pytest.mark.parametrize("last", (0.9, 0.0), ids=("at Nyquist too", "but at Nyquist"))
def test_never_beyond_nyquist(last):
    """The shell of Nyquist itself is incomplete and does not count."""
    curve = curve_of([1, 0.99, 0.98, 0.97, 0.96, 0.95, last])
    assert curve.resolution() == 4.0
    assert curve.resolution_text() == ("4.00 Å: the FSC stays above 0.143 up to Nyquist; use a smaller pixel to see the limit")


def test_crossing_next_to_nyquist_is_coarser_than_nyquist():
    curve = curve_of([1, 0.99, 0.98, 0.97, 0.96, 0.14, 0])
    assert 4.0 < curve.resolution() < 24 / 4


def test_maps_that_agree_in_nothing_have_no_resolution():
    curve = curve_of([1, 0.05, 0.3, 0, 0, 0, 0])
    assert curve.resolution() is None
    assert curve.resolution_text() == "none: the half maps agree in no shell (FSC below 0.143 from the first one)"


@pytest.fixture(scope="module")
def halves():
    """Half maps whose only common signal is coarse, and a tight mask that carries it to high shells."""
    rng = np.random.default_rng(6)
    blob = low_pass(references.gaussian_map(molecule(30), BOX, 2.0), 3)
    noise = [rng.normal(0, 0.05 * blob.max(), blob.shape) for _ in range(2)]
    axis = np.arange(BOX) - BOX // 2
    mask = ((np.abs(axis)[:, None, None] < 6) & (np.abs(axis)[:, None] < 5) & (np.abs(axis) < 7)).astype(float)
    return blob + noise[0], blob + noise[1], mask


def test_without_a_mask_nothing_is_corrected(halves):
    curve = gold_standard_fsc(halves[0], halves[1], None, 2.0)
    expected = shell_correlation(halves[0], halves[1])
    assert np.array_equal(curve.fsc, expected) and np.array_equal(curve.unmasked, expected)
    assert np.all(curve.randomised == 0) and (curve.box_size, curve.pixel_size) == (BOX, 2.0)


def test_correlation_made_by_the_mask_is_taken_away(halves):
    curve = gold_standard_fsc(*halves, 2.0)
    start = int(np.flatnonzero(curve.unmasked[1:] < 0.8)[0]) + 1
    assert 3 <= start <= 7
    assert curve.unmasked == pytest.approx(shell_correlation(halves[0], halves[1]))
    assert curve.masked == pytest.approx(shell_correlation(halves[0] * halves[2], halves[1] * halves[2]))
    high = slice(start + 3, BOX // 2)
    assert curve.masked[high].mean() > 0.2 and curve.masked[high].max() > 0.3  # the mask's doing
    assert abs(curve.unmasked[high].mean()) < 0.03
    assert abs(curve.fsc[high].mean()) < 0.1
    # up to two shells after the start the masked curve counts
    assert np.array_equal(curve.fsc[: start + 2], curve.masked[: start + 2])
    fsc, masked, randomised = (part[start + 2 :] for part in (curve.fsc, curve.masked, curve.randomised))
    assert fsc == pytest.approx((masked - randomised) / (1 - randomised), rel=1e-6)


def test_pure_noise_under_a_mask_has_no_resolution():
    """Half maps of noise alone on a common background: the mask makes them agree, the correction sees it."""
    rng = np.random.default_rng(3)
    a, b = 1.0 + rng.normal(size=(2, BOX, BOX, BOX))
    axis = (np.arange(BOX) - BOX // 2) ** 2
    mask = (axis[:, None, None] + axis[:, None] + axis < 6**2).astype(float)
    curve = gold_standard_fsc(a, b, mask, 2.0)
    assert np.all(curve.masked[1:9] > 0.143) and curve_of(curve.masked, BOX).resolution() < BOX * 2.0 / 9
    assert np.all(curve.fsc[3:16] < 0.143)
    assert (curve.resolution() or 99) >= BOX * 2.0 / 3  # the shells that are never corrected


def test_true_agreement_survives_the_correction():
    """Half maps with signal at all shells: the mask takes solvent noise away, the correction takes little."""
    rng = np.random.default_rng(6)
    signal = references.gaussian_map(molecule(60, width=(1.0, 1.4)), BOX, 2.0)
    a, b = (signal + rng.normal(0, 0.15 * signal.max(), signal.shape) for _ in range(2))
    mask = np.clip(4 * low_pass(signal, 3) / signal.max(), 0, 1)
    curve = gold_standard_fsc(a, b, mask, 2.0)
    assert curve.fsc[2:10].mean() > curve.unmasked[2:10].mean() + 0.05
    assert curve.fsc[2:10].mean() > curve.masked[2:10].mean() - 0.1
    assert np.all(curve.fsc <= 1)


def test_same_seed_same_curve(halves):
    first, again = (gold_standard_fsc(*halves, 2.0, seed=3) for _ in range(2))
    assert np.array_equal(first.fsc, again.fsc)
    assert not np.array_equal(first.randomised, gold_standard_fsc(*halves, 2.0, seed=4).randomised)


def test_a_sharper_region_shares_more_signal_though_both_correlate_alike(rng):
    """Amplitudes by half say so, and noise that the halves do not share says nothing."""
    signal, region = rng.normal(size=(24, 24, 24)), np.ones((24, 24, 24))

    def curve(amplitude, noise):
        return gold_standard_fsc(*(amplitude * signal + noise * rng.normal(size=signal.shape) for _ in range(2)), region, 1.0)

    sharp, smeared = curve(1.0, 0.3), curve(0.5, 0.15)
    assert sharp.masked[2:11].mean() == pytest.approx(smeared.masked[2:11].mean(), abs=0.02)
    assert sharp.signal_gain(smeared, 2, 10) == pytest.approx(np.log(4), abs=0.1)
    assert smeared.signal_gain(sharp, 2, 10) == pytest.approx(-np.log(4), abs=0.1)
    assert curve(1.0, 1.0).signal_gain(sharp, 2, 10) == pytest.approx(0, abs=0.1)
