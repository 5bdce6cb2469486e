"""Soft bands in Fourier space, equally wide in the logarithm of frequency."""

import numpy as np
from scipy import fft

from gmmrefine.threads import thread_count


def frequency_radius(side: int) -> np.ndarray:
    """Frequency (Z, Y, F) in shells, not rounded, of every voxel of ``rfftn`` of a box.

    Parameters
    ----------
    side : int
        px
    """
    k = (fft.fftfreq(side) * side).astype(np.float32)
    kx = np.arange(side // 2 + 1, dtype=np.float32)
    return np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + kx**2)


def cosine_band(radius: np.ndarray, center: float, half_width: float) -> np.ndarray:
    """Squared cosine in ln frequency: 1 at ``center`` shells and 0 beyond ``half_width``.

    Bands whose centres are ``half_width`` apart add up to 1.

    Parameters
    ----------
    radius : (Z, Y, F) float
        Shells.
    center, half_width : float
        Shells, and a difference of logarithms.

    Returns
    -------
    (Z, Y, F) float32
    """
    distance = np.log(np.maximum(radius, 0.5) / center) / half_width
    return np.where(np.abs(distance) < 1, np.cos(np.pi / 2 * distance) ** 2, 0).astype(np.float32)


def transform(volume: np.ndarray) -> np.ndarray:
    """``rfftn`` (Z, Y, F) complex64 of a map (Z, Y, X)."""
    return fft.rfftn(np.asarray(volume, np.float32), workers=thread_count())


def real_map(spectrum: np.ndarray, side: int) -> np.ndarray:
    """The map (side, side, side) float32 of an ``rfftn`` transform."""
    return fft.irfftn(spectrum, s=(side,) * 3, workers=thread_count())


def window_transform(radius: np.ndarray, cutoff: float) -> np.ndarray:
    """Transform of a Gaussian window whose own standard deviation in Fourier space is ``cutoff`` shells.

    Parameters
    ----------
    radius : (Z, Y, F) float
        Shells.
    cutoff : float
        Shells.
    """
    return np.exp(-0.5 * (radius / cutoff) ** 2).astype(np.float32)
