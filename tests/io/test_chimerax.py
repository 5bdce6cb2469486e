"""What ChimeraX reads."""

import numpy as np
from model_files import residue, write_pdb

from gmmrefine.io.atoms import read_atoms
from gmmrefine.io.chimerax import Colours, Movie, write_attribute, write_movie, write_script


def test_attribute_of_atoms(tmp_path):
    atoms = read_atoms(
        write_pdb(
            tmp_path / "model.pdb", residue("ALA", "A", 7, "N CA", "ATOM", insertion="B"), residue("U", "B", 1, "O5' P", "ATOM")
        )
    )
    write_attribute(tmp_path / "q.defattr", "gmm_q", atoms, np.array([0.25, np.nan, -0.5, 1]))
    assert (tmp_path / "q.defattr").read_text(encoding="utf-8").splitlines() == [
        "attribute: gmm_q",
        "recipient: atoms",
        "\t/A:7B@N\t0.2500",
        "\t/B:1@O5'\t-0.5000",
        "\t/B:1@P\t1.0000",
    ]


def test_script_finds_its_files_from_its_own_folder(tmp_path):
    folder, density = tmp_path / "out", tmp_path / "my maps" / "a.mrc"
    write_script(folder / "q.cxc", folder / "q.cif", Colours(folder / "q.defattr", "gmm_q", "0,red:1,blue"), [density])
    lines = (tmp_path / "out" / "q.cxc").read_text(encoding="utf-8").splitlines()
    assert lines[:3] == ['open "q.cif"', 'open "q.defattr"', 'open "../my maps/a.mrc"']
    assert "color byattribute a:gmm_q palette 0,red:1,blue noValueColor gray" in lines
    assert "key red:0 blue:1" in lines


def test_movie_plays_both_halves_in_the_same_sense(tmp_path):
    folder = tmp_path / "out"
    first = Movie((folder / "1/a.mrc", folder / "1/b.mrc"), 0.5, None, False)
    second = Movie((folder / "2/a.mrc", folder / "2/b.mrc"), 0.25, None, True)
    write_movie(folder / "movie.cxc", [first, second], 100.0)
    assert (folder / "movie.cxc").read_text(encoding="utf-8").splitlines() == [
        'open "1/a.mrc" "1/b.mrc" vseries true',
        'open "2/b.mrc" "2/a.mrc" vseries true',
        "volume #1.1 style surface level 0.5",
        "volume #2.1 style surface level 0.25",
        "move x 80.0 models #2",
        "view",
        "vseries play #1,2 direction oscillate loop true maxFrameRate 6",
    ]


def test_movie_with_models_and_movie_of_one_map(tmp_path):
    maps = (tmp_path / "a.mrc", tmp_path / "b.mrc")
    movies = [Movie(maps, 0.5, tmp_path / "1.cif", False), Movie(maps, 0.5, tmp_path / "2.cif", True)]
    write_movie(tmp_path / "movie.cxc", movies, 100.0)
    lines = (tmp_path / "movie.cxc").read_text(encoding="utf-8").splitlines()
    assert lines[2:4] == ['open "1.cif" coordsets true', 'open "2.cif" coordsets true']
    assert "move x 80.0 models #2,4" in lines and lines[-2:] == ["coordset #3 1,2", "coordset #4 2,1"]
    write_movie(tmp_path / "one.cxc", [Movie(maps[:1], 0.5, tmp_path / "1.cif", False)], 100.0)
    assert (tmp_path / "one.cxc").read_text(encoding="utf-8").splitlines() == [
        'open "a.mrc"',
        'open "1.cif" coordsets true',
        "volume #1 style surface level 0.5 transparency 0.6",
        "view",
    ]
