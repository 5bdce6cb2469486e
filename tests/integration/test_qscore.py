"""The command qscore: what it writes, and what it says of odd models and maps."""

import hashlib

import gemmi
import numpy as np
import pytest
from model_files import residue, write_pdb
from model_maps import map_of_atoms, save
from reported import reported
from small_run import assert_refused, events, gmmrefine, record

from gmmrefine.commands.qscore import COMMAND
from gmmrefine.io.atoms import read_atoms
from gmmrefine.io.star import read_star

PEPTIDE = {"N": (0, 0, 0), "CA": (1.46, 0, 0), "C": (2.0, 1.4, 0), "O": (1.3, 2.4, 0), "CB": (2.0, -0.8, 1.2)}
HELIX = [residue("ALA", "A", number, PEPTIDE, "ATOM", at=(10, 10 + 3.8 * number, 10)) for number in range(1, 13)]
MAGNESIUM = residue("MG", "A", 101, "MG:MG", at=(18, 20, 14))
GRID = ((34, 76, 30), (0.9, 0.9, 0.9), (0, 0, 0))


def write_map_of(path, model, grid=GRID, width=0.8):
    """A map in which every atom of a model file is one Gaussian."""
    atoms = read_atoms(model)
    return save(path, map_of_atoms(atoms.positions, np.ones(len(atoms)), grid, width))


@pytest.fixture
def model(tmp_path):
    return write_pdb(tmp_path / "model.pdb", *HELIX, MAGNESIUM)


@pytest.fixture
def density(tmp_path, model):
    return write_map_of(tmp_path / "map.mrc", model)


def score(model, density, folder, *options):
    """Run the command; results of run.json, rows of qscore.star and what was said."""
    outcome = gmmrefine("qscore", model, density, "-o", folder, *options)
    assert outcome.code == 0 and outcome.err == "", outcome.err
    return record(folder)["results"], read_star(folder / "qscore.star")["qscore"], outcome.out


def test_outputs(model, density, tmp_path):
    results, table, said = score(model, density, tmp_path / "q", "--map-resolution", 3)
    for name in (*COMMAND.outputs, "figures/residues_A.png"):
        assert (tmp_path / "q" / name).stat().st_size > 0, name
    content = record(tmp_path / "q")
    assert content["finished"] and content["settings"] == {
        "sigma": "0.6",
        "map_resolution": 3.0,
        "place_from": "auto",
        "first_voxel": None,
        "threads": None,
    }
    assert content["inputs"] == {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in (model, density)}
    assert {event["step"] for event in events(tmp_path / "q")} == {"score atoms"}
    assert reported(tmp_path / "q", tmp_path) == {
        "Q-scores": ["Q-score along the chains", "Map against model", "Q-score by component class"]
    }
    atoms, scores = read_atoms(model), table.numbers("gmmQScore")
    assert table.strings("gmmAtomName") == atoms.names.tolist() and len(scores) == 61
    assert table.numbers("gmmModelY") == pytest.approx(atoms.positions[:, 1])
    assert set(table.strings("gmmClass")) == {"protein_backbone", "protein_side_chain", "ion"}
    assert results["mean_q"] == pytest.approx(scores.mean(), abs=1e-6) and scores[-1] > 0.9 and scores.max() <= 1
    assert results["expected_q"] == pytest.approx({"protein": 0.5867})
    assert "mean Q" in said.splitlines()[-1] and said.splitlines()[-1].endswith("of 61 atoms (σ 0.6 Å)")


def test_tables_agree(model, density, tmp_path):
    _, table, _ = score(model, density, tmp_path / "q")
    scores, names = table.numbers("gmmQScore"), np.array(table.strings("gmmAtomName"))
    residues = read_star(tmp_path / "q" / "residues.star")["residues"]
    assert len(residues) == 13 and residues.strings("gmmQSideChain")[12] == "<NA>" == residues.strings("gmmQWindow")[12]
    assert residues.numbers("gmmQMean")[:12] == pytest.approx(scores[:60].reshape(12, 5).mean(axis=1), abs=1e-6)
    classes = read_star(tmp_path / "q" / "classes.star")["classes"]
    assert classes.strings("gmmClass") == ["protein_backbone", "protein_side_chain", "ion"]
    assert classes.numbers("gmmAtoms").tolist() == [48, 12, 1]
    assert classes.numbers("gmmQMedian")[1] == pytest.approx(np.median(scores[names == "CB"]), abs=1e-6)
    chains = read_star(tmp_path / "q" / "chains.star")["chains"]
    assert chains.strings("gmmChain") == ["A"] and chains.numbers("gmmQMean") == pytest.approx([scores.mean()], abs=1e-6)
    column = gemmi.cif.read(str(tmp_path / "q" / "qscore.cif")).sole_block().find_values("_atom_site.Q_score")
    assert [float(text) for text in column] == pytest.approx(scores, abs=6e-4)


