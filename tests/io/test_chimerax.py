"""What ChimeraX reads."""
import numpy as np
from model_files import residue, write_pdb

from gmmrefine.io.atoms import read_atoms
from gmmrefine.io.chimerax import write_attribute, write_script


def test_attribute_of_atoms(tmp_path):
    atoms = read_atoms(write_pdb(
        tmp_path / "model.pdb", residue("ALA", "A", 7, "N CA", "ATOM", insertion="B"), residue("U", "B", 1, "O5' P", "ATOM")))
    write_attribute(tmp_path / "q.defattr", "gmm_q", atoms, np.array([0.25, np.nan, -0.5, 1]))
    assert (tmp_path / "q.defattr").read_text(encoding="utf-8").splitlines() == [
        "attribute: gmm_q", "recipient: atoms", "\t/A:7B@N\t0.2500", "\t/B:1@O5'\t-0.5000", "\t/B:1@P\t1.0000"]


def test_script_finds_its_files_from_its_own_folder(tmp_path):
    folder, density = tmp_path / "out", tmp_path / "my maps" / "a.mrc"
    write_script(folder / "q.cxc", folder / "q.cif", folder / "q.defattr", "gmm_q", "0,red:1,blue", [density])
    lines = (tmp_path / "out" / "q.cxc").read_text(encoding="utf-8").splitlines()
    assert lines[:3] == ['open "q.cif"', 'open "q.defattr"', 'open "../my maps/a.mrc"']
    assert "color byattribute a:gmm_q palette 0,red:1,blue noValueColor gray" in lines
    assert "key red:0 blue:1" in lines
