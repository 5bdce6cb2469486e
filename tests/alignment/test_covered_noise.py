"""Noise is learned as that of images that fill the box, whatever part of it each image covers."""

from dataclasses import replace

import numpy as np
import pytest
from molecules import PIXEL_SIZE, RADIUS, images_of, molecule

from gmmrefine.alignment.likelihood import ImageFit, weights_from_sums
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.project import ExactProjector

BOX, NOISE, COUNT = 32, 14.0, 64


@pytest.fixture(scope="module")
def sums():
    """A function that gives the ring sums, at the true poses, of images of which every second covers a part of the box."""
    gmm, disc = molecule(), half_disc(BOX, RADIUS)
    projector = ExactProjector(gmm, disc, PIXEL_SIZE)
    images, clean = images_of(gmm, disc, COUNT, NOISE), images_of(gmm, disc, COUNT)
    poses = images.particles.rotations, images.particles.shifts

    def of(part, beyond=RADIUS):
        covered = np.ones(images.data.shape, np.float32)
        covered[::2] = part
        covered[:, disc.ring > beyond] = 0
        data = clean.data + np.sqrt(covered) * (images.data - clean.data)
        known = covered > 0
        batch = replace(
            images.read(np.arange(COUNT)),
            data=(data * known).astype(np.complex64),
            ctf=(images.ctf * known).astype(np.float32),
            covered=covered,
        )
        return ImageFit(batch, disc, PIXEL_SIZE, COUNT).ring_sums(projector, *poses)

    return of


@pytest.mark.parametrize("part", (1.0, 0.5, 1.6))
def test_noise_of_a_full_box(sums, part):
    weights = weights_from_sums(sums(part), np.ones(RADIUS + 1), 2, RADIUS)
    assert weights.precision[2:] == pytest.approx(2 / NOISE**2, rel=0.12)
    assert weights.scale[2:] == pytest.approx(1.0, rel=0.12)


def test_rings_that_no_image_has_do_not_break_the_weights(sums):
    found = sums(0.5, beyond=RADIUS - 2)
    assert found[:, RADIUS - 1 :].tolist() == [[0, 0]] * 4
    weights = weights_from_sums(found, np.ones(RADIUS + 1), 2, RADIUS)
    assert np.all(np.isfinite(weights.scale)) and np.all(np.isfinite(weights.precision))
    assert weights.precision[RADIUS] == 0
    assert weights.precision[2 : RADIUS - 2] == pytest.approx(2 / NOISE**2, rel=0.12)
