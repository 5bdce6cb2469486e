"""Curves as STAR tables."""

from typing import Dict, Mapping

import numpy as np
from numpy.typing import ArrayLike

from gmmrefine.errors import InputError
from gmmrefine.io.star import StarBlock, exact_column, read_star, write_star
from gmmrefine.regular_file import FilePath


def write_curves(path: FilePath, columns: Mapping[str, ArrayLike], block: str = "fsc") -> None:
    """Write curves that share an axis, whole or not at all.

    Parameters
    ----------
    path : str or Path
    columns : dict of str to (S,) float
        By label; an FSC has ``gmmFrequency`` (1/Å) and ``gmmFsc`` first.
    block : str
        Name of the block.
    """
    write_star(path, [StarBlock(block, {label: exact_column(values) for label, values in columns.items()})])


def read_curves(path: FilePath) -> Dict[str, np.ndarray]:
    """All columns of the first table of a STAR file, dict of str to (S,) float.

    Raises
    ------
    InputError
        Not a STAR file, an empty table, or a value that is not a finite number.
    """
    table = next(iter(read_star(path).values()))
    if len(table) == 0:
        raise InputError(f"{path}: data_{table.name} is empty.")
    return {label: np.asarray(table.numbers(label)) for label in table.columns}
