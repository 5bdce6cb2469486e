"""run.json as a file, and what it says first: what was run on what."""
import json
import os
import platform
from typing import Any, Dict, Iterable, Mapping, Optional

import numpy as np

import gmmrefine
from gmmrefine.io.atomic import atomic_path
from gmmrefine.regular_file import FilePath
from gmmrefine.runs.input_marks import file_hash


def origin_of(command: str, settings: Mapping[str, Any], inputs: Iterable[Optional[FilePath]]) -> Dict[str, Any]:
    """What was run on what: command, version, settings (by name) and hashes of the inputs, dict for run.json."""
    return {
        "command": command, "version": gmmrefine.__version__, "settings": settings, "seed": settings.get("seed"),
        "machine": {"system": platform.platform(), "processors": os.cpu_count()},
        "inputs": {str(path): file_hash(path) for path in inputs if path}}


def write_json(path: FilePath, content: Mapping[str, Any]) -> None:
    """Write JSON, whole or not at all.

    Parameters
    ----------
    path : str or Path
    content : dict
        JSON-able, but for NumPy's numbers and arrays.
    """
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, default=plain, allow_nan=False)
        file.write("\n")


def plain(value: Any) -> Any:
    """NumPy numbers and arrays as JSON."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in run.json")
