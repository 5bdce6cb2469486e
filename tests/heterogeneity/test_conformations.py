"""Conformations of motions that are known."""

import numpy as np
import pytest
from planted_motion import rigid_motion, turned

from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.render import render_map
from gmmrefine.heterogeneity.conformations import (
    axis_path,
    conformation,
    direction_cosine,
    equal_classes,
    line_through,
    motion_sizes,
    moved_points,
)

TURN, MOVE = (0.25, -0.3, 0.4), (3.0, -1.0, 2.0)  # radians, Å
NEUTRAL, MOVED = np.zeros(2), np.array([1.0, 0.0])


def test_anchors_that_share_a_rigid_motion_move_the_gmm_rigidly():
    motion = rigid_motion(TURN, MOVE)
    neutral, moved = conformation(motion, NEUTRAL), conformation(motion, MOVED)
    assert neutral.centers == pytest.approx(motion.start_gmm.centers, abs=2e-5)
    assert moved.centers == pytest.approx(turned(motion.start_gmm.centers, TURN, MOVE), abs=1e-4)
    assert moved.amplitudes == pytest.approx(neutral.amplitudes) and moved.widths == pytest.approx(neutral.widths)
    expected = Gmm(turned(motion.start_gmm.centers, TURN, MOVE), neutral.amplitudes, neutral.widths)
    volume = render_map(expected, 32, 3.0, 12)
    assert render_map(moved, 32, 3.0, 12) == pytest.approx(volume, abs=1e-4 * volume.max())


def test_points_follow_as_the_gaussians_do(rng):
    points = rng.normal(0, 12, (50, 3))
    frames = moved_points(rigid_motion(TURN, MOVE), points, np.ones(50), np.stack([NEUTRAL, MOVED]))
    assert frames[0] == pytest.approx(points, abs=2e-5)
    assert frames[1] == pytest.approx(turned(points, TURN, MOVE), abs=1e-4)


def test_points_far_from_all_gaussians_move_with_the_molecule_and_are_never_nan():
    points = np.array([[150.0, 0, 0], [0, -4000.0, 0], [3000.0, 3000.0, 9000.0]])
    frames = moved_points(rigid_motion(TURN, MOVE), points, np.ones(3), MOVED[None])
    assert np.isfinite(frames).all()
    assert frames[0] == pytest.approx(turned(points, TURN, MOVE), abs=1e-2)


def test_points_that_may_not_move_stay_exactly(rng):
    points = rng.normal(0, 12, (6, 3))
    mobility = np.array([0, 0, 0, 0.5, 1, 1])
    still = moved_points(rigid_motion(TURN, MOVE), points, mobility, MOVED[None])[0]
    assert (still[:3] == points[:3]).all()
    whole = turned(points, TURN, MOVE)
    assert still[3] == pytest.approx((points[3] + whole[3]) / 2, abs=1e-4) and still[4:] == pytest.approx(whole[4:], abs=1e-4)


def test_many_points_are_moved_in_parts(rng, monkeypatch):
    from gmmrefine.heterogeneity import conformations

    points, motion, latent = rng.normal(0, 12, (50, 3)), rigid_motion(TURN, MOVE), rng.normal(size=(3, 2))
    together = moved_points(motion, points, np.ones(50), latent)
    monkeypatch.setattr(conformations, "_POINTS_AT_A_TIME", 7)
    assert moved_points(motion, points, np.ones(50), latent) == pytest.approx(together, abs=1e-5)


def test_size_of_a_motion_is_that_of_the_move(monkeypatch):
    from gmmrefine.heterogeneity import conformations

    monkeypatch.setattr(conformations, "_AT_A_TIME", 2)
    mobility = (np.arange(30) < 10).astype(float)
    motion = rigid_motion(move=MOVE, mobility=mobility)
    whole, region = motion_sizes(motion, np.array([[0, 0], [1.0, 0], [1.0, 5.0]]))
    length, mass = np.linalg.norm(MOVE), motion.gmm().masses
    assert region == pytest.approx([0, length, length], abs=1e-4)
    assert whole == pytest.approx(length * np.sqrt(np.array([0, 1, 1]) * mass[:10].sum() / mass.sum()), abs=1e-4)


def test_axis_runs_between_the_percentiles_of_the_particles_with_the_others_at_zero(rng):
    latent = rng.permutation(np.column_stack([np.arange(101.0), 1000 + np.arange(101)]))
    assert axis_path(latent, 1, 3) == pytest.approx(np.array([[5, 0], [50, 0], [95, 0]]))
    assert axis_path(latent, 2, 4)[:, 1] == pytest.approx([1005, 1035, 1065, 1095])
    assert (axis_path(latent, 2, 4)[:, 0] == 0).all()


def test_line_goes_through_its_points_at_even_distances():
    points = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 1.0]])
    assert line_through(points, 5) == pytest.approx(np.array([[0, 0], [1, 0], [2, 0], [3, 0], [3, 1]]))
    assert line_through(points[1:2], 9).tolist() == [[3.0, 0.0]]
    assert line_through(points[[1, 1]], 3) == pytest.approx(np.tile(points[1], (3, 1)))


def test_directions_of_two_motions():
    there, back = rigid_motion(move=MOVE), rigid_motion(move=[-value for value in MOVE], seed=8)
    aside = rigid_motion(move=np.cross(MOVE, [1.0, 0, 0]))
    path = np.array([[-1.0, 0], [0, 0], [2.0, 0]])
    assert direction_cosine([there, there], [path, path / 3]) == pytest.approx(1, abs=1e-5)
    assert direction_cosine([there, back], [path, path]) == pytest.approx(-1, abs=1e-5)
    assert direction_cosine([there, there], [path, path[::-1]]) == pytest.approx(-1, abs=1e-5)
    assert direction_cosine([there, aside], [path, path]) == pytest.approx(0, abs=1e-5)
    assert direction_cosine([there, rigid_motion()], [path, path]) == 0


def test_classes_are_equal_in_size_and_in_order(rng):
    values = rng.normal(size=11)
    classes = equal_classes(values, 3)
    assert [len(members) for members in classes] == [4, 4, 3]
    assert np.sort(np.concatenate(classes)).tolist() == list(range(11))
    assert values[classes[0]].max() < values[classes[1]].min() and values[classes[1]].max() < values[classes[2]].min()
    assert all((np.diff(members) > 0).all() for members in classes)
