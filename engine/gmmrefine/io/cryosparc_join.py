"""The fields of one set of particles, which cryoSPARC spreads over several files, joined by uid.

A job writes what it made into ``J42_004_particles.cs`` and what it only passed on, the locations or the CTF, into
``J42_passthrough_particles.cs`` beside it; a particle group (.csg) is a small YAML file that names the file of every slot of
fields.
"""

import re
from pathlib import Path
from typing import Iterator, Optional, Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.cryosparc_alignments import ONE_REFERENCE, has_classes
from gmmrefine.io.cryosparc_fields import KNOWN, NEEDED
from gmmrefine.io.cryosparc_file import read_rows, with_fields
from gmmrefine.io.cryosparc_group import is_group, read_group
from gmmrefine.regular_file import FilePath

_JOB = re.compile(r"(?:^|_)(J\d+)(?=_)")


def gathered_rows(path: FilePath, passthrough: Optional[FilePath] = None) -> Tuple[np.ndarray, Tuple[str, ...]]:
    """The rows of a particle file with the fields of the files that belong to it.

    Parameters
    ----------
    path : str or Path
        ``.cs`` or ``.csg`` file.
    passthrough : str or Path, optional
        A further ``.cs`` file. Without it the passthrough file of the same job is looked for beside a ``.cs`` file.

    Returns
    -------
    rows : structured array
    notes : tuple of str

    Raises
    ------
    InputError
        Unreadable files; particles that a further file lacks; files that cannot be told apart.
    """
    rows = _rows_of_group(path) if is_group(path) else read_rows(path)
    if passthrough:
        return _joined(rows, read_rows(passthrough), path, passthrough), ()
    if is_group(path) or not KNOWN - set(rows.dtype.names):
        return rows, ()
    return _with_neighbour(rows, Path(path))


def _rows_of_group(path: FilePath) -> np.ndarray:
    """Rows of the files that a particle group names, of each the slots for which it is named."""
    gathered = []
    for file, slots in read_group(path).items():
        found = read_rows(file)
        fields = [name for name in found.dtype.names if name == "uid" or name.partition("/")[0] in slots]
        lost = sorted(slots - {name.partition("/")[0] for name in fields})
        if lost:
            raise InputError(
                f"{path}: {file} has no field of {', '.join(lost)}, which the group names it for. Export the group again."
            )
        gathered.append((file, with_fields(found[fields], [])))
    (first, rows), *others = gathered
    for file, further in others:
        rows = _joined(rows, further, first, file)
    return rows


def _with_neighbour(rows: np.ndarray, path: Path) -> Tuple[np.ndarray, Tuple[str, ...]]:
    """The rows with further fields of the passthrough file beside them, when there is one that holds all of them."""
    wanted, needed = ({name for name in fields if _is_new(name, rows)} for fields in (KNOWN, NEEDED))
    joined, names, notes = [], [], []
    for neighbour in _passthrough_files(path):
        try:
            further = read_rows(neighbour)
        except InputError as error:
            if needed:
                raise
            notes.append(f"{error} Nothing was taken from it")
            continue
        if "uid" not in rows.dtype.names and needed & set(further.dtype.names):
            raise InputError(_no_uid(path, neighbour))
        both = "uid" in rows.dtype.names and "uid" in further.dtype.names
        if both and wanted & set(further.dtype.names) and np.isin(_uids(rows), _uids(further)).all():
            joined.append(_joined(rows, further, path, neighbour))
            names.append(neighbour.name)
    if any(not _equal(joined[0], one) for one in joined[1:]):
        raise InputError(
            f"{path}: {', '.join(names)} all hold these particles, with different fields. Say which: import --passthrough."
        )
    if not joined:
        return rows, tuple(notes)
    slots = sorted({name.partition("/")[0] for name in set(joined[0].dtype.names) & wanted})
    return joined[0], (*notes, f"{path}: fields of {', '.join(slots)} are taken from {names[0]} beside it")


def _passthrough_files(path: Path) -> Iterator[Path]:
    """Passthrough files beside a particle file, without those that bear the number of another job."""
    job = _JOB.search(path.name)
    for neighbour in sorted(path.parent.glob("*passthrough*.cs")):
        other = _JOB.search(neighbour.name)
        if neighbour.name != path.name and not (job and other and job[1] != other[1]):
            yield neighbour


def _joined(rows: np.ndarray, further: np.ndarray, path: FilePath, passthrough: FilePath) -> np.ndarray:
    """``rows`` with the fields that only ``further`` has, matched by uid."""
    for table, file, other in ((rows, path, passthrough), (further, passthrough, path)):
        if "uid" not in table.dtype.names:
            raise InputError(_no_uid(file, other))
    mine, theirs = _uids(rows), _uids(further)
    order = np.argsort(theirs, kind="stable")
    twice = np.flatnonzero(np.diff(theirs[order]) == 0)
    if len(twice):
        raise InputError(
            f"{passthrough}: uid {theirs[order][twice[0]]} stands there more than once, so that rows cannot be joined. "
            f"Give the file as the job wrote it."
        )
    position = order[np.minimum(np.searchsorted(theirs, mine, sorter=order), len(order) - 1)]
    lost = np.flatnonzero(theirs[position] != mine)
    if len(lost):
        raise InputError(
            f"{path}, row {lost[0] + 1}: uid {mine[lost[0]]} is not in {passthrough} ({len(lost)} of {len(rows)} are not). "
            f"Give the passthrough file of the same job."
        )
    new = [name for name in further.dtype.names if _is_new(name, rows)]
    rows = with_fields(rows, [(name, further.dtype[name]) for name in new])
    for name in new:
        rows[name] = further[name][position]
    return rows


def _is_new(name: str, rows: np.ndarray) -> bool:
    """Whether a field is to be taken from a further file: a job's own poses, also of classes, go before those passed on."""
    return name not in rows.dtype.names and not (name.startswith(ONE_REFERENCE) and has_classes(rows))


def _uids(rows: np.ndarray) -> np.ndarray:
    return rows["uid"].astype(np.uint64)


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return set(one.dtype.names) == set(other.dtype.names) and all(
        np.array_equal(one[name], other[name]) for name in one.dtype.names
    )


def _no_uid(file: FilePath, other: FilePath) -> str:
    return (
        f"{file}: field uid is missing, by which its rows are joined to those of {other}. Give the file as cryoSPARC wrote it."
    )
