"""3D poses of cryoSPARC's rows: of one reference, or of the classes of a heterogeneous refinement or a 3D classification.

A refinement writes ``alignments3D/pose`` (N, 3). Jobs with K classes keep a pose for each: ``alignments3D_multi/pose``
(N, K, 3), or one set of fields per class, ``alignments_class3D_0/pose``, ``alignments_class_0/pose``, …
"""

import re
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.cryosparc_fields import finite, given_shape

MOST_PROBABLE = None
_ONE, _MULTI = "alignments3D", "alignments3D_multi"
ONE_REFERENCE = f"{_ONE}/"
_CLASS = re.compile(r"(alignments(?!2D)\w*)_(\d+)/pose")


@dataclass(frozen=True, eq=False)
class Alignments:
    """Poses of N particles, in cryoSPARC's conventions.

    Parameters
    ----------
    pose : (N, 3) float
        Rotation vectors particle → reference.
    shift : (N, 2) float
        Å, as rlnOrigin.
    split : (N,) int or None
        Half set from 0.
    classes : (N,) int or None
        Class from 0.
    note : str
        Which class was taken, where there was a choice.
    """

    pose: np.ndarray
    shift: np.ndarray
    split: Optional[np.ndarray] = None
    classes: Optional[np.ndarray] = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Poses of every class: names of its fields, numbers (K,), pose (N, K, 3), shift (N, K, 2), psize (N, K) and, where known,
    posterior (N, K) and split (N, K)."""

    name: str
    numbers: np.ndarray
    pose: np.ndarray
    shift: np.ndarray
    psize: np.ndarray
    posterior: Optional[np.ndarray]
    split: Optional[np.ndarray]


def has_classes(rows: np.ndarray) -> bool:
    """Whether rows have poses of classes."""
    return f"{_MULTI}/pose" in rows.dtype.names or any(map(_CLASS.fullmatch, rows.dtype.names))


def alignments_of(rows: np.ndarray, source: str, wanted: Optional[int] = MOST_PROBABLE) -> Alignments:
    """The one pose of every particle.

    Parameters
    ----------
    rows : (N,) structured array
    source : str
    wanted : int
        Class from 0 whose poses are taken; by default those of the one reference, else of each particle's most probable class.

    Returns
    -------
    Alignments

    Raises
    ------
    InputError
        No 3D poses, values that are none, or a class that is not there or cannot be told.
    """
    if wanted is MOST_PROBABLE and f"{_ONE}/pose" in rows.dtype.names:
        one = _named(rows, source, [_ONE], [0])
        classes = rows[f"{_ONE}/class"].astype(int) if f"{_ONE}/class" in rows.dtype.names else None
        return _chosen(one, np.zeros(len(rows), int), classes, "")
    candidates = _classes(rows, source)
    if candidates is None:
        raise InputError(_no_poses(rows, source, wanted))
    index, note = _choice(candidates, source, wanted)
    best = index if candidates.posterior is None else candidates.posterior.argmax(axis=1)
    return _chosen(candidates, index, candidates.numbers[best], note)


def _classes(rows: np.ndarray, source: str) -> Optional[_Candidates]:
    """The poses of all classes; of the first kind in the file, which is the newest, where it holds several."""
    if f"{_MULTI}/pose" in rows.dtype.names:
        return _multi(rows, source)
    stems: Dict[str, List[Tuple[int, str]]] = {}
    for match in filter(None, map(_CLASS.fullmatch, rows.dtype.names)):
        stems.setdefault(match[1], []).append((int(match[2]), match[0][: -len("/pose")]))
    if not stems:
        return None
    numbers, prefixes = zip(*sorted(next(iter(stems.values()))))
    return _named(rows, source, prefixes, numbers)


def _named(rows: np.ndarray, source: str, prefixes: Sequence[str], numbers: Sequence[int]) -> _Candidates:
    """Classes of which each has its own fields."""
    for name in (f"{prefix}/{field}" for prefix in prefixes for field in ("pose", "shift", "psize_A")):
        if name not in rows.dtype.names:
            raise InputError(f"{source}: field {name} is missing. Write the file again from cryoSPARC.")

    def stacked(field: str, shape: Tuple[int, ...] = ()) -> np.ndarray:
        names = [f"{prefix}/{field}" for prefix in prefixes]
        return np.stack([given_shape(finite(rows, name, source), name, shape, source) for name in names], 1)

    def stacked_if_known(field: str) -> Optional[np.ndarray]:
        return stacked(field) if all(f"{prefix}/{field}" in rows.dtype.names for prefix in prefixes) else None

    name = prefixes[0] if len(prefixes) == 1 else f"{prefixes[0]} to {numbers[-1]}"
    return _Candidates(
        name,
        np.array(numbers),
        stacked("pose", (3,)),
        stacked("shift", (2,)),
        _psize(rows, stacked("psize_A"), source),
        stacked_if_known("class_posterior"),
        stacked_if_known("split"),
    )


def _multi(rows: np.ndarray, source: str) -> _Candidates:
    """Classes of which all share fields with an axis for the class."""
    names = {field: f"{_MULTI}/{field}" for field in ("pose", "shift", "psize_A", "class_posterior", "split")}
    for name in list(names.values())[:3]:
        if name not in rows.dtype.names:
            raise InputError(f"{source}: field {name} is missing. Write the file again from cryoSPARC.")
    found = {field: finite(rows, name, source) for field, name in names.items() if name in rows.dtype.names}
    count = found["pose"].shape[1] if found["pose"].ndim == 3 else 1
    for field, shape in (("pose", (count, 3)), ("shift", (count, 2))):
        given_shape(found[field], names[field], shape, source)
    for field in ("psize_A", "class_posterior", "split"):
        if field in found:
            values = found[field].reshape(len(rows), -1)
            values = np.repeat(values, count, axis=1) if values.shape[1] == 1 else values
            found[field] = given_shape(values, names[field], (count,), source)
    posterior = found.get("class_posterior")
    return _Candidates(
        _MULTI,
        np.arange(count),
        found["pose"],
        found["shift"],
        _psize(rows, found["psize_A"], source),
        posterior,
        found.get("split"),
    )


def _psize(rows: np.ndarray, values: np.ndarray, source: str) -> np.ndarray:
    """Pixel size (N, K) of shifts: that of the image where cryoSPARC left it 0, as new fields are."""
    wrong = np.flatnonzero((values < 0).any(axis=1))
    if len(wrong):
        raise InputError(
            f"{source}, row {wrong[0] + 1}: psize_A of the alignments is {values[wrong[0]].min():g} Å; expected more than 0, "
            f"or 0 for that of the image. Correct the field."
        )
    if "blob/psize_A" not in rows.dtype.names:
        return values
    return np.where(values > 0, values, rows["blob/psize_A"].astype(float)[:, None])


def _choice(candidates: _Candidates, source: str, wanted: Optional[int]) -> Tuple[np.ndarray, str]:
    """Index (N,) of the class whose pose is taken, and a note on it."""
    names = ", ".join(map(str, candidates.numbers[:20])) + (", …" if len(candidates.numbers) > 20 else "")
    if wanted is not MOST_PROBABLE:
        if wanted not in candidates.numbers:
            raise InputError(
                f"{source}: there is no class {wanted} in {candidates.name}; expected one of {names}. Correct "
                f"--alignment-class."
            )
        index = np.full(len(candidates.pose), np.flatnonzero(candidates.numbers == wanted)[0])
        return index, f"{source}: poses are those of class {wanted} in {candidates.name}"
    if len(candidates.numbers) == 1:
        return np.zeros(len(candidates.pose), int), f"{source}: poses are those of {candidates.name}, the one class there is"
    if candidates.posterior is None:
        raise InputError(
            f"{source}: poses of {len(candidates.numbers)} classes ({candidates.name}), but no class_posterior that tells the "
            f"most probable. Choose one of {names}: import --alignment-class."
        )
    unknown = np.flatnonzero(candidates.posterior.max(axis=1) <= 0)
    if len(unknown):
        raise InputError(
            f"{source}, row {unknown[0] + 1}: {candidates.name}: class_posterior is 0 for every class ({len(unknown)} of "
            f"{len(candidates.pose)} rows). Choose one (import --alignment-class), or remove these particles."
        )
    index = candidates.posterior.argmax(axis=1)
    counts = np.bincount(index, minlength=len(candidates.numbers))
    taken = ", ".join(f"{number}: {count}" for number, count in zip(candidates.numbers, counts) if count)
    return index, (
        f"{source}: poses are those of each particle's most probable class in {candidates.name} (class: particles "
        f"{taken}); import --alignment-class takes one class for all"
    )


def _chosen(candidates: _Candidates, index: np.ndarray, classes: Optional[np.ndarray], note: str) -> Alignments:
    every = np.arange(len(index))
    split = None if candidates.split is None else candidates.split[every, index].astype(int)
    shift = candidates.shift[every, index] * candidates.psize[every, index][:, None]
    return Alignments(candidates.pose[every, index], shift, split, classes, note)


def _no_poses(rows: np.ndarray, source: str, wanted: Optional[int]) -> str:
    if f"{_ONE}/pose" in rows.dtype.names:
        return f"{source}: no poses of classes, only {_ONE}/pose of one reference. Leave --alignment-class {wanted} out."
    found = "2D alignments only" if any(name.startswith("alignments2D/") for name in rows.dtype.names) else "no alignments"
    passthrough = " (its passthrough file does not hold the poses)" if "passthrough" in str(source) else ""
    return f"{source}: {found}; expected {_ONE}/pose. Take the particles of a 3D refinement{passthrough}."
