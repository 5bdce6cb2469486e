"""The likelihood of images under learned motions, against the likelihood of pose refinement and finite differences."""

import numpy as np
import pytest
from molecules import PIXEL_SIZE
from moving_molecule import DISC, bent, body_and_arm, images_at, model_of, weights_of

from gmmrefine.alignment.likelihood import ImageFit
from gmmrefine.backend import tf
from gmmrefine.gmm.project import ExactProjector
from gmmrefine.heterogeneity.model import images_of
from gmmrefine.heterogeneity.motion import motion_from

NOISE = 10.0


@pytest.fixture(scope="module")
def reader():
    return images_at(np.linspace(-20, 20, 6), NOISE)


@pytest.fixture(scope="module")
def images(reader):
    return images_of(reader.read(np.arange(6)), reader.particles)


def stirred(model, scale=0.3):
    """The model with decoders and adjustments that do something."""
    rng = np.random.default_rng(3)
    for variable in [*model.networks, *model.adjustments]:
        variable.assign_add(rng.normal(0, scale if variable.shape.rank == 2 else 0.1, variable.shape).astype(np.float32))
    return model


def test_likelihood_at_rest_is_that_of_pose_refinement(reader, images):
    gmm, _ = body_and_arm()
    fit = ImageFit(reader.read(np.arange(6)), DISC, PIXEL_SIZE, 6)
    expected = fit.value(
        ExactProjector(gmm, DISC, PIXEL_SIZE), weights_of(NOISE), reader.particles.rotations, reader.particles.shifts
    )
    model = model_of(gmm, noise=NOISE)
    found = model.value(tf.zeros([6, 1]), images, model.precision).numpy()
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-3)


def test_displaced_gaussians_explain_the_images_of_a_bent_molecule(reader, images):
    gmm, arm = body_and_arm()
    model = model_of(gmm, noise=NOISE)
    angles = np.linspace(-20, 20, 6)
    moved = np.array([bent(gmm, arm, angle).centers - gmm.centers for angle in angles])
    true, rest = (
        model.log_likelihood(tf.constant(field, tf.float32), images, model.precision).numpy() for field in (moved, 0 * moved)
    )
    assert np.all(true[[0, 1, 4, 5]] > rest[[0, 1, 4, 5]] + 2)
    fit = ImageFit(reader.read(np.arange(6)), DISC, PIXEL_SIZE, 6)
    for number in (0, 5):
        expected = fit.value(
            ExactProjector(bent(gmm, arm, angles[number]), DISC, PIXEL_SIZE),
            weights_of(NOISE),
            reader.particles.rotations,
            reader.particles.shifts,
        )[number]
        assert true[number] == pytest.approx(expected, rel=1e-4, abs=1e-3)


def test_normal_equations_are_those_of_finite_differences(images):
    model = stirred(model_of(body_and_arm()[0], latent_size=2, noise=NOISE))
    latent = np.random.default_rng(5).normal(0, 0.5, (6, 2)).astype(np.float32)
    found = model.normal_equations(tf.constant(latent), images, model.precision)
    value, gradient, information = (part.numpy() for part in found)
    assert value == pytest.approx(model.value(tf.constant(latent), images, model.precision).numpy(), rel=1e-5, abs=1e-3)
    step, slopes = 2e-2, []
    for axis in range(2):
        values, projections = [], []
        for sign in (1, -1):
            moved = latent.copy()
            moved[:, axis] += sign * step
            values.append(model.value(tf.constant(moved), images, model.precision).numpy())
            projections.append(model.projections(model.displacements(tf.constant(moved)), images))
        expected = (values[0] - values[1]) / (2 * step)
        assert gradient[:, axis] == pytest.approx(expected, abs=0.02 * np.abs(expected).max())
        slopes.append([(plus - minus).numpy() / (2 * step) for plus, minus in zip(*projections)])
    weight = (model.precision * images.ctf2).numpy()
    for i in range(2):
        for j in range(2):
            expected = sum((weight * a * b).sum(axis=1) for a, b in zip(slopes[i], slopes[j]))
            assert information[:, i, j] == pytest.approx(expected, abs=0.04 * np.abs(expected).max())


