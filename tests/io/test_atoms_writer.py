"""Atomic models written anew at another place."""

import gemmi
import numpy as np
import pytest

from gmmrefine.io.atoms import embedded_model, read_atoms
from gmmrefine.io.atoms_writer import positions_of_all, write_morph, write_moved_atoms

MOVE = (12.5, -7.25, 100.0)
PDB = """\
CRYST1   50.000   60.000   70.000  90.00  90.00  90.00 P 1           1
MODEL        1
ATOM      1  N   ALA A   1      11.000  12.000  13.000  1.00 20.00           N
ATOM      2  CA AALA A   1      10.000   0.000   0.000  0.40 20.00           C
ATOM      3  CA BALA A   1      20.000   0.000   0.000  0.60 30.00           C
ATOM      4  HA  ALA A   1       1.000   1.000   1.000  1.00 20.00           H
HETATM    5 MG    MG B 201       5.000   6.000   7.000  0.50 40.00          MG
ENDMDL
MODEL        2
ATOM      1  N   ALA A   1      91.000  92.000  93.000  1.00 20.00           N
ENDMDL
END
"""
SAME = ("elements", "atomic_numbers", "b_factors", "occupancies", "names", "residue_names", "residue_numbers", "chains")


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.pdb"
    path.write_text(PDB)
    return path


def assert_moved(source, path):
    before, after = read_atoms(source), read_atoms(path)
    assert after.positions - before.positions == pytest.approx(np.tile(MOVE, (len(before), 1)), abs=2e-3)
    for name in SAME:
        assert (getattr(after, name) == getattr(before, name)).all(), name
    return after


def test_every_atom_is_moved_and_nothing_else_changes(tmp_path):
    write_moved_atoms(embedded_model(), tmp_path / "moved.cif", MOVE)
    assert len(assert_moved(embedded_model(), tmp_path / "moved.cif")) == 9703


def test_a_pdb_file_with_alternatives_hydrogens_and_a_second_model(small, tmp_path):
    write_moved_atoms(small, tmp_path / "moved.cif", MOVE)
    assert len(assert_moved(small, tmp_path / "moved.cif")) == 3
    structure = gemmi.read_structure(str(tmp_path / "moved.cif"))
    assert len(structure) == 1 and structure[0].count_atom_sites() == 5
    hydrogen = next(site.atom for site in structure[0].all() if site.atom.is_hydrogen())
    assert hydrogen.pos.tolist() == pytest.approx([13.5, -6.25, 101.0])


def test_the_cell_of_a_crystal_is_left_out(small, tmp_path):
    write_moved_atoms(small, tmp_path / "moved.cif", MOVE)
    assert gemmi.read_structure(str(small)).cell.is_crystal()
    assert not gemmi.read_structure(str(tmp_path / "moved.cif")).cell.is_crystal()


def test_moved_back_it_is_where_it_was(small, tmp_path):
    write_moved_atoms(small, tmp_path / "there.cif", MOVE)
    write_moved_atoms(tmp_path / "there.cif", tmp_path / "back.cif", [-value for value in MOVE])
    back, before = read_atoms(tmp_path / "back.cif"), read_atoms(small)
    assert back.positions == pytest.approx(before.positions, abs=2e-3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back.cif", "small.pdb", "there.cif"]


def test_morph_has_a_model_for_every_frame(small, tmp_path):
    start = positions_of_all(small)
    frames = np.stack([start, start + MOVE, start * 0.5])
    write_morph(small, tmp_path / "morph.cif", frames)
    structure = gemmi.read_structure(str(tmp_path / "morph.cif"))
    assert [model.num for model in structure] == [1, 2, 3]
    for model, frame in zip(structure, frames):
        assert np.array([site.atom.pos.tolist() for site in model.all()]) == pytest.approx(frame, abs=2e-3)
        assert [site.atom.name for site in model.all()] == ["N", "CA", "CA", "HA", "MG"]
        assert [site.atom.altloc for site in model.all()] == ["\0", "A", "B", "\0", "\0"]
