"""Which row of an older cryoSPARC file each particle of a set came from.

The uid tells it where the set has kept it. Else the image does, by its number and whole path; as projects name their files
alike, the particle's place on the micrograph must agree too, or its defocus where one of the tables knows no places.
"""

import os
from typing import Collection, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.cryosparc_fields import UID_LABEL, kept_uids, paths
from gmmrefine.io.stacks import find_stack, plain_path
from gmmrefine.io.star import StarBlock
from gmmrefine.particles.particle_set import ParticleSet

_SAME_DEFOCUS = 1.0  # Å
_SAME_PLACE = 1.0  # px; Scipion keeps whole numbers
_ADVICE = "Give the .cs file these particles came from."


def rows_in_template(particles: ParticleSet, rows: np.ndarray, template: str) -> np.ndarray:
    """Row (N,) of the template for every particle.

    Parameters
    ----------
    particles : ParticleSet
        With a table.
    rows : structured array
        Of the template.
    template : str

    Raises
    ------
    InputError
        A particle is not there, or more than once, or is another one by its defocus and place.
    """
    block = particles.table.particles.subset(particles.row)
    uids = kept_uids(block) if UID_LABEL in block and "uid" in rows.dtype.names else None
    if uids is not None and np.isin(uids, rows["uid"].astype(np.uint64)).any():
        return _rows_by_uid(uids, rows["uid"].astype(np.uint64), template)
    found, names = _rows_by_image(particles, block, rows, template)
    _require_witness(particles, block, rows[found], names, template)
    return found


def _rows_by_uid(uids: np.ndarray, known: np.ndarray, template: str) -> np.ndarray:
    order = np.argsort(known, kind="stable")
    first = np.searchsorted(known, uids, side="left", sorter=order)
    last = np.searchsorted(known, uids, side="right", sorter=order)
    wrong = np.flatnonzero(last - first != 1)
    if len(wrong):
        raise InputError(
            f"{template}: uid {uids[wrong[0]]} is there {last[wrong[0]] - first[wrong[0]]} times, expected once "
            f"({len(wrong)} of {len(uids)} particles are wrong). {_ADVICE}"
        )
    return order[first]


def _rows_by_image(particles: ParticleSet, block: StarBlock, rows: np.ndarray, template: str) -> Tuple[np.ndarray, List[str]]:
    """Row (N,) by image number and path, and the images' names."""
    written = paths(rows, "blob/path")
    known: Dict[Tuple[int, str], List[int]] = {}
    for row, key in enumerate(zip(rows["blob/idx"].tolist(), written)):
        known.setdefault(key, []).append(row)
    by_file_name: Dict[str, List[str]] = {}
    for path in set(written):
        by_file_name.setdefault(os.path.basename(path), []).append(path)
    names = block.strings("rlnImageName")
    same, matches = {}, []
    for name, stack, index in zip(names, particles.stack_index.tolist(), particles.slice_index.tolist()):
        key = (plain_path(name.partition("@")[2]), particles.stacks[stack])
        if key not in same:
            same[key] = _same_paths({*key, os.path.realpath(key[1])}, by_file_name, template)
        matches.append([row for path in same[key] for row in known.get((index, path), [])])
    lost = [position for position, found in enumerate(matches) if len(found) != 1]
    if lost:
        raise InputError(
            f"{template}: image {names[lost[0]]} is there {len(matches[lost[0]])} times, expected once ({len(lost)} of "
            f"{len(names)} particles are wrong). {_ADVICE}"
        )
    return np.array([found[0] for found in matches], int), names


def _same_paths(forms: Collection[str], by_file_name: Mapping[str, List[str]], template: str) -> List[str]:
    """The paths of the template that are the file of which ``forms`` are paths: as written, in full, and behind links.

    Paths are the same where one ends in the whole of the other, or where both lead to one file.
    """
    candidates = [path for name in sorted({os.path.basename(form) for form in forms}) for path in by_file_name.get(name, [])]
    equal = [path for path in candidates if path in forms]
    if equal:
        return equal
    return [
        path
        for path in candidates
        if any(_ends_in(form, path) or _ends_in(path, form) for form in forms)
        or os.path.realpath(find_stack(path, template)) in forms
    ]


def _ends_in(path: str, end: str) -> bool:
    return not os.path.isabs(end) and os.path.normpath(path).endswith(os.sep + os.path.normpath(end))


def _require_witness(particles: ParticleSet, block: StarBlock, rows: np.ndarray, names: Sequence[str], template: str) -> None:
    """Refuse rows (N,) that are of another place on the micrograph, or another defocus where places are not known."""
    fields = rows.dtype.names
    if "rlnCoordinateX" in block and "location/center_x_frac" in fields and "location/micrograph_shape" in fields:
        what, unit, tolerance = "x on the micrograph", "px", _SAME_PLACE
        ours = block.numbers("rlnCoordinateX")
        theirs = rows["location/center_x_frac"] * rows["location/micrograph_shape"][:, 1].astype(float)
    elif "ctf/df1_A" in fields:
        what, unit, tolerance = "defocus", "Å", _SAME_DEFOCUS
        ours, theirs = particles.ctf.defocus_u, rows["ctf/df1_A"].astype(float)
    else:
        raise InputError(
            f"{template} tells neither places nor defoci that its particles share with these, and a match by path alone would "
            f"be a guess. Give a .cs file with ctf/df1_A."
        )
    wrong = np.flatnonzero(~(np.abs(ours - theirs) <= tolerance))
    if len(wrong):
        raise InputError(
            f"{template}: image {names[wrong[0]]} is of another particle: {what} {theirs[wrong[0]]:.0f} {unit} there, "
            f"{ours[wrong[0]]:.0f} here ({len(wrong)} of {len(rows)} particles differ). {_ADVICE}"
        )
