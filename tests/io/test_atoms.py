"""Atomic models: every heavy atom once."""

import os

import gemmi
import numpy as np
import pytest
from model_files import residue, write_pdb

from gmmrefine.errors import InputError
from gmmrefine.io.atoms import embedded_model, read_atoms, read_model
from gmmrefine.io.atoms_writer import write_scored_model

PDB = """\
ATOM      1  N   ALA A   1      11.000  12.000  13.000  1.00 20.00           N
ATOM      2  CA AALA A   1      10.000   0.000   0.000  0.40 20.00           C
ATOM      3  CA BALA A   1      20.000   0.000   0.000  0.60 30.00           C
ATOM      4  HA  ALA A   1       1.000   1.000   1.000  1.00 20.00           H
HETATM    5 MG    MG B 201       5.000   6.000   7.000  0.50 40.00          MG
END
"""


def test_choices_of_a_small_model(tmp_path):
    (tmp_path / "model.pdb").write_text(PDB)
    atoms = read_atoms(tmp_path / "model.pdb")
    assert atoms.positions.tolist() == [[11, 12, 13], [20, 0, 0], [5, 6, 7]]
    assert atoms.elements.tolist() == ["N", "C", "Mg"] and atoms.atomic_numbers.tolist() == [7, 6, 12]
    assert atoms.b_factors.tolist() == [20, 30, 40] and atoms.occupancies == pytest.approx([1, 0.6, 0.5])
    assert atoms.residue_names.tolist() == ["ALA", "ALA", "MG"] and atoms.residue_numbers.tolist() == [1, 1, 201]
    assert atoms.chains.tolist() == ["A", "A", "B"] and len(atoms.subset([2])) == 1


def test_first_of_several_models(tmp_path):
    line = PDB.splitlines()[0]
    (tmp_path / "model.pdb").write_text(f"MODEL 1\n{line}\nENDMDL\nMODEL 2\n{line}\n{line}\nENDMDL\n")
    atoms, left_out = read_model(tmp_path / "model.pdb")
    assert len(atoms) == 1 and left_out.models == 1


def test_what_is_left_out_is_counted(tmp_path):
    (tmp_path / "model.pdb").write_text(PDB)
    left_out = read_model(tmp_path / "model.pdb")[1]
    assert (left_out.models, left_out.hydrogens, left_out.alternatives) == (0, 1, 1)


def test_all_places_of_an_atom(tmp_path):
    (tmp_path / "model.pdb").write_text(PDB)
    atoms, others = read_model(tmp_path / "model.pdb", all_places=True)
    assert atoms.positions.tolist() == [[11, 12, 13], [10, 0, 0], [20, 0, 0], [5, 6, 7]] and others.alternatives == 1
    assert atoms.occupancies == pytest.approx([1, 0.4, 0.6, 0.5])


def test_insertion_codes_and_residues_apart(tmp_path):
    lines = [PDB.splitlines()[0], PDB.splitlines()[0].replace("A   1 ", "A   1B"), PDB.splitlines()[4]]
    (tmp_path / "model.pdb").write_text("\n".join(lines) + "\nEND\n")
    atoms = read_atoms(tmp_path / "model.pdb")
    assert atoms.residue_numbers.tolist() == [1, 1, 201] and atoms.insertion_codes.tolist() == ["", "B", ""]
    assert atoms.residue_index.tolist() == [0, 1, 2]
    assert atoms.entities.tolist() == ["protein", "protein", "non-polymer"]
    assert [atoms.residue_label(number) for number in range(3)] == ["A/ALA 1", "A/ALA 1B", "B/MG 201"]


def test_scored_model_holds_each_score_beside_its_atom(tmp_path):
    (tmp_path / "model.pdb").write_text(PDB)
    write_scored_model(
        tmp_path / "model.pdb",
        tmp_path / "scored.cif",
        {"Q_score": np.array([0.25, np.nan, -0.5]), "Q_change": np.array([0.125, 0.25, np.nan])},
    )
    atoms = read_atoms(tmp_path / "scored.cif")
    assert atoms.names.tolist() == ["N", "CA", "MG"] and atoms.positions.tolist() == [[11, 12, 13], [20, 0, 0], [5, 6, 7]]
    table = (
        gemmi.cif.read(str(tmp_path / "scored.cif")).sole_block().find("_atom_site.", ["Q_score", "B_iso_or_equiv", "Q_change"])
    )
    assert [list(row) for row in table] == [["0.250", "0.250", "0.125"], ["?", "?", "0.250"], ["-0.500", "-0.500", "?"]]


def test_of_alternative_residues_the_more_occupied_is_taken(tmp_path):
    """Point heterogeneity: serine and alanine at one place; a ligand of the same number without altlocs is another molecule."""
    lines = []
    for name, letter, occupancy in (("SER", "A", 0.4), ("ALA", "B", 0.6)):
        lines.append(residue(name, "A", 7, "N CA C O CB", "ATOM", occupancy=occupancy, alternative=letter))
    path = write_pdb(tmp_path / "model.pdb", *lines, residue("DRG", "A", 7, "C1 C2", at=(0, 20, 0)))
    atoms, left_out = read_model(path)
    assert list(dict.fromkeys(atoms.residue_names.tolist())) == ["ALA", "DRG"] and len(atoms) == 7
    assert left_out.alternatives == 5 and np.unique(atoms.residue_index).tolist() == [1, 2]
    everything, left_out = read_model(path, all_places=True)
    assert len(everything) == 12 and everything.occupancies[:10] == pytest.approx([0.4] * 5 + [0.6] * 5)
    write_scored_model(path, tmp_path / "scored.cif", {"Q_score": np.arange(7) / 10})
    table = gemmi.cif.read(str(tmp_path / "scored.cif")).sole_block().find("_atom_site.", ["label_comp_id", "Q_score"])
    assert [row[0] for row in table] == ["ALA"] * 5 + ["DRG"] * 2
    assert [float(row[1]) for row in table] == pytest.approx(np.arange(7) / 10)


