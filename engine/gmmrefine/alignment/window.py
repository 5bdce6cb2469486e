"""A part of a molecule as a particle of its own: a small box, cut out of every image where the part lies."""

from functools import lru_cache

import numpy as np
from scipy import fft

from gmmrefine.alignment.fisher import LOWEST_RING
from gmmrefine.alignment.pose_covariance import about_another_point
from gmmrefine.backend import compiled, tf
from gmmrefine.fourier.half_disc import half_disc

_FEWEST_RINGS = 4
_ROOM = 6.0  # Å around a part, in which it may move


class Window:
    """A box about one part in all images of a half set, at the poses where it was cut out.

    The transform of a small part is smooth: as many samples tell it as its box has pixels, however large the images are. What
    is cut out are images times their CTF, in which signal that the microscope spread far is back at its place. Seen through a
    window, the rotation of a part is that of the molecule, and its shift counts from where the window was cut.

    Parameters
    ----------
    center : (3,) float
        Of the part, Å from the centre of the molecule's box.
    poses : tuple
        Rotations (N, 3, 3) reference → particle and shifts (N, 2) in Å of the part in the images.
    image_disc : HalfDisc
        Samples of the images.
    box_size : int
        Of the window, px, even.
    pixel_size : float
        Å/px.

    Attributes
    ----------
    disc : HalfDisc
        Samples of the window.
    seen : (K,) tensor
        1 for samples of an image that may be cut, 0 for those below ``LOWEST_RING``.
    """

    def __init__(self, center, poses, image_disc, box_size, pixel_size):
        self._center, self._pixel_size = center, pixel_size
        rotations, shifts = poses
        self._place = self._projected_center(rotations) - shifts
        self._ring_width = image_disc.box_size / box_size
        self.disc = half_disc(box_size, int(image_disc.radius / self._ring_width))
        self._waves = tf.constant(np.stack([image_disc.kx, image_disc.ky]) * (2 * np.pi / image_disc.box_size), tf.float32)
        # the background below would reach every ring of the window, which it does not fill evenly
        self.seen = tf.constant(image_disc.ring >= LOWEST_RING, tf.float32)
        self._inner = tf.range(box_size) + (image_disc.box_size - box_size) // 2
        self._fold = _fold_matrix(box_size, image_disc.box_size)
        self._plane, self._samples = _plane_of_samples(image_disc), _samples_in_plane(self.disc)

    def inward(self, rotations, shifts):
        """Poses of the part in the images, as they are seen through the window; rotations (N, 3, 3), shifts (N, 2) in Å."""
        return rotations, shifts - self._projected_center(rotations) + self._place

    def outward(self, rotations, shifts):
        """The inverse of ``inward``; rotations (N, 3, 3), shifts (N, 2) in Å."""
        return rotations, shifts + self._projected_center(rotations) - self._place

    def outward_covariance(self, rotations, covariance):
        """Covariances (N, 5, 5) of the errors of poses at rotations (N, 3, 3), outside the window of those inside."""
        return about_another_point(covariance, -rotations @ self._center)

    @property
    def density(self):
        """How many samples of an image one of the window stands for."""
        return self._ring_width**2

    @property
    def lowest_ring(self):
        """First ring of the window that holds none of the image's below ``LOWEST_RING``."""
        return int(np.ceil(0.5 + (LOWEST_RING - 0.5) / self._ring_width))

    def curve(self, values):
        """A curve (S,) over the rings of the images, over those of the window (S',)."""
        rings = np.arange(int((len(values) - 1) / self._ring_width) + 1)
        return np.interp(rings * self._ring_width, np.arange(len(values)), values)

    def cut(self, real, imag, index):
        """Real and imaginary part (B, K'), tensors, of images with those (B, K); ``index`` (B,): positions in the half set."""
        place = tf.constant(self._place[index] / self._pixel_size, tf.float32)
        return _cut(real, imag, place, self._waves, self._inner, *self._plane, *self._samples)

    def averaged(self, weights):
        """Weights of Fourier samples (B, K), CTF² for one, as averages about the window's samples: (B, K'), a tensor."""
        return _averaged(weights, self._fold, *self._plane, *self._samples)

    def _projected_center(self, rotations):
        return rotations[:, :2] @ self._center


