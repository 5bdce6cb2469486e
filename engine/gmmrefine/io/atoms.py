"""Atomic models."""

import gzip
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, FrozenSet, Iterator, List, Set, Tuple, Union

import gemmi
import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.elements import HYDROGENS, mend_elements, unstated_in_pdb
from gmmrefine.io.foreign_names import unicode_name
from gmmrefine.io.packed import refuse_bomb
from gmmrefine.io.residue_kinds import residue_kinds
from gmmrefine.particles.optics import Index
from gmmrefine.regular_file import FilePath, open_regular

_NEEDED = ("id", "type_symbol", "label_alt_id", "label_comp_id", "label_asym_id")  # without these gemmi finds no atoms


@dataclass(frozen=True)
class Atoms:
    """The non-hydrogen atoms of a model, one place each unless all were asked for.

    Parameters
    ----------
    positions : (A, 3) float
        x, y, z in Å, the frame of the file.
    elements, names, residue_names, chains : (A,) str
        Element symbol, atom name, residue (or ligand) name, author's chain.
    insertion_codes : (A,) str
        Letter after the residue number, empty for most.
    entities : (A,) str
        What the residue is part of: protein, nucleic, saccharide, other polymer, non-polymer, sugar (not bonded to others by
        the file's word), water, or unknown.
    atomic_numbers, residue_numbers : (A,) int
    residue_index : (A,) int
        Number of the residue in the file, from 0.
    b_factors : (A,) float
        Å².
    occupancies : (A,) float
    """

    positions: np.ndarray
    elements: np.ndarray
    atomic_numbers: np.ndarray
    b_factors: np.ndarray
    occupancies: np.ndarray
    names: np.ndarray
    residue_names: np.ndarray
    residue_numbers: np.ndarray
    insertion_codes: np.ndarray
    residue_index: np.ndarray
    chains: np.ndarray
    entities: np.ndarray

    def __len__(self) -> int:
        return len(self.positions)

    def subset(self, index: Index) -> "Atoms":
        """Some of the atoms, by index or mask (A,)."""
        return Atoms(**{name: getattr(self, name)[index] for name in self.__dataclass_fields__})

    def residue_label(self, atom: int) -> str:
        """How a person names the residue of an atom: ``A/ATP 1501``, with the insertion code where there is one."""
        return f"{self.chains[atom]}/{self.residue_names[atom]} {self.residue_numbers[atom]}{self.insertion_codes[atom]}"


@dataclass(frozen=True)
class LeftOut:
    """What else stands in a model file, and takes no part unless said.

    Parameters
    ----------
    models : int
        Models after the first.
    hydrogens, alternatives : int
        Hydrogens, and second and further places of atoms (those of another residue at the same place too), in the first model.
    changes : dict of str to list of str
        What was taken otherwise than the file has it, by kind: names of residues or atoms.
    """

    models: int
    hydrogens: int
    alternatives: int
    changes: Dict[str, List[str]] = field(default_factory=dict)


def embedded_model() -> str:
    """Path of the model inside the package: PDB 6MSM, the ABC transporter CFTR."""
    return str(Path(__file__).parent.parent / "data" / "6msm.cif.gz")


def read_atoms(path: FilePath) -> Atoms:
    """Non-hydrogen atoms of the first model of an mmCIF or PDB file, gzipped or not.

    Where an atom has alternative places the one of highest occupancy is taken, the first of equals; so it is with residues.

    Raises
    ------
    InputError
        Unreadable, no atoms, or coordinates that are not finite.
    """
    return read_model(path)[0]


def read_model(path: FilePath, all_places: bool = False) -> Tuple[Atoms, LeftOut]:
    """The atoms of ``read_atoms`` and what was left out.

    Parameters
    ----------
    path : str or Path
    all_places : bool
        Take every alternative place as an atom of its own occupancy.

    Returns
    -------
    tuple
        Atoms, LeftOut.
    """
    with _names_as_text(path):
        return _model(path, all_places)


