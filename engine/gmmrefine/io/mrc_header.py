"""What the header of an MRC map says of its axes, the size of its voxels and their place, or why it cannot be so."""

from typing import Iterable, List, Optional, Sequence, Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.regular_file import FilePath

_SMALLEST_VOXEL, _LARGEST_VOXEL = 0.01, 1000.0  # Å
_MOST_UNEQUAL = 2.0  # longest over shortest side of a voxel
_STRANGE = 1.4  # the same, from which another reading of the header is looked at
_EQUAL = 1e-3  # part of a side
_RIGHT_ANGLE = 1e-2  # degrees
_FARTHEST = 1e6  # Å, place of a first voxel


def file_axes(path: FilePath, header: np.void) -> List[int]:
    """The axis (1 = x) along sections, rows and columns of the file, list of int.

    Parameters
    ----------
    path : str
        For messages.
    header : numpy.void
        Of ``mrcfile.dtypes.HEADER_DTYPE``.

    Raises
    ------
    InputError
        MAPC, MAPR, MAPS are neither the three axes nor left empty.
    """
    axes = [int(header[name]) for name in ("maps", "mapr", "mapc")]
    if sorted(axes) == [1, 2, 3]:
        return axes
    if any(axes):
        raise InputError(
            f"{path}: its axes (MAPC MAPR MAPS) are {' '.join(map(str, axes[::-1]))}; expected 1, 2 and 3 in any order. "
            "Correct the header."
        )
    return [3, 2, 1]


def voxel_sizes(path: FilePath, header: np.void, shape: Sequence[int]) -> np.ndarray:
    """Sides of a voxel (3,) float in Å, along x, y and z.

    CELLA over MX, MY, MZ. Where these are 0 or below, as some programs leave them, over the number of voxels, as ChimeraX
    does; also where only that makes the voxels cubes (ISPG 0 with MZ 1 stands for a stack, and maps are found with it).

    Parameters
    ----------
    path : str
        For messages.
    header : numpy.void
        Of ``mrcfile.dtypes.HEADER_DTYPE``.
    shape : (3,) int
        Voxels along x, y and z.

    Raises
    ------
    InputError
        Sides that are no length, or too unequal.
    """
    cell = np.array([float(header["cella"][axis]) for axis in "xyz"])
    intervals = np.array([int(header[name]) for name in ("mx", "my", "mz")])
    sides = cell / np.where(intervals > 0, intervals, shape)
    by_number = cell / shape
    if not (np.isfinite(sides).all() and min(sides) >= _SMALLEST_VOXEL and max(sides) <= _LARGEST_VOXEL):
        raise InputError(
            f"{path}: voxels are {_times(sides)} Å; expected sides above 0, from {_SMALLEST_VOXEL:g} to {_LARGEST_VOXEL:g} Å. "
            "Correct the header."
        )
    if max(sides) > _STRANGE * min(sides) and np.ptp(by_number) < _EQUAL * min(by_number):
        return by_number
    if max(sides) > _MOST_UNEQUAL * (1 + _EQUAL) * min(sides):
        raise InputError(
            f"{path}: voxels are {_times(sides)} Å; expected about equal sides. Correct the header: its cell is {_times(cell)} "
            f"Å and MX MY MZ are {' '.join(map(str, intervals.tolist()))}."
        )
    return sides


def refuse_slanted(path: FilePath, header: np.void) -> None:
    """Refuse axes that do not stand at right angles; angles of 0 are not filled in.

    Parameters
    ----------
    path : str
        For messages.
    header : numpy.void
        Of ``mrcfile.dtypes.HEADER_DTYPE``.
    """
    angles = [float(header["cellb"][name]) for name in ("alpha", "beta", "gamma")]
    if not all(angle == 0 or abs(angle - 90) <= _RIGHT_ANGLE for angle in angles):
        raise InputError(
            f"{path}: the axes stand at {_times(angles)} degrees; expected right angles. Resample it on a rectangular grid."
        )


def places(path: FilePath, header: np.void, axes: Sequence[int], sizes: np.ndarray) -> Tuple[np.ndarray, Optional[np.ndarray]]:
    """Where the first voxel lies (3,) in Å as viewers take it, and by nstart alone or None.

    Parameters
    ----------
    path : str
        For messages.
    header : numpy.void
    axes : list of int
        Of ``file_axes``.
    sizes : (3,) float
        Å, of ``voxel_sizes``.

    Raises
    ------
    InputError
        The place is no finite number, or nowhere near.
    """
    by_axis = dict(zip(axes, (int(header[name]) for name in ("nzstart", "nystart", "nxstart"))))
    start = np.array([by_axis[axis] for axis in (1, 2, 3)]) * sizes
    origin = np.array([float(header["origin"][axis]) for axis in "xyz"])
    if not np.isfinite(origin).all():
        raise InputError(
            f"{path}: ORIGIN in its header is {' '.join(f'{value:g}' for value in origin)}; expected finite numbers in Å. "
            "Correct the header: 0 0 0 where the place is not known."
        )
    place, field = (origin, "ORIGIN") if origin.any() else (start, "NXSTART NYSTART NZSTART")
    if np.abs(place).max() > _FARTHEST:
        raise InputError(
            f"{path}: {field} in its header puts the first voxel at {' '.join(f'{value:g}' for value in place)} Å; expected at "
            f"most {_FARTHEST:g} Å. Correct the header: 0 0 0 where the place is not known."
        )
    known = start.any() and np.abs(start).max() <= _FARTHEST
    return place, (start if known else None)


def _times(values: Iterable[float]) -> str:
    return "×".join(f"{value:g}" for value in values)
