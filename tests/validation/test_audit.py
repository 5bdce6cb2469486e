"""The rule for kept, weakened and lost, and the confidence interval of a change."""

import numpy as np
import pytest
from model_maps import map_of_atoms

from gmmrefine.validation.audit import densities, find_copies, judge, mean_change, relative_to_polymer

POLYMER = ["protein_backbone"] * 40 + ["protein_side_chain"] * 40
CLASSES = np.array([*POLYMER, "ligand", "ligand", "ligand", "ion", "water", "lipid", "lipid"])
RESIDUES = np.concatenate([np.arange(80) // 8, [10] * 3, [11, 12, 13, 13]])
COPIES = find_copies(CLASSES, RESIDUES)
LIGAND, ION, WATER, LIPID = range(4)


def status(q=0.6, density=1.0, q_before=0.6, density_before=1.0, copy=LIGAND, spread=0.01):
    """Status of one copy, the others unchanged; the polymer's Q changes with a deviation ``spread``."""
    rng, members = np.random.default_rng(1), COPIES.group == copy
    before, after, level, level_after = (np.full(len(CLASSES), value) for value in (0.6, 0.6, 1.0, 1.0))
    after[:80] += rng.normal(0, spread, 80)
    before[members], after[members], level[members], level_after[members] = q_before, q, density_before, density
    found = judge(COPIES, (before, after), (level, level_after), CLASSES, RESIDUES)
    assert all(found[other] == "kept" for other in range(4) if other != copy)
    return found[copy]


def test_copies():
    assert len(COPIES) == 4 and COPIES.first_atom.tolist() == [80, 83, 84, 85] and COPIES.sizes.tolist() == [3, 1, 1, 2]
    assert COPIES.means(np.arange(87.0)).tolist() == [81, 83, 84, 85.5]
    assert (COPIES.group[:80] == -1).all()


@pytest.mark.parametrize("copy", [LIGAND, ION, WATER, LIPID])
def test_the_rule(copy):
    assert status(copy=copy) == "kept"
    assert status(q=0.52, copy=copy) == "kept" and status(q=0.45, copy=copy) == "weakened"
    assert status(q=0.21, copy=copy) == "weakened" and status(q=0.19, copy=copy) == "lost"
    assert status(q=-0.5, copy=copy) == "lost"
    assert status(density=0.65, copy=copy) == "kept" and status(density=0.55, copy=copy) == "weakened"
    assert status(density=0.26, copy=copy) == "weakened" and status(density=0.24, copy=copy) == "lost"
    assert status(q=0.9, density=3.0, copy=copy) == "kept"


@pytest.mark.parametrize("copy", [LIGAND, ION, WATER, LIPID])
def test_nothing_is_kept_below_what_is_resolved(copy):
    assert status(q=0.19, q_before=0.25, copy=copy) == "weakened" and status(q=0.21, q_before=0.25, copy=copy) == "kept"
    assert status(q=0.19, q_before=0.6, spread=0.3, copy=copy) in ("weakened", "lost")


def test_what_the_reference_does_not_resolve_is_not_judged():
    assert status(q_before=0.19, q=-0.5) == "unjudged" and status(q_before=0.21, q=-0.5) == "lost"
    assert status(density_before=0.09, density=0.0) == "unjudged"
    assert status(q=np.nan) == status(q_before=np.nan) == status(density=np.nan) == "unjudged"


def test_changes_common_in_the_polymer_do_not_count():
    """A copy of one atom is compared with atoms, a larger one with means of residues of eight atoms."""
    assert status(q=0.4, spread=0.15, copy=ION) == "kept" and status(q=0.4, spread=0.15, copy=LIGAND) == "weakened"
    assert status(q=0.25, spread=0.25, copy=ION) == "kept" and status(q=0.1, spread=0.1, copy=ION) == "lost"


def test_a_fall_of_the_whole_map_is_not_the_ligands():
    before, level = np.full(87, 0.6), np.ones(87)
    found = judge(COPIES, (before, before - 0.2), (level, level), CLASSES, RESIDUES)
    assert found.tolist() == ["kept"] * 4


def test_densities_are_relative_to_solvent_and_polymer():
    positions = np.array([[10.0, 10, 10], [20, 10, 10], [10, 25, 10], [25, 25, 15]])
    grid = map_of_atoms(positions, [4.0, 4, 2, 0], ((30, 40, 36), (1.0,) * 3, (0, 0, 0)), 1.5)
    grid.data[:] = 3 * grid.data - 7
    classes = np.array(["protein_backbone", "protein_side_chain", "ligand", "water"])
    found = densities(positions, grid, np.random.default_rng(1))
    assert found == pytest.approx([12, 12, 6, 0], abs=1e-2)
    relative = relative_to_polymer(found, np.ones(4, bool), classes)
    assert relative == pytest.approx([1, 1, 0.5, 0], abs=1e-3)
    assert np.isnan(relative_to_polymer(-found, np.ones(4, bool), classes)).all()
    assert np.isnan(relative_to_polymer(found, np.zeros(4, bool), classes)).all()


def test_confidence_interval_covers_the_truth_and_knows_of_residues(rng):
    """Atoms of a residue move together: the interval is that of 40 independent values, not of 400."""
    covered, widths = 0, []
    for _ in range(60):
        residues = np.repeat(np.arange(40), 10)
        change = 0.05 + np.repeat(rng.normal(0, 0.1, 40), 10)
        mean, low, high = mean_change(change, residues, rng)
        assert mean == pytest.approx(change.mean())
        covered += low < 0.05 < high
        widths.append(high - low)
    assert 51 <= covered <= 60
    assert np.mean(widths) == pytest.approx(2 * 1.96 * 0.1 / np.sqrt(40), rel=0.15)


def test_no_interval_from_two_residues(rng):
    mean, low, high = mean_change(np.array([0.1, 0.3]), np.array([1, 2]), rng)
    assert mean == pytest.approx(0.2) and np.isnan(low) and np.isnan(high)
