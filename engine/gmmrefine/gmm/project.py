"""Projections of a GMM and their moments, on a half disc: exactly, or as slices of its 3-D transform."""
import numpy as np

from gmmrefine.backend import compiled, tf
from gmmrefine.fourier.kernel import WIDTH
from gmmrefine.gmm.render import slice_volume

_EXACT_NUMBERS = 2**24  # complex numbers in the largest intermediate array of the exact sum


class ExactProjector:
    """Sum over all Gaussians for every image; the reference for ``SliceProjector``.

    Both offer ``images`` and ``images_with_moments``. Images are transforms of the centred projection (shifts are applied
    by the caller), moments are transforms of the projection weighted by the rotated coordinate x, y or z in px.

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
        planes = sum(
            self._planes(rotations, axes, slice(start, start + chunk)) for start in range(0, len(self._masses), chunk))
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

    Parameters
    ----------
    gmm : Gmm
    disc : HalfDisc
    pixel_size : float
        Å/px.
    moments : bool
        Prepare ``images_with_moments`` too, which takes four times the memory.
    """

    def __init__(self, gmm, disc, pixel_size, moments=True):
        self._cut_from(slice_volume(gmm, disc.box_size, pixel_size, disc.radius, moments), disc)

    def _cut_from(self, volume, disc):
        self._side = volume.values.shape[-1]
        cells = volume.values.reshape(len(volume.values), -1).T  # (cells, 1 or 4)
        # a cell's numbers lie side by side, so that one look-up brings them all
        self._density = tf.constant(np.ascontiguousarray(cells[:, :1]).view(np.float32))
        self._density_and_moments = tf.constant(np.ascontiguousarray(cells).view(np.float32))
        self._geometry = tf.constant([volume.step, volume.half, volume.beta], tf.float32)
        self._set_disc(disc)

    def _set_disc(self, disc):
        self.disc = disc
        self._k = tf.constant(np.stack([disc.kx, disc.ky]), tf.float32)

    def for_radius(self, radius):
        """The same projector restricted to a smaller disc."""
        return _restricted(self, radius)

    def images(self, rotations):
        """Real and imaginary part (B, K) of the projections at rotations (B, 3, 3)."""
        return _slices(self._density, self._side, self._geometry, self._k, rotations)

    def images_with_moments(self, rotations):
        """``images`` and the moments: real, imaginary (B, K), real, imaginary (B, 3, K) for x, y, z in px."""
        return _slices_with_moments(self._density_and_moments, self._side, self._geometry, self._k, rotations)


def _interpolate(values, side, geometry, k, rotations):
    """Kernel-weighted sums (B, K, C) of grid values (cells, C) at the samples of each slice."""
    step, half, beta = tf.unstack(geometry)
    q = tf.einsum("bij,ik->bjk", rotations[:, :2], k) * step + half
    first = tf.floor(q) - (WIDTH // 2 - 1)
    tap = tf.range(WIDTH, dtype=tf.float32)
    root = tf.sqrt(tf.maximum(1 - (2 / WIDTH * (first[..., None] + tap - q[..., None])) ** 2, 0))
    weight = tf.exp(beta * (root - 1))  # (B, 3, K, W), axes x y z
    i = tf.cast(first, tf.int32)
    corner = (i[:, 2] * side + i[:, 1]) * side + i[:, 0]
    w = tf.range(WIDTH)
    stencil = (w[:, None, None] * side + w[:, None]) * side + w
    near = tf.gather(values, corner[:, :, None, None, None] + stencil)  # (B, K, W, W, W, C), axes z y x
    near = tf.reduce_sum(near * weight[:, 0, :, None, None, :, None], axis=4)
    near = tf.reduce_sum(near * weight[:, 1, :, None, :, None], axis=3)
    return tf.reduce_sum(near * weight[:, 2, :, :, None], axis=2)


@compiled
def _slices(density, side, geometry, k, rotations):
    image = _interpolate(density, side, geometry, k, rotations)
    return image[..., 0], image[..., 1]


@compiled
def _slices_with_moments(density_and_moments, side, geometry, k, rotations):
    samples = _interpolate(density_and_moments, side, geometry, k, rotations)
    # from the axes of the volume to those of the image
    real = tf.einsum("bij,bkj->bik", rotations, samples[..., 2::2])
    imag = tf.einsum("bij,bkj->bik", rotations, samples[..., 3::2])
    return samples[..., 0], samples[..., 1], real, imag
