"""What each atom is part of: protein, nucleic acid, ligand, ion, water, lipid or glycan.

By what the residue is bonded into first (``io.residue_kinds``: a nucleotide in a chain is nucleic acid, a free one is a
ligand), then by residue name and chemistry.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence, Set

import gemmi
import numpy as np
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from gmmrefine.io.atoms import Atoms

PROTEIN_BACKBONE, PROTEIN_SIDE_CHAIN = "protein_backbone", "protein_side_chain"
NUCLEIC_BACKBONE, NUCLEOBASE = "nucleic_backbone", "nucleobase"
LIGAND, ION, WATER, LIPID, GLYCAN, UNKNOWN = "ligand", "ion", "water", "lipid", "glycan", "unknown"
CLASSES = (PROTEIN_BACKBONE, PROTEIN_SIDE_CHAIN, NUCLEIC_BACKBONE, NUCLEOBASE, LIGAND, ION, WATER, LIPID, GLYCAN, UNKNOWN)

_PROTEIN_BACKBONE_ATOMS = {"N", "CA", "C", "O", "OXT", "OT1", "OT2"}
# sugar atoms are primed; the others are of phosphates, in the names of today, of before 2007, and of triphosphates
_NUCLEIC_BACKBONE_ATOM = re.compile(r".*['*]|P[ABG]?|OP[123]|O[123]P|O[123][ABG]|S[12]P|CM2")
_SUGAR_ATOMS = {"C1'", "C3'", "C4'", "C1*", "C3*", "C4*"}
_PEPTIDE_ATOMS = {"N", "CA", "C"}

_CHAINS = ("protein", "nucleic", "other polymer")
_PLACEHOLDERS = {"UNK", "UNL", "UNX", "DUM", "N", "DN"}
_SMALL_IONS = set("NH4 NO2 NO3 PO3 PO4 PI 2HP SO3 SO4 CO3 BCT SCN AZI CYN VO4 WO4 ALF AF3 BEF MGF O OH".split())
_HALOGENS = {"F", "Cl", "Br", "I"}
# needed where a model holds only part of a lipid, and for lipids without an unbranched chain; others are known by their tail
_LIPIDS = set(
    "POV PC1 PCW PX4 6PL MC3 PTY PEE PEF PEV PEH 3PE LOP PGV LHG PGT PSF P5S 17F PIO PT5 44G CDL SQD LMG DGD S1P OLA OLB OLC "
    "PLM MYR STE EIC ACD DAO POPC POPE POPG POPS DOPC DPPC "
    "CLR Y01 ERG C3S HC3 CHOL CHL1 UQ1 UQ2 UQ8 U10 MQ7 PQN PL9 "  # sterols and quinones
    "LMT LMN AV0 9Z9 BOG BNG LDA C8E DMU".split()
)  # detergents, which take the place of lipids
_SHORTEST_TAIL = 7  # carbons in a row bonded to one or two carbons and nothing else; an octanoyl chain has seven
_CARBON_BOND = 1.75  # Å, longest between two carbons in a model of cryoEM
_HEAVY_BOND = 2.0  # Å, longest of carbon to nitrogen, oxygen, phosphorus or sulphur
_GLYCANS = set(
    "NAG NDG NGA A2G BMA MAN GAL GLA GLC BGC FUC FUL SIA SLB XYS XYP RAM IDS BDP GCU FRU KDO SUC LBT MAL TRE".split()
)


def component_classes(atoms: Atoms) -> np.ndarray:
    """The class of every atom; each has exactly one.

    Parameters
    ----------
    atoms : Atoms
        Non-hydrogen atoms.

    Returns
    -------
    (A,) str
        Each one of ``CLASSES``.
    """
    ends = [*(np.flatnonzero(np.diff(atoms.residue_index)) + 1).tolist(), len(atoms)]
    entities, names, classes, start, of_chains = atoms.entities.tolist(), atoms.names.tolist(), [], 0, {}
    for end in ends:
        alike = entities[start], tuple(names[start:end])
        if alike[0] not in _CHAINS:
            classes += [_class_of_molecule(atoms.subset(slice(start, end)))] * (end - start)
        else:
            if alike not in of_chains:  # of a million residues few differ
                of_chains[alike] = _classes_in_chain(*alike)
            classes += of_chains[alike]
        start = end
    return np.array(classes, dtype=f"U{max(map(len, CLASSES))}")


def is_modified(residue_names: np.ndarray) -> np.ndarray:
    """Which atoms belong to residues that, in a chain, are modified amino acids or nucleotides, (A,) bool, by name.

    Placeholders for unknown residues are not.

    Parameters
    ----------
    residue_names : (A,) str
    """
    names, number = np.unique(residue_names, return_inverse=True)
    return np.array(
        [name not in _PLACEHOLDERS and not gemmi.find_tabulated_residue(name).is_standard() for name in names.tolist()]
    )[number]


def unknown_residues(atoms: Atoms, classes: np.ndarray) -> List[str]:
    """Names of the residues that could not be placed, as ``chain/name number``, in file order.

    Parameters
    ----------
    atoms : Atoms
    classes : (A,) str
        Of ``component_classes``.
    """
    first = np.unique(atoms.residue_index[classes == UNKNOWN], return_index=True)[1]
    return [atoms.residue_label(number) for number in np.flatnonzero(classes == UNKNOWN)[first]]


def _classes_in_chain(entity: str, in_order: Sequence[str]) -> List[str]:
    """Class of each atom of a residue that is part of a chain, list of str, by the names of its atoms."""
    names = set(in_order)
    # caps of a chain and traces have neither an amino acid's atoms nor a nucleotide's; they follow their chain
    if names >= _PEPTIDE_ATOMS or (entity == "protein" and not names & _SUGAR_ATOMS):
        return [PROTEIN_BACKBONE if name in _PROTEIN_BACKBONE_ATOMS else PROTEIN_SIDE_CHAIN for name in in_order]
    if names & _SUGAR_ATOMS or entity == "nucleic":
        return [NUCLEIC_BACKBONE if _NUCLEIC_BACKBONE_ATOM.fullmatch(name) else NUCLEOBASE for name in in_order]
    return [UNKNOWN] * len(in_order)


def _class_of_molecule(residue: Atoms) -> str:
    """Class of a residue that is not part of a protein or nucleic acid chain."""
    name, only = residue.residue_names[0], residue.elements[0] if len(residue) == 1 else None
    if residue.entities[0] == "water":
        return WATER
    if residue.entities[0] == "saccharide":
        return GLYCAN
    if name in _PLACEHOLDERS or "X" in residue.elements:
        return UNKNOWN
    if name in _SMALL_IONS or (only and (gemmi.Element(only).is_metal or only in _HALOGENS)):
        return ION
    if name in _LIPIDS or _has_tail(residue):
        return LIPID
    is_sugar = gemmi.find_tabulated_residue(name).kind in (gemmi.ResidueKind.PYR, gemmi.ResidueKind.KET)
    if is_sugar or residue.entities[0] == "sugar" or name in _GLYCANS:
        return GLYCAN
    if only in ("C", "N", "O", "P", "S"):
        return UNKNOWN  # one atom of something larger
    return LIGAND


def _has_tail(residue: Atoms) -> bool:
    """Whether the residue has an unbranched hydrocarbon chain."""
    carbons = residue.elements == "C"
    if carbons.sum() < _SHORTEST_TAIL:
        return False
    positions = residue.positions[carbons]
    bonds = cKDTree(positions).query_pairs(_CARBON_BOND)
    bonded: Dict[int, Set[int]] = {number: set() for number in range(len(positions))}
    for first, second in bonds:
        bonded[first].add(second)
        bonded[second].add(first)
    others = residue.positions[~carbons]
    apart = cKDTree(others).query(positions)[0] > _HEAVY_BOND if len(others) else np.ones(len(positions), bool)
    chain = {number for number in bonded if apart[number] and 1 <= len(bonded[number]) <= 2}
    return max((_run_length(start, chain, bonded) for start in chain), default=0) >= _SHORTEST_TAIL


def _run_length(start: int, chain: Set[int], bonded: Mapping[int, Any]) -> int:
    """Number of chain members connected to ``start`` through chain members."""
    seen, waiting = {start}, [start]
    while waiting:
        following = bonded[waiting.pop()] & chain - seen
        seen |= following
        waiting += following
    return len(seen)
