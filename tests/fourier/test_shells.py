"""Shells: sums over the full transform, and the change between shell and resolution."""

import numpy as np
import pytest
import references

from gmmrefine.fourier.shells import (
    hermitian_weight,
    resolution_of_shell,
    shell_index,
    shell_of_resolution,
    shell_sums,
    smooth_curve,
)


@pytest.mark.parametrize("n", (10, 9))
def test_sums_equal_a_loop_over_the_full_transform(n, rng):
    spectrum = np.abs(np.fft.fftn(rng.normal(size=(n, n, n)))) ** 2
    expected = np.zeros(n // 2 + 1)
    for voxel, shell in references.voxel_shells(n):
        if shell <= n // 2:
            expected[shell] += spectrum[voxel]
    assert shell_sums(spectrum[:, :, : n // 2 + 1], n) == pytest.approx(expected, rel=1e-12)


def test_shell_of_every_voxel():
    index = shell_index(12)
    assert index.shape == (12, 12, 7)
    for (z, y, x), shell in references.voxel_shells(12):
        if x <= 6:
            assert index[z, y, x] == shell


def test_half_transform_stands_for_the_full_one():
    assert hermitian_weight(8).tolist() == [1, 2, 2, 2, 1]
    assert hermitian_weight(7).tolist() == [1, 2, 2, 2]


@pytest.mark.parametrize("pixel_size", (0.5, 1.0, 2.7))
def test_resolution_in_angstrom_does_not_know_the_pixel(pixel_size):
    """The same box in Å, sampled with other pixels, has the same shells."""
    box_size = int(round(216 / pixel_size))
    assert shell_of_resolution(9.0, box_size, pixel_size) == 24
    assert resolution_of_shell(24, box_size, pixel_size) == pytest.approx(9.0, rel=1e-12)


def test_resolution_grows_with_the_pixel_at_a_fixed_shell():
    assert resolution_of_shell(10, 100, 1.5) == pytest.approx(15)
    assert resolution_of_shell(2.5, 100, 1.5) == pytest.approx(60)


@pytest.mark.parametrize("box_size, pixel_size", ((96, 1.8), (64, 3.54), (128, 1.0)))
def test_shell_and_resolution_are_inverse(box_size, pixel_size):
    """Not one less by rounding."""
    for shell in range(1, box_size // 2):
        assert shell_of_resolution(resolution_of_shell(shell, box_size, pixel_size), box_size, pixel_size) == shell


@pytest.mark.parametrize("box_size", (96, 256, 720))
def test_shell_of_a_pixel_size_in_single_precision(box_size):
    for pixel_size in np.arange(50, 391) / 100:
        for held in (float(np.float32(pixel_size)), float(np.float32(pixel_size * box_size)) / box_size):
            for shell in (box_size // 8, box_size // 2 - 1):
                resolution = resolution_of_shell(shell, box_size, pixel_size)
                assert shell_of_resolution(resolution, box_size, held) == shell


def test_shell_is_never_beyond_the_resolution():
    assert shell_of_resolution(10.0, 96, 1.8) == 17  # 17.28
    assert shell_of_resolution(1.0, 96, 1.8) == 47  # Nyquist at most
    assert shell_of_resolution(1e4, 96, 1.8) == 1


def test_running_mean():
    assert smooth_curve([0, 3, 6, 0, 0]) == pytest.approx([1, 3, 3, 2, 0])
    assert smooth_curve([1, 1, 1, 6, 1], width=5) == pytest.approx([1, 2, 2, 2, 2])