def _model(path: FilePath, all_places: bool) -> Any:
    structure, changes = _read_mended(path)
    chosen = chosen_atoms(structure[0], all_places) if len(structure) else []
    if not chosen:
        raise InputError(f"{path}: no atoms in it besides hydrogens. Give an atomic model in mmCIF or PDB format.")
    positions = np.array([atom.pos.tolist() for *_, atom in chosen])
    others = np.array([(atom.b_iso, atom.occ) for *_, atom in chosen])
    bad = np.flatnonzero(~np.isfinite(np.column_stack([positions, others])).all(axis=1))
    if len(bad):
        chain, _, residue, atom = chosen[bad[0]]
        raise InputError(
            f"{path}: atom {atom.name} of {residue.name} {residue.seqid.num}, chain {chain.name}, has coordinates, B "
            f"factor or occupancy that are not finite. Correct or remove it."
        )
    kinds, moved = residue_kinds(structure, chosen, _component_types(structure, path))
    atoms = Atoms(
        positions=positions,
        elements=np.array([atom.element.name for *_, atom in chosen]),
        atomic_numbers=np.array([atom.element.atomic_number for *_, atom in chosen]),
        b_factors=np.array([atom.b_iso for *_, atom in chosen]),
        occupancies=np.array([atom.occ for *_, atom in chosen]),
        names=np.array([atom.name for *_, atom in chosen]),
        residue_names=np.array([residue.name for _, _, residue, _ in chosen]),
        residue_numbers=np.array([residue.seqid.num or 0 for _, _, residue, _ in chosen]),
        insertion_codes=np.array([residue.seqid.icode.strip() for _, _, residue, _ in chosen]),
        residue_index=np.array([number for _, number, _, _ in chosen]),
        chains=np.array([chain.name for chain, *_ in chosen]),
        entities=np.array([kinds[number] for _, number, _, _ in chosen]),
    )
    every = [atom.element.name in HYDROGENS for chain in structure[0] for residue in chain for atom in residue]
    single = len(chosen_atoms(structure[0])) if all_places else len(chosen)
    return atoms, LeftOut(len(structure) - 1, sum(every), len(every) - sum(every) - single, {**changes, **moved})


def read_structure(path: FilePath) -> gemmi.Structure:
    """A model file as gemmi has it, with its entities and an element for every atom of the first model.

    Raises
    ------
    InputError
        Missing or unreadable.
    """
    with _names_as_text(path):
        return _read_mended(path)[0]


@contextmanager
def _names_as_text(path: FilePath) -> Iterator[None]:
    """Refuse a model with names, of atoms, residues or chains, that are no text."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: a name in it is no text ({error.object[:20]!r}); expected letters and digits. Is the file damaged? "
            "Copy it again."
        ) from error


def _read_mended(path: FilePath) -> Tuple[gemmi.Structure, Dict[str, List[str]]]:
    """The structure and the changes of ``mend_elements``."""
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file. Check the path.")
    if Path(path).stat().st_size == 0:
        raise InputError(f"{path} is empty; expected an atomic model in mmCIF or PDB format. Copy it again.")
    try:
        structure = _read_any_age(path)
        if structure.input_format == gemmi.CoorFormat.Mmcif and not any(model.count_atom_sites() for model in structure):
            structure = _with_usual_columns(path)
        unstated = unstated_in_pdb(_lines(path)) if structure.input_format == gemmi.CoorFormat.Pdb else set()
    except (RuntimeError, ValueError, IndexError, OSError, EOFError, zlib.error, MemoryError) as error:
        raise InputError(f"{path}: not a readable mmCIF or PDB file ({error}).") from error
    changes = {**mend_elements(structure, unstated), "chains_from_segments": _name_chains_by_segments(structure)}
    structure.setup_entities()
    return structure, changes


def _read_any_age(path: FilePath) -> gemmi.Structure:
    """The structure of a file; of PDB files of before 1996, whose lines end in the entry's name and a number, without these."""
    open_regular(path).close()
    refuse_bomb(path)
    try:
        return gemmi.read_structure(unicode_name(path))
    except RuntimeError:
        lines = _lines(path)
        if not any(line[:6] in ("ATOM  ", "HETATM") and line[76:80].strip().isdigit() for line in lines):
            raise
        structure = gemmi.read_pdb_string("\n".join(line[:72] for line in lines))
        structure.merge_chain_parts()
        return structure


