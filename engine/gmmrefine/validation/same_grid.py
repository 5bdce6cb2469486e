"""Whether maps of one molecule lie on one grid and in one place, and resampling where they do not."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Iterable, List, Sequence, Tuple

import numpy as np
from scipy import fft
from scipy.ndimage import affine_transform

from gmmrefine.fourier.grey import in_grey_scale

if TYPE_CHECKING:
    from gmmrefine.io.mrc import MapGrid

_SAME = 1e-3  # part of a voxel
_COARSEST = 15.0  # Å; beyond, masks and solvent decide where maps correlate best
_MIDDLE = 7.0  # Å; from 15 Å to here maps of one molecule are brought to one scale
_CLEARLY_BETTER = 0.02  # difference of correlations
_LARGEST_SHIFT, _NOTABLE_SHIFT = 0.75, 0.3  # voxels, or Å where a voxel is smaller


def grid_differences(grid: MapGrid, reference: MapGrid) -> List[str]:
    """What differs between the grids of two maps, in words; empty when nothing does.

    Parameters
    ----------
    grid, reference : MapGrid

    Returns
    -------
    list of str
    """
    pairs = (
        ("box", grid.data.shape[::-1], reference.data.shape[::-1], 0, "px"),
        ("voxel", grid.voxel_sizes, reference.voxel_sizes, _SAME * reference.voxel_sizes.min(), "Å"),
        ("first voxel at", grid.origin, reference.origin, 0.05 * reference.voxel_sizes.min(), "Å"),
    )
    return [
        f"{what} {_numbers(mine)} instead of {_numbers(other)} {unit}"
        for what, mine, other, allowed, unit in pairs
        if np.abs(np.subtract(mine, other)).max() > allowed
    ]


def resampled(grid: MapGrid, reference: MapGrid) -> MapGrid:
    """A map on the grid of another, by cubic splines; 0 where it does not reach.

    Parameters
    ----------
    grid, reference : MapGrid

    Returns
    -------
    MapGrid
    """
    step = (reference.voxel_sizes / grid.voxel_sizes)[::-1]
    offset = ((reference.origin - grid.origin) / grid.voxel_sizes)[::-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # SciPy tells of a change in its version 0.18
        data = affine_transform(grid.data, step, offset, reference.data.shape, np.float32, order=3, mode="constant")
    return replace(reference, data=data)


def overlap(grid: MapGrid, reference: MapGrid) -> Tuple[slice, ...]:
    """The part of the reference's voxels that another map reaches, as slices along z, y, x.

    Parameters
    ----------
    grid, reference : MapGrid

    Returns
    -------
    tuple of slice
    """
    low = np.ceil((grid.origin - reference.origin) / reference.voxel_sizes - _SAME).astype(int)
    high = np.floor((grid.last - reference.origin) / reference.voxel_sizes + _SAME).astype(int)
    return tuple(slice(max(0, first), max(0, last + 1)) for first, last in zip(low[::-1].tolist(), high[::-1].tolist()))


def evened(data: np.ndarray, reference: np.ndarray, voxel_sizes: np.ndarray) -> Tuple[np.ndarray, ...]:
    """Two maps with the same radial amplitudes, in each shell the lower of both, so that no sharpening hides that they agree.

    Parameters
    ----------
    data, reference : (Z, Y, X) float
        On one grid.
    voxel_sizes : (3,) float
        x, y, z in Å.

    Returns
    -------
    pair of (Z, Y, X) float32
        In units of the reference's grey scale.
    """
    shape = reference.shape
    k = np.sqrt(sum(axis**2 for axis in _frequencies(shape, voxel_sizes)))
    width = 1 / float(np.max(np.array(shape[::-1]) * voxel_sizes))
    shell = np.rint(k / width).astype(np.int32)
    maps = [fft.rfftn(in_grey_scale(np.asarray(each, np.float32))[1][0]) for each in (data, reference)]
    count = np.maximum(np.bincount(shell.ravel()), 1)
    powers = [np.bincount(shell.ravel(), np.abs(each).ravel() ** 2) / count for each in maps]
    centers = np.arange(len(count)) * width
    band = (centers > 1 / _COARSEST) & (centers < 1 / _MIDDLE)
    band = band if band.any() else centers > 1 / _COARSEST
    levels = [max(float(power[band].sum()), 1e-30) for power in powers]
    lower = np.minimum(*[power / level for power, level in zip(powers, levels)]) * levels[1]
    gains = [np.sqrt(np.divide(lower, power, out=np.zeros_like(power), where=power > 0)) for power in powers]
    return tuple(fft.irfftn(each * gain[shell], shape).astype(np.float32) for each, gain in zip(maps, gains))


def _frequencies(shape: Tuple[int, ...], voxel_sizes: np.ndarray) -> List[np.ndarray]:
    """Frequencies in 1/Å along z, y, x of ``rfftn``, each with three axes."""
    return np.meshgrid(
        *[fft.fftfreq(size, step) for size, step in zip(shape[:2], voxel_sizes[:0:-1])],
        fft.rfftfreq(shape[2], voxel_sizes[0]),
        indexing="ij",
        sparse=True,
    )


def displacement(data: np.ndarray, reference: np.ndarray, voxel_sizes: np.ndarray) -> Tuple[np.ndarray, float, float]:
    """How far a map is moved against another, from where they correlate best beyond 15 Å resolution.

    Parameters
    ----------
    data, reference : (Z, Y, X) float
        On one grid.
    voxel_sizes : (3,) float
        x, y, z in Å.

    Returns
    -------
    tuple
        x, y, z in Å (3,), at most 0.75 voxels where they correlate hardly better elsewhere than in place; the best
        correlation, and the best of the inverted map.
    """
    shape = reference.shape
    coarse = sum(axis**2 for axis in _frequencies(shape, voxel_sizes)) < 1 / _COARSEST**2
    first, second = (fft.rfftn(in_grey_scale(each)[1][0]) for each in (data, reference))
    first[coarse] = second[coarse] = 0
    mates = np.full(first.shape[2], 2.0)  # a half transform leaves out the conjugates of all but its first and last columns
    mates[0] = 1
    mates[-1] = 1 if shape[2] % 2 == 0 else 2
    norm = np.sqrt(np.prod([np.sum(np.abs(each) ** 2 * mates) / reference.size for each in (first, second)]))
    correlation = fft.irfftn(first * second.conj(), shape) / max(norm, 1e-30)
    best = tuple(int(place) for place in np.unravel_index(int(np.argmax(correlation)), shape))
    highest, inverted = float(correlation[best]), float(-correlation.min())
    in_place = highest - correlation[0, 0, 0] < _CLEARLY_BETTER
    if in_place and any(1 < step < size - 1 for step, size in zip(best, shape)):
        best = (0, 0, 0)
    shift = np.array([_peak(correlation, best, axis) for axis in (2, 1, 0)])
    if in_place:
        shift = np.clip(shift, -_LARGEST_SHIFT, _LARGEST_SHIFT)
    return shift * voxel_sizes, highest, inverted


def is_displaced(shift: np.ndarray, voxel_sizes: np.ndarray) -> bool:
    """Whether a displacement (3,) in Å is more than the accuracy it is known with.

    Parameters
    ----------
    shift : (3,) float
        x, y, z in Å.
    voxel_sizes : (3,) float
        x, y, z in Å.
    """
    return bool(np.any(np.abs(shift) > _LARGEST_SHIFT * np.maximum(voxel_sizes, 1.0)))


def is_notable(shift: np.ndarray, voxel_sizes: np.ndarray) -> bool:
    """Whether a displacement (3,) in Å is enough to change the Q-scores of sharp peaks.

    Parameters
    ----------
    shift : (3,) float
        x, y, z in Å.
    voxel_sizes : (3,) float
        x, y, z in Å.
    """
    return bool(np.any(np.abs(shift) > _NOTABLE_SHIFT * np.maximum(voxel_sizes, 1.0)))


def _peak(correlation: np.ndarray, best: Sequence[int], axis: int) -> float:
    """Place of the maximum along one axis by a parabola through it and its neighbours, in voxels from -n/2 to n/2."""
    size = correlation.shape[axis]
    line = np.take(
        correlation[tuple(slice(None) if other == axis else best[other] for other in range(3))],
        np.arange(best[axis] - 1, best[axis] + 2),
        mode="wrap",
    ).astype(float)
    bend = line[0] - 2 * line[1] + line[2]
    place = best[axis] + (0.5 * (line[0] - line[2]) / bend if bend < 0 else 0.0)
    return place - size if place > size / 2 else place


def _numbers(values: Iterable[float]) -> str:
    return "×".join(f"{value:g}" for value in values)