def test_sigma_is_always_said(model, density, tmp_path):
    wide, _, _ = score(model, density, tmp_path / "wide")
    results, _, said = score(model, density, tmp_path / "narrow", "--sigma", "0.4")
    assert results["sigma"] == 0.4 and "(σ 0.4 Å)" in said and results["mean_q"] < wide["mean_q"]
    assert gmmrefine("qscore", model, density, "-o", tmp_path / "other", "--sigma", "0.5").code == 1


def test_a_model_partly_outside(model, tmp_path):
    """Up to a tenth may lie outside the box, and as many again nearer to its edge than Q looks."""
    grid = ((34, 61, 30), (0.9, 0.9, 0.9), (0, 0, 0))
    results, table, said = score(model, write_map_of(tmp_path / "map.mrc", model, grid), tmp_path / "q")
    missing = [row for row, text in enumerate(table.strings("gmmQScore")) if text == "<NA>"]
    assert missing == [row for row, y in enumerate(table.numbers("gmmModelY")) if y > 60 * 0.9 - 2]
    assert results["atoms_outside"] == len(missing) == 7 and results["atoms"] == 61 - len(missing)
    assert results["place"]["atoms_outside_box"] == 5 and results["residues_outside"] == ["A/ALA 11", "A/ALA 12"]
    assert f"{len(missing)} atoms lie outside the map and have no Q: A/ALA 11, A/ALA 12" in said
    scored = [float(text) for text in table.strings("gmmQScore") if text != "<NA>"]
    assert results["mean_q"] == pytest.approx(np.mean(scored), abs=1e-6)
    defined = (tmp_path / "q" / "qscore.defattr").read_text(encoding="utf-8").splitlines()[2:]
    assert len(defined) == results["atoms"]


def test_a_model_outside_is_refused(model, density, tmp_path):
    far = write_pdb(tmp_path / "far.pdb", residue("ALA", "A", 1, PEPTIDE, "ATOM", at=(500, 0, 0)))
    outcome = gmmrefine("qscore", far, density, "-o", tmp_path / "q")
    assert_refused(
        outcome,
        "qscore",
        "map.mrc holds x y z from 0.0 0.0 0.0 to 26.1 67.5 29.7 Å",
        "lie from 500.0 -0.8 0.0",
        "Fit the model into the map",
    )
    assert {path.name for path in (tmp_path / "q").iterdir()} <= {"run.json", "gmmrefine.log", "events.jsonl"}


@pytest.mark.parametrize("value", [0.0, 2.5])
def test_a_constant_map_is_refused(model, tmp_path, value):
    grid = map_of_atoms([], [], GRID)
    grid.data[:] = value
    outcome = gmmrefine("qscore", model, save(tmp_path / "map.mrc", grid), "-o", tmp_path / "q")
    assert_refused(outcome, "qscore", f"map.mrc: all 77520 voxels are {value:g}; a Q-score needs density")


def test_alternatives_hydrogens_and_further_models_are_left_out_and_counted(model, density, tmp_path):
    usual, expected, _ = score(model, density, tmp_path / "usual")
    second = residue("SER", "A", 1, {"OG": (3.4, -0.5, 1.3)}, "ATOM", at=(10, 13.8, 10), alternative="B", occupancy=0.3)
    first = residue("SER", "A", 1, {"OG": (2.0, -0.8, 1.2)}, "ATOM", at=(10, 13.8, 10), alternative="A", occupancy=0.7)
    hydrogen = residue("ALA", "A", 1, {"HA": (1.8, -0.5, -0.9)}, "ATOM", at=(10, 13.8, 10))
    helix = [HELIX[0][:4] + first + second + hydrogen, *HELIX[1:], MAGNESIUM]
    one = [line.replace("ALA A   1", "SER A   1") for lines in helix for line in lines]
    text = "\n".join(["MODEL        1", *one, "ENDMDL", "MODEL        2", *one, "ENDMDL", "END"])
    (tmp_path / "odd.pdb").write_text(text + "\n", encoding="utf-8")
    results, table, said = score(tmp_path / "odd.pdb", density, tmp_path / "odd")
    assert (results["models_left_out"], results["hydrogens_left_out"], results["alternatives"]) == (1, 1, 1)
    assert table.numbers("gmmQScore") == pytest.approx(expected.numbers("gmmQScore"), abs=1e-6)
    assert "1 further models in the file are not scored" in said and "1 alternative places" in said
    assert "1 hydrogens are not scored" in said
    assert usual["models_left_out"] == 0