@lru_cache(maxsize=4)
def _fold_matrix(window, image):
    """How much each shift between two pixels of an image counts in each of a window (window, image); 0 is in the middle.

    What weighs a part is CTF² by its autocorrelation, in sums over the window's samples repeated with the window's side. A
    shift and its repetitions therefore share what is one: all for those up to a quarter of the side, none beyond three
    quarters, as much as of parts that fill their windows.
    """
    fold = np.zeros((window, image), np.float32)
    for shift in range(-window, window):
        share = np.cos(np.pi * np.clip(abs(shift) / window - 0.25, 0, 0.5)) ** 2
        fold[(shift + window // 2) % window, (shift + image // 2) % image] += share
    return tf.constant(fold)


@lru_cache(maxsize=4)
def _plane_of_samples(disc):
    """For each place in the half plane of ``rfft2``, which sample is there, and the signs of its real and imaginary part.

    The signs move the phase origin from pixel n / 2 to the corner, turn mates, and are 0 where there is no sample.
    """
    n, numbers = disc.box_size, np.arange(len(disc.kx))
    checkerboard = 1 - 2 * ((disc.kx + disc.ky) % 2)
    number, sign = np.zeros((n, n // 2 + 1), np.int32), np.zeros((2, n, n // 2 + 1), np.float32)
    place = disc.ky % n, disc.kx
    number[place], sign[:, place[0], place[1]] = numbers, checkerboard
    mates = (disc.kx == 0) & (disc.ky > 0)
    rows = -disc.ky[mates] % n
    number[rows, 0], sign[0, rows, 0], sign[1, rows, 0] = numbers[mates], checkerboard[mates], -checkerboard[mates]
    return tf.constant(number), tf.constant(sign)


@lru_cache(maxsize=4)
def _samples_in_plane(disc):
    """Where each sample lies in the flattened half plane of ``rfft2``, and its sign there."""
    n = disc.box_size
    return (
        tf.constant((disc.ky % n) * (n // 2 + 1) + disc.kx, tf.int32),
        tf.constant(1 - 2 * ((disc.kx + disc.ky) % 2), tf.float32),
    )


def _pixels(real, imag, number, sign):
    """Images (B, Y, X) of samples (B, K)."""
    plane = tf.complex(*(tf.gather(part, number, axis=1) * signs for part, signs in zip((real, imag), tf.unstack(sign))))
    return tf.signal.irfft2d(plane, [number.shape[0]] * 2)


def _transform(pixels, place, sign):
    """Real and imaginary part (B, K) of the samples of images (B, Y, X)."""
    plane = tf.signal.rfft2d(pixels)
    samples = tf.gather(tf.reshape(plane, [plane.shape[0], -1]), place, axis=1)
    return tf.math.real(samples) * sign, tf.math.imag(samples) * sign


@compiled
def _cut(real, imag, shifts, waves, inner, number, plane_sign, place, sign):
    phase = tf.matmul(shifts, waves)
    cos, sin = tf.cos(phase), tf.sin(phase)
    pixels = _pixels(real * cos - imag * sin, real * sin + imag * cos, number, plane_sign)
    return _transform(tf.gather(tf.gather(pixels, inner, axis=1), inner, axis=2), place, sign)


@compiled
def _averaged(weights, fold, number, plane_sign, place, sign):
    pixels = _pixels(weights, tf.zeros_like(weights), number, plane_sign)
    average, _ = _transform(tf.matmul(fold, tf.matmul(pixels, fold, transpose_b=True)), place, sign)
    return tf.maximum(average, 0)


def window_size(parts, image_size, pixel_size, radius):
    """Side in px, even, of a box that is large enough for each of several parts.

    Parameters
    ----------
    parts : list of Gmm
        Each about its own centre.
    image_size : int
        px; no window is larger.
    pixel_size : float
        Å/px.
    radius : int
        Ring of the images up to which there is signal; no fewer than ``_FEWEST_RINGS`` of the window lie below it.
    """
    side = max(2 * (max(part.radius for part in parts) + _ROOM) / pixel_size, _FEWEST_RINGS * image_size / radius)
    return min(image_size, 2 * fft.next_fast_len(int(np.ceil(side / 2)), real=True))
