"""The exact Fourier transform of a GMM on a cubic grid, and the map it stands for."""
from dataclasses import dataclass

import numpy as np
from scipy import fft

from gmmrefine.backend import tf
from gmmrefine.fourier.kernel import WIDTH, kernel_beta, log_transform
from gmmrefine.fourier.shells import shell_index
from gmmrefine.threads import thread_count

_MINIMAL_OVERSAMPLING = 1.5


@dataclass(frozen=True)
class FourierVolume:
    """Samples of a GMM's transform and of its moments, pre-divided by the slice kernel.

    Parameters
    ----------
    values : (1 or 4, M, M, M) complex64
        Transforms of the GMM and, with moments, of the GMM weighted by the x, y and z of its centres (px), at grid
        frequencies -half … half, axes kz, ky, kx.
    half : int
        Index of the origin on each axis.
    step : float
        Grid steps per frequency index of the image box (finer than 1 for large molecules).
    beta : float
        Shape of the slice kernel.
    """

    values: np.ndarray
    half: int
    step: float
    beta: float


def fourier_sum(frequencies, centers, masses, widths):
    """Σ m exp(-2π² Σ_d (σ_d q_d)² − 2πi q·c) on a cubic grid, by one matrix product per plane qz ≥ 0.

    Parameters
    ----------
    frequencies : (H,) float
        Non-negative frequencies of one axis, cycles per unit of ``centers``; the grid runs over both signs.
    centers : (G, 3), widths : (G, 3) float
        x y z.
    masses : (W, G) float
        One or more sets of masses.

    Returns
    -------
    (W, M, M, M) complex64
        M = 2H - 1; axes kz, ky, kx; zero outside the sphere one step beyond the last frequency.
    """
    last = len(frequencies) - 1
    (cos_x, sin_x), (cos_y, sin_y), (cos_z, sin_z) = (
        _waves(frequencies, centers[:, axis], widths[:, axis]) for axis in range(3))
    along_x = tf.constant(np.concatenate([cos_x, sin_x]))
    along_y = np.concatenate([cos_y, sin_y]) * masses[:, None].astype(np.float32)
    upper = np.zeros((len(masses), last + 1, 2 * last + 1, 2 * last + 1), np.complex64)
    for plane in range(last + 1):
        reach = min(last, int(np.sqrt((last + 1) ** 2 - plane**2)) + 1)  # beyond, the plane is outside the sphere
        rows = np.r_[: reach + 1, last + 1 : last + reach + 2]
        x, y = tf.gather(along_x, rows), tf.constant(along_y[:, rows])
        even, odd = (tf.matmul(y, x * wave[plane], transpose_b=True).numpy() for wave in (cos_z, sin_z))
        inside = slice(last - reach, last + reach + 1)
        upper[:, plane, inside, inside] = _signed_plane(even, odd)
    return np.concatenate([np.conj(upper[:, :0:-1, ::-1, ::-1]), upper], axis=1)


def _waves(frequencies, positions, widths):
    """Cosines and sines (H, G) of one axis, damped by the Gaussians' widths."""
    phase = 2 * np.pi * frequencies[:, None] * positions
    damping = np.exp(-2 * (np.pi * frequencies[:, None] * widths) ** 2)
    return (np.cos(phase) * damping).astype(np.float32), (np.sin(phase) * damping).astype(np.float32)


def _signed_plane(even, odd):
    """A plane kz of exp(-i(a + b + c)) at all signs of kx and ky from real products at positive ones.

    Parameters
    ----------
    even, odd : (W, 2R, 2R) float
        Sums of (cos b, sin b) × (cos a, sin a) times cos c and times sin c; rows y, columns x, R frequencies ≥ 0 each.

    Returns
    -------
    (W, 2R - 1, 2R - 1) complex64
    """
    count = even.shape[1] // 2
    plane = np.empty((len(even), 2 * count - 1, 2 * count - 1), np.complex64)
    c, s = slice(None, count), slice(count, None)
    for y_sign in (1, -1):
        for x_sign in (1, -1):
            (even_real, even_imag), (odd_real, odd_imag) = (
                (part[:, c, c] - y_sign * x_sign * part[:, s, s], y_sign * part[:, s, c] + x_sign * part[:, c, s])
                for part in (even, odd))
            rows, columns = (np.s_[count - 1 :] if sign > 0 else np.s_[count - 1 :: -1] for sign in (y_sign, x_sign))
            plane[:, rows, columns] = even_real - odd_imag - 1j * (even_imag + odd_real)
    return plane


