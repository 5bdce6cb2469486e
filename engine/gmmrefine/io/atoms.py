"""Atomic models."""
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np

from gmmrefine.errors import InputError

_HYDROGENS = ("H", "D")
_POLYMERS = {
    gemmi.PolymerType.PeptideL: "protein", gemmi.PolymerType.PeptideD: "protein",
    gemmi.PolymerType.CyclicPseudoPeptide: "protein", gemmi.PolymerType.Dna: "nucleic", gemmi.PolymerType.Rna: "nucleic",
    gemmi.PolymerType.DnaRnaHybrid: "nucleic", gemmi.PolymerType.SaccharideD: "saccharide",
    gemmi.PolymerType.SaccharideL: "saccharide"}
_OTHER_POLYMER = "other polymer"
_ENTITIES = {
    gemmi.EntityType.Branched: "saccharide", gemmi.EntityType.Water: "water", gemmi.EntityType.NonPolymer: "non-polymer"}


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
        What the residue is part of: protein, nucleic, saccharide, other polymer, non-polymer, water, or unknown.
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

    def __len__(self):
        return len(self.positions)

    def subset(self, index):
        """Some of the atoms, by index or mask (A,)."""
        return Atoms(**{name: getattr(self, name)[index] for name in self.__dataclass_fields__})

    def residue_label(self, atom):
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
        Hydrogens, and second and further places of atoms, in the first model.
    """

    models: int
    hydrogens: int
    alternatives: int


def embedded_model():
    """Path of the model inside the package: PDB 6MSM, the ABC transporter CFTR."""
    return str(Path(__file__).parent.parent / "data" / "6msm.cif.gz")


def read_atoms(path):
    """Non-hydrogen atoms of the first model of an mmCIF or PDB file, gzipped or not.

    Where an atom has alternative places the one of highest occupancy is taken, the first of equals.

    Raises
    ------
    InputError
        Unreadable, no atoms, or coordinates that are not finite.
    """
    return read_model(path)[0]


def read_model(path, all_places=False):
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
    structure = read_structure(path)
    chosen = chosen_atoms(structure[0], all_places) if len(structure) else []
    if not chosen:
        raise InputError(f"{path}: no atoms in it besides hydrogens. Give an atomic model in mmCIF or PDB format.")
    positions = np.array([atom.pos.tolist() for *_, atom in chosen])
    bad = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    if len(bad):
        chain, _, residue, atom = chosen[bad[0]]
        raise InputError(
            f"{path}: atom {atom.name} of {residue.name} {residue.seqid.num}, chain {chain.name}, has coordinates that "
            f"are not finite. Correct or remove it.")
    kinds = _entity_kinds(structure)
    atoms = Atoms(
        positions=positions,
        elements=np.array([atom.element.name for *_, atom in chosen]),
        atomic_numbers=np.array([atom.element.atomic_number for *_, atom in chosen]),
        b_factors=np.array([atom.b_iso for *_, atom in chosen]),
        occupancies=np.array([atom.occ for *_, atom in chosen]),
        names=np.array([atom.name for *_, atom in chosen]),
        residue_names=np.array([residue.name for _, _, residue, _ in chosen]),
        residue_numbers=np.array([residue.seqid.num for _, _, residue, _ in chosen]),
        insertion_codes=np.array([residue.seqid.icode.strip() for _, _, residue, _ in chosen]),
        residue_index=np.array([number for _, number, _, _ in chosen]),
        chains=np.array([chain.name for chain, *_ in chosen]),
        entities=np.array([kinds[residue.subchain] for _, _, residue, _ in chosen]))
    every = [atom.element.name in _HYDROGENS for chain in structure[0] for residue in chain for atom in residue]
    single = len(chosen_atoms(structure[0])) if all_places else len(chosen)
    return atoms, LeftOut(len(structure) - 1, sum(every), len(every) - sum(every) - single)


def read_structure(path):
    """A model file as gemmi has it, with its entities.

    Raises
    ------
    InputError
        Missing or unreadable.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file. Check the path.")
    try:
        structure = gemmi.read_structure(str(path))
    except (RuntimeError, ValueError, OSError) as error:
        raise InputError(f"{path}: not a readable mmCIF or PDB file ({error}).") from error
    structure.setup_entities()
    return structure


def _entity_kinds(structure):
    """What each subchain of the first model is part of, by the file's entities or gemmi's guess where it has none."""
    kinds = {}
    for subchain in structure[0].subchains():
        kind = subchain[0].entity_type
        if kind == gemmi.EntityType.Polymer:
            entity = structure.get_entity_of(subchain)
            polymer = entity.polymer_type if entity else gemmi.PolymerType.Unknown
            if polymer == gemmi.PolymerType.Unknown:
                polymer = gemmi.check_polymer_type(subchain)
            kinds[subchain.subchain_id()] = _POLYMERS.get(polymer, _OTHER_POLYMER)
        else:
            kinds[subchain.subchain_id()] = _ENTITIES.get(kind, "unknown")
    return kinds


def chosen_atoms(model, all_places=False):
    """(chain, residue number from 0, residue, atom) of every non-hydrogen atom, one place each or all, in file order."""
    chosen = []
    residues = ((chain, residue) for chain in model for residue in chain)
    for number, (chain, residue) in enumerate(residues):
        best = {}
        for atom in residue:
            if atom.element.name in _HYDROGENS:
                continue
            # Only atoms that carry an altloc are alternatives; ligands may repeat names otherwise.
            key = atom.name if atom.has_altloc() and not all_places else len(best)
            if key not in best or atom.occ > best[key].occ:
                best[key] = atom
        chosen += [(chain, number, residue, atom) for atom in best.values()]
    return chosen
