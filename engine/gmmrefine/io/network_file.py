"""Networks and training states as plain arrays with a small header; nothing in the file is code."""

import json
from typing import Any, Dict, Mapping, Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.atomic import atomic_path
from gmmrefine.io.made_from import ENTRY, declared_for
from gmmrefine.io.npz import DAMAGED, read_npz
from gmmrefine.regular_file import FilePath

_HEADER = "header"


def write_arrays(path: FilePath, arrays: Mapping[str, np.ndarray], header: Mapping[str, Any]) -> None:
    """Write arrays and a header, whole or not at all.

    Parameters
    ----------
    path : str or Path
    arrays : dict of str to array
    header : dict
        JSON-able.
    """
    entries = {_HEADER: np.array(json.dumps(header)), ENTRY: np.array(str(declared_for(path) or ""))}
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays, **entries)


def read_arrays(path: FilePath) -> Tuple[Dict[str, np.ndarray], Dict[str, Any]]:
    """Arrays (dict) and header (dict) of a file that ``write_arrays`` wrote.

    Raises
    ------
    InputError
        Missing or damaged.
    """
    try:
        arrays = read_npz(path)
        arrays.pop(ENTRY, None)
        header = json.loads(str(arrays.pop(_HEADER)))
        if not isinstance(header, dict):
            raise ValueError("its header is no record")
        return arrays, header
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file. Give the folder of a finished heterogeneity run.") from error
    except (OSError, RecursionError, *DAMAGED) as error:
        raise InputError(f"{path} is damaged or holds no network ({error}). Run heterogeneity again.") from error
