"""Rigid motions of a region and the poses they ask for."""

import numpy as np
import pytest
import references
from molecules import BOX, PIXEL_SIZE, RADIUS, molecule, random_rotations
from scipy.spatial.transform import Rotation

from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.geometry.rotations import angular_distance_deg
from gmmrefine.gmm.model import Gmm
from gmmrefine.heterogeneity.rigid import nearest_in_projection, poses_of_motions, rigid_motions

TURNS = Rotation.from_rotvec([[0.3, -0.2, 0.1], [0, 0, 0], [0, 0.5, -0.6]])
MOVES = np.array([[3.0, -1, 2], [0, 0, 0], [-4, 2, 6]])


def moved(points):
    """Displacements (3, G, 3) of points under the motions."""
    return np.array([TURNS[number].apply(points) + MOVES[number] - points for number in range(3)])


def test_a_rigid_motion_is_found(rng):
    points = molecule().centers
    turns, moves = rigid_motions(points, moved(points), rng.uniform(0.1, 1, len(points)))
    assert turns == pytest.approx(TURNS.as_matrix(), abs=1e-9) and moves == pytest.approx(MOVES, abs=1e-9)


def test_weights_decide_what_counts(rng):
    points = molecule().centers
    field = moved(points)
    field[:, :10] = rng.normal(0, 5, (3, 10, 3))
    turns, _ = rigid_motions(points, field, np.where(np.arange(len(points)) < 10, 0, 1.0))
    assert turns == pytest.approx(TURNS.as_matrix(), abs=1e-9)
    plain, _ = rigid_motions(points, field, np.ones(len(points)))
    assert np.abs(plain - TURNS.as_matrix()).max() > 0.01


def test_a_mirror_image_is_no_rotation(rng):
    points = rng.normal(0, 5, (12, 3))
    turns, _ = rigid_motions(points, (points * [-2, 0, 0])[None], np.ones(12))
    assert np.linalg.det(turns) == pytest.approx(1)


def test_the_pose_shows_the_resting_region_where_the_moved_one_is_seen(rng):
    gmm, disc = molecule(), half_disc(BOX, RADIUS)
    rotations, shifts = random_rotations(3), rng.normal(0, 3, (3, 2))
    found, at = poses_of_motions(rotations, shifts, TURNS.as_matrix(), MOVES)
    for number, field in enumerate(moved(gmm.centers)):
        expected = references.image(
            Gmm(gmm.centers + field, gmm.amplitudes, gmm.widths), disc, PIXEL_SIZE, rotations[number], shifts[number]
        )
        seen = references.image(gmm, disc, PIXEL_SIZE, found[number], at[number])
        assert seen == pytest.approx(expected, abs=1e-8 * np.abs(expected).max())


def test_projections_are_brought_together_from_a_little_off(rng):
    points, weights = molecule().centers, rng.uniform(0.5, 1, 30)
    rotations, shifts = random_rotations(3), rng.normal(0, 3, (3, 2))
    wanted = poses_of_motions(rotations, shifts, TURNS.as_matrix(), MOVES)
    start = Rotation.from_rotvec(rng.normal(0, 0.05, (3, 3))).as_matrix() @ wanted[0], wanted[1] + rng.normal(0, 1, (3, 2))
    found, at, left = nearest_in_projection(points, moved(points), weights, rotations, shifts, *start)
    assert angular_distance_deg(found, wanted[0]).max() < 1e-2 and at == pytest.approx(wanted[1], abs=1e-2)
    assert left.max() < 1e-2


def test_what_moves_along_the_beam_is_left_out_of_the_projected_distance(rng):
    """Unlike Procrustes in space, where it would tilt the region."""
    points, weights = molecule().centers, np.ones(30)
    field = np.zeros((1, 30, 3))
    field[0, :15, 2] = 6.0
    rotations, shifts = np.eye(3)[None], np.zeros((1, 2))
    turns, moves = rigid_motions(points, field, weights)
    begin = poses_of_motions(rotations, shifts, turns, moves)
    found, at, left = nearest_in_projection(points, field, weights, rotations, shifts, *begin)
    assert angular_distance_deg(begin[0], rotations)[0] > 1
    assert angular_distance_deg(found, rotations)[0] < 0.1 and at == pytest.approx(shifts, abs=0.05) and left[0] < 0.05
