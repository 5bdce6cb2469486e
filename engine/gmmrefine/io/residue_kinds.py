"""What each residue is part of, decided by what it is bonded to.

A file's entities, its order and its HETATM records say where a residue was put; a peptide bond or a phosphodiester says what
it is. A residue is part of a chain when it is bonded into it by the file's own links or by distance, or, where atoms are
missing or badly placed, when its neighbours in sequence are near enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

import gemmi
import numpy as np
from scipy.spatial import cKDTree

from gmmrefine.io.elements import HYDROGENS, WATERS

PROTEIN, NUCLEIC, SACCHARIDE, OTHER_POLYMER = "protein", "nucleic", "saccharide", "other polymer"
NON_POLYMER, WATER, SUGAR, UNKNOWN = "non-polymer", "water", "sugar", "unknown"
_POLYMERS = {
    gemmi.PolymerType.PeptideL: PROTEIN,
    gemmi.PolymerType.PeptideD: PROTEIN,
    gemmi.PolymerType.CyclicPseudoPeptide: PROTEIN,
    gemmi.PolymerType.Dna: NUCLEIC,
    gemmi.PolymerType.Rna: NUCLEIC,
    gemmi.PolymerType.DnaRnaHybrid: NUCLEIC,
    gemmi.PolymerType.SaccharideD: SACCHARIDE,
    gemmi.PolymerType.SaccharideL: SACCHARIDE,
}
_ENTITIES = {gemmi.EntityType.Branched: SACCHARIDE, gemmi.EntityType.Water: WATER, gemmi.EntityType.NonPolymer: NON_POLYMER}
_CHAINS = (PROTEIN, NUCLEIC, OTHER_POLYMER)
_CAPS = {"ACE", "FOR", "NH2", "NME", "NMA", "NHE", "CH3"}
_BACKBONE_BONDS = ((PROTEIN, ("C",), ("N",), 2.0), (NUCLEIC, ("O3'", "O3*"), ("P",), 2.2))  # Å, generous
_BOND = 2.0  # Å, longest between light atoms of two residues
_REACH = {PROTEIN: 4.3, NUCLEIC: 8.0}  # Å from one Cα or P to the next
_CLOSEST_TRACE = 2.7  # Å between the Cα of a cis peptide, with room
_LONGEST_GAP = 20  # residues from the end of a chain to one that stands alone after it


@dataclass
class _Member:
    """One residue of the first model with the atoms that count."""

    chain: str
    residue: gemmi.Residue
    places: dict  # atom name → gemmi.Position
    kind: str
    form: str  # of which polymer it could be a part: protein, nucleic or none
    has_sequence: bool
    is_linked: bool = False

    @property
    def label(self) -> str:
        return f"{self.chain}/{self.residue.name} {self.residue.seqid}"

    @property
    def anchor(self) -> gemmi.Position:
        """The place that stands for the residue in a trace."""
        names = ("CA",) if self.form == PROTEIN else ("P", "C1'", "C1*")
        return next((self.places[name] for name in names if name in self.places), next(iter(self.places.values())))


def residue_kinds(
    structure: gemmi.Structure,
    chosen: Sequence[Tuple[gemmi.Chain, int, gemmi.Residue, gemmi.Atom]],
    component_types: Mapping[str, str],
) -> Tuple[Dict[int, str], Dict[str, List[str]]]:
    """What each residue of the first model is part of.

    Parameters
    ----------
    structure : gemmi.Structure
        With entities.
    chosen : list
        Of ``atoms.chosen_atoms``.
    component_types : dict of str to str
        The file's own ``_chem_comp.type``, lower case; empty where it has none.

    Returns
    -------
    tuple
        dict of residue number to kind; dict of ``freed``, ``joined``, ``waters`` to labels of residues the file has elsewhere.
    """
    members = _members(structure, chosen, component_types)
    _link(members, structure.connections)
    kinds: Dict[int, str] = {}
    changes: Dict[str, List[str]] = {"freed": [], "joined": [], "waters": []}
    for chain in _by_chain(members):
        for place, (number, member) in enumerate(chain):
            kinds[number] = _kind(chain, place, component_types)
            kind, before = kinds[number], member.kind
            if before in _CHAINS and kind not in (*_CHAINS, WATER):
                changes["freed"].append(member.label)
            elif before not in _CHAINS and kind in _CHAINS:
                changes["joined"].append(member.label)
            elif kind == WATER != before and member.residue.name.upper() not in WATERS:
                changes["waters"].append(member.label)
    return kinds, changes


def _by_chain(members: Mapping[int, _Member]) -> List[List[Tuple[int, _Member]]]:
    """Lists of (residue number, _Member) of one chain each, in file order."""
    chains: Dict[str, List[Tuple[int, _Member]]] = {}
    for number, member in members.items():
        chains.setdefault(member.chain, []).append((number, member))
    return list(chains.values())


def _entity_kinds(structure: gemmi.Structure) -> Dict[str, Tuple[str, bool]]:
    """Kind of each subchain and whether its sequence is known, by the file's entities or gemmi's guess."""
    kinds = {}
    for subchain in structure[0].subchains():
        kind, entity, has_sequence = subchain[0].entity_type, structure.get_entity_of(subchain), False
        if kind == gemmi.EntityType.Polymer:
            polymer = entity.polymer_type if entity else gemmi.PolymerType.Unknown
            has_sequence = bool(entity) and len(entity.full_sequence) > 1
            if polymer == gemmi.PolymerType.Unknown:
                polymer = subchain.check_polymer_type()
            found = _POLYMERS.get(polymer, OTHER_POLYMER)
        else:
            found = _ENTITIES.get(kind, UNKNOWN)
        kinds[subchain.subchain_id()] = found, has_sequence
    return kinds


def _members(
    structure: gemmi.Structure,
    chosen: Sequence[Tuple[gemmi.Chain, int, gemmi.Residue, gemmi.Atom]],
    component_types: Mapping[str, str],
) -> Dict[int, _Member]:
    """The residues with atoms, dict of residue number to _Member in file order."""
    kinds, members = _entity_kinds(structure), {}
    for chain, number, residue, atom in chosen:
        if number not in members:
            kind, has_sequence = kinds[residue.subchain]
            members[number] = _Member(chain.name, residue, {}, kind, "", has_sequence)
        members[number].places.setdefault(atom.name, atom.pos)
    for member in members.values():
        member.form = _form(member, component_types.get(member.residue.name, ""))
    return members


def _form(member: _Member, component_type: str) -> str:
    info, names = gemmi.find_tabulated_residue(member.residue.name), member.places.keys()
    if info.is_amino_acid() or "peptide" in component_type or names >= {"N", "CA", "C"}:
        return PROTEIN
    if info.is_nucleic_acid() or component_type.startswith(("rna", "dna")):
        return NUCLEIC
    if names >= {"C1'", "C3'"} or names >= {"C1*", "C3*"}:
        return NUCLEIC
    is_trace = len(names) == 1 and member.kind in _CHAINS
    return {"CA": PROTEIN, "P": NUCLEIC}.get(next(iter(names)), "") if is_trace else ""


def _link(members: Mapping[int, _Member], connections: gemmi.ConnectionList) -> None:
    """Mark the residues that are bonded into a chain: by distance, by the file's links, and as neighbours of a trace."""
    for _, firsts, seconds, longest in _BACKBONE_BONDS:
        _link_by_distance(list(members.values()), firsts, seconds, longest)
    _link_by_file(list(members.values()), connections)
    for chain in _by_chain(members):
        for form in _REACH:
            one_form = [member for _, member in chain if member.form == form]
            for before, after in zip(one_form, one_form[1:]):
                if _are_neighbours(before, after):
                    before.is_linked = after.is_linked = True


