"""Atomic models: every heavy atom once."""
import os

import numpy as np
import pytest

from gmmrefine.errors import InputError
from gmmrefine.io.atoms import embedded_model, read_atoms

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
    assert len(read_atoms(tmp_path / "model.pdb")) == 1


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