def _name_chains_by_segments(structure: gemmi.Structure) -> List[str]:
    """Split chains without a name by their segments and call them so, as X-PLOR's files mean it; the names, list of str."""
    names: List[str] = []
    for model in structure:
        blank = next((chain for chain in model if not chain.name.strip()), None)
        if blank is None or not any(residue.segment.strip() for residue in blank):
            continue
        parts: Dict[str, gemmi.Chain] = {}
        for residue in blank:
            segment = residue.segment.strip()
            parts.setdefault(segment, gemmi.Chain(segment)).add_residue(residue)
        model.remove_chain(blank.name)
        for part in parts.values():
            model.add_chain(part)
        names = names or list(parts)
    return names


def _with_usual_columns(path: FilePath) -> gemmi.Structure:
    """The structure of an mmCIF file that leaves out columns gemmi needs, e.g. of elements."""
    block = gemmi.cif.read(unicode_name(path)).sole_block()
    loop = block.find_values("_atom_site.Cartn_x").get_loop()
    if loop:
        missing = [f"_atom_site.{name}" for name in _NEEDED if f"_atom_site.{name}" not in loop.tags]
        loop.add_columns(missing, "?")
        if "_atom_site.id" in missing:
            place = loop.tags.index("_atom_site.id")
            for row in range(loop.length()):
                loop[row, place] = str(row + 1)
    return gemmi.make_structure_from_block(block)


def _lines(path: FilePath) -> List[str]:
    opened = gzip.open if str(path).endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8", errors="replace") as file:
        return file.read().splitlines()


def _component_types(structure: gemmi.Structure, path: FilePath) -> Dict[str, str]:
    """The file's own ``_chem_comp.type`` by name, lower case."""
    if structure.input_format != gemmi.CoorFormat.Mmcif:
        return {}
    table = gemmi.cif.read(unicode_name(path))[0].find("_chem_comp.", ["id", "type"])
    return {gemmi.cif.as_string(row[0]): gemmi.cif.as_string(row[1]).lower() for row in table}


def chosen_atoms(model: gemmi.Model, all_places: bool = False) -> List[Tuple[gemmi.Chain, int, gemmi.Residue, gemmi.Atom]]:
    """(chain, residue number from 0, residue, atom) of every non-hydrogen atom, one place each or all, in file order.

    Parameters
    ----------
    model : gemmi.Model
    all_places : bool
        Take every alternative place of an atom.
    """
    chosen, number = [], -1
    for chain in model:
        left_out: Set[int] = set() if all_places else _alternative_residues(chain)
        for place, residue in enumerate(chain):
            number += 1
            if place in left_out:
                continue
            best: Dict[Union[str, int], gemmi.Atom] = {}
            for atom in residue:
                if atom.element.name in HYDROGENS:
                    continue
                # Only atoms that carry an altloc are alternatives; ligands may repeat names otherwise.
                key = atom.name if atom.has_altloc() and not all_places else len(best)
                if key not in best or atom.occ > best[key].occ:
                    best[key] = atom
            chosen += [(chain, number, residue, atom) for atom in best.values()]
    return chosen


def _alternative_residues(chain: gemmi.Chain) -> Set[int]:
    """Places in a chain of residues that stand where another of higher occupancy does (point heterogeneity), set of int.

    All their atoms carry altlocs, and each residue its own; without these two residues of one number are two molecules.
    """
    groups: Dict[str, List[int]] = {}
    left_out: Set[int] = set()
    residues = list(chain)
    for place, residue in enumerate(residues):
        if len(residue) and all(atom.has_altloc() for atom in residue):
            groups.setdefault(str(residue.seqid), []).append(place)
    for places in groups.values():
        taken: Dict[int, FrozenSet[str]] = {}
        for place in places:
            letters = frozenset(atom.altloc for atom in residues[place])
            if all(letters.isdisjoint(others) for others in taken.values()):
                taken[place] = letters
        best = max(taken, key=lambda place: max(atom.occ for atom in residues[place]))
        left_out |= set(taken) - {best}
    return left_out
