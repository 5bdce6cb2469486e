"""Q-scores against the original program, a slow loop, and densities with a known answer."""

import gemmi
import numpy as np
import pytest
import references
from model_maps import map_of_atoms, save

from gmmrefine.io.atoms import read_atoms
from gmmrefine.io.mrc import MapGrid, read_grid
from gmmrefine.validation.qscore import q_scores, sphere_points


@pytest.fixture
def crowd(rng):
    """Atoms at bond distances and a bumpy map around them on a grid with unequal sides."""
    chain = np.cumsum(rng.normal(0, 0.8, (60, 3)), axis=0)
    chain -= chain.min(axis=0) - [8, 7, 9]
    shape = tuple(int(size) for size in np.ceil((chain.max(axis=0) + 6) / [1.1, 0.9, 1.3])[::-1] + 1)
    grid = map_of_atoms(chain, rng.uniform(0.5, 1.5, len(chain)), (shape, (1.1, 0.9, 1.3), (1.05, -2.3, 0.4)))
    grid.data[:] += rng.normal(0, 0.1, shape)
    return chain, grid


def test_every_atom_equals_the_original_program(test_data):
    """MapQ's own values are rounded to three decimals; they reach r 0.9999992 at best."""
    folder = test_data / "qscore"
    atoms, grid = read_atoms(folder / "7cec_A.cif"), read_grid(folder / "390_emd_30342_A_z4.mrc")
    column = gemmi.cif.read(str(folder / "7cec_A_mapq.cif")).sole_block().find_values("_atom_site.Q_score")
    expected, found = np.array([float(text) for text in column]), q_scores(atoms.positions, grid, 0.6)
    assert len(atoms) == len(expected) == 4308 and not found.outside.any() and not found.flat.any()
    assert np.corrcoef(found.values, expected)[0, 1] >= 0.999999
    assert found.values.mean() == pytest.approx(expected.mean(), abs=5e-5)
    assert np.abs(found.values - expected).max() <= 0.0015
    lower = q_scores(atoms.positions, grid, 0.4).values
    assert found.values.mean() - lower.mean() == pytest.approx(0.08, abs=0.03)


@pytest.mark.parametrize("sigma", [0.6, 0.4])
def test_equals_the_slow_loop(crowd, sigma):
    positions, grid = crowd
    found = q_scores(positions, grid, sigma).values
    for atom in range(0, len(positions), 6):
        expected = references.q_score(atom, positions, grid.data, grid.voxel_sizes, grid.origin, sigma)
        assert found[atom] == pytest.approx(expected, abs=1e-6), atom


def test_height_and_level_of_the_map_do_not_matter(crowd):
    """The reference's height and offset, which MapQ takes from the map's mean and deviation, drop out of a correlation."""
    positions, grid = crowd
    usual = q_scores(positions, grid).values
    for factor, level, accuracy in ((7, 3, 1e-4), (-1, 0, 1e-6)):
        changed = MapGrid(factor * grid.data + level, grid.voxel_sizes, grid.origin)
        assert q_scores(positions, changed).values == pytest.approx(np.sign(factor) * usual, abs=accuracy)


def test_a_lone_atom_of_the_reference_width_scores_one():
    grid = map_of_atoms([[10.0, 10, 10]], [1.0], ((81,) * 3, (0.25,) * 3, (0, 0, 0)), width=0.6)
    assert q_scores(np.array([[10.0, 10, 10]]), grid, 0.6).values[0] == pytest.approx(1, abs=2e-3)
    assert q_scores(np.array([[10.0, 10, 10]]), grid, 0.4).values[0] < 0.97
    assert q_scores(np.array([[11.5, 10, 10]]), grid, 0.6).values[0] < 0.1


def test_the_same_density_saved_six_ways(tmp_path, rng):
    """By ORIGIN or nstart, in three orders of the axes, on voxels and a box with unequal sides."""
    origin, voxel_sizes = np.array([8 * 1.1, -11 * 0.9, 5 * 1.3]), (1.1, 0.9, 1.3)
    positions = origin + rng.uniform(6, 14, (30, 3))
    grid = map_of_atoms(positions, np.ones(30), ((18, 25, 20), voxel_sizes, origin))
    usual = q_scores(positions, grid)
    assert not usual.outside.any() and np.ptp(usual.values) > 0.1
    for axes in ((1, 2, 3), (3, 2, 1), (2, 3, 1)):
        for by_start in (False, True):
            saved = read_grid(save(tmp_path / "map.mrc", grid, axes, by_start))
            assert q_scores(positions, saved).values == pytest.approx(usual.values, abs=1e-5), (axes, by_start)


def test_a_fractional_origin_moves_with_the_model(tmp_path, rng):
    positions = rng.uniform(8, 14, (20, 3))
    grid = map_of_atoms(positions, np.ones(20), ((22,) * 3, (1.0,) * 3, (0, 0, 0)))
    moved = MapGrid(grid.data, grid.voxel_sizes, np.array([0.37, -5.81, 101.456]))
    saved = read_grid(save(tmp_path / "map.mrc", moved))
    usual = q_scores(positions, grid).values
    assert q_scores(positions + moved.origin, saved).values == pytest.approx(usual, abs=1e-5)
    assert np.abs(q_scores(positions, grid).values - q_scores(positions + [0.37, 0.19, 0.456], grid).values).max() > 0.05


def test_atoms_outside_have_no_score_and_still_take_their_neighbours_points(rng):
    positions = np.array([[10.0, 10, 10], [3.2, 10, 10], [1.9, 10, 10], [10, 18.1, 10]])
    grid = map_of_atoms(positions, np.ones(4), ((21,) * 3, (1.0,) * 3, (0, 0, 0)))
    found = q_scores(positions, grid)
    assert found.outside.tolist() == [False, False, True, True]
    assert np.isnan(found.values).tolist() == [False, False, True, True]
    assert q_scores(positions[:2], grid).values[1] != pytest.approx(found.values[1], abs=1e-3)


def test_constant_density_scores_zero_and_is_marked():
    grid = map_of_atoms([[8.0, 8, 8]], [1.0], ((33,) * 3, (1.0,) * 3, (0, 0, 0)))
    grid.data[20:] = 0.1
    found = q_scores(np.array([[8.0, 8, 8], [8.0, 8, 26]]), grid)
    assert found.flat.tolist() == [False, True] and found.values[1] == 0 and found.values[0] > 0.9


def test_a_model_larger_than_one_batch(rng, monkeypatch):
    positions = rng.uniform(4, 26, (300, 3))
    grid = map_of_atoms(positions, np.ones(300), ((31,) * 3, (1.0,) * 3, (0, 0, 0)))
    usual, done = q_scores(positions, grid).values, []
    monkeypatch.setattr("gmmrefine.validation.qscore._ATOMS_AT_A_TIME", 90)
    assert q_scores(positions, grid, report=done.append).values == pytest.approx(usual, abs=1e-12)
    assert done == [90, 180, 270, 300]


@pytest.mark.parametrize("count", [8, 10, 106])
def test_points_of_a_sphere(count):
    assert sphere_points(count) == pytest.approx(np.array(references.spiral(count)), abs=1e-9)