def slice_step(diameter, box_size):
    """Grid steps per frequency index that hold an object of a diameter (px) in a box (px)."""
    return np.ceil(8 * max(1.0, _MINIMAL_OVERSAMPLING * diameter / box_size)) / 8


def slice_volume(gmm, box_size, pixel_size, radius, moments=True):
    """The transform of a GMM prepared for ``SliceProjector``.

    Each Gaussian is divided by the kernel's transform at its place, to second order again a Gaussian with a shifted
    centre and another width; slices are then exact to a tolerance set by the kernel (below 0.2 %).

    Parameters
    ----------
    gmm : Gmm
    box_size : int
        Image side in px.
    pixel_size : float
        Å/px.
    radius : int
        Largest ring of the slices.
    moments : bool
        Add the transforms weighted by x, y and z.
    """
    centers, widths = gmm.centers / pixel_size, gmm.widths[:, None] / pixel_size
    diameter = 2 * gmm.radius / pixel_size
    step = slice_step(diameter, box_size)
    period = box_size * step
    beta = kernel_beta(period / diameter)
    log_value, slope, curvature = log_transform(centers, beta, period)
    new_variance = 1 / (1 / widths**2 + curvature)
    gain = np.sqrt(new_variance) / widths * np.exp(-log_value + 0.5 * slope**2 * new_variance)
    half = int(np.ceil(radius * step)) + WIDTH // 2 + 1
    masses = gmm.masses / pixel_size**3 * gain.prod(axis=1)
    weights = np.stack([np.ones(len(gmm)), *centers.T]) if moments else np.ones((1, len(gmm)))
    values = fourier_sum(
        np.arange(half + 1) / period, centers - slope * new_variance, masses * weights, np.sqrt(new_variance))
    return FourierVolume(values, half, float(step), float(beta))


def fourier_map(gmm, box_size, pixel_size, radius=None):
    """Transform of a GMM on the grid of ``rfftn`` of its map, phase origin at voxel n // 2.

    Returns
    -------
    (Z, Y, F) complex64
        Zero beyond ``radius`` (default: the last shell below Nyquist).
    """
    n = box_size
    radius = n // 2 - 1 if radius is None else radius
    widths = np.repeat(gmm.widths[:, None], 3, axis=1) / pixel_size
    cube = fourier_sum(np.arange(radius + 1) / n, gmm.centers / pixel_size, gmm.masses[None] / pixel_size**3, widths)[0]
    transform = np.zeros((n, n, n // 2 + 1), np.complex64)
    index = np.arange(-radius, radius + 1) % n
    transform[np.ix_(index, index, np.arange(radius + 1))] = cube[:, :, radius:]
    transform[shell_index(n) > radius] = 0
    return transform


def render_map(gmm, box_size, pixel_size, radius=None):
    """The map of a GMM, (Z, Y, X) float32, low-passed at shell ``radius``."""
    return map_from_centered(fourier_map(gmm, box_size, pixel_size, radius))


def map_from_centered(transform):
    """Real map (Z, Y, X) float32 of an ``rfftn`` transform whose phase origin is voxel n // 2."""
    n = len(transform)
    return np.fft.fftshift(fft.irfftn(transform, s=(n, n, n), workers=thread_count())).astype(np.float32)


def centered_from_map(volume):
    """``rfftn`` transform (Z, Y, F) complex64 of a map (Z, Y, X), phase origin at voxel n // 2."""
    return fft.rfftn(np.fft.ifftshift(volume), workers=thread_count()).astype(np.complex64)
