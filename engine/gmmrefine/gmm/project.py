"""Projections of a GMM and their moments, on a half disc: exactly, or as slices of its 3-D transform."""

import numpy as np

from gmmrefine.backend import compiled, tf
from gmmrefine.fourier.kernel import WIDTH
from gmmrefine.gmm.render import slice_volume

_EXACT_NUMBERS = 2**24  # complex numbers in the largest intermediate array of the exact sum


class ExactProjector:
    """Sum over all Gaussians for every image; the reference for ``SliceProjector``.

    Both offer ``images`` and ``images_with_moments``. Images are transforms of the centred projection (shifts are applied
    by the caller), moments are transforms of the projection weighted by the rotated coordinate x, y or z in px; of slices up to
    a part along the sample's own frequency, which turning does not see.

    Parameters
    ----------
    gmm : Gmm
    disc : HalfDisc
    pixel_size : float
        Å/px.
    """

    def __init__(self, gmm, disc, pixel_size):
        self._centers = tf.constant(gmm.centers / pixel_size, tf.float32)
        self._masses = tf.constant(gmm.masses / pixel_size**3, tf.float32)
        self._variances = tf.constant((gmm.widths / pixel_size) ** 2, tf.float32)
        self._set_disc(disc)

    def _set_disc(self, disc):
        self.disc = disc
        self._frequencies = tf.constant(np.arange(-disc.radius, disc.radius + 1) * (2 * np.pi / disc.box_size), tf.float32)
        # the image is a matrix ky × kx ≥ 0
        self._pick = tf.constant((disc.ky + disc.radius) * (disc.radius + 1) + disc.kx)

    def for_radius(self, radius):
        """The same projector restricted to a smaller disc."""
        return _restricted(self, radius)

    def images(self, rotations):
        """Real and imaginary part (B, K) of the projections at rotations (B, 3, 3)."""
        real, imag = self._weighted(rotations, ())
        return real[:, 0], imag[:, 0]

    def images_with_moments(self, rotations):
        """``images`` and the moments: real, imaginary (B, K), real, imaginary (B, 3, K) for x, y, z in px."""
        real, imag = self._weighted(rotations, (0, 1, 2))
        return real[:, 0], imag[:, 0], real[:, 1:], imag[:, 1:]

    def _weighted(self, rotations, axes):
        images, rows = rotations.shape[0] or 1, (1 + len(axes)) * len(self._frequencies)
        chunk = max(1, _EXACT_NUMBERS // (images * rows))
        planes = sum(self._planes(rotations, axes, slice(start, start + chunk)) for start in range(0, len(self._masses), chunk))
        samples = tf.gather(tf.reshape(planes, tf.concat([tf.shape(planes)[:2], [-1]], 0)), self._pick, axis=2)
        return tf.math.real(samples), tf.math.imag(samples)

    def _planes(self, rotations, axes, part):
        """Sum over some of the Gaussians, (B, W, ky, kx) complex64: unweighted and weighted by the coordinates ``axes``."""
        points = tf.einsum("bij,gj->big", rotations, self._centers[part])
        decay = tf.exp(-0.5 * self._variances[part] * self._frequencies[:, None] ** 2)  # (ky, G)
        x = _wave(points[:, 0], self._frequencies[self.disc.radius :], decay[self.disc.radius :])
        y = _wave(points[:, 1], self._frequencies, decay * self._masses[part])
        weights = tf.stack([tf.ones_like(points[:, 0])] + [points[:, axis] for axis in axes], axis=1)
        weighted = y[:, None] * tf.complex(weights, tf.zeros_like(weights))[:, :, None]  # (B, W, ky, G)
        return tf.matmul(weighted, x[:, None], transpose_b=True)


def _wave(positions, frequencies, amplitudes):
    """exp(-i k x) of positions (B, G) at frequencies (K,), times amplitudes (K, G): (B, K, G) complex64."""
    phase = positions[:, None, :] * frequencies[:, None]
    return tf.complex(tf.cos(phase) * amplitudes, -tf.sin(phase) * amplitudes)


def _restricted(projector, radius):
    """A copy of a projector that shares its arrays and sees a smaller disc."""
    smaller = object.__new__(type(projector))
    smaller.__dict__.update(projector.__dict__)
    smaller._set_disc(projector.disc.up_to(radius))
    return smaller


class SliceProjector:
    """Slices of the exact 3-D transform of a GMM; the cost of an image does not depend on the number of Gaussians.

    Moments come from the slopes of the kernel, so that the table holds the transform alone.

    Parameters
    ----------
    gmm : Gmm
    disc : HalfDisc
    pixel_size : float
        Å/px.

    Attributes
    ----------
    table : SliceTable
    """

    def __init__(self, gmm, disc, pixel_size):
        self.table = SliceTable(slice_volume(gmm, disc.box_size, pixel_size, disc.radius))
        self._set_disc(disc)

    def _set_disc(self, disc):
        self.disc = disc
        self._k = tf.constant(np.stack([disc.kx, disc.ky]), tf.float32)

    def for_radius(self, radius):
        """The same projector restricted to a smaller disc."""
        return _restricted(self, radius)

    def images(self, rotations):
        """Real and imaginary part (B, K) of the projections at rotations (B, 3, 3)."""
        return _slices(*self.table.tensors(), self._k, rotations)

    def images_with_moments(self, rotations):
        """``images`` and the moments: real, imaginary (B, K), real, imaginary (B, 3, K) for x, y, z in px."""
        per_cell = tf.constant(self.disc.box_size * self.table.geometry[0] / (2 * np.pi), tf.float32)
        return _slices_with_moments(*self.table.tensors(), self._k, rotations, tf.constant(self.table.slopes), per_cell)


class SliceTable:
    """The transform that slices are cut from.

    Parameters
    ----------
    volume : FourierVolume

    Attributes
    ----------
    values : (2 cells,) float32
        Real and imaginary part of each cell, x fastest.
    side : int
        Cells along an edge.
    geometry : (3,) float32
        Grid steps per frequency index of the images, index of the origin, β of the kernel.
    slopes : (4, 8) float32
        ``slope_polynomials`` of the cells about a sample.
    """

    def __init__(self, volume):
        self.values = volume.values.view(np.float32).reshape(-1)
        self.side = len(volume.values)
        self.geometry = np.array([volume.step, volume.half, volume.beta], np.float32)
        self.slopes = np.ascontiguousarray(volume.slopes, np.float32)
        self._tensors = None

    def tensors(self):
        """Values (cells, 2), side and geometry for TensorFlow, brought there when they are first needed."""
        if self._tensors is None:
            self._tensors = tf.constant(self.values.reshape(-1, 2)), self.side, tf.constant(self.geometry)
        return self._tensors


def _taps(geometry, k, rotations):
    """First cells (B, 3, K) about each sample, how far it lies beyond its own (B, 3, K), weights (B, 3, K, W) of the kernel."""
    step, half, beta = tf.unstack(geometry)
    q = tf.einsum("bij,ik->bjk", rotations[:, :2], k) * step + half
    own = tf.floor(q)
    first = own - (WIDTH // 2 - 1)
    root = tf.sqrt(tf.maximum(1 - (2 / WIDTH * (first[..., None] + tf.range(WIDTH, dtype=tf.float32) - q[..., None])) ** 2, 0))
    return first, q - own, tf.exp(beta * (root - 1))


def _near(values, side, first):
    """Grid values (B, K, W, W, W, 2) about each sample, axes z y x."""
    i = tf.cast(first, tf.int32)
    corner = (i[:, 2] * side + i[:, 1]) * side + i[:, 0]
    w = tf.range(WIDTH)
    stencil = (w[:, None, None] * side + w[:, None]) * side + w
    return tf.gather(values, corner[:, :, None, None, None] + stencil)


@compiled
def _slices(values, side, geometry, k, rotations):
    first, _, weight = _taps(geometry, k, rotations)
    near = tf.reduce_sum(_near(values, side, first) * weight[:, 0, :, None, None, :, None], axis=4)
    near = tf.reduce_sum(near * weight[:, 1, :, None, :, None], axis=3)
    image = tf.reduce_sum(near * weight[:, 2, :, :, None], axis=2)
    return image[..., 0], image[..., 1]


@compiled
def _slices_with_moments(values, side, geometry, k, rotations, slopes, per_cell):
    first, part, weight = _taps(geometry, k, rotations)
    slope = tf.math.polyval(tf.unstack(tf.transpose(slopes)[::-1]), 2 * part[..., None] - 1)
    near = _near(values, side, first)

    def along(cells, axis, taps):
        """Cells (B, K, …, W, C) summed over their last axis of the grid with weights (B, 3, K, W)."""
        row = taps[:, axis]
        return tf.reduce_sum(cells * tf.reshape(row, [*row.shape[:2], *[1] * (len(cells.shape) - 4), WIDTH, 1]), axis=-2)

    level, steep = along(near, 0, weight), along(near, 0, slope)
    line, steep_line = along(level, 1, weight), along(level, 1, slope)
    image = along(line, 2, weight)
    slopes = (
        tf.stack([along(along(steep, 1, weight), 2, weight), along(steep_line, 2, weight), along(line, 2, slope)], axis=-2)
        * per_cell
    )
    # i times a slope is a moment; from the axes of the table to those of the image
    real = -tf.einsum("bij,bkj->bik", rotations, slopes[..., 1])
    imag = tf.einsum("bij,bkj->bik", rotations, slopes[..., 0])
    return image[..., 0], image[..., 1], real, imag
