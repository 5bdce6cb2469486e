"""Bands in Fourier space."""

import numpy as np
import pytest

from gmmrefine.maps.bands import cosine_band, frequency_radius, real_map, transform, window_transform


def test_radius_is_the_length_of_the_frequency():
    radius = frequency_radius(12)
    assert radius.shape == (12, 12, 7)
    assert radius[3, 0, 0] == 3 and radius[9, 0, 0] == 3 and radius[0, 3, 4] == 5 and radius[6, 0, 0] == 6


def test_band_falls_to_half_at_half_its_width():
    radius = 8 * np.exp(np.array([-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]))
    assert cosine_band(radius, 8.0, 0.2) == pytest.approx([0, 0, 0.5, 1, 0.5, 0, 0], abs=1e-6)


def test_neighbouring_bands_add_up_to_one():
    radius = np.linspace(4, 16, 200)
    total = sum(cosine_band(radius, 3 * np.exp(0.25 * number), 0.25) for number in range(10))
    assert total == pytest.approx(1, abs=1e-6)


def test_there_and_back(rng):
    volume = rng.normal(size=(9, 9, 9)).astype(np.float32)
    assert real_map(transform(volume), 9) == pytest.approx(volume, abs=1e-5)


def test_window_has_the_width_it_was_asked_for():
    n, width = 48, 3.0
    point = np.zeros((n, n, n), np.float32)
    point[24, 24, 24] = 1
    blurred = real_map(transform(point) * window_transform(frequency_radius(n), n / (2 * np.pi * width)), n)
    assert blurred.sum() == pytest.approx(1, abs=1e-4)
    ratio = np.exp(-0.5 * (np.arange(-5, 6) / width) ** 2)
    assert blurred[24, 24, 19:30] / blurred[24, 24, 24] == pytest.approx(ratio, abs=1e-3)
