"""Directions without sign: even axes on the half sphere, cells of about two degrees, and their names."""

from functools import lru_cache
from typing import Tuple

import numpy as np
from numpy.typing import ArrayLike

_NEIGHBOURS = np.cos(np.radians(20.0))  # over which values are averaged
_LOW = 0.25  # of the range of values; what lies so near to the lowest is as low
_RINGS = 45  # of cells from the pole to the equator


def even_axes(count: int) -> np.ndarray:
    """Axes (count, 3) spread evenly over the half sphere z >= 0 by Fibonacci's lattice, unit vectors x y z."""
    height = (np.arange(count) + 0.5) / count
    turn = np.pi * (1 + 5**0.5) * np.arange(count)
    ring = np.sqrt(1 - height**2)
    return np.column_stack([ring * np.cos(turn), ring * np.sin(turn), height])


@lru_cache(maxsize=1)
def _rings() -> Tuple[np.ndarray, np.ndarray]:
    """Cells in each ring (R,) from the pole, and the number of the first (R,)."""
    middle = (np.arange(_RINGS) + 0.5) * np.pi / 2 / _RINGS
    counts = np.maximum(np.rint(4 * _RINGS * np.sin(middle)), 1).astype(int)
    return counts, np.append(0, np.cumsum(counts)[:-1])


def cell_centers() -> np.ndarray:
    """Middle directions (C, 3) of the cells of the half sphere."""
    counts, _ = _rings()
    ring = np.repeat(np.arange(_RINGS), counts)
    tilt = (ring + 0.5) * np.pi / 2 / _RINGS
    within = np.concatenate([np.arange(count) for count in counts])
    turn = 2 * np.pi * (within + 0.5) / counts[ring]
    return np.column_stack([np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt)])


def cell_of(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Number of the cell of directions (...,) of any length; a direction and its opposite share one.

    Parameters
    ----------
    x, y, z : (...,) float
    """
    sign = np.where(z < 0, -1, 1)
    length = np.sqrt(x * x + y * y + z * z)
    tilt = np.arccos(np.clip(np.abs(z) / np.maximum(length, 1e-9), 0, 1))
    ring = np.minimum((tilt * (2 * _RINGS / np.pi)).astype(int), _RINGS - 1)
    counts, first = _rings()
    part = (np.arctan2(sign * y, sign * x) / (2 * np.pi)) % 1.0
    return first[ring] + np.minimum((part * counts[ring]).astype(int), counts[ring] - 1)


def lowest_axis(axes: np.ndarray, values: np.ndarray, noise: float = 0.0) -> int:
    """The axis around which values are lowest: the middle of the region of low values where that is low itself.

    Parameters
    ----------
    axes : (A, 3) float
    values : (A,) float
    noise : float
        Standard error of a value.

    Returns
    -------
    int
        Number of the axis. A cap of low values has a middle; of a ring, or of separate regions, it is the lowest.
    """
    near = np.abs(axes @ axes.T) > _NEIGHBOURS
    values = near @ values / near.sum(1)
    limit = values.min() + max(_LOW * np.ptp(values), 2 * noise)
    below = np.maximum(np.median(values) - values, 0)
    middle = np.linalg.eigh((axes * below[:, None]).T @ axes)[1][:, -1]
    nearest = int(np.argmax(np.abs(axes @ middle)))
    return nearest if values[nearest] <= limit else int(np.argmin(values))


def axis_name(axis: ArrayLike) -> str:
    """An axis (3,) in words: as the view along it, RELION's angles, and x, y or z where it is within 10 degrees of one."""
    x, y, z = np.asarray(axis, float)
    if z < 0:
        x, y, z = -x, -y, -z
    tilt, rot = np.degrees(np.arccos(min(z, 1.0))), np.degrees(np.arctan2(y, x))
    near = np.abs([x, y, z]) > np.cos(np.radians(10))
    name = f"{'xyz'[int(np.argmax(near))]}, " if near.any() else ""
    return f"{name}rot {rot:.0f}° tilt {tilt:.0f}°"
