"""Atoms as Gaussians."""

import numpy as np
import pytest

from gmmrefine.gmm.from_atoms import gmm_from_atoms, randomised

POSITIONS = np.array([[0.0, 1.0, 2.0], [-3.0, 4.0, -5.0], [6.0, 0.0, 0.0]])


def test_mass_is_the_atomic_number_and_width_the_b_factor():
    gmm = gmm_from_atoms(POSITIONS, [6, 8, 16], np.array([0.0, 80.0, 20.0]))
    assert gmm.masses == pytest.approx([6, 8, 16], rel=1e-12)
    # exp(-B k² / 4) is the transform of a Gaussian of variance B / 8π²
    spread = gmm.widths**2 - gmm.widths[0] ** 2
    assert spread == pytest.approx(np.array([0, 80, 20]) / (8 * np.pi**2), rel=1e-12)
    assert 0.2 < gmm.widths[0] < 0.5
    assert np.array_equal(gmm.centers, POSITIONS)


def test_negative_b_factor_is_no_sharper_than_an_atom():
    widths = gmm_from_atoms(POSITIONS, [6, 6, 6], np.array([-10.0, 0.0, 10.0])).widths
    assert widths[0] == widths[1] < widths[2]


def test_randomised_atoms_are_off_by_the_distance_and_repeatable():
    gmm = gmm_from_atoms(np.zeros((5000, 3)), np.full(5000, 6), np.full(5000, 20.0))
    moved = randomised(gmm, 4.0, np.random.default_rng(1))
    assert np.sqrt((moved.centers**2).sum(axis=1).mean()) == pytest.approx(4.0, rel=0.02)
    assert np.abs(moved.centers.mean(axis=0)).max() < 0.15
    assert np.array_equal(moved.amplitudes, gmm.amplitudes) and np.array_equal(moved.widths, gmm.widths)
    assert np.array_equal(moved.centers, randomised(gmm, 4.0, np.random.default_rng(1)).centers)
