"""The half disc: which samples it holds, in what order, and the transform on them."""

import numpy as np
import pytest
import references

from gmmrefine.fourier.half_disc import half_disc


@pytest.mark.parametrize("box_size, radius", ((16, 7), (16, 3), (32, 12)))
def test_every_sample_is_there_once_without_its_mate(box_size, radius):
    disc = half_disc(box_size, radius)
    found = set(zip(disc.kx.tolist(), disc.ky.tolist()))
    expected = {
        (kx, ky)
        for kx in range(-radius, radius + 1)
        for ky in range(-radius, radius + 1)
        if round((kx**2 + ky**2) ** 0.5) <= radius
    }
    assert len(found) == len(disc.kx) == (len(expected) + 1) // 2
    assert found | {(-kx, -ky) for kx, ky in found} == expected
    assert disc.radius == radius and disc.box_size == box_size


def test_rings_are_sorted_nearest_integers():
    disc = half_disc(32, 12)
    assert np.all(np.diff(disc.ring) >= 0) and disc.ring[0] == 0
    assert disc.ring.tolist() == [round((kx**2 + ky**2) ** 0.5) for kx, ky in zip(disc.kx.tolist(), disc.ky.tolist())]


@pytest.mark.parametrize("radius", (0, 1, 6, 11))
def test_a_smaller_disc_is_a_prefix(radius):
    disc, alone = half_disc(32, 12), half_disc(32, radius)
    smaller = disc.up_to(radius)
    assert disc.count(radius) == len(smaller.kx) == len(alone.kx)
    assert set(zip(smaller.kx, smaller.ky)) == set(zip(alone.kx, alone.ky))
    assert np.array_equal(smaller.kx, disc.kx[: len(smaller.kx)])
    assert np.array_equal(smaller.ky, disc.ky[: len(smaller.ky)])
    assert smaller.radius == radius and smaller.box_size == 32


def test_transform_is_the_explicit_sum(rng):
    images = rng.normal(size=(2, 16, 16)).astype(np.float32)
    disc = half_disc(16, 7)
    samples = disc.transform(images)
    assert samples.dtype == np.complex64 and samples.shape == (2, len(disc.kx))
    for number in range(0, len(disc.kx), 5):
        for picture, row in zip(images, samples):
            expected = references.fourier_sample(picture, disc.kx[number], disc.ky[number])
            assert row[number] == pytest.approx(expected, abs=2e-5)


def test_transform_is_that_of_numpy_with_the_centre_moved_to_the_corner(rng):
    images = rng.normal(size=(3, 32, 32)).astype(np.float32)
    disc = half_disc(32, 12)
    full = np.fft.fft2(np.fft.ifftshift(images, axes=(1, 2)))
    assert disc.transform(images) == pytest.approx(full[:, disc.ky, disc.kx], abs=1e-4)


def test_an_odd_box_has_its_origin_where_relion_has_it(rng):
    """Pixel (n + 1) / 2, counted from 0: one after the middle one."""
    disc = half_disc(15, 7)
    image = np.zeros((1, 15, 15), np.float32)
    image[0, 8, 8] = 1
    assert disc.transform(image) == pytest.approx(np.ones((1, len(disc.kx))), abs=1e-6)
    images = rng.normal(size=(2, 15, 15)).astype(np.float32)
    full = np.fft.fft2(np.roll(images, (-8, -8), axis=(1, 2)))
    assert disc.transform(images) == pytest.approx(full[:, disc.ky, disc.kx], abs=1e-4)


@pytest.mark.parametrize("box_size", (32, 33))
def test_inverse_undoes_the_transform(box_size, rng):
    disc = half_disc(box_size, 12)
    samples = (rng.normal(size=(2, len(disc.kx))) + 1j * rng.normal(size=(2, len(disc.kx)))).astype(np.complex64)
    samples[:, 0] = samples[:, 0].real  # the mean of a real image
    images = disc.inverse(samples)
    assert images.shape == (2, box_size, box_size) and not np.iscomplexobj(images)
    assert disc.transform(images) == pytest.approx(samples, abs=1e-5)
    # nothing beyond the disc: the image's power is that of the samples and their mates
    power = np.abs(samples[:, 0]) ** 2 + 2 * np.sum(np.abs(samples[:, 1:]) ** 2, axis=1)
    assert np.sum(images**2, axis=(1, 2)) * box_size**2 == pytest.approx(power, rel=1e-5)