def test_slopes_in_the_anchors_are_those_of_finite_differences(images):
    model = model_of(body_and_arm()[0], noise=NOISE)
    slopes = model.slopes(images, model.precision).numpy()[:, 24:].reshape(6, 4, 6)  # the second half sees all signal
    field, rest = model._fields[0], tf.constant(body_and_arm()[0].centers, tf.float32)
    for anchor, axis, step in ((0, 1, 0.02), (3, 4, 0.2), (2, 2, 0.02)):
        values = []
        for sign in (1, -1):
            motions = np.zeros((6, 4, 6), np.float32)
            motions[:, anchor, axis] = sign * step
            values.append(
                model.log_likelihood(
                    field.displacements(tf.constant(motions), rest, tf.ones(22)), images, model.precision
                ).numpy()
            )
        assert slopes[:, anchor, axis] == pytest.approx((values[0] - values[1]) / (2 * step), rel=0.05, abs=1.0)


def test_gaussians_that_may_not_move_are_not_adjusted(images):
    gmm, arm = body_and_arm()
    model = stirred(model_of(gmm, mobility=arm.astype(float), anchors=2))
    adjusted = model.gmm()
    assert np.array_equal(adjusted.centers[~arm], gmm.centers[~arm].astype(np.float32))
    assert adjusted.widths[~arm] == pytest.approx(gmm.widths[~arm]) and adjusted.masses[~arm] == pytest.approx(gmm.masses[~arm])
    assert np.abs(adjusted.centers[arm] - gmm.centers[arm]).max() > 0.01
    field = model.displacements(tf.constant([[1.0]])).numpy()[0]
    assert np.abs(field[~arm]).max() < 1e-5 < np.abs(field[arm]).max()
    # what was learned does not show in the likelihood of the start
    zero = tf.zeros([6, 1])
    start = model_of(gmm, mobility=arm.astype(float), anchors=2)
    assert model.start_value(images, model.precision).numpy() == pytest.approx(
        start.value(zero, images, start.precision).numpy(), rel=1e-5
    )
    assert model.gmm().centers == pytest.approx(adjusted.centers)


def test_the_rest_carries_everything_along(images):
    """At the poses of the rest, displacements against it show what displacements as the poses see them show there."""
    gmm, arm = body_and_arm()
    model = stirred(model_of(gmm, mobility=arm.astype(float), anchors=2))
    for variable in model.adjustments:
        variable.assign(tf.zeros_like(variable))
    latent = np.random.default_rng(5).normal(0, 1, (6, 1)).astype(np.float32)
    against, seen = (
        displacements(gmm.centers, model.mobility, latent)
        for displacements in (model.displacements_of, model.seen_displacements_of)
    )
    assert np.abs(seen - against)[:, ~arm].max() > 0.1
    expected = model.log_likelihood(tf.constant(seen, tf.float32), images, model.precision).numpy()
    assert model.value(tf.constant(latent), images, model.precision).numpy() == pytest.approx(expected, rel=1e-4, abs=1e-2)
    assert np.array_equal(model.seen_displacements_of(gmm.centers, model.mobility, 0 * latent), np.zeros((6, 22, 3)))


def test_a_motion_comes_back_from_its_description():
    model = stirred(model_of(body_and_arm()[0], mobility=np.linspace(0, 1, 22), anchors=3, latent_size=2))
    made_from, header = model.description()
    again = motion_from({**model.arrays(), **made_from}, header)
    latent = tf.constant([[0.5, -1.0]])
    assert np.array_equal(again.displacements(latent).numpy(), model.displacements(latent).numpy())
    points = np.random.default_rng(1).normal(0, 10, (5, 3))
    assert np.array_equal(*(one.seen_displacements_of(points, np.ones(5), latent) for one in (again, model)))
    assert again.gmm().amplitudes == pytest.approx(model.gmm().amplitudes)
