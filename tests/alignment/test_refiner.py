"""Pose refinement of a half set: known poses found again as precisely as the images allow."""

import numpy as np
import pytest
from molecules import BOX, RADIUS, images_of, molecule, turned
from pose_problem import BATCH, STAGES, WEIGHTS, batch_of, errors

from gmmrefine.alignment import refiner as refiner_module
from gmmrefine.alignment.cramer_rao import cramer_rao_bound
from gmmrefine.alignment.pose_covariance import errors_of
from gmmrefine.alignment.prior import PosePrior
from gmmrefine.alignment.refiner import FisherRefiner, refine_poses
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.geometry.rotations import angular_distance_deg


def refined_from(refiner, images, start, report=lambda done: None):
    (result,) = refine_poses(
        [refiner], images, BATCH, [(start.rotations, start.shifts)], np.random.default_rng(1), report=report
    )
    return result


@pytest.fixture(scope="module")
def refined(images, projector, start):
    """Scale, noise and prior learned on the first 80 particles, the rest streamed past them."""
    done = []
    refiner = FisherRefiner(projector, np.ones(RADIUS + 1), STAGES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refiner_module, "SAMPLE_SIZE", 80)
        result = refined_from(refiner, images, start, done.append)
    return refiner, result, done


def test_poses_are_as_precise_as_the_images_allow(refined, images, projector, start):
    _, (rotations, shifts, covariance), _ = refined
    truth = images.particles
    information = np.concatenate(
        [
            batch_of(images, batch.index).normal_equations(
                projector, WEIGHTS, truth.rotations[batch.index], truth.shifts[batch.index]
            )[2]
            for batch in images.batches(BATCH)
        ]
    )
    bound = cramer_rao_bound(information)
    before, after = errors(start.rotations, start.shifts, truth), errors(rotations, shifts, truth)
    assert before[0] > 3 * bound[0] and before[1] > 3 * bound[1]  # there was something to do
    assert after[0] <= 1.1 * bound[0] and after[1] <= 1.1 * bound[1]
    # and the errors it states are those it makes
    assert np.sqrt(np.mean(errors_of(covariance) ** 2, axis=0)) == pytest.approx(after, rel=0.2)


def test_prior_is_learned_from_the_particles(refined):
    refiner, *_ = refined
    assert refiner.prior.rotation_rms_deg == pytest.approx(3.0, rel=0.2)
    assert refiner.prior.shift_rms == pytest.approx(2.0, rel=0.2)


def test_progress_counts_particles(refined):
    *_, done = refined
    assert done == [80, 144, 200]


@pytest.mark.parametrize("is_part, learned_from", ((False, 40), (True, 120)))
def test_parts_learn_from_more_images(images, projector, start, is_part, learned_from):
    done = []
    refiner = FisherRefiner(projector, np.ones(RADIUS + 1), STAGES, PosePrior.from_rms(3.0, 2.0), is_part)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refiner_module, "SAMPLE_SIZE", 40)
        patch.setattr(refiner_module, "_PART_SAMPLE_SIZE", 120)
        refined_from(refiner, images, start, done.append)
    assert done[0] == learned_from and done[-1] == len(images.data)


def test_refinement_in_batches_of_another_order_gives_the_same_poses(refined, images, projector, start):
    """With the prior given and the same sample, the poses of the others do not depend on their neighbours."""
    refiner, (rotations, shifts, _), _ = refined
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refiner_module, "SAMPLE_SIZE", 80)
        again = FisherRefiner(projector, np.ones(RADIUS + 1), STAGES, refiner.prior)
        same = refined_from(again, images, start)
    assert same[0] == pytest.approx(rotations, abs=1e-6) and same[1] == pytest.approx(shifts, abs=1e-5)
    # all in the sample, in the order of the input
    whole = FisherRefiner(projector, np.ones(RADIUS + 1), STAGES, refiner.prior)
    found = refined_from(whole, images, start)
    difference = errors(found[0], found[1], start.with_poses(rotations, shifts))
    after = errors(rotations, shifts, images.particles)
    assert difference[0] < 0.15 * after[0] and difference[1] < 0.15 * after[1]


def test_narrow_prior_holds_the_poses(images, projector, start):
    held = FisherRefiner(projector, np.ones(RADIUS + 1), STAGES, PosePrior.from_rms(0.01, 0.01))
    rotations, shifts, _ = refined_from(held, images, start)
    assert angular_distance_deg(rotations, start.rotations).max() < 0.05
    assert np.abs(shifts - start.shifts).max() < 0.05


@pytest.mark.parametrize("noise", (60.0, 140.0))
def test_images_that_say_nothing_leave_good_poses_alone(projector, noise):
    """Noise that fits a little better everywhere must not be taken for errors of the start."""
    images = images_of(molecule(), half_disc(BOX, RADIUS), 120, noise)
    rng, truth = np.random.default_rng(21), images.particles
    move = rng.normal(0, 0.3 / np.sqrt(2), (120, 2))
    start = truth.with_poses(turned(truth.rotations, 0.5, rng), truth.shifts + move)
    refiner = FisherRefiner(projector, np.ones(RADIUS + 1), STAGES)
    rotations, shifts, _ = refined_from(refiner, images, start)
    before, after = errors(start.rotations, start.shifts, truth), errors(rotations, shifts, truth)
    assert after[0] <= 1.2 * before[0] and after[1] <= 1.2 * before[1]


def test_errors_grow_where_the_reference_is_doubtful(images, projector, start):
    """Of a reference of which half is certain the signal counts by half, and its own noise is added to the image's."""
    reliable = np.ones(RADIUS + 1)
    sure, doubtful = (
        refined_from(FisherRefiner(projector, reliable, STAGES[-1:], PosePrior.from_rms(12, 8), certain=part), images, start)
        for part in (None, 0.5 * reliable)
    )
    assert np.array_equal(sure[0], doubtful[0]) and np.array_equal(sure[1], doubtful[1])  # the poses are the same
    ratio = errors_of(doubtful[2]) / errors_of(sure[2])
    # information falls to a quarter; prior and noise of the reference move it a little
    assert 1.5 < np.median(ratio[:, 0]) < 2.5 and 1.2 < np.median(ratio[:, 1]) < 2.5
