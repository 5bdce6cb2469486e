"""Rotations: RELION's angles there and back, distances, and the frame between two sets of orientations."""

import numpy as np
import pytest
import references
from scipy.spatial.transform import Rotation

from gmmrefine.geometry.rotations import (
    angular_distance_deg,
    common_rotation,
    euler_from_rotations,
    random_rotations,
    rotation_vectors,
    rotations_from_euler,
    rotations_from_vectors,
)


@pytest.fixture
def euler(rng):
    return np.column_stack([rng.uniform(-180, 180, 50), rng.uniform(0.01, 179.99, 50), rng.uniform(-180, 180, 50)])


def test_matrices_are_those_of_relion_and_scipy(euler):
    matrices = rotations_from_euler(euler)
    assert matrices == pytest.approx(np.array([references.relion_matrix(*angles) for angles in euler]), abs=1e-13)
    assert matrices == pytest.approx(Rotation.from_euler("ZYZ", euler, degrees=True).inv().as_matrix(), abs=1e-13)


def test_one_matrix_in_numbers():
    """tilt 90 lays the reference's z axis along minus the image's x axis; rot turns the reference before that."""
    matrix = rotations_from_euler([[0, 90, 0]])[0]
    assert matrix @ [0, 0, 1] == pytest.approx([-1, 0, 0], abs=1e-15)
    matrix = rotations_from_euler([[90, 90, 0]])[0]
    assert matrix @ [0, 1, 0] == pytest.approx([0, 0, 1], abs=1e-15)
    assert matrix @ [1, 0, 0] == pytest.approx([0, -1, 0], abs=1e-15)


def test_angles_survive_the_round_trip(euler):
    assert euler_from_rotations(rotations_from_euler(euler)) == pytest.approx(euler, abs=1e-8)


@pytest.mark.parametrize("tilt", (0.0, 180.0))
def test_angles_at_the_poles(tilt, rng):
    """Only psi + rot (tilt 0) or psi - rot (tilt 180) is defined there."""
    euler = np.column_stack([rng.uniform(-180, 180, 20), np.full(20, tilt), rng.uniform(-180, 180, 20)])
    matrices = rotations_from_euler(euler)
    back = euler_from_rotations(matrices)
    assert back[:, 0].tolist() == [0.0] * 20
    assert back[:, 1] == pytest.approx(tilt, abs=1e-9)
    sum_of_turns = euler[:, 2] + euler[:, 0] if tilt == 0 else euler[:, 2] - euler[:, 0]
    assert np.cos(np.radians(back[:, 2] - sum_of_turns)) == pytest.approx(1, abs=1e-13)
    assert rotations_from_euler(back) == pytest.approx(matrices, abs=1e-8)


@pytest.mark.parametrize("tilt", (1e-7, 1e-4, 180 - 1e-7))
def test_angles_next_to_the_poles(tilt):
    matrices = rotations_from_euler([[33.0, tilt, -71.0]])
    assert rotations_from_euler(euler_from_rotations(matrices)) == pytest.approx(matrices, abs=1e-8)


def test_tilt_is_never_negative(rng):
    euler = np.column_stack([rng.uniform(-180, 180, 20), rng.uniform(-180, 0, 20), rng.uniform(-180, 180, 20)])
    matrices = rotations_from_euler(euler)
    back = euler_from_rotations(matrices)
    assert back[:, 1] == pytest.approx(-euler[:, 1], abs=1e-8)
    assert rotations_from_euler(back) == pytest.approx(matrices, abs=1e-12)


def test_rotation_vectors():
    quarter_turn = np.array([[0.0, 0.0, np.pi / 2]])
    matrix = rotations_from_vectors(quarter_turn)
    assert matrix[0] @ [1, 0, 0] == pytest.approx([0, 1, 0], abs=1e-15)
    assert rotation_vectors(matrix) == pytest.approx(quarter_turn, abs=1e-15)


def test_angular_distance(rng):
    rotations = random_rotations(4, rng)
    angles = np.array([0.0, 0.001, 33.0, 179.0])
    axes = rng.normal(size=(4, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    turned = rotations_from_vectors(axes * np.radians(angles)[:, None]) @ rotations
    assert angular_distance_deg(turned, rotations) == pytest.approx(angles, abs=1e-9)
    assert angular_distance_deg(rotations, turned) == pytest.approx(angles, abs=1e-9)


def test_random_rotations_are_uniform_and_repeatable():
    rotations = random_rotations(4000, np.random.default_rng(1))
    assert np.linalg.det(rotations) == pytest.approx(1, abs=1e-12)
    # for uniform rotations every element has mean 0 and mean square 1/3
    assert np.abs(rotations.mean(axis=0)).max() < 0.03
    assert np.abs((rotations**2).mean(axis=0) - 1 / 3).max() < 0.03
    assert np.array_equal(rotations, random_rotations(4000, np.random.default_rng(1)))
    assert not np.array_equal(rotations[:10], random_rotations(10, np.random.default_rng(2)))


def test_common_rotation_finds_the_frame_among_errors(rng):
    """from @ G = to: the frame is turned in the reference, pose errors are in the image."""
    start = random_rotations(400, rng)
    frame = rotations_from_vectors(np.array([[0.3, -0.2, 0.5]]))[0]
    assert common_rotation(start, start @ frame) == pytest.approx(frame, abs=1e-12)
    errors = rotations_from_vectors(rng.normal(0, np.radians(3) / np.sqrt(3), (400, 3)))
    found = common_rotation(start, errors @ start @ frame)
    assert angular_distance_deg(found[None], frame[None])[0] < 3 * 3 / np.sqrt(400)
    assert np.linalg.det(found) == pytest.approx(1, abs=1e-12)


def test_common_rotation_is_never_a_mirror():
    """Half turns about all three axes: the closest matrix is the inversion, which is no rotation."""
    half_turns = np.array([np.diag([1.0, -1, -1]), np.diag([-1.0, 1, -1]), np.diag([-1.0, -1, 1])])
    found = common_rotation(np.tile(np.eye(3), (3, 1, 1)), half_turns)
    assert np.linalg.det(found) == pytest.approx(1, abs=1e-12)
    assert found @ found.T == pytest.approx(np.eye(3), abs=1e-12)
