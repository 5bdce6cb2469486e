"""The exact Fourier transform of a GMM on a cubic grid, and the map it stands for."""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from gmmrefine.fourier.kernel import WIDTH, kernel_beta, log_transform, slope_polynomials
from gmmrefine.fourier.shells import shell_index
from gmmrefine.gmm.fourier_sum import fourier_sum
from gmmrefine.threads import thread_count

_MINIMAL_OVERSAMPLING = 1.5


@dataclass(frozen=True)
class FourierVolume:
    """Samples of a GMM's transform, pre-divided by the slice kernel.

    Parameters
    ----------
    values : (M, M, M) complex64
        At grid frequencies -half … half, axes kz, ky, kx.
    half : int
        Index of the origin on each axis.
    step : float
        Grid steps per frequency index of the image box (finer than 1 for large molecules).
    beta : float
        Shape of the slice kernel.
    slopes : (4, 8) float
        ``slope_polynomials`` of the grid.
    """

    values: np.ndarray
    half: int
    step: float
    beta: float
    slopes: np.ndarray


def slice_step(diameter, box_size):
    """Grid steps per frequency index that hold an object of a diameter (px) in a box (px)."""
    return np.ceil(8 * max(1.0, _MINIMAL_OVERSAMPLING * diameter / box_size)) / 8


def slice_volume(gmm, box_size, pixel_size, radius):
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
    values = fourier_sum(half, period, (centers - slope * new_variance, masses, np.sqrt(new_variance)))
    return FourierVolume(values, half, float(step), float(beta), slope_polynomials(beta, period / diameter))


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
    cube = fourier_sum(radius, n, (gmm.centers / pixel_size, gmm.masses / pixel_size**3, widths))
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