def _link_by_distance(members: Sequence[_Member], firsts: Tuple[str, ...], seconds: Tuple[str, ...], longest: float) -> None:
    starts = [(place, member) for member in members for name, place in member.places.items() if name in firsts]
    ends = [(place, member) for member in members for name, place in member.places.items() if name in seconds]
    if not starts or not ends:
        return
    tree = cKDTree(np.array([place.tolist() for place, _ in ends]))
    distances, nearest = tree.query(np.array([place.tolist() for place, _ in starts]), distance_upper_bound=longest)
    for (_, member), distance, index in zip(starts, distances, nearest):
        if distance <= longest and ends[index][1] is not member:
            member.is_linked = ends[index][1].is_linked = True


def _link_by_file(members: Sequence[_Member], connections: gemmi.ConnectionList) -> None:
    """The covalent links of ``_struct_conn`` and LINK between backbone atoms, however long."""
    found = {}
    if len(connections):
        found = {(member.chain, str(member.residue.seqid), member.residue.name): member for member in members}
    for link in connections:
        names = {link.partner1.atom_name, link.partner2.atom_name}
        is_backbone = any(names & set(firsts) and names & set(seconds) for _, firsts, seconds, _ in _BACKBONE_BONDS)
        if link.type == gemmi.ConnectionType.Covale and is_backbone:
            first, second = (
                found.get((end.chain_name, str(end.res_id.seqid), end.res_id.name)) for end in (link.partner1, link.partner2)
            )
            if first is not None and second is not None:
                first.is_linked = second.is_linked = True


