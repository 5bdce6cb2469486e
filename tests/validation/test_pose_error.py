"""Errors are those of the poses, not of the frame a half set happens to lie in."""

import numpy as np
import pytest
from molecules import ctf_parameters, particle_set, random_rotations

from gmmrefine.geometry.rotations import rotations_from_vectors
from gmmrefine.validation.pose_error import displacement_rms, pose_errors

COUNT = 400


@pytest.fixture
def truth(rng):
    return particle_set(
        random_rotations(COUNT), rng.normal(size=(COUNT, 2)), ctf_parameters(COUNT, rng), half_set=1 + np.arange(COUNT) % 2
    )


def test_the_truth_has_no_error(truth):
    errors = pose_errors(truth, truth)
    assert errors.rotation_rms == pytest.approx(0, abs=1e-5) and errors.shift_rms == pytest.approx(0, abs=1e-9)
    assert errors.frame_difference_deg == pytest.approx(0, abs=1e-5) and errors.share_within(0.1) == 1


def test_planted_errors_are_measured(truth, rng):
    turn = rng.normal(0, np.radians(2) / np.sqrt(3), (COUNT, 3))
    moved = truth.with_poses(rotations_from_vectors(turn) @ truth.rotations, truth.shifts + rng.normal(0, 1, (COUNT, 2)))
    errors = pose_errors(moved, truth)
    assert errors.rotation_rms == pytest.approx(2, rel=0.08) and errors.shift_rms == pytest.approx(np.sqrt(2), rel=0.08)
    expected = np.mean(np.degrees(np.linalg.norm(turn, axis=1)) < 2)
    assert errors.share_within(2) == pytest.approx(expected, abs=0.03)


def test_a_frame_of_its_own_is_no_error_of_a_half_but_told(truth):
    frame = rotations_from_vectors(np.radians([[0.0, 1.5, 0.0]]))[0]
    second = truth.half_set == 2
    rotations, shifts = truth.rotations.copy(), truth.shifts.copy()
    rotations[second] = rotations[second] @ frame
    shifts[second] += rotations[second][:, :2] @ [1.0, -2.0, 0.5]
    errors = pose_errors(truth.with_poses(rotations, shifts), truth)
    assert errors.rotation_rms == pytest.approx(0, abs=1e-5) and errors.shift_rms == pytest.approx(0, abs=1e-9)
    assert errors.frame_difference_deg == pytest.approx(1.5, rel=1e-6)


def test_a_region_is_displaced_by_turn_times_distance_and_by_move(truth, rng):
    """About each axis by 1°: points 40 Å from the centre move by 40 Å × 1° √2, two thirds of it seen squared in projection."""
    turn = rng.normal(0, np.radians(1), (COUNT, 3))
    turned = truth.with_poses(truth.rotations @ rotations_from_vectors(turn), truth.shifts)
    far = np.array([0, 0, 40.0, 1e-6])
    assert displacement_rms(turned, truth, far) == pytest.approx(40 * np.radians(1) * np.sqrt(2 * 2 / 3), rel=0.08)
    assert displacement_rms(turned, truth, np.array([0, 0, 0, 1e-6])) < 1e-6
    moved = truth.with_poses(truth.rotations, truth.shifts + rng.normal(0, 1, (COUNT, 2)))
    assert displacement_rms(moved, truth, far) == pytest.approx(np.sqrt(2), rel=0.08)


def test_a_frame_of_its_own_displaces_no_region(truth):
    frame = rotations_from_vectors(np.radians([[0.0, 1.5, 0.0]]))[0]
    framed = truth.with_poses(truth.rotations @ frame, truth.shifts)
    assert displacement_rms(framed, truth, np.array([30.0, 0, 10, 12])) == pytest.approx(0, abs=1e-3)
