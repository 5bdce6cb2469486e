"""Atomic models written anew."""

from typing import Any, Iterable, Mapping

import gemmi
import numpy as np

from gmmrefine.io.atomic import atomic_path
from gmmrefine.io.atoms import chosen_atoms, read_structure
from gmmrefine.regular_file import FilePath

_KEPT = "k"


def first_model(source: FilePath) -> gemmi.Structure:
    """The structure of a model file without its second and further models."""
    structure = read_structure(source)
    while len(structure) > 1:
        del structure[-1]
    return structure


def write_moved_atoms(source: FilePath, path: FilePath, move: Iterable[float]) -> None:
    """Write a model moved as a whole, e.g. into the frame of a map; first model only.

    Parameters
    ----------
    source : str
        mmCIF or PDB file that was readable before.
    path : str
        mmCIF file to write.
    move : (3,) float
        x, y, z in Å.
    """
    structure = first_model(source)
    for site in structure[0].all():
        site.atom.pos += gemmi.Position(*move)
    structure.cell = gemmi.UnitCell()  # that of a crystal would not fit the map's frame
    with atomic_path(path) as temporary:
        _write(temporary, structure.make_mmcif_document())


def write_scored_model(source: FilePath, path: FilePath, scores: Mapping[str, np.ndarray]) -> None:
    """Write the atoms that ``read_atoms`` finds as mmCIF, each with its scores, whole or not at all.

    Parameters
    ----------
    source : str or Path
        The file the atoms were read from.
    path : str or Path
    scores : dict of str to (A,) float
        Column of ``_atom_site`` → one score per atom in the order of ``read_atoms``; NaN for none, written as ``?``. The
        B-factor column holds the first of them too.
    """
    structure = first_model(source)
    chosen = chosen_atoms(structure[0])
    for *_, atom in chosen:
        atom.flag = _KEPT
    for number, (*_, atom) in enumerate(chosen):
        atom.serial = number  # finds the atom again among the rows, which are numbered anew
    for chain in structure[0]:
        for residue in chain:
            for index in reversed(range(len(residue))):
                if residue[index].flag != _KEPT:
                    del residue[index]
    structure.remove_empty_chains()
    numbers = [site.atom.serial for site in structure[0].all()]
    document = structure.make_mmcif_document()
    column = document.sole_block().find_values("_atom_site.B_iso_or_equiv")
    loop = column.get_loop()
    b_factors = loop.tags.index("_atom_site.B_iso_or_equiv")
    loop.add_columns([f"_atom_site.{label}" for label in scores], "?")
    for row, number in enumerate(numbers):
        texts = ["?" if np.isnan(values[number]) else f"{values[number]:.3f}" for values in scores.values()]
        loop[row, b_factors] = texts[0]
        for place, text in enumerate(texts, loop.width() - len(texts)):
            loop[row, place] = text
    with atomic_path(path) as temporary:
        _write(temporary, document)


def positions_of_all(source: FilePath) -> np.ndarray:
    """Positions (A, 3) in Å of all atoms of a model file's first model, hydrogens and alternatives too, in file order."""
    return np.array([site.atom.pos.tolist() for site in first_model(source)[0].all()])


def write_morph(source: FilePath, path: FilePath, frames: np.ndarray) -> None:
    """Write a model file's first model once per frame, as the models of one mmCIF file; whole or not at all.

    Parameters
    ----------
    source : str or Path
    path : str or Path
    frames : (F, A, 3) float
        Å, of the atoms of ``positions_of_all``.
    """
    structure = first_model(source)
    for frame in frames[1:]:
        _place(structure.add_model(structure[0]), frame)
    _place(structure[0], frames[0])
    structure.renumber_models()
    with atomic_path(path) as temporary:
        _write(temporary, structure.make_mmcif_document())


def _place(model: gemmi.Model, positions: np.ndarray) -> None:
    for site, position in zip(model.all(), positions):
        site.atom.pos = gemmi.Position(*position)


def _write(path: FilePath, document: Any) -> None:
    """Write a document of gemmi, whose own writing knows no paths but Unicode."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(document.as_string())
