"""Elements of atoms in files that give none, or wrong ones; hydrogens by any name."""

import gzip

import gemmi
import pytest
from model_files import residue, write_pdb

from gmmrefine.io.atoms import read_atoms, read_model

ALANINE = {"N": (0, 0, 0), "CA": (1.46, 0, 0), "C": (2.0, 1.4, 0), "O": (1.3, 2.4, 0), "CB": (2.0, -0.8, 1.2)}
DRUG = {
    "CL1": (0, 0, 0),
    "C1": (1.74, 0, 0),
    "CA": (2.4, 1.2, 0),
    "NA": (3.8, 1.2, 0),
    "FE": (5.0, 2.8, 0),
    "BR": (2.4, -1.77, 0),
}


def left_aligned(lines):
    """Atom names from column 13 on, and neither elements nor anything else behind the B factor."""
    return [line[:12] + f"{line[12:16].strip():<4}" + line[16:66] for line in lines]


def elements(path):
    atoms = read_atoms(path)
    return dict(zip(atoms.names.tolist(), atoms.elements.tolist()))


@pytest.mark.parametrize("tail", ["", "      1ABC 123", "      SEGA"], ids=["short", "before-1996", "segment"])
def test_files_without_elements(tmp_path, tail):
    lines = [
        line + tail
        for line in left_aligned(
            residue("ALA", "A", 1, ALANINE, "ATOM")
            + residue("DRG", "A", 2, DRUG, at=(20, 0, 0))
            + residue("CA", "A", 3, "CA")
            + residue("CLA", "A", 4, "CLA")
            + residue("Na+", "A", 5, "Na+")
        )
    ]
    path = write_pdb(tmp_path / "model.pdb", lines)
    atoms, left_out = read_model(path)
    assert atoms.elements.tolist() == ["N", "C", "C", "O", "C", "Cl", "C", "C", "N", "Fe", "Br", "Ca", "Cl", "Na"]
    assert len(left_out.changes["elements_guessed"]) == 14 and left_out.changes["elements_guessed"][5] == "DRG CL1: Cl"
    assert left_out.changes["elements_corrected"] == []
    (tmp_path / "model.pdb.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert read_atoms(tmp_path / "model.pdb.gz").elements.tolist() == atoms.elements.tolist()


@pytest.mark.parametrize("name", ["H", "D", "HA", "1HB", "HB1'", "HB1", "2HB", "HG", "DD21", "H5''", "HO'2", "HE"])
@pytest.mark.parametrize("where", ["ALA", "DRG", "HOH"])
def test_hydrogens_by_any_name_are_hydrogens(tmp_path, name, where):
    model = {"O" if where == "HOH" else "C1" if where == "DRG" else "CB": (0, 0, 0), name: (0.97, 0, 0)}
    path = write_pdb(tmp_path / "model.pdb", left_aligned(residue(where, "A", 1, model)))
    atoms, left_out = read_model(path)
    assert len(atoms) == 1 and left_out.hydrogens == 1
    assert atoms.elements.tolist() == ["O" if where == "HOH" else "C"]


def test_elements_that_a_residue_cannot_have_are_corrected_and_named(tmp_path):
    wrong = dict(ALANINE)
    wrong["CA:CA"] = wrong.pop("CA")
    path = write_pdb(tmp_path / "model.pdb", residue("ALA", "A", 1, wrong, "ATOM"), residue("CA", "A", 2, "CA:CA"))
    atoms, left_out = read_model(path)
    assert sorted(atoms.elements.tolist()) == ["C", "C", "C", "Ca", "N", "O"]
    assert left_out.changes["elements_corrected"] == ["ALA CA: C, not Ca"] and left_out.changes["elements_guessed"] == []


def test_elements_that_are_given_stay(tmp_path):
    """Selenium, a modified residue's chlorine, and a carbon of a drug that is called CL."""
    path = write_pdb(
        tmp_path / "model.pdb", residue("MSE", "A", 1, "N CA C O CB CG SE:SE CE"), residue("DRG", "A", 2, "C1 CL:C")
    )
    atoms, left_out = read_model(path)
    assert atoms.elements.tolist() == ["N", "C", "C", "O", "C", "C", "Se", "C", "C", "C"]
    assert not any(left_out.changes.values())


def test_mmcif_without_elements_numbers_and_alternatives(tmp_path):
    names = "group_PDB label_atom_id label_comp_id label_asym_id label_seq_id Cartn_x Cartn_y Cartn_z".split()
    rows = ["ATOM CA GLY A-2 1 1 2 3", "ATOM C GLY A-2 1 1 3.5 3", "HETATM MG MG B . 9 9 9", "HETATM O HOH C . 8 1 1"]
    (tmp_path / "model.cif").write_text("\n".join(["data_x", "loop_", *(f"_atom_site.{name}" for name in names), *rows]) + "\n")
    atoms = read_atoms(tmp_path / "model.cif")
    assert atoms.elements.tolist() == ["C", "C", "Mg", "O"] and atoms.chains.tolist() == ["A-2", "A-2", "B", "C"]
    assert atoms.residue_numbers.dtype.kind == "i" and atoms.positions[1].tolist() == [1, 3.5, 3]


def test_virtual_sites_of_waters_are_no_atoms(tmp_path):
    water = {"OW": (0, 0, 0), "HW1": (0.96, 0, 0), "HW2": (-0.24, 0.93, 0), "MW": (0.1, 0.1, 0)}
    atoms, left_out = read_model(write_pdb(tmp_path / "model.pdb", left_aligned(residue("SOL", "A", 1, water))))
    assert atoms.names.tolist() == ["OW"] and atoms.entities.tolist() == ["water"] and left_out.hydrogens == 2
    assert left_out.changes["virtual_sites"] == ["A/SOL 1"]


def test_left_aligned_names_do_not_change_a_model(tmp_path):
    """Of every residue that gemmi knows as a standard one, a file without elements gives the same elements."""
    lines = residue("MET", "A", 1, "N CA C O CB CG SD CE", "ATOM") + residue(
        "DG", "B", 1, "P OP1 O5' C5' C4' C1' N9 C8 N7 C6 O6", "ATOM", at=(0, 30, 0)
    )
    usual = read_atoms(write_pdb(tmp_path / "usual.pdb", lines))
    assert elements(write_pdb(tmp_path / "left.pdb", left_aligned(lines))) == dict(
        zip(usual.names.tolist(), usual.elements.tolist())
    )
    assert gemmi.Element("Sd").atomic_number == 0
