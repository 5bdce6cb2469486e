"""What became of the polymer, of each copy and of parts of residues in one modified map, and the words for it."""

from dataclasses import dataclass, replace

import numpy as np

from gmmrefine.validation.audit import (
    KEPT,
    LOST,
    UNJUDGED,
    WEAKENED,
    WEAKENED_Q,
    PolymerChange,
    judge,
    polymer_change,
    relative_to_polymer,
)
from gmmrefine.validation.component_class import NUCLEIC_BACKBONE, NUCLEOBASE, PROTEIN_BACKBONE, PROTEIN_SIDE_CHAIN
from gmmrefine.validation.lost_parts import lost_parts

_POLYMER = (PROTEIN_BACKBONE, PROTEIN_SIDE_CHAIN, NUCLEIC_BACKBONE, NUCLEOBASE)
_MOST_NAMES = 6  # atoms of a part that are named one by one
_NEARLY_ALL = 0.8  # of a residue's atoms


@dataclass(frozen=True)
class Verdict:
    """What became of everything in one map.

    Parameters
    ----------
    levels : pair of (A,) float
        Density in the reference and in this map, in units of the polymer's.
    polymer : PolymerChange
    is_judged : bool
        Whether the polymer is there to compare with.
    statuses : (M,) str
        Of the copies.
    parts : list of LostPart
        Of residues that are not lost as copies.
    """

    levels: tuple
    polymer: PolymerChange
    is_judged: bool
    statuses: np.ndarray
    parts: list


def verdict(atoms, classes, copies, reference, each, sigma):
    """Judge one map against the reference.

    Parameters
    ----------
    atoms : Atoms
    classes : (A,) str
    copies : Copies
    reference, each : ScoredMap
    sigma : float
        Å, of the Q-scores.

    Returns
    -------
    Verdict
    """
    scores, scored = (reference.values, each.values), ~np.isnan(reference.values + each.values)
    levels = tuple(relative_to_polymer(one.density, scored, classes) for one in (reference, each))
    polymer = polymer_change(reference.values, each.values, classes)
    if "orientation" in each.notes and polymer.before - polymer.after > WEAKENED_Q:
        polymer = replace(polymer, fell=True)
    if polymer.fell or "orientation" in each.notes:
        return Verdict(levels, polymer, False, np.full(len(copies), UNJUDGED, "U8"), [])
    statuses = judge(copies, scores, levels, classes, atoms.residue_index).astype("U8")
    finest = reference.quality.results["model_fsc"]["map"]["resolution"] or 0.0
    parts = lost_parts(atoms, classes, scores, levels, sigma, finest=finest)
    for part in parts:  # of a residue in a chain what is gone has a name, although it may be most of the atoms
        copy = copies.group[part.atoms[0]]
        if copy >= 0 and classes[copies.first_atom[copy]] in _POLYMER and len(part.atoms) < _NEARLY_ALL * part.of:
            statuses[copy] = WEAKENED
    gone = [copies.group[part.atoms[0]] for part in parts]
    parts = [part for part, copy in zip(parts, gone) if copy < 0 or statuses[copy] != LOST]
    for part in parts:
        copy = copies.group[part.atoms[0]]
        if copy >= 0 and statuses[copy] == KEPT:
            statuses[copy] = WEAKENED
    return Verdict(levels, polymer, True, statuses, parts)


def part_name(atoms, classes, part):
    """What a person calls a lost part: ``FE``, ``phosphate``, ``side chain``, some atoms; empty for all of a residue."""
    names, members = atoms.names[part.atoms].tolist(), part.atoms
    if len(names) >= _NEARLY_ALL * part.of:
        return ""
    same = np.flatnonzero(atoms.residue_index == atoms.residue_index[members[0]])
    kinds = set(classes[members].tolist())
    for kind, name in ((PROTEIN_SIDE_CHAIN, "side chain"), (NUCLEOBASE, "base")):
        rest = set(atoms.names[same[classes[same] == kind]].tolist()) - set(names)
        if kinds == {kind} and rest <= {"CB"}:
            return name
    elements = atoms.elements[members].tolist()
    if elements.count("P") == 1 and len(elements) > 1 and set(elements) <= {"P", "O", "S"}:
        return f"phosphate ({' '.join(names)})"
    return " ".join(names) if len(names) <= _MOST_NAMES else f"{len(names)} of {part.of} atoms ({names[0]} to {names[-1]})"


def part_lines(atoms, classes, parts):
    """Sentences on lost parts, list of str, as ``HEM D 201: FE lost``; residues of a chain that are lost in a row are one."""
    lines, rows = [], []
    for part in parts:
        first, name = part.atoms[0], part_name(atoms, classes, part)
        if not name and classes[first] in _POLYMER:
            follows = (
                rows
                and atoms.chains[rows[-1]] == atoms.chains[first]
                and (0 <= atoms.residue_numbers[first] - atoms.residue_numbers[rows[-1]] <= 1)
            )
            if not follows:
                lines += _row_line(atoms, rows)
                rows = []
            rows.append(first)
            continue
        lines += _row_line(atoms, rows)
        rows = []
        lines.append(f"{_residue(atoms, first)}: {name} lost" if name else f"{_residue(atoms, first)} lost")
    return lines + _row_line(atoms, rows)


def _row_line(atoms, rows):
    if len(rows) < 2:
        return [f"{_residue(atoms, first)} lost" for first in rows]
    return [f"{_residue(atoms, rows[0])} to {_residue(atoms, rows[-1])} lost ({len(rows)} residues)"]


def _residue(atoms, atom):
    return f"{atoms.residue_names[atom]} {atoms.chains[atom]} {atoms.residue_numbers[atom]}{atoms.insertion_codes[atom]}"


def masked_copies(atoms, copies, each):
    """Names of the copies all of whose atoms lie where a map is constant, list of str."""
    if not len(copies):
        return []
    flat = copies.means(each.flat.astype(float)) == 1
    return [atoms.residue_label(atom) for atom in copies.first_atom[flat]]
