"""Every atom has one class, by entity and chemistry."""

from collections import Counter
from dataclasses import replace

import gemmi
import numpy as np
import pytest
from model_files import residue, write_pdb, zigzag

from gmmrefine.io.atoms import embedded_model, read_atoms
from gmmrefine.validation.component_class import CLASSES, component_classes, unknown_residues

PEPTIDE = "N CA C O CB"
NUCLEOTIDE = "P OP1 OP2 O5' C5' C4' O4' C3' O3' C2' C1' N9 C8 C4"
BASE = ["N9", "C8", "C4"]


@pytest.fixture
def classes_of(tmp_path):
    """A function that gives the class of every atom of some residues, by residue name and atom."""

    def classify(*residues):
        atoms = read_atoms(write_pdb(tmp_path / "model.pdb", *residues))
        classes = component_classes(atoms)
        assert set(classes) <= set(CLASSES) and len(classes) == len(atoms)
        return {
            (f"{chain}{number}", name): found
            for chain, number, name, found in zip(atoms.chains, atoms.residue_numbers, atoms.names, classes)
        }, unknown_residues(atoms, classes)

    return classify


def peptide(chain, names):
    return [residue(name, chain, number, PEPTIDE, "ATOM", at=(0, 4.0 * number, 0)) for number, name in enumerate(names, 1)]


def nucleotides(chain, names):
    return [residue(name, chain, number, NUCLEOTIDE, "ATOM", at=(0, 7.0 * number, 40)) for number, name in enumerate(names, 1)]


def test_6msm():
    atoms = read_atoms(embedded_model())
    classes = component_classes(atoms)
    assert Counter(classes) == {"protein_backbone": 4792, "protein_side_chain": 4759, "ligand": 62, "ion": 2, "lipid": 88}
    by_name = {name: set(classes[atoms.residue_names == name]) for name in ("ATP", "MG", "CLR", "POV", "GLY", "UNK")}
    assert by_name == {
        "ATP": {"ligand"},
        "MG": {"ion"},
        "CLR": {"lipid"},
        "POV": {"lipid"},
        "GLY": {"protein_backbone"},
        "UNK": {"protein_backbone", "protein_side_chain"},
    }
    assert unknown_residues(atoms, classes) == []


def test_modified_residues_of_a_protein(classes_of):
    found, unknown = classes_of(*peptide("A", ["ALA", "MSE", "SEP", "GLY"]), residue("NH2", "A", 5, "N", at=(0, 20, 0)))
    for number in range(1, 5):
        assert [found[f"A{number}", name] for name in PEPTIDE.split()] == ["protein_backbone"] * 4 + ["protein_side_chain"]
    assert unknown == []


def test_a_nucleotide_in_a_chain_and_a_free_one(classes_of):
    found, _ = classes_of(
        *nucleotides("R", ["A", "PSU", "OMC", "U"]),
        residue("ATP", "R", 900, "PG O1G PB PA O5' C5' C4' C1' N9", at=(50, 0, 0)),
        residue("G", "D", 1, NUCLEOTIDE.replace("'", "*").replace("OP1", "O1P"), "ATOM", at=(80, 0, 0)),
        residue("G", "D", 2, NUCLEOTIDE.replace("'", "*").replace("OP1", "O1P"), "ATOM", at=(80, 7, 0)),
    )
    for number in range(1, 5):
        for name in NUCLEOTIDE.split():
            assert found[f"R{number}", name] == ("nucleobase" if name in BASE else "nucleic_backbone"), (number, name)
    assert {found[key] for key in found if key[0] == "R900"} == {"ligand"}
    assert found["D1", "C1*"] == found["D1", "O1P"] == "nucleic_backbone" and found["D2", "C8"] == "nucleobase"


