"""Projections of Gaussians that lie elsewhere in every image, with slopes in all that describes the Gaussians."""

import numpy as np

from gmmrefine.backend import on_cpu, tf


class MovedProjector:
    """Projections of Gaussians that were moved, for each image in its own way.

    Exact sums over all Gaussians, whose slopes are written out for TensorFlow. As ``ExactProjector``, in real numbers: all
    samples share the waves along x and along y, and -ky differs from ky by a sign, so that one matrix product makes an image,
    and two more its slopes. On a CPU images are treated one by one, so that their waves stay in the processor's cache.

    Parameters
    ----------
    disc : HalfDisc
    pixel_size : float
        Å/px.
    """

    def __init__(self, disc, pixel_size):
        self.disc = disc
        self._volume = pixel_size**3
        self._count = disc.radius + 1
        step = 2 * np.pi / (disc.box_size * pixel_size)  # rad/Å
        self._frequencies = tf.constant(np.arange(self._count) * step, tf.float32)
        plane = np.abs(disc.ky) * self._count + disc.kx
        self._pick = tf.constant(plane)
        self._side = tf.constant(np.sign(disc.ky), tf.float32)
        # of every cell of a plane |ky|, kx the samples at ky ≥ 0 and ky < 0; K where there is none
        mates = np.full((2, self._count**2), len(disc.ky))
        mates[(disc.ky < 0).astype(int), plane] = np.arange(len(disc.ky))
        self._mates = tf.constant(mates)

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
        return tf.custom_gradient(self._images_and_slopes)(places, masses, widths)

    def _images_and_slopes(self, places, masses, widths):
        decay = tf.exp(-0.5 * (widths[:, None] * self._frequencies) ** 2)  # (G, R + 1)
        images = _for_each(lambda place: self._image(place, masses, decay), places, 2)

        def slopes(real, imag):
            of_places, of_masses, squares = _for_each(
                lambda image: self._slopes(image[0], masses, decay, self._adjoint_plane(*image[1:])), (places, real, imag), 3
            )
            return of_places, tf.reduce_sum(of_masses, axis=0), -widths * tf.reduce_sum(squares, axis=0)

        return images, slopes

    def _image(self, place, masses, decay):
        """Real and imaginary part (K,) of one image of Gaussians at (G, 2)."""
        x, y = self._waves(place[:, 0], decay), self._waves(place[:, 1], decay * masses[:, None] / self._volume)
        planes = tf.matmul(y, x, transpose_a=True)
        low, high = slice(0, self._count), slice(self._count, None)
        cos_cos, cos_sin, sin_cos, sin_sin = (
            tf.gather(tf.reshape(planes[y, x], [-1]), self._pick)
            for y, x in ((low, low), (low, high), (high, low), (high, high))
        )
        return cos_cos - self._side * sin_sin, -cos_sin - self._side * sin_cos

    def _waves(self, places, decay):
        """Cosines, then sines (G, 2 R + 2) at places (G,), times the Gaussians' decay (G, R + 1)."""
        phase = places[:, None] * self._frequencies
        return tf.concat([tf.cos(phase) * decay, tf.sin(phase) * decay], axis=1)

    def _adjoint_plane(self, real, imag):
        """What slopes (K,) in the samples are in the plane of waves along y and x, (2 R + 2, 2 R + 2)."""
        shape = [self._count, self._count]
        (real_above, real_below), (imag_above, imag_below) = (
            tf.unstack(tf.gather(tf.concat([part, [0.0]], axis=0), self._mates)) for part in (real, imag)
        )
        signed = tf.cast(tf.range(self._count**2) >= self._count, tf.float32)  # ky = 0 has no sine
        cos_cos, cos_sin, sin_cos, sin_sin = (
            tf.reshape(part, shape)
            for part in (
                real_above + real_below,
                -(imag_above + imag_below),
                -signed * (imag_above - imag_below),
                -signed * (real_above - real_below),
            )
        )
        return tf.concat([tf.concat([cos_cos, cos_sin], axis=1), tf.concat([sin_cos, sin_sin], axis=1)], axis=0)

    def _slopes(self, place, masses, decay, plane):
        """Slopes of one image in places (G, 2) and masses (G,), and those in widths (G,) over minus the width."""
        x, y = self._waves(place[:, 0], decay), self._waves(place[:, 1], decay / self._volume)
        of_x = tf.matmul(y, plane) * masses[:, None]
        of_y = tf.matmul(x, plane, transpose_b=True)
        k = self._frequencies[:, None]
        both = of_y * y
        of_mass = tf.reduce_sum(both, axis=1)
        both = both * masses[:, None] + of_x * x
        squares = tf.matmul(both[:, : self._count] + both[:, self._count :], k**2)[:, 0]
        turned = [
            tf.matmul(of[:, self._count :] * wave[:, : self._count] - of[:, : self._count] * wave[:, self._count :], k)[:, 0]
            for of, wave in ((of_x, x), (of_y, y))
        ]
        return tf.stack([turned[0], turned[1] * masses], axis=1), of_mass, squares


def _for_each(function, items, count):
    """The ``count`` float32 results of ``function`` for items along the first axis: one by one on a CPU, together on a GPU."""
    if on_cpu():
        return tf.map_fn(function, items, fn_output_signature=(tf.float32,) * count)
    return tf.vectorized_map(function, items)
