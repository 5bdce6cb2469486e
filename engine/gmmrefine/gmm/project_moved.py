"""Projections of Gaussians that lie elsewhere in every image, with slopes in all that describes the Gaussians."""
import numpy as np

from gmmrefine.backend import tf


class MovedProjector:
    """Projections of Gaussians that were moved, for each image in its own way.

    Exact sums over all Gaussians, which TensorFlow differentiates. As ``ExactProjector``, in real numbers: all samples share
    the waves along x and along y, and -ky differs from ky by a sign, so that one matrix product makes an image.

    Parameters
    ----------
    disc : HalfDisc
    pixel_size : float
        Å/px.
    """

    def __init__(self, disc, pixel_size):
        self.disc = disc
        self._pixel_size = pixel_size
        self._count = disc.radius + 1
        step = 2 * np.pi / (disc.box_size * pixel_size)  # rad/Å
        self._frequencies = tf.constant(np.arange(self._count) * step, tf.float32)
        self._pick = tf.constant(np.abs(disc.ky) * self._count + disc.kx)
        self._side = tf.constant(np.sign(disc.ky), tf.float32)

    def images(self, places, masses, widths):
        """Real and imaginary part (B, K) of projections.

        Parameters
        ----------
        places : (B, G, 2) float
            x, y in Å from the image centre.
        masses : (G,) float
            Map units × Å³.
        widths : (G,) float
            Å.
        """
        decay = tf.exp(-0.5 * (widths[:, None] * self._frequencies) ** 2)  # (G, R + 1)
        cos_x, sin_x = self._waves(places[..., 0], decay)
        cos_y, sin_y = self._waves(places[..., 1], decay * masses[:, None] / self._pixel_size**3)
        planes = tf.matmul(tf.concat([cos_y, sin_y], 2), tf.concat([cos_x, sin_x], 2), transpose_a=True)
        low, high = slice(0, self._count), slice(self._count, None)
        cos_cos, cos_sin, sin_cos, sin_sin = (
            self._samples(planes[:, y, x]) for y, x in ((low, low), (low, high), (high, low), (high, high)))
        return cos_cos - self._side * sin_sin, -cos_sin - self._side * sin_cos

    def _waves(self, places, decay):
        """Cosine and sine (B, G, R + 1) at places (B, G), times the Gaussians' decay (G, R + 1)."""
        phase = places[..., None] * self._frequencies
        return tf.cos(phase) * decay, tf.sin(phase) * decay

    def _samples(self, plane):
        """Samples (B, K) of the disc from a plane (B, |ky|, kx)."""
        return tf.gather(tf.reshape(plane, [tf.shape(plane)[0], -1]), self._pick, axis=1)
