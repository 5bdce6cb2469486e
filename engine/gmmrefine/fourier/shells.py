"""Sums over rings and spherical shells in Fourier space, and the unit changes between shell and resolution."""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

_ROUNDING = 1e-6  # of a shell; headers hold pixel sizes in single precision


@lru_cache(maxsize=4)
def shell_index(box_size: int) -> np.ndarray:
    """Shell of every voxel of ``rfftn`` of a cubic box.

    Returns
    -------
    (Z, Y, F) int16
        Nearest integer of the frequency radius.
    """
    k = np.fft.fftfreq(box_size) * box_size
    kx = np.arange(box_size // 2 + 1)
    return np.rint(np.sqrt(k[:, None, None] ** 2 + k[None, :, None] ** 2 + kx**2)).astype(np.int16)


def hermitian_weight(box_size: int) -> np.ndarray:
    """Number of voxels (F,) of the full transform that one voxel of ``rfftn`` stands for, by column kx."""
    weight = np.full(box_size // 2 + 1, 2.0)
    weight[0] = 1.0
    if box_size % 2 == 0:
        weight[-1] = 1.0
    return weight


def shell_sums(values: np.ndarray, box_size: int) -> np.ndarray:
    """Sums over shells 0 … box_size / 2 of the full transform.

    Parameters
    ----------
    values : (Z, Y, F) float
        Real quantity on the ``rfftn`` grid, symmetric under inversion.
    """
    weighted = values * hermitian_weight(box_size)
    return np.bincount(shell_index(box_size).ravel(), weighted.ravel(), box_size)[: box_size // 2 + 1]


def resolution_of_shell(shell: float, box_size: int, pixel_size: float) -> float:
    """Resolution in Å of a shell index (may be fractional).

    Parameters
    ----------
    shell : float
    box_size : int
        px
    pixel_size : float
        Å/px.
    """
    return box_size * pixel_size / shell


def shell_of_resolution(resolution: float, box_size: int, pixel_size: float) -> int:
    """Largest shell index not beyond a resolution in Å, at most the last below Nyquist.

    Parameters
    ----------
    resolution : float
        Å.
    box_size : int
        px
    pixel_size : float
        Å/px.
    """
    return int(np.clip(np.floor(box_size * pixel_size / resolution * (1 + _ROUNDING)), 1, box_size // 2 - 1))


def smooth_curve(values: ArrayLike, width: int = 3) -> np.ndarray:
    """Running mean of a curve (S,), edges repeated.

    Parameters
    ----------
    values : (S,) float
    width : int
        Values that are averaged, odd.
    """
    padded = np.pad(np.asarray(values, float), width // 2, mode="edge")
    return np.convolve(padded, np.ones(width) / width, "valid")
