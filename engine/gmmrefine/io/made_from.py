"""Which images, and of which half set, a file was made from: a mark in maps, GMMs, masks, networks and latents.

``images 3f0c… half 1``: the second label of an MRC map, a comment at the top of a STAR table, ``made_from`` in an archive.
"""

import hashlib
import os
import re
from dataclasses import dataclass
from typing import Dict, Iterable, Optional, Tuple

from gmmrefine.errors import InputError
from gmmrefine.io.npz import DAMAGED, read_entry
from gmmrefine.particles.mrc_numbers import HEADER_BYTES
from gmmrefine.regular_file import FilePath, open_regular

DIGITS = 24  # hexadecimal; 96 bits, and the whole has room in a label of 80 bytes
ENTRY = "made_from"  # in archives of arrays
_HALVES = ("both halves", "half 1", "half 2")
_TEXT = re.compile(rf"images ([0-9a-f]{{{DIGITS}}}) ({'|'.join(_HALVES)})")
_LABELS = slice(224, HEADER_BYTES)  # of an MRC header
_OF_HALF = re.compile(r"half(?:_map)?_([12])(?!\d)")
_COMMENT_BYTES = 1000

# MadeFrom of both, of half 1 and of half 2, by real path of a run's folder
_declared: Dict[str, Tuple[Optional["MadeFrom"], ...]] = {}


@dataclass(frozen=True)
class MadeFrom:
    """What something was made from.

    Parameters
    ----------
    images : str
        Hash of the images, ``DIGITS`` hexadecimal digits; equal for the same images in any order, at any poses.
    half : int
        1 or 2; 0 for both.
    """

    images: str
    half: int

    def __str__(self) -> str:
        return f"images {self.images} {_HALVES[self.half]}"


def joined(marks: Iterable[MadeFrom]) -> Optional[MadeFrom]:
    """One MadeFrom of several; None of none."""
    apart = sorted(set(marks), key=str)
    if len(apart) < 2:
        return apart[0] if apart else None
    halves = {mark.half for mark in apart}
    digest = hashlib.sha256("\n".join(map(str, apart)).encode()).hexdigest()
    return MadeFrom(digest[:DIGITS], halves.pop() if len(halves) == 1 else 0)


def declare(folder: FilePath, half_1: Optional[MadeFrom], half_2: Optional[MadeFrom]) -> None:
    """What is written below a folder from now on, without saying so itself, is made from these images (MadeFrom or None)."""
    both = joined([mark for mark in (half_1, half_2) if mark is not None])
    _declared[os.path.realpath(folder)] = both, half_1 or both, half_2 or both


def declare_as(folder: FilePath, paths: Iterable[FilePath]) -> None:
    """What is written below a folder is made from what the files at these paths were made from; unknown where none tells."""
    marks = [mark for mark in (read_made_from(path) for path in paths if path) if mark is not None]
    both = joined(marks)
    halves = (joined([mark for mark in marks if mark.half == number]) for number in (1, 2))
    _declared[os.path.realpath(folder)] = both, *(half or both for half in halves)


def declared_for(path: FilePath) -> Optional[MadeFrom]:
    """The MadeFrom declared for a file, by its folder and by the half in its name; None where none is."""
    place = folder = os.path.realpath(path)
    while folder not in _declared:
        folder, below = os.path.dirname(folder), folder
        if folder == below:
            return None
    named = _OF_HALF.findall(os.path.relpath(place, folder))
    return _declared[folder][int(named[-1]) if named else 0]


def read_made_from(path: FilePath) -> Optional[MadeFrom]:
    """The MadeFrom that a map, table or archive carries; None where it carries none, or cannot be read."""
    try:
        with open_regular(path) as file:
            head = file.read(HEADER_BYTES)
        if head[:2] == b"PK":
            text = str(read_entry(path, ENTRY))
        else:
            text = (head[_LABELS] if head[208:212] == b"MAP " else head[:_COMMENT_BYTES]).decode("ascii", "replace")
    except (OSError, *DAMAGED):
        return None
    return parsed(text)


def parsed(text: str) -> Optional[MadeFrom]:
    """The MadeFrom that a text tells, or None."""
    found = _TEXT.search(str(text))
    return MadeFrom(found[1], _HALVES.index(found[2])) if found else None


def refuse_other_half(path: FilePath, number: int) -> None:
    """Refuse a file that says it was made from the other half set than ``number``, or from both."""
    mark = read_made_from(path)
    if mark is not None and mark.half != number:
        raise InputError(
            f"{path} was made from {_HALVES[mark.half]} of its images (mark '{mark}'); expected half {number} alone. Files "
            "were renamed or copied over one another; take the files that the run has written."
        )
