"""Projections of Gaussians moved by hand, against the slow reference and finite differences."""

import numpy as np
import pytest
import references
from molecules import BOX, PIXEL_SIZE, RADIUS, molecule, random_rotations

from gmmrefine.backend import tf
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm import project_moved
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.project_moved import MovedProjector

DISC = half_disc(BOX, RADIUS)


def test_every_image_has_its_own_molecule(rng):
    gmm, rotations, shifts = molecule(), random_rotations(3), rng.normal(0, 3, (3, 2))
    moved = gmm.centers + rng.normal(0, 2, (3, len(gmm), 3))
    places = np.einsum("bij,bgj->bgi", rotations[:, :2], moved) - shifts[:, None]
    real, imag = MovedProjector(DISC, PIXEL_SIZE).images(
        tf.constant(places, tf.float32), tf.constant(gmm.masses, tf.float32), tf.constant(gmm.widths, tf.float32)
    )
    for number in range(3):
        expected = references.image(
            Gmm(moved[number], gmm.amplitudes, gmm.widths), DISC, PIXEL_SIZE, rotations[number], shifts[number]
        )
        assert real[number].numpy() + 1j * imag[number].numpy() == pytest.approx(expected, abs=2e-5 * np.abs(expected).max())


def test_slopes_are_those_of_finite_differences(rng):
    gmm = molecule(6)
    projector = MovedProjector(half_disc(BOX, 6), PIXEL_SIZE)
    weights = [tf.constant(rng.normal(size=len(projector.disc.kx)), tf.float32) for _ in range(2)]
    start = [rng.normal(0, 8, (1, 6, 2)), gmm.masses, gmm.widths]

    def score(values):
        real, imag = projector.images(*values)
        return tf.reduce_sum(weights[0] * real + weights[1] * imag) / 100

    values = [tf.constant(value, tf.float32) for value in start]
    with tf.GradientTape() as tape:
        tape.watch(values)
        total = score(values)
    slopes = tape.gradient(total, values)
    for number, slope in enumerate(slopes):
        step = 1e-2 * np.abs(start[number]).mean()
        for index in [tuple(rng.integers(0, size) for size in slope.shape) for _ in range(3)]:
            both = []
            for sign in (1, -1):
                changed = [value.copy() for value in start]
                changed[number][index] += sign * step
                both.append(float(score([tf.constant(value, tf.float32) for value in changed])))
            assert slope.numpy()[index] == pytest.approx((both[0] - both[1]) / (2 * step), rel=2e-2, abs=2e-3)


def test_images_together_are_images_one_by_one(rng, monkeypatch):
    """As on a GPU, with slopes."""
    gmm, projector = molecule(6), MovedProjector(DISC, PIXEL_SIZE)
    values = [tf.constant(value, tf.float32) for value in (rng.normal(0, 8, (3, 6, 2)), gmm.masses, gmm.widths)]
    weights = tf.constant(rng.normal(size=(2, 3, len(DISC.kx))), tf.float32)

    def slopes():
        with tf.GradientTape() as tape:
            tape.watch(values)
            total = tf.reduce_sum(weights * tf.stack(projector.images(*values)))
        return tape.gradient(total, values)

    one_by_one = slopes()
    monkeypatch.setattr(project_moved, "on_cpu", lambda: False)
    for found, expected in zip(slopes(), one_by_one):
        assert found.numpy() == pytest.approx(expected.numpy(), rel=1e-4, abs=1e-5 * np.abs(expected).max())
