"""run.json and its copy: what is lost of one is taken from the other."""

import hashlib
import json
import os
from typing import Any, Mapping

from gmmrefine.io.atomic import atomic_path
from gmmrefine.plain_json import to_json
from gmmrefine.regular_file import FilePath

COPY = os.path.join("iterations", "00", "run.json")  # with the start maps; without them there is nothing to continue
_SUM = "sum_of_this_record"


def write_with_copy(path: FilePath, content: Mapping[str, Any]) -> None:
    """Write a record (dict) and, from the first start map on, its copy, each whole or not at all.

    Its last entry is a hash of all others.
    """
    text = to_json({**content, _SUM: _sum(content)}, indent=1) + "\n"
    copy = _copy_of(path)
    for place in [path, *([copy] if os.path.isdir(os.path.dirname(copy)) else [])]:
        with atomic_path(place) as temporary, open(temporary, "w", encoding="utf-8") as file:
            file.write(text)


def parsed_record(text: str) -> Any:
    """The record of a text without its hash; raises ValueError where it is damaged, by its hash or otherwise.

    One without a hash is taken as it is.
    """
    try:
        record = json.loads(text)
    except RecursionError as error:
        raise ValueError(str(error)) from error
    if isinstance(record, dict) and _SUM in record:
        noted = record.pop(_SUM)
        if noted != _sum(record):
            raise ValueError("it is not as it was written, by the hash at its end")
    return record


def copied_record(path: FilePath) -> Any:
    """What the copy beside a run.json holds; None where there is none, or it is damaged too."""
    try:
        with open(_copy_of(path), encoding="utf-8") as file:
            return parsed_record(file.read())
    except (OSError, ValueError):
        return None


def _copy_of(path: FilePath) -> str:
    return os.path.join(os.path.dirname(path), COPY)


def _sum(content: Mapping[str, Any]) -> str:
    plain = json.loads(to_json(content))
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
