"""What became of the polymer, of each copy and of parts of residues in one modified map, and the words for it."""
from dataclasses import dataclass

import numpy as np

from gmmrefine.pipelines.map_quality import map_lines
from gmmrefine.pipelines.model_notes import some
from gmmrefine.validation.audit import (
    KEPT,
    LOST,
    UNJUDGED,
    WEAKENED,
    PolymerChange,
    judge,
    polymer_change,
    relative_to_polymer,
)
from gmmrefine.validation.component_class import NUCLEIC_BACKBONE, NUCLEOBASE, PROTEIN_BACKBONE, PROTEIN_SIDE_CHAIN
from gmmrefine.validation.lost_parts import lost_parts
from gmmrefine.validation.map_character import is_noise_raised

NOT_JUDGED = "copies are not judged"
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
    scored = ~np.isnan(reference.values + each.values)
    levels = tuple(relative_to_polymer(one.density, scored, classes) for one in (reference, each))
    polymer = polymer_change(reference.values, each.values, classes)
    if polymer.fell or "orientation" in each.notes:
        return Verdict(levels, polymer, False, np.full(len(copies), UNJUDGED, "U8"), [])
    statuses = judge(copies, reference.values, each.values, *levels, classes, atoms.residue_index).astype("U8")
    parts = lost_parts(atoms, classes, (reference.values, each.values), levels, sigma)
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
            follows = rows and atoms.chains[rows[-1]] == atoms.chains[first] and (
                0 <= atoms.residue_numbers[first] - atoms.residue_numbers[rows[-1]] <= 1)
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
    return (f"{atoms.residue_names[atom]} {atoms.chains[atom]} "
            f"{atoms.residue_numbers[atom]}{atoms.insertion_codes[atom]}")


def verdict_lines(name, reference, found, quality, quality_of_reference):
    """What must be known of a modified map before its copies, list of str; that the polymer fell is the first.

    Parameters
    ----------
    name, reference : str
        Of the maps.
    found : dict
        ``polymer_q_reference``, ``polymer_q``, ``polymer_fell``, ``is_judged``, and ``orientation`` where there is one.
    quality, quality_of_reference : dict
        ``MapQuality.results``.
    """
    lines, noisy = [], is_noise_raised(quality["noise_rise"], quality_of_reference["noise_rise"])
    change = f"mean Q {found['polymer_q_reference']:.3f} → {found['polymer_q']:.3f}"
    where = found.get("orientation")
    if found["polymer_fell"]:
        cause = "" if where or noisy else (
            "; no other orientation explains it: another conformation, a much coarser filter, or another grey scale "
            "(values cut or bent)")
        lines.append(f"the polymer itself fell: {change}{cause}; {NOT_JUDGED}")
    if where:
        lines.append(
            f"{where['words']} against {reference} (correlation {where['correlation']:.2f} so, {where['in_place']:.2f} as "
            f"it is); resampling it onto {reference} in that orientation would cure it" + (
                "" if found["polymer_fell"] else f"; the polymer: {change}; {NOT_JUDGED}"))
    return lines + map_lines(quality, quality_of_reference["noise_rise"])


def copies_line(counts, lost, parts, is_judged=True):
    """One sentence on the copies of a map and its lost parts."""
    if not is_judged:
        return f"{sum(counts.values())} {NOT_JUDGED}" if sum(counts.values()) else NOT_JUDGED
    said = ", ".join(f"{count} {status}" for status, count in counts.items() if count) or "no copies to judge"
    return said + (f"; lost: {', '.join(lost)}" if lost else "") + (
        f"; parts lost: {some(parts, '')}" if parts else "")


def masked_copies(atoms, copies, each):
    """Names of the copies all of whose atoms lie where a map is constant, list of str."""
    if not len(copies):
        return []
    flat = copies.means(each.flat.astype(float)) == 1
    return [atoms.residue_label(atom) for atom in copies.first_atom[flat]]
