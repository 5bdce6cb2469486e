"""Hashes of the files of a run, by which a cut or flipped one is recognised and made again."""

import json
import os
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.regular_file import FilePath
from gmmrefine.runs.input_marks import file_hash

SUMS = "sums"  # entry of run.json, and of the archive of a half's poses
_KEPT = (".mrc", ".star", ".npz", ".npy")


def sums_below(directory: FilePath) -> Dict[str, str]:
    """SHA-256 by name of every map, table and archive below a folder, dict; runs inside of it have their own."""
    found = {}
    for place, below, names in os.walk(directory):
        if os.path.basename(place) != "iterations":  # with the start maps lies a copy of the run's own record
            below[:] = [name for name in below if not os.path.exists(os.path.join(place, name, "run.json"))]
        below.sort()
        for name in sorted(names):
            path = os.path.join(place, name)
            if name.endswith(_KEPT) and not name.startswith(".") and os.path.isfile(path):
                found[os.path.relpath(path, directory)] = file_hash(path)
    return found


def changed_files(directory: FilePath, sums: Optional[Mapping[str, str]]) -> List[str]:
    """Names of files that are not as their run has written them, or not there, list of str; ``sums`` as of ``sums_below``."""
    if not isinstance(sums, dict):
        return []
    return [name for name, noted in sums.items() if _sum_or_none(os.path.join(directory, name)) != noted]


def refuse_changed_files(directory: FilePath, record: Mapping[str, Any], names: Sequence[str]) -> None:
    """Refuse files of a finished run, ``record`` being its run.json, that are not as it has written them."""
    noted = record.get(SUMS)
    noted = {name: noted[name] for name in names if name in noted} if isinstance(noted, dict) else {}
    changed = changed_files(directory, noted)
    if changed:
        raise InputError(
            f"{os.path.join(directory, changed[0])} is not as its run has written it: damaged, or changed since. Give the "
            f"'{record.get('command')}' command of {directory} again, which makes it anew."
        )


def sums_as_array(folder: FilePath, names: Iterable[str]) -> np.ndarray:
    """Hashes of those of the files that are there, as an array for an archive."""
    paths = {name: os.path.join(folder, name) for name in names}
    return np.array(json.dumps({name: file_hash(path) for name, path in paths.items() if os.path.isfile(path)}))


def check_sums(folder: FilePath, array: Any) -> None:
    """Raise ValueError for a file that is not as ``sums_as_array`` has noted it."""
    changed = changed_files(folder, json.loads(str(array)))
    if changed:
        raise ValueError(f"{changed[0]} is not as it was written")


def _sum_or_none(path: FilePath) -> Optional[str]:
    try:
        return file_hash(path)
    except InputError:
        return None
