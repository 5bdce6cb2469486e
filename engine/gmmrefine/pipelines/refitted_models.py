"""The atoms of one model found again in the models that were refined into other maps."""

from dataclasses import dataclass

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.atoms import read_atoms
from gmmrefine.pipelines.model_notes import some


@dataclass(frozen=True)
class RefittedModel:
    """Where the atoms of the audited model lie in another file.

    Parameters
    ----------
    path : str
    positions : (A, 3) float
        Å, in the order of the audited model.
    in_file_order : (A,) int
        For each atom of this file the number of the same atom in the audited model.
    """

    path: str
    positions: np.ndarray
    in_file_order: np.ndarray


def refitted_models(atoms, model, refitted, count):
    """One model for each of ``count`` maps: the refitted ones, or the audited model for all.

    Atoms are matched by chain, residue number, insertion code, residue and atom name, whatever the order; where these repeat,
    in the order of the file.

    Raises
    ------
    InputError
        Another number of models than of maps, or atoms that only one of two models has.
    """
    if not refitted:
        return [RefittedModel(model, atoms.positions, np.arange(len(atoms)))] * count
    if len(refitted) != count:
        raise InputError(f"--refitted names {len(refitted)} models for {count} maps; expected one per map, in their order.")
    return [_matched(path, atoms, model) for path in refitted]


def _matched(path, atoms, model):
    other = read_atoms(path)
    ours, theirs = _keys(atoms), _keys(other)
    missing, added = [key for key in ours if key not in theirs], [key for key in theirs if key not in ours]
    if missing or added:
        parts = [
            f"{len(keys)} atoms only in {where} ({some([_label(key) for key in keys], '')})"
            for keys, where in ((missing, model), (added, path))
            if keys
        ]
        raise InputError(
            f"{path} and {model} differ: {', '.join(parts)}; refitted models must have the same atoms, in any order. Refine a "
            "copy of the model without adding, removing or renaming any."
        )
    order = np.array([theirs[key] for key in ours])
    return RefittedModel(path, other.positions[order], np.argsort(order))


def _keys(atoms):
    """Dict of what names an atom, with the number of its repeat, to its place in the file."""
    repeats, keys = {}, {}
    columns = (atoms.chains, atoms.residue_numbers, atoms.insertion_codes, atoms.residue_names, atoms.names)
    for place, key in enumerate(zip(*(column.tolist() for column in columns))):
        repeats[key] = repeats.get(key, 0) + 1
        keys[key + (repeats[key],)] = place
    return keys


def _label(key):
    chain, number, insertion, residue, name, _ = key
    return f"{chain}/{residue} {number}{insertion} {name}"
