"""Gauss-Newton pose refinement: known poses found again as precisely as the images allow."""

import numpy as np
import pytest
import references
from molecules import PIXEL_SIZE, molecule, turned
from pose_problem import BATCH, COUNT, WEIGHTS, batch_of

from gmmrefine.alignment.fisher import Pose, Stage, climb, march
from gmmrefine.alignment.prior import PosePrior
from gmmrefine.geometry.rotations import angular_distance_deg

PRIOR = PosePrior.from_rms(3.0, 2.0)


def test_march_is_sorted_and_counts_steps():
    assert march(40, [0.2, 0.3, 0.3, 0.4, 0.7, 1.0]) == [Stage(8, 1), Stage(12, 2), Stage(16, 1), Stage(28, 1), Stage(40, 1)]
    assert march(10, [1.0, 0.1, 0.2]) == [Stage(4, 2), Stage(10, 1)]  # never fewer rings than a pose needs


def test_pose_moves_in_the_frame_of_the_image(start):
    pose = Pose((start.rotations, start.shifts), (start.rotations, start.shifts))
    step = np.tile([0, 0, np.radians(2.0), 0.5, -1.0], (COUNT, 1))
    rotations, shifts = pose.moved(step)
    assert angular_distance_deg(rotations, start.rotations) == pytest.approx(2.0, abs=1e-9)
    assert rotations[:, 2] == pytest.approx(start.rotations[:, 2], abs=1e-12)  # about the beam
    assert shifts == pytest.approx(start.shifts + [0.5, -1.0])
    assert pose.change(rotations, shifts) == pytest.approx(step, abs=1e-12)
    better = np.arange(COUNT) < 5
    pose.accept(better, rotations, shifts)
    assert np.array_equal(pose.rotations[:5], rotations[:5]) and np.array_equal(pose.rotations[5:], start.rotations[5:])
    assert np.array_equal(pose.shifts[:5], shifts[:5]) and np.array_equal(pose.shifts[5:], start.shifts[5:])


@pytest.mark.parametrize("angle_deg", (4.0, 60.0), ids=("near", "far off"))
def test_every_step_that_is_kept_improves_the_posterior(images, projector, angle_deg):
    """One step at a time, judged by the slow likelihood; a pose whose step was not kept stays exactly where it was."""
    index = np.arange(BATCH)
    truth = images.particles.subset(index)
    rng = np.random.default_rng(4)
    origin = turned(truth.rotations, angle_deg, rng), truth.shifts + rng.normal(0, 1.5, (BATCH, 2))
    pose, fit = Pose(origin, origin), batch_of(images, index)

    def posterior():
        values = []
        for number in range(0, BATCH, 4):
            model = references.image(
                molecule(), images.disc, PIXEL_SIZE, pose.rotations[number], pose.shifts[number], images.ctf[number]
            )
            values.append(
                references.log_likelihood(images.data[number], model, images.disc.ring, WEIGHTS.scale, WEIGHTS.precision)
            )
        return np.array(values) - 0.5 * (pose.change() ** 2 @ PRIOR.precision)[::4]

    kept = 0
    for _ in range(3):
        before, rotations = posterior(), pose.rotations.copy()
        climb(fit, projector, WEIGHTS, PRIOR, pose, 1)
        change = posterior() - before
        stayed = np.all(pose.rotations == rotations, axis=(1, 2))[::4]
        assert np.all(change[stayed] == 0)
        assert np.all(change[~stayed] > -0.02)  # slices are exact to 0.2 %
        kept += np.sum(~stayed)
    assert kept >= 5
    assert np.all(angular_distance_deg(pose.rotations, origin[0]) <= 15.0 + 1e-6)  # three steps of 5° at most


class WilfulFit:
    """Stands for an ``ImageFit`` that finds the same step everywhere and calls it better for some images."""

    def __init__(self, better):
        self.better = better
        self.tried = []

    def normal_equations(self, projector, weights, rotations, shifts):
        count = len(self.better)
        return np.zeros(count), np.tile([0, 0, 0, 30.0, 0], (count, 1)), np.tile(100 * np.eye(5), (count, 1, 1))

    def value(self, projector, weights, rotations, shifts):
        self.tried.append(shifts.copy())
        return np.where(self.better, 1e3, -1e3)


def test_a_step_that_does_not_improve_is_undone_and_damped():
    better = np.array([True, False])
    fit, start = WilfulFit(better), (np.tile(np.eye(3), (2, 1, 1)), np.zeros((2, 2)))
    pose = Pose(start, start)
    climb(fit, None, None, PosePrior(1e3, 1e3), pose, 3)
    tried = np.array(fit.tried)[:, :, 0]
    assert pose.shifts[0] == pytest.approx([tried[-1, 0], 0]) and tried[-1, 0] > 0.85
    assert pose.shifts[1].tolist() == [0, 0] and np.array_equal(pose.rotations[1], np.eye(3))
    # where it failed the next is shorter, where it succeeded longer
    assert tried[0, 1] > tried[1, 1] > tried[2, 1] > 0
    assert np.diff(np.concatenate([[0], tried[:, 0]])) == pytest.approx(0.3, rel=0.02)


def test_no_step_is_longer_than_the_quadratic_picture_holds():
    fit, start = WilfulFit(np.array([True])), (np.eye(3)[None], np.zeros((1, 2)))
    fit.normal_equations = lambda *_: (np.zeros(1), np.full((1, 5), 1e6), np.eye(5)[None])
    pose = Pose(start, start)
    climb(fit, None, None, PosePrior(1e3, 1e3), pose, 1)
    assert np.linalg.norm(pose.shifts) == pytest.approx(4.0)
    assert angular_distance_deg(pose.rotations, start[0]) == pytest.approx(5.0)


def test_steps_end_where_the_slope_is_none(images, projector):
    """Many steps reach the maximum of the posterior; the information is that of the likelihood alone."""
    index = np.arange(BATCH)
    truth = images.particles.subset(index)
    pose, fit = Pose((truth.rotations, truth.shifts), (truth.rotations, truth.shifts)), batch_of(images, index)
    information = climb(fit, projector, WEIGHTS, PRIOR, pose, 8)
    _, gradient, there = fit.normal_equations(projector, WEIGHTS, pose.rotations, pose.shifts)
    slope = gradient - pose.change() * PRIOR.precision
    deviation = np.sqrt(np.einsum("bii->bi", np.linalg.inv(there + np.diag(PRIOR.precision))))
    assert np.abs(slope * deviation).max() < 0.1  # in units of what the images can tell
    assert np.linalg.norm(information - there) < 0.05 * np.linalg.norm(there)


def test_a_batch_in_another_order_gives_the_same_poses(images, projector, start):
    index = np.arange(BATCH)
    found = []
    for order in (index, index[::-1].copy()):
        part = start.subset(order)
        pose = Pose((part.rotations, part.shifts), (part.rotations, part.shifts))
        climb(batch_of(images, order), projector, WEIGHTS, PRIOR, pose, 3)
        found.append((pose.rotations, pose.shifts))
    assert found[1][0][::-1] == pytest.approx(found[0][0], abs=1e-5)
    assert found[1][1][::-1] == pytest.approx(found[0][1], abs=1e-4)
