"""Atomic models."""
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np

from gmmrefine.errors import InputError

_HYDROGENS = ("H", "D")


@dataclass(frozen=True)
class Atoms:
    """The non-hydrogen atoms of a model, one place each.

    Parameters
    ----------
    positions : (A, 3) float
        x, y, z in Å, the frame of the file.
    elements, names, residue_names, chains : (A,) str
        Element symbol, atom name, residue (or ligand) name, author's chain.
    atomic_numbers, residue_numbers : (A,) int
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
    chains: np.ndarray

    def __len__(self):
        return len(self.positions)

    def subset(self, index):
        """Some of the atoms, by index or mask (A,)."""
        return Atoms(**{name: getattr(self, name)[index] for name in self.__dataclass_fields__})


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
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file. Check the path.")
    try:
        structure = gemmi.read_structure(str(path))
    except (RuntimeError, ValueError, OSError) as error:
        raise InputError(f"{path}: not a readable mmCIF or PDB file ({error}).") from error
    chosen = _chosen_atoms(structure[0]) if len(structure) else []
    if not chosen:
        raise InputError(f"{path}: no atoms in it besides hydrogens. Give an atomic model in mmCIF or PDB format.")
    positions = np.array([atom.pos.tolist() for _, _, atom in chosen])
    bad = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    if len(bad):
        chain, residue, atom = chosen[bad[0]]
        raise InputError(
            f"{path}: atom {atom.name} of {residue.name} {residue.seqid.num}, chain {chain.name}, has coordinates that "
            f"are not finite. Correct or remove it.")
    return Atoms(
        positions=positions,
        elements=np.array([atom.element.name for _, _, atom in chosen]),
        atomic_numbers=np.array([atom.element.atomic_number for _, _, atom in chosen]),
        b_factors=np.array([atom.b_iso for _, _, atom in chosen]),
        occupancies=np.array([atom.occ for _, _, atom in chosen]),
        names=np.array([atom.name for _, _, atom in chosen]),
        residue_names=np.array([residue.name for _, residue, _ in chosen]),
        residue_numbers=np.array([residue.seqid.num for _, residue, _ in chosen]),
        chains=np.array([chain.name for chain, _, _ in chosen]))


def _chosen_atoms(model):
    """(chain, residue, atom) of every non-hydrogen atom, one alternative each, in file order."""
    chosen = []
    for chain in model:
        for residue in chain:
            best = {}
            for atom in residue:
                if atom.element.name in _HYDROGENS:
                    continue
                # Only atoms that carry an altloc are alternatives; ligands may repeat names otherwise.
                key = atom.name if atom.has_altloc() else len(best)
                if key not in best or atom.occ > best[key].occ:
                    best[key] = atom
            chosen += [(chain, residue, atom) for atom in best.values()]
    return chosen
