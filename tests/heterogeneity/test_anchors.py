"""Anchors: where they are, how they share the molecule, and that they move it as a rigid body would."""

import numpy as np
import pytest
from molecules import molecule
from scipy.spatial.transform import Rotation

from gmmrefine.backend import tf
from gmmrefine.heterogeneity.anchors import Anchors, Field, place_anchors, rotation_matrices


def test_shares_add_up_everywhere():
    anchors = place_anchors(molecule(60).centers, 6, 1)
    points = np.concatenate([molecule(40, seed=8).centers, [[500.0, 0, 0]]])  # far from all: no 0 / 0
    share = anchors.influence(points)
    assert share.shape == (41, 6) and share.sum(axis=1) == pytest.approx(1) and share.min() >= 0
    assert (
        np.argmax(share, axis=1).tolist() == np.argmin(((points[:, None] - anchors.centers) ** 2).sum(axis=2), axis=1).tolist()
    )


def test_anchors_repeat_with_the_seed_and_lie_in_the_molecule():
    centers = molecule(60).centers
    first, again = (place_anchors(centers, 6, 1) for _ in range(2))
    assert np.array_equal(first.centers, again.centers) and first.reach == again.reach
    assert np.linalg.norm(first.centers, axis=1).max() < np.linalg.norm(centers, axis=1).max()
    alone = place_anchors(centers, 1, 1)
    assert alone.centers == pytest.approx(centers.mean(axis=0)[None])
    assert alone.reach == pytest.approx(np.sqrt(centers.var(axis=0).sum()))


def test_anchors_that_share_a_rigid_motion_move_the_molecule_rigidly(rng):
    centers = molecule(60).centers
    anchors = place_anchors(centers, 6, 1)
    turn, move = Rotation.from_rotvec([0.3, -0.2, 0.4]), np.array([2.0, -1.0, 3.0])
    # exp(ω) (x - c) + c + t = exp(ω) x + move where t = exp(ω) c + move - c
    own = turn.apply(anchors.centers) + move - anchors.centers
    motions = np.concatenate([np.tile(turn.as_rotvec(), (6, 1)), own], axis=1)[None]
    found = Field(anchors, centers).displacements(
        tf.constant(motions, tf.float32), tf.constant(centers, tf.float32), tf.ones(60)
    )
    assert found[0].numpy() == pytest.approx(turn.apply(centers) + move - centers, abs=1e-4)


def test_what_may_not_move_stays(rng):
    centers, mobility = molecule(60).centers, np.repeat([0.0, 0.5, 1.0], 20)
    anchors = place_anchors(centers, 4, 1)
    motions = tf.constant(rng.normal(0, 0.3, (2, 4, 6)), tf.float32)
    points = tf.constant(centers, tf.float32)
    free, bound = (
        Field(anchors, centers).displacements(motions, points, tf.constant(part, tf.float32)).numpy()
        for part in (np.ones(60), mobility)
    )
    assert bound == pytest.approx(mobility[:, None] * free, abs=1e-5)
    assert np.abs(bound[:, :20]).max() < 1e-5 and np.abs(free).max() > 0.1


def test_no_motion_is_exactly_none():
    centers = molecule(60).centers
    field = Field(Anchors(centers[:5], 6.0), centers)
    found = field.displacements(tf.zeros([1, 5, 6]), tf.constant(centers, tf.float32), tf.ones(60)).numpy()
    assert np.abs(found).max() < 1e-5


def test_rotation_matrices_and_their_slope_at_zero(rng):
    vectors = np.concatenate([rng.normal(0, 1, (5, 3)), np.zeros((1, 3)), [[1e-8, 0, 0]], [[np.pi, 0, 0]]])
    expected = Rotation.from_rotvec(vectors).as_matrix()
    assert rotation_matrices(tf.constant(vectors, tf.float32)).numpy() == pytest.approx(expected, abs=2e-6)
    zero = tf.zeros([1, 3])
    with tf.GradientTape() as tape:
        tape.watch(zero)
        value = rotation_matrices(zero)[0, 1, 0]
    assert tape.gradient(value, zero).numpy() == pytest.approx(np.array([[0, 0, 1.0]]))
