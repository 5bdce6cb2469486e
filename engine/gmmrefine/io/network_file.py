"""Networks and training states as plain arrays with a small header; nothing in the file is code."""
import json
import zipfile
from typing import Any, Dict, Mapping, Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.atomic import atomic_path
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
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays, **{_HEADER: np.array(json.dumps(header))})


def read_arrays(path: FilePath) -> Tuple[Dict[str, np.ndarray], Dict[str, Any]]:
    """Arrays (dict) and header (dict) of a file that ``write_arrays`` wrote.

    Raises
    ------
    InputError
        Missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return arrays, json.loads(str(arrays.pop(_HEADER)))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file. Give the folder of a finished heterogeneity run.") from error
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is damaged or holds no network ({error}). Run heterogeneity again.") from error
