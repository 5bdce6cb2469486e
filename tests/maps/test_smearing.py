"""Smearing by pose errors: how far voxels move, what is left of amplitudes, what the spectrum tells, and that it is undone."""

import numpy as np
import pytest
import references
from molecules import molecule
from scipy.spatial.transform import Rotation

from gmmrefine.gmm.model import Gmm
from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.fsc import shell_correlation
from gmmrefine.maps.mask import mask_around
from gmmrefine.maps.modify import band_of, modify
from gmmrefine.maps.smearing import Smearing, smearing_from_spectrum

BOX, PIXEL_SIZE = 48, 2.0


def test_displacement_is_that_of_points_turned_and_moved(rng):
    """Seen along random directions of Fourier space, as in images of all directions."""
    point, smearing = np.array([30.0, -12.0, 8.0]), Smearing(3.0, 2.0)
    turns = Rotation.from_rotvec(rng.normal(0, np.radians(3) / np.sqrt(3), (200_000, 3))).apply(point) - point
    direction = rng.normal(size=(200_000, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    seen = np.sum(turns * direction, axis=1) + rng.normal(0, 2 / np.sqrt(2), 200_000)
    voxel = tuple((point[::-1] / PIXEL_SIZE).astype(int) + BOX // 2)
    assert smearing.on_grid(BOX, PIXEL_SIZE).variance[voxel] * PIXEL_SIZE**2 == pytest.approx(seen.var(), rel=0.02)
    assert Smearing(0, 0).on_grid(BOX, PIXEL_SIZE) is None


def test_transfer_is_that_of_a_gaussian(rng):
    moved = rng.normal(0, 1.7, 200_000)
    left = Smearing(0.0, 1.7 * np.sqrt(2)).on_grid(8, 1.0).transfer(0.11)
    assert left == pytest.approx(np.mean(np.cos(2 * np.pi * 0.11 * moved)), abs=0.005)


@pytest.fixture(scope="module")
def smeared():
    """True map (Z, Y, X), mask, and a function that gives half maps of it whose points are smeared by pose errors."""
    gmm = molecule(900, width=(1.3, 1.6))
    gmm = Gmm(gmm.centers * 1.7, gmm.amplitudes, gmm.widths)
    mask = mask_around(gmm.centers, 4.0, BOX, PIXEL_SIZE, 3.0)

    def halves(rotation, shift, noise, seed=1):
        rng = np.random.default_rng(seed)
        square = np.sum(gmm.centers**2, axis=1)
        variance = 0.5 * shift**2 + 2 / 9 * np.radians(rotation) ** 2 * square
        widths = np.sqrt(gmm.widths**2 + variance)
        wide = references.gaussian_map(Gmm(gmm.centers, gmm.amplitudes * (gmm.widths / widths) ** 3, widths), BOX, PIXEL_SIZE)
        return [(wide + noise * wide.std() * rng.normal(size=wide.shape)).astype(np.float32) for _ in range(2)]

    return references.gaussian_map(gmm, BOX, PIXEL_SIZE).astype(np.float32), mask, halves


def test_the_spectrum_tells_smearing(smeared):
    _, mask, halves = smeared
    found = [
        smearing_from_spectrum(*halves(rotation, 0.0, 0.3), mask, PIXEL_SIZE, band_of(BOX)).rotation
        for rotation in (0.0, 1.0, 4.0, 8.0)
    ]
    assert found[:2] == [0, 0] and found[2] == pytest.approx(4, abs=1) and found[3] == pytest.approx(8, abs=1.5)
    noise = np.random.default_rng(2).normal(size=(2, BOX, BOX, BOX)).astype(np.float32)
    assert smearing_from_spectrum(*noise, mask, PIXEL_SIZE, band_of(BOX)).is_none


def test_undone_it_is_closer_to_the_sharp_truth_than_the_mean(smeared):
    truth, mask, halves = smeared
    pair, grid = halves(6.0, 3.0, 0.3), Smearing(6.0, 3.0).on_grid(BOX, PIXEL_SIZE)

    def agreement(volume):
        return shell_correlation(volume * mask, truth * mask)[4:16].mean()

    before, plain, after = (
        agreement(each) for each in (0.5 * (pair[0] + pair[1]), modify(*pair, mask)[0], modify(*pair, mask, 1.0, grid)[0])
    )
    assert after > before + 0.004 and after > plain + 0.004


@pytest.mark.parametrize("rotation, shift, noise", [(0, 0, 1.5), (3.0, 1.5, 0.3), (3.0, 1.5, 1.0)])
def test_the_error_holds_for_two_thirds_of_the_voxels(smeared, rotation, shift, noise):
    """Against the true density up to the resolution; 68 % would be Gaussian."""
    truth, mask, halves = smeared
    pair = halves(rotation, shift, noise)
    volume, _, error = modify(*pair, mask, 1.0, Smearing(rotation, shift).on_grid(BOX, PIXEL_SIZE))
    fsc = shell_correlation(*(half * mask for half in pair))
    last = 1 + int(np.argmax(fsc[1:] < 0.143)) if (fsc[1:] < 0.143).any() else BOX // 2
    inside = mask > 0.5
    share = np.mean(np.abs(volume - low_pass(truth, last))[inside] < error[inside])
    assert share == pytest.approx(0.68, abs=0.08)
