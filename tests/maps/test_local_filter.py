"""Maps filtered voxel by voxel."""

import numpy as np
import pytest

from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.local_filter import b_gain, local_low_pass

BOX, PIXEL_SIZE = 32, 2.0


@pytest.fixture
def volume(rng):
    return rng.normal(size=(BOX, BOX, BOX)).astype(np.float32)


def test_one_resolution_is_the_ordinary_filter(volume):
    everywhere = np.full(volume.shape, 8.0, np.float32)
    expected = low_pass(volume, BOX * PIXEL_SIZE / 8.0)
    np.testing.assert_allclose(local_low_pass(volume, everywhere, PIXEL_SIZE), expected, atol=1e-5)
    part = np.where(np.indices(volume.shape)[2] > 20, everywhere, 0)
    np.testing.assert_allclose(local_low_pass(volume, part, PIXEL_SIZE), expected, atol=1e-5)


def test_each_side_has_the_filter_of_its_own_resolution(volume):
    right = np.indices(volume.shape)[2] >= BOX // 2
    filtered = local_low_pass(volume, np.where(right, 6.0, 12.0), PIXEL_SIZE)
    for side, resolution in ((right, 6.0), (~right, 12.0)):
        np.testing.assert_allclose(filtered[side], low_pass(volume, BOX * PIXEL_SIZE / resolution)[side], atol=1e-4)


def test_between_two_steps_the_filter_is_between_theirs(volume):
    resolution = np.linspace(6, 12, BOX)[None, None, :] + np.zeros(volume.shape)
    filtered = local_low_pass(volume, resolution, PIXEL_SIZE)
    for x in (4, 16, 28):
        exact = low_pass(volume, BOX * PIXEL_SIZE / resolution[0, 0, x])[:, :, x]
        assert np.linalg.norm(filtered[:, :, x] - exact) < 0.05 * np.linalg.norm(exact)


def test_a_local_b_factor_is_that_of_the_resolution(volume):
    """A wave of 16 Å gains exp(B / 4 · 16²), B that of each side."""
    wave = np.cos(2 * np.pi * np.indices(volume.shape)[0] * PIXEL_SIZE / 16).astype(np.float32)
    right = np.indices(volume.shape)[2] >= BOX // 2
    sharp = local_low_pass(wave, np.where(right, 5.0, 10.0), PIXEL_SIZE, lambda resolution: 4 * resolution**2)
    for side, resolution in ((right, 5.0), (~right, 10.0)):
        np.testing.assert_allclose(sharp[side], np.exp((resolution / 16) ** 2) * wave[side], atol=1e-4)


def test_gain_of_a_b_factor():
    assert b_gain(np.array([0, 8, 16, 27]), BOX, PIXEL_SIZE, 100.0) == pytest.approx(
        np.exp([0, 25 / 64, 25 / 16, 25 / 16])
    )  # 8 and 4 Å; the corners gain what Nyquist does
    assert b_gain(8, BOX, PIXEL_SIZE, -100.0) == pytest.approx(np.exp(-25 / 64))
