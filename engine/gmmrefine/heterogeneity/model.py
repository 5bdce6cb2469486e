"""The likelihood of images under motions that follow from a latent of few numbers."""

from collections import namedtuple

from gmmrefine.backend import tf, traced
from gmmrefine.gmm.project_moved import MovedProjector
from gmmrefine.heterogeneity.motion import Motion
from gmmrefine.heterogeneity.network import Encoder

# a batch of images as tensors: rotations (B, 2, 3) the rows that are seen, shifts (B, 2) in Å, real and imaginary part (B, K)
# of images times CTF, squared CTF (B, K)
Images = namedtuple("Images", "rotations shifts real imag ctf2")

_COARSE = 2.0  # times the target resolution: there particles still feel a motion that is far from where they are

_STEP = 0.02  # prior deviations


class MotionModel(Motion):
    """A motion, the encoder that reads it from particles, and the likelihood of their images.

    Parameters
    ----------
    gmm, mobility, levels, latent_size, rng
        As of ``Motion``.
    disc : HalfDisc
    pixel_size : float
        Å/px.
    scale, precision : (K,) tensor
        Factor from projection to image, and 2 / noise variance, of the samples of the disc.
    """

    def __init__(self, gmm, mobility, levels, latent_size, rng, disc, pixel_size, scale, precision):
        super().__init__(gmm, mobility, levels, latent_size, rng)
        self.encoder = Encoder(12 * len(levels[0]) + 3, latent_size, rng)
        self.disc = disc
        self.precision = precision
        self._scale = scale
        self._projector = MovedProjector(disc, pixel_size)

    @property
    def networks(self):
        """Variables of encoder and decoders."""
        return sum((decoder.variables for decoder in self._all_decoders), list(self.encoder.variables))

    def parts(self):
        """Learned variables, by name."""
        return {"encoder": self.encoder.variables, **super().parts()}

    def turn(self, axes):
        """Measure the latent along other axes, the columns of an orthogonal (D, D)."""
        super().turn(axes)
        self.encoder.turn(axes)

    def projections(self, displacements, images):
        """Real and imaginary part (B, K) of what is in the images, before CTF, of Gaussians displaced by (B, G, 3) Å."""
        centers, masses, widths = self.gaussians()
        places = tf.einsum("bij,bgj->bgi", images.rotations, centers + displacements) - images.shifts[:, None]
        real, imag = self._projector.images(places, masses, widths)
        return self._scale * real, self._scale * imag

    def log_likelihood(self, displacements, images, precision):
        """Log-likelihood (B,), up to a constant, of Gaussians displaced by (B, G, 3) Å.

        ``precision`` (K,) is 2 / noise variance; as ``alignment.likelihood.ImageFit``.
        """
        real, imag = self.projections(displacements, images)
        agreement = images.real * real + images.imag * imag - 0.5 * images.ctf2 * (real**2 + imag**2)
        return tf.reduce_sum(precision * agreement, axis=1)

    def followed(self, latent, images):
        """Images at the poses that the rest has at latents (B, D)."""
        if self.rest is None:
            return images
        turns, moves = self.rest_motions(latent)
        return images._replace(
            rotations=tf.matmul(images.rotations, turns),
            shifts=images.shifts - tf.einsum("bij,bj->bi", images.rotations, moves),
        )

    @traced
    def value(self, latent, images, precision):
        """``log_likelihood`` (B,) at latents (B, D)."""
        return self.log_likelihood(self.displacements(latent), self.followed(latent, images), precision)

    def start_value(self, images, precision):
        """Log-likelihood (B,) of the Gaussians as they were when training began."""
        adjusted = [variable.numpy() for variable in self.adjustments]
        for variable in self.adjustments:
            variable.assign(tf.zeros_like(variable))
        found = self.value(tf.zeros([len(images.shifts), self.latent_size]), images, precision)
        for variable, values in zip(self.adjustments, adjusted):
            variable.assign(values)
        return found

    @traced
    def slopes(self, images, precision):
        """What images ask the coarsest anchors to do at the neutral state: slopes (B, 12 A) of the likelihood in their motions.

        Once for the coarse half of the signal and once for all.
        """
        is_coarse = tf.constant(self.disc.ring <= self.disc.radius / _COARSE, tf.float32)
        found = []
        for seen in (precision * is_coarse, precision):
            motions = tf.zeros([tf.shape(images.shifts)[0], len(self.levels[0]), 6])
            with tf.GradientTape() as tape:
                tape.watch(motions)
                value = self.log_likelihood(
                    self._fields[0].displacements(motions, self.gaussians()[0], self.mobilities()), images, seen
                )
            found.append(tf.reshape(tape.gradient(value, motions), [-1, 6 * len(self.levels[0])]))
        return tf.concat(found, axis=1)

    @traced
    def normal_equations(self, latent, images, precision):
        """Log-likelihood (B,), its gradient (B, D) and its Fisher information (B, D, D) at latents (B, D).

        Slopes of the projections are differences over a small step: half the time of exact ones.
        """

        def at(place):
            return self.projections(self.displacements(place), self.followed(place, images))

        real, imag = at(latent)
        slopes = []
        for axis in range(self.latent_size):
            aside = at(latent + _STEP * tf.one_hot(axis, self.latent_size))
            slopes.append([(there - here) / _STEP for there, here in zip(aside, (real, imag))])
        slope_real, slope_imag = (tf.stack(parts, axis=1) for parts in zip(*slopes))  # (B, D, K)
        weight = precision * images.ctf2
        agreement = images.real * real + images.imag * imag - 0.5 * images.ctf2 * (real**2 + imag**2)
        residual_real, residual_imag = images.real - images.ctf2 * real, images.imag - images.ctf2 * imag
        gradient = tf.reduce_sum(
            precision * (residual_real[:, None] * slope_real + residual_imag[:, None] * slope_imag), axis=2
        )
        information = tf.matmul(weight[:, None] * slope_real, slope_real, transpose_b=True) + tf.matmul(
            weight[:, None] * slope_imag, slope_imag, transpose_b=True
        )
        return tf.reduce_sum(precision * agreement, axis=1), gradient, information


def images_of(batch, particles):
    """Tensors of an ImageBatch of a particle set.

    Parameters
    ----------
    batch : ImageBatch
    particles : ParticleSet
    """
    matched, ctf2 = batch.matched_by_scale()
    return Images(
        *(
            tf.constant(values, tf.float32)
            for values in (
                particles.rotations[batch.index][:, :2],
                particles.shifts[batch.index],
                matched.real,
                matched.imag,
                ctf2,
            )
        )
    )
