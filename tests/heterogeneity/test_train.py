"""Training on images of a molecule whose arm swings: what is learned, what is held out, what stops it."""

import numpy as np
import pytest
from moving_molecule import AXIS, HINGE, bent, body_and_arm, images_at, model_of
from scipy.stats import spearmanr

from gmmrefine.backend import tf
from gmmrefine.errors import InputError
from gmmrefine.geometry.rotations import angular_distance_deg, rotation_vectors, rotations_from_vectors
from gmmrefine.heterogeneity.model import images_of
from gmmrefine.heterogeneity.posterior import most_probable
from gmmrefine.heterogeneity.rigid import rigid_motions
from gmmrefine.heterogeneity.train import Trainer, describe, divergence, held_out_gain, train_epoch

NOISE, COUNT, EPOCHS, BATCH = 10.0, 400, 25, 20


class Trained:
    """A model trained on images, with all that came of it."""

    def __init__(self, angles, reader=None, mobility=None):
        self.angles, self.reader = angles, reader or images_at(angles, NOISE)
        self.model = model_of(body_and_arm()[0], mobility, noise=NOISE)
        self.features, self.neutral = describe(self.model, self.reader, BATCH, self.model.precision)
        self.trainer = Trainer(self.model, 2e-3, COUNT)
        self.history = [self.epoch(number) for number in range(1, EPOCHS + 1)]
        guess = self.model.encoder(tf.constant(self.features))[0].numpy()
        images = images_of(self.reader.read(np.arange(COUNT)), self.reader.particles)
        self.latent, self.covariance = most_probable(self.model, guess, images, self.model.precision)

    def epoch(self, number, **changes):
        return train_epoch(
            self.trainer,
            self.model,
            self.reader,
            changes.get("features", self.features),
            self.neutral,
            np.arange(COUNT // 10, COUNT),
            BATCH,
            number,
            EPOCHS,
            np.random.default_rng(number),
            lambda done, **_: None,
        )


@pytest.fixture(scope="module")
def swinging():
    return Trained(np.random.default_rng(1).uniform(-25, 25, COUNT))


@pytest.fixture(scope="module")
def still():
    return Trained(np.zeros(COUNT))


def angles_of(trained, latent):
    """Angle (N,) in degrees by which the model turns the arm against the body, about the true axis."""
    gmm, arm = body_and_arm()
    field = trained.model.displacements(tf.constant(latent, tf.float32)).numpy()
    own, body = (rigid_motions(gmm.centers[part], field[:, part], gmm.masses[part])[0] for part in (arm, ~arm))
    axis = bent_axis()
    return np.degrees(rotation_vectors(np.swapaxes(body, 1, 2) @ own) @ axis)


def bent_axis():
    """The axis the arm turns about, measured on the molecule itself."""
    gmm, arm = body_and_arm()
    moved = bent(gmm, arm, 10.0).centers
    turn, _ = rigid_motions(gmm.centers[arm], (moved - gmm.centers)[None, arm], np.ones(arm.sum()))
    return rotation_vectors(turn)[0] / np.radians(10.0)


def test_latents_follow_the_swing_and_its_size_is_right(swinging):
    assert abs(spearmanr(swinging.latent[:, 0], swinging.angles)[0]) > 0.93
    found = angles_of(swinging, swinging.latent)
    slope = np.polyfit(swinging.angles, found, 1)[0]
    assert 0.8 < slope < 1.2
    held_out = slice(0, COUNT // 10)
    assert np.corrcoef(found[held_out], swinging.angles[held_out])[0, 1] > 0.9


def test_posterior_deviations_say_how_far_latents_are_off(swinging):
    """Latents that explain the angle by a smooth curve leave residues of the size promised."""
    latent, angles = swinging.latent[:, 0], swinging.angles
    expected = np.polyval(np.polyfit(angles, latent, 5), angles)
    promised = np.sqrt(swinging.covariance[:, 0, 0])
    assert 0.6 < np.sqrt(np.mean((latent - expected) ** 2) / np.mean(promised**2)) < 1.5


def test_held_out_particles_gain_too(swinging, still):
    gains = [
        held_out_gain(one.model, one.reader, one.features, one.neutral, np.arange(COUNT // 10), BATCH)
        for one in (swinging, still)
    ]
    assert gains[0].mean() > 3 and gains[1].mean() < 0.5
    assert swinging.history[-1][0] - swinging.history[-1][1] > swinging.history[0][0] + 3


def test_a_rigid_molecule_stays(still):
    field = still.model.displacements(tf.constant(still.latent)).numpy()
    assert np.sqrt((field**2).sum(axis=2).mean()) < 0.15


FOLLOWS = 0.3


def test_the_rest_moves_where_poses_follow_the_arm():
    """Poses that have turned along with the arm by a part of its angle: the arm's angle against the body comes out whole."""
    angles = np.random.default_rng(1).uniform(-25, 25, COUNT)
    reader = images_at(angles, NOISE)
    true = reader.particles
    turns = rotations_from_vectors(np.radians(FOLLOWS * angles)[:, None] * AXIS)
    moves = HINGE - turns @ HINGE
    reader.particles = true.with_poses(
        true.rotations @ turns, true.shifts - np.einsum("nij,nj->ni", true.rotations[:, :2], moves)
    )
    _, arm = body_and_arm()
    trained = Trained(angles, reader, arm.astype(float))
    slope = np.polyfit(angles, angles_of(trained, trained.latent), 1)[0]
    assert 0.9 < slope < 1.1
    turned, _ = trained.model.rest_motions(tf.constant(trained.latent))
    before, after = (
        np.sqrt(np.mean(angular_distance_deg(true.rotations, rotations) ** 2))
        for rotations in (reader.particles.rotations, reader.particles.rotations @ turned.numpy())
    )
    assert after < 0.6 * before


def test_gaussians_on_the_edge_of_a_region_are_told_whether_they_move():
    """From half for a part of the arm and a fifth for a part of the body: the arm's go up, the body's go down."""
    angles = np.random.default_rng(1).uniform(-25, 25, COUNT)
    gmm, arm = body_and_arm()
    order = np.argsort(gmm.centers[:, 0])
    mobility = np.where(arm, 0.5, 0.0)
    mobility[order[-4:]], mobility[order[10:14]] = 1, 0.2
    of_arm, of_body = mobility == 0.5, (mobility == 0.2) & ~arm
    trained = Trained(angles, mobility=mobility)
    found = trained.model.mobility
    assert of_arm.sum() == of_body.sum() == 4
    assert found[of_arm].mean() > 0.65 and found[of_body].mean() < 0.1
    assert np.all(found[mobility == 0] == 0) and np.all(found[mobility == 1] == 1)
    assert 0.9 < np.polyfit(angles, angles_of(trained, trained.latent), 1)[0] < 1.1


def test_training_goes_on_where_it_was_left():
    """State in and out: the same numbers as without a break."""
    through, broken = (Short() for _ in range(2))
    for number in (1, 2):
        through.epoch(number)
    broken.epoch(1)
    arrays = {**broken.model.arrays(), **broken.trainer.arrays()}
    other = Short()
    other.model.load(arrays)
    other.trainer.load(arrays)
    other.epoch(2)
    for name, values in through.model.arrays().items():
        assert np.array_equal(values, other.model.arrays()[name]), name


class Short(Trained):
    """Too few images to learn anything, enough to compare numbers."""

    def __init__(self):
        self.reader = images_at(np.linspace(-20, 20, 40), NOISE)
        self.model = model_of(body_and_arm()[0], noise=NOISE)
        self.features, self.neutral = describe(self.model, self.reader, BATCH, self.model.precision)
        self.trainer = Trainer(self.model, 1e-3, 40)

    def epoch(self, number, **changes):
        return train_epoch(
            self.trainer,
            self.model,
            self.reader,
            changes.get("features", self.features),
            self.neutral,
            np.arange(40),
            BATCH,
            number,
            5,
            np.random.default_rng(number),
            lambda done, **_: None,
        )


def test_a_loss_that_is_no_number_stops_training():
    short = Short()
    with pytest.raises(InputError, match="epoch 3: the loss is not a number any more. What was learned up to epoch 2"):
        short.epoch(3, features=short.features * np.float32("nan"))


def test_divergence_of_normal_distributions():
    mean, log_variance = np.array([[0.0, 0.0], [1.0, -2.0]]), np.log([[1.0, 1.0], [4.0, 0.25]])
    found = divergence(tf.constant(mean, tf.float32), tf.constant(log_variance, tf.float32)).numpy()
    expected = 0.5 * (1 + 4 - 1 - np.log(4) + 4 + 0.25 - 1 - np.log(0.25))
    assert found == pytest.approx([0, expected], abs=1e-6)