SINGLE = {
    "ion": [("MG", "MG:MG"), ("ZN", "ZN:ZN"), ("CL", "CL:CL"), ("K", "K"), ("SO4", "S O1 O2 O3 O4"), ("PO4", "P O1 O2 O3 O4")],
    "water": [("HOH", "O"), ("WAT", "O"), ("DOD", "O")],
    "ligand": [
        ("HEM", "FE:FE NA NB NC ND C1"),
        ("OXY", "O1 O2"),
        ("GOL", "C1 O1 C2 O2 C3 O3"),
        ("XE", "XE:XE"),
        ("QX7", "C1 C2 N1"),
    ],
    "lipid": [("CLR", "C1 C2 O1"), ("POV", "C1 P O1")],
    "glycan": [("NAG", "C1 C2 O5"), ("SIA", "C1 C2 O6")],
    "unknown": [("UNL", "C1 C2"), ("UNX", "O"), ("QX8", "C1")],
}


@pytest.mark.parametrize(
    "expected, name, atoms",
    [(expected, *case) for expected, cases in SINGLE.items() for case in cases],
    ids=lambda value: str(value).split()[0],
)
def test_molecules(classes_of, expected, name, atoms):
    found, unknown = classes_of(*peptide("A", ["ALA", "GLY", "SER"]), residue(name, "A", 501, atoms, at=(60, 0, 0)))
    assert {value for (place, _), value in found.items() if place == "A501"} == {expected}
    assert unknown == ([f"A/{name} 501"] if expected == "unknown" else [])


@pytest.mark.parametrize("carbons, expected", [(6, "ligand"), (8, "lipid"), (16, "lipid")])
def test_unlisted_molecules_with_a_long_tail_are_lipids(classes_of, carbons, expected):
    """The first carbon is bonded to oxygen, so that an octyl chain has seven that count."""
    atoms = {**zigzag(carbons), "O1": (-1.2, 0.5, 0.0)}
    found, _ = classes_of(*peptide("A", ["ALA", "GLY"]), residue("QX9", "A", 501, atoms, at=(60, 0, 0)))
    assert found["A501", "C1"] == found["A501", "O1"] == expected


def test_a_branched_or_broken_chain_is_no_tail(classes_of):
    branched = {**zigzag(9), "C10": (1.27 * 4, -1.5, 0.0)}
    broken = {**zigzag(9), "N1": (1.27 * 4, -1.4, 0.0)}
    for atoms in (branched, broken):
        found, _ = classes_of(*peptide("A", ["ALA", "GLY"]), residue("QX9", "A", 501, atoms, at=(60, 0, 0)))
        assert found["A501", "C1"] == "ligand"


def test_glycan_tree_of_an_mmcif(tmp_path):
    """A branched entity is a glycan whatever its residues are called."""
    source = write_pdb(tmp_path / "model.pdb", *peptide("A", ["ASN", "GLY"]), residue("QQQ", "A", 501, "C1 C2 O5"))
    structure = gemmi.read_structure(str(source))
    structure.setup_entities()
    structure.entities[-1].entity_type = structure[0]["A"][-1].entity_type = gemmi.EntityType.Branched
    structure.make_mmcif_document().write_file(str(tmp_path / "model.cif"))
    classes = component_classes(read_atoms(tmp_path / "model.cif"))
    assert classes[-3:].tolist() == ["glycan"] * 3 and classes[0] == "protein_backbone"


def test_a_polymer_that_is_neither_is_unknown(tmp_path):
    odd = residue("QQQ", "A", 1, "C1 C2", "ATOM")
    atoms = read_atoms(write_pdb(tmp_path / "model.pdb", odd, *peptide("B", ["GLY", "ALA"])))
    atoms = replace(atoms, entities=np.where(atoms.chains == "A", "other polymer", "protein"))
    classes = component_classes(atoms)
    assert classes[:2].tolist() == ["unknown"] * 2 and unknown_residues(atoms, classes) == ["A/QQQ 1"]
    assert (classes[2:] != "unknown").all() and np.unique(atoms.residue_index).tolist() == [0, 1, 2]
