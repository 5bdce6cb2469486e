"""MRC maps and masks, checked at the door."""

import os
from dataclasses import dataclass
from typing import Iterable, List, Optional, Tuple

import mrcfile
import numpy as np
from numpy.typing import ArrayLike

from gmmrefine.errors import InputError
from gmmrefine.io.atomic import atomic_path
from gmmrefine.io.made_from import MadeFrom, declared_for
from gmmrefine.io.mrc_file import read_mrc
from gmmrefine.io.mrc_header import file_axes, places, refuse_slanted, voxel_sizes
from gmmrefine.regular_file import FilePath

SAME_VOXEL_SIZE = 1e-3
_SMALLEST_GREY, _LARGEST_GREY = 1e-30, 1e30  # of the largest value; beyond, single precision has no room to compute
_LONE, _FEWEST_DENSE = 1e-4, 8  # part of the largest value that at least so many voxels have
_LABEL = "gmmrefine"


@dataclass(frozen=True)
class Volume:
    """A map and where it lies.

    Parameters
    ----------
    data : (Z, Y, X) float32
        Density in map units.
    voxel_size : float
        Å, the same along all axes.
    origin : (3,) float
        x, y, z in Å of the first voxel.
    start : (3,) float or None
        As for ``MapGrid``.
    """

    data: np.ndarray
    voxel_size: float
    origin: np.ndarray
    start: Optional[np.ndarray] = None

    @property
    def grid(self) -> "MapGrid":
        """The same as a MapGrid."""
        return MapGrid(self.data, np.full(3, self.voxel_size), self.origin, self.start)


@dataclass(frozen=True)
class MapGrid:
    """A map of any shape and where its voxels lie.

    Parameters
    ----------
    data : (Z, Y, X) float32
        Density in map units.
    voxel_sizes : (3,) float
        Å along x, y and z.
    origin : (3,) float
        x, y, z in Å of the first voxel.
    start : (3,) float or None
        x, y, z in Å of the first voxel by the header's nstart alone; None where that is zero.
    """

    data: np.ndarray
    voxel_sizes: np.ndarray
    origin: np.ndarray
    start: Optional[np.ndarray] = None

    @property
    def last(self) -> np.ndarray:
        """x, y, z in Å of the last voxel, (3,)."""
        return self.origin + self.voxel_sizes * (np.array(self.data.shape[::-1]) - 1)


def read_map(path: FilePath) -> Volume:
    """A cubic density map of cubic voxels, as particles have, with its axes in z, y, x order.

    Parameters
    ----------
    path : str or Path
        As for ``read_grid``.

    Returns
    -------
    Volume

    Raises
    ------
    InputError
        As for ``read_grid``; not cubic, voxels of unequal sides.
    """
    grid = read_grid(path)
    if len(set(grid.data.shape)) > 1:
        raise InputError(f"{path} has {_shape(grid.data)} voxels; expected a cube. Pad or crop it to the particles' box.")
    if np.ptp(grid.voxel_sizes) > SAME_VOXEL_SIZE * min(grid.voxel_sizes):
        raise InputError(
            f"{path}: voxels are {_sides(grid.voxel_sizes)} Å; expected equal sides above 0. Correct the header or resample "
            f"the map."
        )
    return Volume(grid.data, float(grid.voxel_sizes[0]), grid.origin, grid.start)


def read_grid(path: FilePath) -> MapGrid:
    """A density map of any shape and voxels, with its axes in z, y, x order.

    Parameters
    ----------
    path : str or Path
        MRC or CCP4 map, mode 0, 1, 2, 6 or 12, in either byte order; also packed by gzip or bzip2.

    Returns
    -------
    MapGrid
        Its origin is ORIGIN of the header, or nstart times the voxel size where ORIGIN is zero.

    Raises
    ------
    InputError
        Unreadable or cut off, not a volume, voxels without size or of very unequal sides, slanted axes, values or a place that
        are no finite numbers, single voxels that stand alone.
    """
    header, data = read_mrc(path)
    if 1 in data.shape[:2]:
        raise InputError(f"{path}: {_shape(data[0])} is not a volume; expected three axes. Give a map, not an image.")
    axes = file_axes(path, header)
    data = np.transpose(data, [axes.index(axis) for axis in (3, 2, 1)])
    sizes = voxel_sizes(path, header, data.shape[::-1])
    refuse_slanted(path, header)
    data = np.array(data, np.float32, order="C")
    _refuse_values(path, data)
    origin, start = places(path, header, axes, sizes)
    return MapGrid(data, sizes, origin, start)


