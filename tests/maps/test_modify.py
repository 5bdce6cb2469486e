"""Density modification: closed formulas, better maps, flat solvent, nothing erased, halves that stay apart."""

import numpy as np
import pytest
from half_and_half import globule, half_and_half

from gmmrefine.maps.filter import scale_shells
from gmmrefine.maps.fsc import gold_standard_fsc, shell_correlation
from gmmrefine.maps.modify import band_shells, modify, modify_half

BOX, PIXEL_SIZE = 64, 1.5


@pytest.fixture(scope="module")
def uneven():
    """Half maps of 8 Å (left) and 4 Å (right), the molecule without noise, and its mask."""
    rng = np.random.default_rng(3)
    molecule, mask = globule(BOX, PIXEL_SIZE, rng, radius=0.25)
    halves = half_and_half(molecule, mask, PIXEL_SIZE, (8.0, 4.0), rng)
    no_noise = half_and_half(molecule, mask, PIXEL_SIZE, (8.0, 4.0), _Silent())
    return halves, no_noise[0], mask


class _Silent:
    """Stands for a random generator that draws zeros."""

    def standard_normal(self, shape, dtype):
        return np.zeros(shape, dtype)


def test_bands_reach_nyquist_and_hold_everything(rng):
    shells = band_shells(BOX)
    assert shells[-1] == pytest.approx(32) and 3 < shells[0] <= 4
    volume = rng.normal(size=(BOX,) * 3).astype(np.float32)
    np.testing.assert_allclose(modify(volume, volume, np.ones_like(volume))[0], volume, atol=2e-5)


@pytest.mark.parametrize("ratio", (0.5, 3.0))
def test_the_gain_is_the_root_of_signal_over_all(rng, ratio):
    """White signal and noise everywhere: N = 1 in the mean, S = ratio."""
    signal = np.sqrt(ratio) * rng.normal(size=(BOX,) * 3)
    halves = [(signal + np.sqrt(2) * rng.normal(size=signal.shape)).astype(np.float32) for _ in range(2)]
    volume, errors, _ = modify(*halves, np.ones(signal.shape, np.float32))
    assert np.all(errors.solvent_gain == 0)
    fine = errors.shells > 10  # coarser bands hold few samples
    np.testing.assert_allclose((errors.signal / errors.noise)[fine], ratio, rtol=0.1)
    np.testing.assert_allclose(errors.gain[fine], np.sqrt(ratio / (ratio + 1)), rtol=0.06)
    assert volume.var() == pytest.approx(ratio, rel=0.1)  # the power of the signal is restored


def test_closer_to_the_truth_than_the_mean_and_than_one_weight_per_shell(uneven):
    halves, truth, mask = uneven
    mean = 0.5 * (halves[0] + halves[1])
    fsc = np.clip(gold_standard_fsc(*halves, mask, PIXEL_SIZE).fsc, 0, 1)
    maps = mean, scale_shells(mean, np.sqrt(2 * fsc / (1 + fsc))), modify(*halves, mask)[0]
    plain, weighted, modified = (shell_correlation(volume * mask, truth * mask)[1:24].mean() for volume in maps)
    assert modified > plain + 0.02 and modified > weighted + 0.02
    x = np.arange(BOX) - BOX // 2
    for side in (x < -4, x > 4):
        inside = mask[:, :, side] > 0.5
        before, after = (np.corrcoef(volume[:, :, side][inside], truth[:, :, side][inside])[0, 1] for volume in maps[::2])
        assert after > before + 0.02


def test_solvent_becomes_flat_and_what_the_mask_leaves_out_is_kept(uneven, rng):
    halves, _, mask = uneven
    z, y, x = np.indices(mask.shape) - np.array([32, 10, 10])[:, None, None, None]
    ligand = 25 * np.exp(-(z**2 + y**2 + x**2) / (2 * 1.5**2)).astype(np.float32)
    assert mask[ligand > 1].max() == 0
    volume, *_ = modify(*(half + ligand for half in halves), mask)
    mean = 0.5 * (halves[0] + halves[1]) + ligand
    empty = (mask == 0) & (ligand < 1e-3)
    empty[:24, :24, :24] = False
    far = empty & (np.hypot(y, np.hypot(z, x)) > 16)
    assert volume[far].std() < 0.25 * mean[far].std()
    alone = modify(*halves, mask)[0]  # without the mask it would be 0.24
    assert alone[mask == 0].std() < 0.16 * mean[far].std()
    assert volume[32, 10, 10] > 0.8 * 25


def test_noise_in_one_region_is_known_there(rng):
    """Twice the noise where x is above the middle: N is measured apart."""
    axis = np.arange(BOX)
    noisy = np.where(axis < BOX // 2, 1.0, 2.0)
    signal = 2 * rng.normal(size=(BOX,) * 3)
    halves = [(signal + noisy * rng.normal(size=signal.shape)).astype(np.float32) for _ in range(2)]
    volume, *_ = modify(*halves, np.ones(signal.shape, np.float32))
    fine = (np.arange(BOX) > 16).astype(float)  # whose regions are smaller than the sides
    volume, mean = scale_shells(volume, fine), scale_shells(0.5 * (halves[0] + halves[1]), fine)
    inner = (axis > 10) & (axis < 22)
    gain = [np.sum(volume[..., part] * mean[..., part]) / np.sum(mean[..., part] ** 2) for part in (inner, inner[::-1])]
    assert gain[0] == pytest.approx(np.sqrt(4 / 4.5), abs=0.03) and gain[1] == pytest.approx(np.sqrt(4 / 6), abs=0.04)


def test_modified_halves_of_noise_do_not_agree(rng):
    mask = globule(BOX, PIXEL_SIZE, rng)[1]
    halves = rng.standard_normal((2, BOX, BOX, BOX), np.float32)
    fsc = np.full(BOX // 2 + 1, 0.3)  # as if half maps had agreed
    modified = [modify_half(half, fsc, mask) for half in halves]
    assert modified[0].std() > 0.1 * halves[0].std()
    assert abs(shell_correlation(*modified)[4:].mean()) < 0.01
    assert np.abs(shell_correlation(*modified)[12:]).max() < 0.1


def test_the_fsc_of_modified_halves_promises_no_more_than_the_truth(uneven):
    halves, truth, mask = uneven
    fsc = gold_standard_fsc(*halves, mask, PIXEL_SIZE).fsc
    modified = [modify_half(half, fsc, mask) for half in halves]
    between = shell_correlation(*(half * mask for half in modified))
    to_truth = np.prod([shell_correlation(half * mask, truth * mask) for half in modified], axis=0)
    assert (between - to_truth)[2:24].mean() < 0.03 and (between - to_truth)[2:24].max() < 0.12
    assert between[2:24].mean() > shell_correlation(*(half * mask for half in halves))[2:24].mean() + 0.03


def test_units_of_the_maps_do_not_matter(uneven):
    halves, _, mask = uneven
    volume, *_ = modify(*halves, mask)
    scaled, *_ = modify(*(np.float32(1e-4) * half for half in halves), mask)
    np.testing.assert_allclose(1e4 * scaled, volume, atol=1e-3 * volume.std())
