"""What is said about odd models."""

import numpy as np
from model_files import residue, write_pdb

from gmmrefine.io.atoms import read_model
from gmmrefine.pipelines.model_notes import AS_DENSITY, SCORED, model_counts, notes_on_model, notes_on_places, place_counts


def test_a_usual_model_needs_no_words(tmp_path):
    atoms, others = read_model(write_pdb(tmp_path / "model.pdb", residue("ATP", "A", 1, "C1 C2")))
    counts = {**model_counts(atoms, others), **place_counts(atoms, np.zeros(2, bool), np.zeros(2, bool))}
    assert set(counts) > set(SCORED) == set(AS_DENSITY) and not any(counts.values())
    assert notes_on_model(counts, SCORED) == notes_on_places(counts) == notes_on_model({}, AS_DENSITY) == []


def test_residues_are_named_once_and_not_all(tmp_path):
    waters = [residue("HOH", "A", number, "O1 O2", at=(0, 5 * number, 0), occupancy=0.0) for number in range(1, 8)]
    atoms, others = read_model(write_pdb(tmp_path / "model.pdb", *waters))
    outside = np.arange(14) > 1
    counts = {**model_counts(atoms, others), **place_counts(atoms, outside, ~outside)}
    assert counts["residues_outside"] == [f"A/HOH {number}" for number in range(2, 8)]
    assert notes_on_model(counts, SCORED) == ["14 atoms have occupancy 0; they are scored like the others"]
    assert notes_on_model(counts, AS_DENSITY)[0].startswith("14 atoms of the model have occupancy 0: the map is sharpened")
    moved = {"moved": True, "displacement": [0.651, -0.001, 0.0]}
    assert notes_on_places(moved)[0].startswith("moved by 0.65 0.00 0.00 Å (x y z) against the first map; sharp peaks")
    assert notes_on_places(counts) == [
        "2 atoms lie in constant density; their Q is 0",
        "12 atoms lie outside the map and have no Q: A/HOH 2, A/HOH 3, A/HOH 4, A/HOH 5, A/HOH 6 and 1 more residues",
    ]
