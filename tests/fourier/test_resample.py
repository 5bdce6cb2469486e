"""Samples between those of an image's own box, against the sum over all its pixels."""

import numpy as np
import pytest

from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.fourier.resample import Resampler

PROMISE = 1e-4  # of the rms sample


def exact(images, center, frequencies):
    """Σ f(x) exp(−2πi v·x), pixel by pixel; samples (N, K)."""
    samples = np.zeros((len(images), frequencies.shape[1]), complex)
    for y in range(images.shape[1]):
        for x in range(images.shape[2]):
            phase = frequencies[0] * (x - center) + frequencies[1] * (y - center)
            samples += images[:, y, x, None] * np.exp(-2j * np.pi * phase)
    return samples


def rms(values):
    return np.sqrt(np.mean(np.abs(values) ** 2))


@pytest.mark.parametrize("box_size, center", ((16, 8), (17, 9), (17, 8), (30, 15)))
def test_every_frequency_is_that_of_the_sum(box_size, center, rng):
    images = rng.normal(size=(9, box_size, box_size)).astype(np.float32)
    frequencies = rng.uniform(-0.5, 0.5, (2, 150))
    expected = exact(images, center, frequencies)
    found = Resampler(box_size, center, frequencies).transform(images)
    assert found.dtype == np.complex64 and found.shape == (9, 150)
    assert np.abs(found - expected).max() < PROMISE * rms(expected)
    assert rms(found - expected) < 2e-5 * rms(expected)


def test_on_the_samples_of_the_box_it_is_their_transform(rng):
    images = rng.normal(size=(2, 24, 24)).astype(np.float32)
    disc = half_disc(24, 11)
    found = Resampler(24, 12, np.stack([disc.kx, disc.ky]) / 24).transform(images)
    assert np.abs(found - disc.transform(images)).max() < PROMISE * 24


def test_pixels_beyond_the_reach_count_nothing(rng):
    images = rng.normal(size=(1, 20, 20)).astype(np.float32)
    frequencies = rng.uniform(-0.4, 0.4, (2, 40))
    resampler = Resampler(20, 10, frequencies, reach=6)
    inner = np.zeros_like(images)
    inner[:, 4:16, 4:16] = images[:, 4:16, 4:16]
    assert resampler.kept == 12
    assert np.abs(resampler.transform(images) - exact(inner, 10, frequencies)).max() < PROMISE * 12
    assert Resampler(20, 10, frequencies).kept == 20


def test_no_images_give_no_samples():
    assert Resampler(16, 8, np.zeros((2, 5))).transform(np.zeros((0, 16, 16), np.float32)).shape == (0, 5)
