"""half_sets.npz: which images the half maps beside it were made from."""

import os
from typing import Optional

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.atomic import atomic_path
from gmmrefine.io.npz import DAMAGED, read_npz
from gmmrefine.particles.half_sets import HalfSets
from gmmrefine.regular_file import FilePath

HALF_SETS_FILE = "half_sets.npz"
_PARTS_OF_A_RUN = ("patches", "iterations")  # their folders 01, 02, … hold the particles of the run


def write_half_sets(folder: FilePath, half_sets: HalfSets) -> None:
    """Write HalfSets into the folder of their half maps, whole or not at all."""
    with atomic_path(os.path.join(folder, HALF_SETS_FILE)) as temporary, open(temporary, "wb") as file:
        np.savez(file, half_1=half_sets.first, half_2=half_sets.second)


def half_sets_beside(half_map_1: FilePath, half_map_2: FilePath) -> Optional[HalfSets]:
    """The half sets of two half maps, by the record in their folder or in that of the run it is part of.

    Parameters
    ----------
    half_map_1, half_map_2 : str
        Paths; links without a record beside them are followed. Half maps named in the other order have their half sets in
        the other order.

    Returns
    -------
    HalfSets or None
        None where there is no record, or the two lie in two folders.

    Raises
    ------
    InputError
        The record is damaged.
    """
    for place in (os.path.abspath, os.path.realpath):
        one, other = place(half_map_1), place(half_map_2)
        path = _record(os.path.dirname(one)) if os.path.dirname(one) == os.path.dirname(other) else None
        if path is not None:
            half_sets = _read(path)
            return half_sets.swapped if one > other else half_sets
    return None


def half_sets_of_map(path: FilePath) -> Optional[HalfSets]:
    """The half sets of the run that a map lies in; None where there is no record beside it.

    Raises
    ------
    InputError
        The record is damaged.
    """
    found = _record(os.path.dirname(os.path.abspath(path))) or _record(os.path.dirname(os.path.realpath(path)))
    return None if found is None else _read(found)


def _record(folder: str) -> Optional[str]:
    """Path of the record that tells of the half maps in a folder, or None."""
    above = os.path.dirname(folder)
    run = [os.path.dirname(above)] if os.path.basename(above) in _PARTS_OF_A_RUN else []
    paths = (os.path.join(place, HALF_SETS_FILE) for place in [folder, *run])
    return next((path for path in paths if os.path.exists(path)), None)


def _read(path: str) -> HalfSets:
    try:
        stored = read_npz(path)
        halves = stored["half_1"], stored["half_2"]
        if any(half.ndim != 1 or half.dtype != np.uint64 for half in halves):
            raise ValueError("no lists of images in it")
        return HalfSets(*halves)
    except (OSError, *DAMAGED) as error:
        raise InputError(f"{path} is damaged ({error}). Remove it, or run again what made the half maps.") from error