def test_equally_occupied_alternatives_give_the_first(tmp_path):
    lines = [
        residue(name, "A", 7, "N CA", "ATOM", occupancy=0.5, alternative=letter)
        for name, letter in (("SER", "A"), ("ALA", "B"))
    ]
    assert set(read_atoms(write_pdb(tmp_path / "model.pdb", *lines)).residue_names) == {"SER"}


def test_chains_without_a_name_are_told_apart_by_segments(tmp_path):
    lines = [
        f"{line[:66]}      {segment:<4}{line[76:]}"
        for segment in ("PROA", "PROB")
        for line in residue("ALA", " ", 1, "N CA C O CB", "ATOM", at=(0, 20.0 * (segment == "PROB"), 0))
    ]
    atoms, left_out = read_model(write_pdb(tmp_path / "model.pdb", lines))
    assert atoms.chains.tolist() == ["PROA"] * 5 + ["PROB"] * 5 and atoms.residue_index.tolist() == [0] * 5 + [1] * 5
    assert left_out.changes["chains_from_segments"] == ["PROA", "PROB"]
    unnamed = read_atoms(write_pdb(tmp_path / "model.pdb", [line[:66] for line in lines[:5]]))
    assert [name.strip() for name in unnamed.chains] == [""] * 5


def test_hybrid_36_numbers(tmp_path):
    """Residue A000 is 10000 and A001 10001; atom serials may be hybrid too."""
    lines = residue("ALA", "A", 1, "N CA", "ATOM")
    hybrid = [line[:6] + "A0000" + line[11:22] + number + line[26:] for line, number in zip(lines, ("A000", "A001"))]
    assert read_atoms(write_pdb(tmp_path / "model.pdb", hybrid)).residue_numbers.tolist() == [10000, 10001]


@pytest.mark.parametrize("number", [999_999, 1_234_567, 16_777_217, 2_000_000_001])
def test_numbers_of_any_length_are_exact(tmp_path, number):
    columns = (
        "group_PDB id type_symbol label_atom_id label_alt_id label_comp_id label_asym_id label_seq_id Cartn_x Cartn_y Cartn_z"
    )
    rows = [f"HETATM {number + place} C C{place} . DRG A-2 . {place} 0 0 {number}" for place in range(3)]
    header = ["data_x", "loop_", *(f"_atom_site.{name}" for name in [*columns.split(), "auth_seq_id"])]
    (tmp_path / "model.cif").write_text("\n".join([*header, *rows]) + "\n")
    atoms = read_atoms(tmp_path / "model.cif")
    assert atoms.residue_numbers.tolist() == [number] * 3 and atoms.residue_label(0) == f"A-2/DRG {number}"
    write_scored_model(tmp_path / "model.cif", tmp_path / "scored.cif", {"Q_score": np.array([0.1, 0.2, 0.3])})
    table = (
        gemmi.cif.read(str(tmp_path / "scored.cif"))
        .sole_block()
        .find("_atom_site.", ["auth_seq_id", "auth_asym_id", "label_atom_id", "Q_score"])
    )
    assert [list(row) for row in table] == [[str(number), "A-2", f"C{place}", f"0.{place + 1}00"] for place in range(3)]


@pytest.mark.parametrize("text, words", [("END\n", "no atoms in it"), (PDB.splitlines()[3] + "\n", "no atoms in it")])
def test_empty_models(tmp_path, text, words):
    (tmp_path / "model.pdb").write_text(text)
    with pytest.raises(InputError, match=words):
        read_atoms(tmp_path / "model.pdb")


def test_unreadable_models(tmp_path):
    (tmp_path / "model.cif").write_text("not a cif")
    with pytest.raises(InputError, match="model.cif: not a readable mmCIF or PDB file"):
        read_atoms(tmp_path / "model.cif")
    with pytest.raises(InputError, match="none.cif: no such file"):
        read_atoms(tmp_path / "none.cif")


def test_embedded_model():
    atoms = read_atoms(embedded_model())
    assert len(atoms) == 9703
    assert np.ptp(atoms.positions, axis=0) == pytest.approx([69, 77, 133], abs=1)
    assert {"ATP", "MG", "CLR", "POV"} < set(atoms.residue_names)
    assert os.path.getsize(embedded_model()) < 300e3


def test_embedded_model_equals_the_deposited_one(test_data):
    ours, deposited = read_atoms(embedded_model()), read_atoms(test_data / "models" / "6msm.cif.gz")
    assert ours.positions == pytest.approx(deposited.positions, abs=1e-3)
    assert (ours.names == deposited.names).all() and (ours.residue_numbers == deposited.residue_numbers).all()
