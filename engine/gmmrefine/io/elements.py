"""Elements of atoms whose file names none, or names one that the residue cannot have.

By the atom's name and by distance: nothing but a hydrogen lies within 1.2 Å of another atom, and no chlorine, bromine,
selenium or metal within 1.65 Å, so that CA of alanine and CA of a calcium, CL1 of a drug and CL of a carbon are told apart
however the name stands in its columns.
"""

from functools import lru_cache
from typing import Dict, Iterable, List, Optional, Set, Tuple

import gemmi
import numpy as np

HYDROGENS = ("H", "D")
WATERS = set(
    "HOH DOD WAT H2O D2O TIP TIP2 TIP3 TIP4 TIP5 TP3 TP4 TP5 T3P T4P T5P TIP3P TIP4P SPC SPCE SOL OH2 OHH HHO MTO OPC".split()
)
_VIRTUAL_SITES = {"M", "MW", "EP", "EPW", "LP", "LP1", "LP2", "OM"}  # charges of water models; nothing scatters there
_PLACEHOLDERS = {"UNX", "UNL", "DUM"}
_IONS_OF_CHARMM = {
    "SOD": "Na",
    "POT": "K",
    "CLA": "Cl",
    "CAL": "Ca",
    "CES": "Cs",
    "RUB": "Rb",
    "LIT": "Li",
    "BAR": "Ba",
    "CAD": "Cd",
    "IOD": "I",
}
_LONGEST_SHORT_BOND = 1.65  # Å, between carbon, nitrogen, oxygen and phosphorus; C–Cl is 1.74, metals are farther
_HEAVIEST = 92
_STANDARD = "CNOSP"
_IN_MONOMERS = {"CL", "BR", "SE", "SI", "AS", "HG"}  # two letters that occur in modified residues


def mend_elements(structure: gemmi.Structure, unstated: Set[Tuple[str, str]]) -> Dict[str, List[str]]:
    """Give every atom of the first model an element and take the virtual sites of waters out.

    Parameters
    ----------
    structure : gemmi.Structure
    unstated : set of (str, str)
        Atom and residue names whose elements a PDB file does not give.

    Returns
    -------
    dict of str to list of str
        ``elements_guessed``, ``elements_corrected``: residue and atom names with the element taken, one per heavy atom;
        ``virtual_sites``: residues.
    """
    changes: Dict[str, List[str]] = {"elements_guessed": [], "elements_corrected": [], "virtual_sites": []}
    for chain in structure[0] if len(structure) else ():
        for residue in chain:
            _mend_residue(chain, residue, unstated, changes)
    return changes


def unstated_in_pdb(lines: Iterable[str]) -> Set[Tuple[str, str]]:
    """Atom and residue names of the ATOM and HETATM lines (list of str) that give no element, set of (str, str)."""
    return {
        (line[12:16].strip(), line[17:20].strip())
        for line in lines
        if line[:6] in ("ATOM  ", "HETATM") and not any(letter.isalpha() for letter in line[76:78])
    }


def _mend_residue(
    chain: gemmi.Chain, residue: gemmi.Residue, unstated: Set[Tuple[str, str]], changes: Dict[str, List[str]]
) -> None:
    is_standard, is_tabulated = _known(residue.name)
    if residue.name.upper() in WATERS:
        for index in reversed(range(len(residue))):
            if residue[index].name.upper() in _VIRTUAL_SITES:
                changes["virtual_sites"].append(f"{chain.name}/{residue.name} {residue.seqid}")
                del residue[index]
    for atom in residue:
        found = atom.element.name
        is_unstated = found == "X" or (atom.name, residue.name) in unstated
        if is_standard:
            element = _by_first_letter(atom.name)
            if element is None or element == found or (element in HYDROGENS and found in HYDROGENS):
                element = found
        elif is_unstated and residue.name not in _PLACEHOLDERS:
            element = _by_name_and_distance(residue, atom, is_tabulated)
        else:
            continue
        if is_unstated and element != "X" and element not in HYDROGENS:
            changes["elements_guessed"].append(f"{residue.name} {atom.name}: {element}")
        elif element != found and not is_unstated:
            changes["elements_corrected"].append(f"{residue.name} {atom.name}: {element}, not {found}")
        if element != found:
            atom.element = gemmi.Element(element)


@lru_cache(maxsize=None)
def _known(name: str) -> Tuple[bool, bool]:
    """Whether gemmi's table has a residue as a standard one, and as any amino acid or nucleotide."""
    info = gemmi.find_tabulated_residue(name)
    return info.is_standard() and not info.is_water(), info.is_amino_acid() or info.is_nucleic_acid()


@lru_cache(maxsize=None)
def _letters(name: str) -> str:
    return "".join(letter for letter in name.upper() if letter.isalpha())


def _by_first_letter(name: str) -> Optional[str]:
    """Element of an atom of a standard amino acid or nucleotide, None where the name has no such letter."""
    first = _letters(name)[:1]
    return first if first and first in _STANDARD + "HD" else None


def _by_name_and_distance(residue: gemmi.Residue, atom: gemmi.Atom, is_tabulated: bool) -> str:
    letters, name = _letters(atom.name), residue.name.upper()
    two, one = gemmi.Element(letters[:2].capitalize()), gemmi.Element(letters[:1])
    is_symbol = len(letters) > 1 and 0 < two.atomic_number <= _HEAVIEST
    if name in WATERS:
        return letters[:1] if letters[:1] in ("O", "H", "D") else "X"
    if len(residue) == 1:
        if name in _IONS_OF_CHARMM:
            return _IONS_OF_CHARMM[name]
        return two.name if is_symbol and letters[:2] in name else one.name
    names = {other.name for other in residue}
    is_monomer = is_tabulated or names >= {"N", "CA", "C"}
    if is_symbol and (letters[:2] in _IN_MONOMERS or not is_monomer) and _nearest(residue, atom) > _LONGEST_SHORT_BOND:
        return two.name
    return one.name


def _nearest(residue: gemmi.Residue, atom: gemmi.Atom) -> float:
    """Distance (Å) to the nearest other atom of the residue."""
    return min((atom.pos.dist(other.pos) for other in residue if other is not atom and other.name != atom.name), default=np.inf)
