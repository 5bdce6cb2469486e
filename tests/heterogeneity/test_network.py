"""Encoder and decoder: zero moves nothing, other axes mean the same conformations."""

import numpy as np
import pytest
from molecules import molecule

from gmmrefine.backend import tf
from gmmrefine.heterogeneity.anchors import place_anchors
from gmmrefine.heterogeneity.network import Decoder, Encoder


@pytest.fixture
def decoder():
    made = Decoder(3, place_anchors(molecule(60).centers, 5, 1), np.random.default_rng(4))
    for variable in made.variables:
        variable.assign(np.random.default_rng(5).normal(0, 0.5, variable.shape))
    return made


def test_zero_latent_is_exactly_neutral(decoder):
    latent = np.array([[0, 0, 0], [0.5, -1, 2]], np.float32)
    motions = decoder(tf.constant(latent)).numpy()
    assert motions.shape == (2, 5, 6)
    assert np.array_equal(motions[0], np.zeros((5, 6))) and np.abs(motions[1]).max() > 0.1


def test_motions_do_not_depend_on_the_batch(decoder):
    latent = tf.constant(np.random.default_rng(6).normal(size=(7, 3)), tf.float32)
    assert decoder(latent).numpy()[4] == pytest.approx(decoder(latent[4:5]).numpy()[0], abs=1e-5)


def test_along_other_axes_the_same_particle_moves_alike(decoder):
    encoder = Encoder(10, 3, np.random.default_rng(7))
    features = tf.constant(np.random.default_rng(8).normal(size=(6, 10)), tf.float32)
    axes, _ = np.linalg.qr(np.random.default_rng(9).normal(size=(3, 3)))
    before = encoder(features)[0].numpy()
    moved = decoder(tf.constant(before)).numpy()
    for network in (encoder, decoder):
        network.turn(axes)
    after = encoder(features)[0].numpy()
    assert after == pytest.approx(before @ axes, abs=1e-5) and np.abs(after - before).max() > 1e-2
    assert decoder(tf.constant(after)).numpy() == pytest.approx(moved, abs=1e-4)


def test_the_seed_decides_the_start_weights():
    first, again, other = (Encoder(10, 2, np.random.default_rng(seed)) for seed in (1, 1, 2))
    for one, two, three in zip(first.variables, again.variables, other.variables):
        assert np.array_equal(one.numpy(), two.numpy())
        assert one.shape.rank == 1 or not np.array_equal(one.numpy(), three.numpy())
