"""The certificate of a report: which images a run was made from, which files carry their hash, that the halves share none."""

import os
from typing import Any, Dict, Optional, Union

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.half_sets_file import HALF_SETS_FILE, half_sets_beside
from gmmrefine.io.made_from import MadeFrom, joined, parsed, read_made_from
from gmmrefine.io.mrc import half_maps_in
from gmmrefine.particles.half_sets import HalfSets
from gmmrefine.regular_file import FilePath
from gmmrefine.report.folder import RunFolder
from gmmrefine.report.page import Section, folded, heading, table, text
from gmmrefine.runs.file_sums import SUMS, changed_files

_MARKED = (".mrc", ".star", ".npz")
_MOST_FILES = 2000
_HALVES = ("both", "1", "2")


def certificate_section(run: RunFolder) -> Optional[Section]:
    """Images, their hashes, the files that carry them, and whether the half sets are apart; None where nothing is recorded.

    Parameters
    ----------
    run : RunFolder
    """
    files, own = _marked_files(run.directory), _own_marks(run)
    if not files and not run.record.get("stacks"):
        return None
    parts = [text(sentence) for sentence in [*_sentences(run, files, own), *_as_written(run)]]
    stacks = run.record.get("stacks")
    if isinstance(stacks, dict) and stacks:
        rows = [
            [name, note.get("size"), note.get("blocks"), note.get("whole") or "not read whole (--verify does)"]
            for name, note in stacks.items()
            if isinstance(note, dict)
        ]
        parts += [heading("Image stacks"), table(["stack", "bytes", "SHA-256 of its blocks", "of the whole file"], rows)]
    if files:
        rows = [[name, _HALVES[mark.half], mark.images, "yes" if str(mark) in own else "no"] for name, mark in files.items()]
        parts.append(
            folded(
                f"{len(files)} files that carry the hash of their images",
                table(["file", "half", "hash of the images", "as in run.json"], rows),
            )
        )
    return Section("Certificate of images and half sets", tuple(parts))


def _sentences(run: RunFolder, files: Dict[str, MadeFrom], own: Any) -> Any:
    images = run.record.get("images")
    if images and own:
        yield f"Made from {images} images: {'; '.join(mark for mark in own if not mark.endswith('both halves'))}."
    known = _half_sets(run)
    if isinstance(known, str):
        yield known
    elif known is not None:
        shared = len(np.intersect1d(known.first, known.second))
        count = f"Half 1 has {len(known.first)} images, half 2 has {len(known.second)}"
        yield f"WARNING: {count}, and they share {shared}. No FSC of them counts." if shared else f"{count}; they share none."
    others = [name for name, mark in files.items() if own and str(mark) not in own]
    if others:
        yield (
            f"{len(files) - len(others)} of {len(files)} files carry the hashes of this run; the other {len(others)} were made "
            f"from a part of the images, or from others: {', '.join(others[:3])}{', …' if len(others) > 3 else ''}."
        )
    elif files and own:
        yield f"All {len(files)} maps, GMMs, masks, networks and latents that carry a hash carry those of this run."


def _as_written(run: RunFolder) -> Any:
    """Whether the files are as the run has written them."""
    sums = run.record.get(SUMS)
    if not isinstance(sums, dict) or not sums:
        return
    changed = changed_files(run.directory, sums)
    if changed:
        yield (
            f"WARNING: {len(changed)} of {len(sums)} files are damaged, missing or were changed since the run ended: "
            f"{', '.join(changed[:3])}{', …' if len(changed) > 3 else ''}. The same command makes them again."
        )
    else:
        yield f"All {len(sums)} maps, tables and archives are byte for byte as the run has written them."


def _own_marks(run: RunFolder) -> Any:
    """The marks of this run, as text: of both halves, of half 1, of half 2."""
    own = run.record.get("made_from")
    if not isinstance(own, list):
        return []
    marks = [mark for mark in map(parsed, own) if mark is not None]
    both = joined(marks)
    return [*map(str, marks), *([str(both)] if both else [])]


def _half_sets(run: RunFolder) -> Union[HalfSets, str, None]:
    """The half sets that the run has recorded, or why they cannot be told, or None."""
    if not os.path.exists(run.path(HALF_SETS_FILE)):
        return None
    try:
        return half_sets_beside(*half_maps_in(run.directory))
    except InputError as error:
        return f"WARNING: whether the half sets are apart is not known: {error}"


def _marked_files(directory: FilePath) -> Dict[str, MadeFrom]:
    """MadeFrom by name of every file below a folder that carries one, dict; runs of other folders inside have their own."""
    found = {}
    for place, below, names in os.walk(directory):
        below.sort()
        for name in sorted(names):
            path = os.path.join(place, name)
            mark = read_made_from(path) if name.endswith(_MARKED) and os.path.isfile(path) else None
            if mark is not None:
                found[os.path.relpath(path, directory)] = mark
            if len(found) >= _MOST_FILES:
                return found
    return found
