"""Encoder and decoder: small dense networks in plain TensorFlow."""

import numpy as np

from gmmrefine.backend import tf

_WIDTH = 64
_SMALL = 0.1  # of the usual start weights: begin near "nothing moves"


class Dense:
    """Layers with smooth units between them and none after the last.

    Parameters
    ----------
    sizes : list of int
        Numbers from input to output.
    rng : numpy.random.Generator
        Draws the start weights.
    """

    def __init__(self, sizes, rng):
        self.variables = []
        for inputs, outputs in zip(sizes, sizes[1:]):
            deviation = (1.0 if len(self.variables) < 2 * (len(sizes) - 2) else _SMALL) / np.sqrt(inputs)
            self.variables += [
                tf.Variable(rng.normal(0, deviation, (inputs, outputs)), dtype=tf.float32),
                tf.Variable(np.zeros(outputs), dtype=tf.float32),
            ]

    def __call__(self, values):
        """Outputs (B, …) of inputs (B, …)."""
        for number in range(0, len(self.variables), 2):
            values = values if number == 0 else tf.nn.silu(values)
            values = tf.matmul(values, self.variables[number]) + self.variables[number + 1]
        return values


class Encoder:
    """From what a particle tells about the anchors to where in the latent space it probably lies.

    Parameters
    ----------
    features : int
        Numbers per particle.
    latent_size : int
    rng : numpy.random.Generator
    """

    def __init__(self, features, latent_size, rng):
        self._layers = Dense([features, 2 * _WIDTH, _WIDTH, 2 * latent_size], rng)
        self._latent_size = latent_size
        self.variables = self._layers.variables

    def __call__(self, features):
        """Mean and logarithm of the variance, (B, D) each, of features (B, F)."""
        both = self._layers(features)
        return both[:, : self._latent_size], both[:, self._latent_size :]

    def turn(self, axes):
        """Let the latent be measured along other axes, the columns of (D, D)."""
        for variable in self.variables[-2:]:
            value = variable.numpy()
            value[..., : self._latent_size] = value[..., : self._latent_size] @ axes.astype(np.float32)
            variable.assign(value)


class Decoder:
    """From the latent to the motions of anchors; the zero latent moves nothing, exactly.

    Parameters
    ----------
    latent_size : int
    anchors : Anchors
    rng : numpy.random.Generator
    """

    def __init__(self, latent_size, anchors, rng):
        self._layers = Dense([latent_size, _WIDTH, _WIDTH, 6 * len(anchors)], rng)
        self.variables = self._layers.variables
        # a unit of turn moves what is in reach about as far as a unit of move
        self._units = tf.constant([0.5 / anchors.reach] * 3 + [1.0] * 3, tf.float32)

    def __call__(self, latent):
        """Motions (B, A, 6) of latents (B, D): rotation vectors in radians, moves in Å."""
        # a zero for every row: on some processors a matrix product rounds by the place of a row
        raw = self._layers(latent) - self._layers(tf.zeros_like(latent))
        return tf.reshape(raw, [tf.shape(latent)[0], -1, 6]) * self._units

    def turn(self, axes):
        """Let the latent be measured along other axes, the columns of (D, D)."""
        self.variables[0].assign(axes.T.astype(np.float32) @ self.variables[0].numpy())
