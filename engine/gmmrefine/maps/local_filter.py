"""Maps filtered at every voxel by its own resolution."""

from typing import Callable, Optional

import numpy as np
from scipy import ndimage

from gmmrefine.fourier.shells import shell_index
from gmmrefine.maps.filter import fall_off, scale_shells

_STEP = 0.07  # of ln resolution between filters that are interpolated


def local_low_pass(
    volume: np.ndarray, resolution: np.ndarray, pixel_size: float, b_factor: Optional[Callable[[float], float]] = None
) -> np.ndarray:
    """A map without signal beyond the resolution of each voxel.

    Parameters
    ----------
    volume : (Z, Y, X) float
    resolution : (Z, Y, X) float
        Å; where it is 0 the nearest voxel's that has one.
    pixel_size : float
        Å/px.
    b_factor : callable, optional
        Gives the B factor in Å² that is removed where the resolution is a number of Å.

    Returns
    -------
    (Z, Y, X) float32
        Interpolated between whole maps filtered at steps of 7 %.
    """
    n = len(volume)
    shells = shell_index(n)
    level = np.log(n * pixel_size / _everywhere(resolution))
    first, last = float(level.min()), float(level.max())
    levels = np.linspace(first, last, 1 + int(np.ceil((last - first) / _STEP)))
    place = (level - first) / (levels[1] - levels[0]) if len(levels) > 1 else np.zeros(volume.shape)
    filtered = np.zeros(volume.shape, np.float32)
    for number, radius in enumerate(np.exp(levels)):
        weight = np.clip(1 - np.abs(place - number), 0, 1)
        factor = fall_off(shells, radius)
        if b_factor:
            factor = factor * b_gain(shells, n, pixel_size, b_factor(n * pixel_size / radius))
        filtered += weight * scale_shells(volume, factor)
    return filtered


def b_gain(shells: np.ndarray, box_size: int, pixel_size: float, b_factor: float) -> np.ndarray:
    """What takes a B factor (Å²) out of shells (...,): exp(B k² / 4), k in 1/Å; it grows no more beyond Nyquist.

    Parameters
    ----------
    shells : (...,) float
    box_size : int
        px
    pixel_size : float
        Å/px.
    b_factor : float
        Å²; positive sharpens.
    """
    frequency = np.minimum(shells, box_size / 2) / (box_size * pixel_size)
    return np.exp(b_factor * frequency**2 / 4)


def _everywhere(resolution: np.ndarray) -> np.ndarray:
    """A map (Z, Y, X) with the nearest value in place of every 0."""
    nearest = ndimage.distance_transform_edt(resolution == 0, return_distances=False, return_indices=True)
    return resolution[tuple(nearest)]
