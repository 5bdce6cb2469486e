"""Means by residue, chain and class."""

import numpy as np
import pytest
from model_files import residue, write_pdb

from gmmrefine.io.atoms import read_atoms
from gmmrefine.validation.component_class import component_classes
from gmmrefine.validation.q_summary import expected_q, present_classes, residue_scores, statistics


@pytest.fixture
def chain(tmp_path):
    """Twenty glycines and alanines in turn, and a magnesium in the same chain."""
    residues = [
        residue("ALA", "A", number, "N CA C O CB", "ATOM", at=(0, 4.0 * number, 0))
        if number % 2
        else residue("GLY", "A", number, "N CA C O", "ATOM", at=(0, 4.0 * number, 0))
        for number in range(1, 21)
    ]
    return read_atoms(write_pdb(tmp_path / "model.pdb", *residues, residue("MG", "A", 101, "MG:MG", at=(40, 0, 0))))


def test_residues_against_loops(chain, rng):
    classes, values = component_classes(chain), rng.uniform(0, 1, len(chain))
    values[[0, 9, 10, 11, 12]] = np.nan  # an atom of residue 1, all of residue 3 but its side chain
    found = residue_scores(values, classes, chain)
    assert len(found.mean) == 21 and chain.residue_numbers[found.first_atom].tolist() == [*range(1, 21), 101]
    means = []
    for row, index in enumerate(range(21)):
        members = [a for a in range(len(chain)) if chain.residue_index[a] == index and not np.isnan(values[a])]
        backbone = [values[a] for a in members if chain.names[a] in ("N", "CA", "C", "O")]
        side = [values[a] for a in members if chain.names[a] == "CB"]
        means.append(np.mean(values[members]))
        assert found.atoms[row] == len(members)
        assert found.mean[row] == pytest.approx(means[-1])
        assert found.backbone[row] == pytest.approx(np.mean(backbone) if backbone else np.nan, nan_ok=True)
        assert found.side_chain[row] == pytest.approx(np.mean(side) if side else np.nan, nan_ok=True)
    for row in range(20):
        assert found.window[row] == pytest.approx(np.mean(means[max(0, row - 5) : min(20, row + 6)]))
    assert np.isnan(found.window[20])
    assert found.atoms_outside.sum() == 5


def test_a_residue_outside_is_in_no_window(chain):
    values = np.ones(len(chain))
    values[chain.residue_numbers == 4] = np.nan
    found = residue_scores(values, component_classes(chain), chain)
    assert np.isnan(found.mean[3]) and found.window[:20] == pytest.approx(np.ones(20))


def test_residues_equal_the_original_program(test_data):
    """Backbone, side chain, mean and running window of MapQ's own table, from its own atom scores."""
    import gemmi

    atoms = read_atoms(test_data / "qscore" / "7cec_A.cif")
    column = gemmi.cif.read(str(test_data / "qscore" / "7cec_A_mapq.cif")).sole_block().find_values("_atom_site.Q_score")
    found = residue_scores(np.array([float(text) for text in column]), component_classes(atoms), atoms)
    rows = (test_data / "qscore" / "7cec_A_mapq_per_residue.txt").read_text(encoding="utf-8").splitlines()[13:]
    rows = [line.split("\t") for line in rows if line.startswith("A\t") and line.split("\t")[1]]
    assert len(rows) == len(found.mean) == 553
    for column, values in ((3, found.backbone), (4, found.side_chain), (5, found.mean), (25, found.window)):
        expected = np.array([float(row[column] or "nan") for row in rows])
        assert values == pytest.approx(expected, abs=5e-4, nan_ok=True), column


def test_statistics():
    found = statistics(np.array([0.1, 0.2, 0.3, 0.8, np.nan]))
    assert found == pytest.approx(
        {
            "gmmAtoms": 4,
            "gmmAtomsOutside": 1,
            "gmmQMean": 0.35,
            "gmmQMedian": 0.25,
            "gmmQQuartile1": 0.175,
            "gmmQQuartile3": 0.425,
        }
    )
    assert np.isnan(statistics(np.array([np.nan]))["gmmQMean"])
    assert present_classes(np.array(["water", "ion", "water"])) == ["ion", "water"]


def test_expected_q():
    """MapQ's table of 7CEC at 3.9 Å says 0.42474 of protein, 0.002 from the formula printed above it."""
    assert expected_q(3.9, 0.6)["protein"] == pytest.approx(0.42695, abs=1e-5)
    assert expected_q(2.0, 0.4) == pytest.approx({"protein": 0.7510, "nucleic acid": 0.6506})
    assert all(expected_q(2.5, 0.4)[kind] < expected_q(2.5, 0.6)[kind] for kind in ("protein", "nucleic acid"))
