"""Training of encoder, decoders and Gaussians on the images of one half set."""

import numpy as np

from gmmrefine.backend import tf, traced
from gmmrefine.errors import InputError
from gmmrefine.heterogeneity.model import images_of

_WARM_UP = 5  # epochs until the prior counts in full; before there is any decoder, it would only push latents to zero
_GAUSSIAN_RATE = 40.0  # times the networks' rate: centres in Å × 2, widths and masses in their logarithms, mobilities
# expected adjustments of centres (Å), of masses and widths (in their logarithms), and of mobilities (in their logits)
_LOOSENESS = 2.0, 0.3, 0.2, 2.0
_BETAS, _EPSILON = (0.9, 0.999), 1e-8


class Trainer:
    """Maximises the evidence lower bound, Σ log p(image | z) - KL(q(z) || N(0, 1)), z drawn from the encoder's q, by Adam.

    Parameters
    ----------
    model : MotionModel
    rate : float
        Adam's, at the start; it falls to zero along a cosine.
    count : int
        Particles trained on.
    """

    def __init__(self, model, rate, count):
        self._count = count
        self._model = model
        self._variables = [*model.networks, *model.adjustments]
        relative = [1.0] * len(model.networks) + [2 * _GAUSSIAN_RATE] + 3 * [_GAUSSIAN_RATE]
        self._rates = [rate * factor for factor in relative]
        self._moments = [[tf.Variable(tf.zeros_like(variable)) for variable in self._variables] for _ in _BETAS]
        self._steps = tf.Variable(0.0)

    @traced
    def step(self, features, draw, images, neutral, prior_weight, rate):
        """One step on a batch; the mean gain over the neutral state and the mean divergence.

        Parameters
        ----------
        features : (B, F) float
        draw : (B, D) float
            Standard normal.
        images : Images
        neutral : (B,) float
            Log-likelihood at the neutral state when training began.
        prior_weight, rate : float
            Of the divergence; relative learning rate.
        """
        with tf.GradientTape() as tape:
            mean, log_variance = self._model.encoder(features)
            latent = mean + tf.exp(0.5 * log_variance) * draw
            gain = tf.reduce_mean(self._model.value(latent, images, self._model.precision) - neutral)
            apart = tf.reduce_mean(divergence(mean, log_variance))
            strain = sum(tf.reduce_sum((part / looseness) ** 2) for part, looseness in zip(self._model.adjustments, _LOOSENESS))
            loss = prior_weight * apart - gain + 0.5 * strain / self._count
        self._adam(tape.gradient(loss, self._variables), rate)
        return gain, apart

    def _adam(self, gradients, rate):
        self._steps.assign_add(1.0)
        first, second = (1 - beta**self._steps for beta in _BETAS)
        for variable, slope, mean, square, own in zip(self._variables, gradients, *self._moments, self._rates):
            mean.assign(_BETAS[0] * mean + (1 - _BETAS[0]) * slope)
            square.assign(_BETAS[1] * square + (1 - _BETAS[1]) * slope**2)
            variable.assign_sub(own * rate * (mean / first) / (tf.sqrt(square / second) + _EPSILON))

    def arrays(self):
        """The optimizer's state, by name."""
        moments = {
            f"moment_{order}_{number}": values.numpy()
            for order, part in enumerate(self._moments)
            for number, values in enumerate(part)
        }
        return dict(moments, steps=self._steps.numpy())

    def load(self, arrays):
        """Continue from the state of ``arrays()``."""
        self._steps.assign(arrays["steps"])
        for order, part in enumerate(self._moments):
            for number, values in enumerate(part):
                values.assign(arrays[f"moment_{order}_{number}"])


def divergence(mean, log_variance):
    """Kullback-Leibler divergence (B,) of normal distributions, mean and logarithm of variance (B, D), from standard ones."""
    return 0.5 * tf.reduce_sum(mean**2 + tf.exp(log_variance) - 1 - log_variance, axis=1)


def describe(model, reader, batch_size, precision, report=lambda done: None):
    """What every particle tells the encoder, and its log-likelihood at the neutral state.

    Parameters
    ----------
    model : MotionModel
    reader : ImageReader
        Of the half set.
    batch_size : int
    precision : (K,) tensor
        2 / noise variance of the samples that may be seen.
    report : callable
        Called with the number of particles done.

    Returns
    -------
    tuple
        features (N, F) float32 of unit variance, log-likelihood (N,).
    """
    particles = reader.particles
    slopes = np.empty((len(particles), 12 * len(model.levels[0])), np.float32)
    neutral, done = np.empty(len(particles), np.float32), 0
    zero = tf.zeros([1, model.latent_size])
    for batch in reader.batches(batch_size):
        images = images_of(batch, particles)
        slopes[batch.index] = model.slopes(images, precision).numpy()
        neutral[batch.index] = model.value(tf.tile(zero, [len(batch.index), 1]), images, precision).numpy()
        done += len(batch.index)
        report(done)
    slopes /= np.maximum(slopes.std(axis=0), 1e-20)
    # slopes along the beam are always zero: the encoder is told where the beam is
    return np.concatenate([slopes, 3**0.5 * particles.rotations[:, 2].astype(np.float32)], axis=1), neutral


def train_epoch(trainer, model, reader, features, neutral, index, batch_size, epoch, epochs, rng, report):
    """Show every particle of ``index`` (M,) once, in random order; mean gain and divergence per particle.

    Raises
    ------
    InputError
        The loss is not a number any more.
    """
    prior_weight = tf.constant(min(1.0, epoch / _WARM_UP), tf.float32)
    rate = tf.constant(0.5 * (1 + np.cos(np.pi * (epoch - 1) / epochs)), tf.float32)
    sums, done = np.zeros(2), 0
    for batch in reader.batches(batch_size, rng.permutation(index)):
        draw = rng.normal(size=(len(batch.index), model.latent_size))
        found = trainer.step(
            tf.constant(features[batch.index]),
            tf.constant(draw, tf.float32),
            images_of(batch, reader.particles),
            tf.constant(neutral[batch.index]),
            prior_weight,
            rate,
        )
        sums += len(batch.index) * np.array([float(value) for value in found])
        if not np.isfinite(sums).all():
            raise InputError(
                f"epoch {epoch}: the loss is not a number any more. What was learned up to epoch {epoch - 1} is kept; repeat "
                "with a smaller --training-rate in another folder."
            )
        done += len(batch.index)
        report(done, loss=round(float(sums[1] - sums[0]) / done, 4))
    return sums / done


def held_out_gain(model, reader, features, neutral, index, batch_size):
    """Gain over the neutral state less divergence (M,) of particles ``index`` (M,) that training never saw."""
    mean, log_variance = model.encoder(tf.constant(features[index]))
    latent = dict(zip(index, mean.numpy()))
    gain = np.concatenate(
        [
            model.value(
                tf.constant(np.array([latent[place] for place in batch.index])),
                images_of(batch, reader.particles),
                model.precision,
            ).numpy()
            - neutral[batch.index]
            for batch in reader.batches(batch_size, index)
        ]
    )
    return gain - divergence(mean, log_variance).numpy()
