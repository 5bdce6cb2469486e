"""Maps turned about the box centre."""

from typing import Any

import numpy as np
from scipy import fft, ndimage

from gmmrefine.geometry.symmetry import grid_operators
from gmmrefine.threads import thread_count

_FINER = 1.5  # of the grid that is interpolated; see docs/method.md for the error
_SPLINE_ORDER = 5


def turned(volume: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """A map turned about voxel n // 2: its density at R x is that of ``volume`` at x.

    Exact where the rotation takes the grid onto itself, else a spline on a finer grid; the map repeats beyond its box.

    Parameters
    ----------
    volume : (Z, Y, X) float
        Map units, a cube.
    rotation : (3, 3) float
        R, for column vectors x y z.

    Returns
    -------
    (Z, Y, X) float32
    """
    if len(grid_operators(rotation[None])):
        return _permuted(volume, rotation)
    return _interpolated(_on_finer_grid(volume, _FINER), rotation, len(volume), order=_SPLINE_ORDER, mode="grid-wrap")


def turned_mask(mask: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """As ``turned``, for a mask (Z, Y, X): linear, so that an edge does not ring, and 0 beyond the box.

    Parameters
    ----------
    mask : (Z, Y, X) float
        0 to 1, a cube.
    rotation : (3, 3) float
        For column vectors x y z.
    """
    if len(grid_operators(rotation[None])):
        return _permuted(mask, rotation)
    return _interpolated(mask, rotation, len(mask), order=1, mode="constant")


def _permuted(volume: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    n = len(volume)
    odd = np.pad(volume, (0, 1 - n % 2), mode="wrap")  # the plane at -n / 2 is also that at n / 2
    return turned_on_grid(odd, rotation)[:n, :n, :n].astype(np.float32)


def _interpolated(volume: np.ndarray, rotation: np.ndarray, side: int, **how: Any) -> np.ndarray:
    """A map (Z, Y, X) turned onto ``side``³ voxels of the same box."""
    step = len(volume) / side
    inverse = rotation.T[::-1, ::-1]  # axes z y x
    offset = len(volume) // 2 - step * inverse @ np.full(3, side // 2)
    return ndimage.affine_transform(volume, step * inverse, offset, (side,) * 3, np.float32, **how)


def turned_on_grid(cube: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """An array (M, M, M), axes z y x and the origin at its centre (M odd), turned by a rotation that permutes its axes.

    Parameters
    ----------
    cube : (M, M, M) array
    rotation : (3, 3) float
        For column vectors x y z; elements 0, 1 and -1.
    """
    axes, turned_axes = np.empty(3, int), cube
    for to, row in enumerate(rotation):
        source = int(np.argmax(np.abs(row)))  # coordinate ``to`` of R x is plus or minus coordinate ``source`` of x
        axes[2 - to] = 2 - source
        if row[source] < 0:
            turned_axes = np.flip(turned_axes, 2 - source)
    return np.transpose(turned_axes, axes)


def _on_finer_grid(volume: np.ndarray, factor: float) -> np.ndarray:
    """The same map (Z, Y, X) on ``factor`` times as many voxels along each axis, by zeros beyond its transform."""
    n = len(volume)
    side = 2 * int(np.ceil(n * factor / 2))
    spectrum = fft.fftshift(fft.rfftn(fft.ifftshift(volume).astype(np.float32), workers=thread_count()), axes=(0, 1))
    before = side // 2 - n // 2
    widths = [(before, side - n - before)] * 2 + [(0, side // 2 - n // 2)]
    padded = fft.ifftshift(np.pad(spectrum, widths), axes=(0, 1))
    return fft.fftshift(fft.irfftn(padded, s=(side,) * 3, workers=thread_count())) * np.float32((side / n) ** 3)