def test_chains_without_polymer(tmp_path):
    """Waters, a ligand and an ion in chains of their own change no score of the protein, and have their own."""
    alone = write_pdb(tmp_path / "alone.pdb", *HELIX)
    model = write_pdb(
        tmp_path / "model.pdb",
        *HELIX,
        residue("HOH", "W", 1, "O", at=(20, 20, 16)),
        residue("HOH", "W", 2, "O", at=(20, 30, 16)),
        residue("DRG", "X", 1, "C1 C2 O1", at=(18, 45, 16)),
        residue("ZN", "Z", 1, "ZN:ZN", at=(20, 56, 16)),
    )
    density = write_map_of(tmp_path / "map.mrc", model)
    _, table, _ = score(model, density, tmp_path / "q")
    _, expected, _ = score(alone, density, tmp_path / "a")
    assert table.numbers("gmmQScore")[:60] == pytest.approx(expected.numbers("gmmQScore"), abs=1e-6)
    assert table.strings("gmmClass")[60:] == ["water", "water", "ligand", "ligand", "ligand", "ion"]
    assert read_star(tmp_path / "q" / "chains.star")["chains"].strings("gmmChain") == ["A", "W", "X", "Z"]
    windows = read_star(tmp_path / "q" / "residues.star")["residues"].strings("gmmQWindow")
    assert "<NA>" not in windows[:12] and windows[12:] == ["<NA>"] * 4
    assert len(list((tmp_path / "q" / "figures").glob("residues_*.png"))) == 1


def test_what_was_read_otherwise_is_said(model, density, tmp_path):
    lines = [line[:66] if line.startswith("ATOM") else line for line in model.read_text().splitlines()]
    bare = tmp_path / "bare.pdb"
    bare.write_text("\n".join(lines) + "\n")
    results, table, said = score(bare, density, tmp_path / "q")
    assert "60 atoms have no element in the file; it is taken from their names and distances: ALA N: N, ALA CA: C" in said
    changes = results["read_otherwise"]
    assert changes["elements_guessed"]["count"] == 60 and list(changes) == ["elements_guessed"]
    assert set(table.strings("gmmElement")) == {"N", "C", "O", "Mg"}


def test_zero_occupancy_is_scored_and_said(density, tmp_path):
    empty = residue("ALA", "A", 12, PEPTIDE, "ATOM", at=(10, 55.6, 10), occupancy=0.0)
    model = write_pdb(tmp_path / "empty.pdb", *HELIX[:11], empty, MAGNESIUM)
    results, table, said = score(model, density, tmp_path / "q")
    assert results["atoms_of_zero_occupancy"] == 5 and "5 atoms have occupancy 0; they are scored" in said
    assert len(table.numbers("gmmQScore")) == 61 and table.numbers("gmmOccupancy")[55:60].tolist() == [0] * 5


def test_unknown_residues_are_named(tmp_path, density):
    model = write_pdb(tmp_path / "odd.pdb", *HELIX, MAGNESIUM, residue("UNL", "A", 201, "C1 C2", at=(14, 40, 20)))
    results, table, said = score(model, density, tmp_path / "q")
    assert results["unknown_residues"] == ["A/UNL 201"] and "no class is known for A/UNL 201" in said
    assert table.strings("gmmClass")[-2:] == ["unknown"] * 2


def test_atoms_in_constant_density_are_counted(model, tmp_path):
    grid = map_of_atoms(read_atoms(model).positions, np.ones(61), GRID)
    grid.data[:, 50:] = 0
    results, table, said = score(model, save(tmp_path / "map.mrc", grid), tmp_path / "q")
    flat = results["atoms_in_constant_density"]
    assert flat > 5 and f"{flat} atoms lie in constant density; their Q is 0" in said
    assert np.sum(table.numbers("gmmQScore") == 0) == flat


@pytest.mark.parametrize("shift, sign", [((3, 3, 3), 1), ((0, 0, 0), -1)])
def test_a_model_that_does_not_fit_is_said_to(model, tmp_path, shift, sign):
    """3 Å along each axis in the density of the molecule, which only Q tells; and a map that is inverted."""
    grid = map_of_atoms(read_atoms(model).positions + shift, np.ones(61), GRID, 1.5)
    grid.data[:] *= sign
    results, _, said = score(model, save(tmp_path / "map.mrc", grid), tmp_path / "q")
    words = "looks inverted, or the model does not sit on the peaks" if sign > 0 else "the contrast looks inverted: mean Q"
    assert results["mean_q"] < (0.1 if sign > 0 else -0.5) and words in said
    assert "mean Q" in said.splitlines()[-1]


def test_a_result_does_not_overwrite_its_input(model, density, tmp_path):
    (tmp_path / "q").mkdir()
    inside = tmp_path / "q" / "qscore.cif"
    gemmi.read_structure(str(model)).make_mmcif_document().write_file(str(inside))
    before = inside.read_bytes()
    outcome = gmmrefine("qscore", inside, density, "-o", tmp_path / "q")
    assert_refused(outcome, "qscore", "would be overwritten by the result of the same name")
    assert inside.read_bytes() == before