def _refuse_values(path: FilePath, data: np.ndarray) -> None:
    """Refuse a map (Z, Y, X) with values that are no density: not finite, of no scale to compute with, or one alone."""
    if not np.isfinite(data).all():
        bad = int(np.count_nonzero(~np.isfinite(data)))
        raise InputError(f"{path}: {bad} of {data.size} voxels are not finite numbers. Make the map again.")
    largest = max(float(data.max()), -float(data.min()))
    limit = _LONE * largest
    dense = int(np.count_nonzero(data > limit) + np.count_nonzero(data < -limit))
    if 0 < dense < min(_FEWEST_DENSE, data.size // 100):
        raise InputError(
            f"{path}: its values reach {largest:g}, but only {dense} of {data.size} voxels {_have(dense)} more than a "
            f"{1 / _LONE:.0f}th of that; expected density, not single voxels. Make the map again."
        )
    if largest and not _SMALLEST_GREY <= largest <= _LARGEST_GREY:
        raise InputError(
            f"{path}: its largest value is {largest:g}; expected {_SMALLEST_GREY:g} to {_LARGEST_GREY:g}. Multiply the map by "
            "a number that brings it near 1."
        )


def _have(count: int) -> str:
    return "has" if count == 1 else "have"


def half_maps_in(folder: FilePath) -> List[str]:
    """Paths of the two half maps in a run's folder."""
    return [os.path.join(folder, f"half_map_{number}.mrc") for number in (1, 2)]


def read_half_maps(path_1: FilePath, path_2: FilePath) -> Tuple[Volume, Volume]:
    """Two maps on one grid, a pair of Volume.

    Raises
    ------
    InputError
        As ``read_map``, or maps of different boxes or voxels.
    """
    a, b = read_map(path_1), read_map(path_2)
    if a.data.shape != b.data.shape:
        raise InputError(
            f"{path_2} is {len(b.data)}³ but {path_1} is {len(a.data)}³; half maps must match. Use maps of one run."
        )
    if abs(a.voxel_size - b.voxel_size) > SAME_VOXEL_SIZE * a.voxel_size:
        raise InputError(
            f"{path_2} has voxels of {b.voxel_size:g} Å but {path_1} of {a.voxel_size:g} Å; half maps must match. Correct "
            "the header or use maps of one run."
        )
    return a, b


def write_map(
    path: FilePath,
    data: ArrayLike,
    voxel_size: float,
    origin: Iterable[float] = (0.0, 0.0, 0.0),
    made_from: Optional[MadeFrom] = None,
) -> None:
    """Write a map as MRC mode 2, whole or not at all; the same map gives the same bytes.

    Parameters
    ----------
    path : str or Path
    data : (Z, Y, X) float
        Density in map units.
    voxel_size : float
        Å.
    origin : (3,) float
        x, y, z in Å of the first voxel.
    made_from : MadeFrom, optional
        What it was made from; by default what is declared for the run's folder.
    """
    made_from = made_from or declared_for(path)
    with atomic_path(path) as temporary, mrcfile.new(temporary, overwrite=True) as file:
        file.set_data(np.asarray(data, np.float32))
        file.set_volume()
        file.voxel_size = voxel_size
        file.header.origin = tuple(float(value) for value in origin)
        file.header.label[0] = _LABEL  # mrcfile puts the date here
        if made_from is not None:
            file.header.label[1], file.header.nlabl = str(made_from), 2


def read_mask(path: FilePath, box_size: int, pixel_size: float) -> np.ndarray:
    """A soft mask on the grid of the particles.

    Parameters
    ----------
    path : str or Path
    box_size : int
        Of the particles, px.
    pixel_size : float
        Å/px.

    Returns
    -------
    (Z, Y, X) float32
        0 to 1.

    Raises
    ------
    InputError
        Another box or pixel size, values outside 0 to 1, nothing inside.
    """
    volume = read_map(path)
    if volume.data.shape != (box_size,) * 3:
        raise InputError(
            f"{path} is {_shape(volume.data)} but the box is {box_size}; a mask must have the box of the particles or map "
            f"that it is for. Make it from such a map."
        )
    if abs(volume.voxel_size - pixel_size) > SAME_VOXEL_SIZE * pixel_size:
        raise InputError(
            f"{path}: voxels of the mask are {volume.voxel_size:.4g} Å but the pixel size is {pixel_size:.4g} Å; must match. "
            f"Correct the header if only the number is wrong, else resample the mask."
        )
    lowest, highest = float(volume.data.min()), float(volume.data.max())
    if lowest < -1e-3 or highest > 1 + 1e-3:
        raise InputError(f"{path}: mask values run from {lowest:g} to {highest:g}; expected 0 to 1. Is this a map?")
    if highest < 0.5:
        raise InputError(f"{path}: the mask is empty (largest value {highest:g}). Make it with a lower threshold.")
    return np.clip(volume.data, 0, 1)


def _shape(data: np.ndarray) -> str:
    return _sides(data.shape[::-1])


def _sides(values: Iterable[float]) -> str:
    return "×".join(f"{value:g}" for value in values)