def _apart(before: _Member, after: _Member) -> int:
    """Number of residues from one to the other by sequence, at least 1."""
    first, second = before.residue, after.residue
    if before.has_sequence and after.has_sequence and first.label_seq is not None and second.label_seq is not None:
        return max(1, abs(second.label_seq - first.label_seq))
    if first.seqid.num is None or second.seqid.num is None:
        return 1
    return max(1, abs(second.seqid.num - first.seqid.num))


def _is_within_reach(before: _Member, after: _Member) -> bool:
    return before.anchor.dist(after.anchor) <= _REACH[before.form] * _apart(before, after)


def _are_neighbours(before: _Member, after: _Member) -> bool:
    """Whether two residues follow each other in sequence and in space, though no bond is seen: traces, poor geometry."""
    if _apart(before, after) != 1 or not _is_within_reach(before, after):
        return False
    if before.kind in _CHAINS and after.kind in _CHAINS:
        return True
    is_trace = all(len(member.places) == 1 and "CA" in member.places for member in (before, after))
    return is_trace and before.anchor.dist(after.anchor) >= _CLOSEST_TRACE


def _kind(chain: Sequence[Tuple[int, _Member]], place: int, component_types: Mapping[str, str]) -> str:
    member = chain[place][1]
    if _is_water(member):
        return WATER
    if member.is_linked and (member.form or member.residue.name in _CAPS):
        return member.form or (member.kind if member.kind in _CHAINS else PROTEIN)
    if member.kind not in _CHAINS:
        is_sugar = member.kind == NON_POLYMER and "saccharide" in component_types.get(member.residue.name, "")
        return SUGAR if is_sugar else member.kind
    if member.form:
        return (member.kind if member.kind != OTHER_POLYMER else member.form) if _stands_in_gap(chain, place) else NON_POLYMER
    if member.residue.name in _CAPS or member.is_linked or _is_bonded_to_next(chain, place):
        return member.kind
    return NON_POLYMER


def _is_water(member: _Member) -> bool:
    heavy = set(member.places)
    if not all(name.upper().startswith("O") for name in heavy):
        return False
    hydrogens = sum(atom.element.name in HYDROGENS for atom in member.residue)
    return member.kind == WATER or member.residue.name.upper() in WATERS or (len(heavy) == 1 and hydrogens == 2)


def _stands_in_gap(chain: Sequence[Tuple[int, _Member]], place: int) -> bool:
    """Whether a residue without a bond can be part of its chain: its neighbours in sequence are near enough."""
    member = chain[place][1]
    is_without_ends = member.form == PROTEIN and not member.places.keys() >= {"N", "C"}
    if len(member.places) == 1 or is_without_ends:  # of a trace, or too little of it to show that it is not bonded
        return True
    before = _next_in_chain(chain, range(place - 1, -1, -1), member)
    after = _next_in_chain(chain, range(place + 1, len(chain)), member)
    others = [other for other in (before, after) if other]
    if not others:
        return member.has_sequence and sum(other.kind in _CHAINS for _, other in chain) == 1
    if not all(_is_within_reach(member, other) for other in others):
        return False
    if member.has_sequence or len(others) == 2:
        return True
    return member.residue.het_flag != "H" and (not before or _apart(member, before) <= _LONGEST_GAP)


def _next_in_chain(chain: Sequence[Tuple[int, _Member]], places: Iterable[int], member: _Member) -> Optional[_Member]:
    """The next residue that is bonded into the chain, or any of a known sequence; None for none."""
    return next(
        (
            chain[place][1]
            for place in places
            if chain[place][1].form == member.form
            and chain[place][1].kind in _CHAINS
            and (chain[place][1].is_linked or member.has_sequence)
        ),
        None,
    )


def _is_bonded_to_next(chain: Sequence[Tuple[int, _Member]], place: int) -> bool:
    """Whether any atom is bonded to the backbone of the residue before or after, or in other polymers to any of its atoms."""
    member = chain[place][1]
    for other in (place - 1, place + 1):
        if 0 <= other < len(chain) and chain[other][1].kind in _CHAINS:
            places = chain[other][1].places
            ends = (
                list(places.values())
                if member.kind == OTHER_POLYMER
                else [places[name] for name in ("N", "C", "P", "O3'") if name in places]
            )
            if any(one.dist(two) <= _BOND for one in member.places.values() for two in ends):
                return True
    return False
