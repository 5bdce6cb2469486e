"""How a part moves against the rest: its effect on poses, and its covariance learned from particles."""

import numpy as np
import pytest
import references
from molecules import BOX, PIXEL_SIZE, molecule, random_rotations
from scipy.spatial.transform import Rotation

from gmmrefine.alignment.fisher import Pose
from gmmrefine.alignment.motion_prior import MotionPrior, estimate_motion_prior, in_molecule_frame, pose_change_of_motion
from gmmrefine.alignment.prior import PosePrior
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.model import Gmm

WIDE = PosePrior.from_rms(rotation_deg=12.0, shift=6.0)
ARM = 30.0  # Å: weighs radians against Å
UNITS = np.array([ARM] * 3 + [1.0] * 3)
HINGE, AXIS = np.array([25.0, -10.0, 40.0]), np.array([2.0, 1.0, -2.0]) / 3


def hinge_covariance(angle_deg, jitter_deg=0.5, jitter=0.3):
    """Of turns of rms ``angle_deg`` about one axis through the hinge, with a little of everything else (degrees, Å)."""
    direction = np.concatenate([AXIS, np.cross(HINGE, AXIS)])  # x → x + ω × (x - h)
    rest = np.diag([np.radians(jitter_deg) ** 2 / 3] * 3 + [jitter**2 / 3] * 3)
    return np.radians(angle_deg) ** 2 * np.outer(direction, direction) + rest


@pytest.mark.parametrize("angle_deg, move", ((0.5, 0.2), (20.0, 6.0)))
def test_change_of_pose_is_that_of_the_moved_part(angle_deg, move, rng):
    """The part at exp(ω) x + t, seen from the old pose, looks as the part does from the changed one."""
    gmm, disc, rotations = molecule(), half_disc(BOX, 10), random_rotations(5)
    shifts = rng.normal(0, 3, (5, 2))
    motions = np.concatenate([rng.normal(0, np.radians(angle_deg), (5, 3)), rng.normal(0, move, (5, 3))], axis=1)
    change = np.einsum("bij,bj->bi", pose_change_of_motion(rotations), motions)
    pose = Pose((rotations, shifts), (rotations, shifts))
    for number, (turned, shifted) in enumerate(zip(*pose.moved(change))):
        turn = Rotation.from_rotvec(motions[number, :3]).as_matrix()
        moved = Gmm(gmm.centers @ turn.T + motions[number, 3:], gmm.amplitudes, gmm.widths)
        expected = references.image(moved, disc, PIXEL_SIZE, rotations[number], shifts[number])
        found = references.image(gmm, disc, PIXEL_SIZE, turned, shifted)
        assert found == pytest.approx(expected, abs=1e-9 * abs(expected[0]))
    pose.accept(np.ones(5, bool), *pose.moved(change))
    assert pose.change() == pytest.approx(change, abs=1e-9)


def test_what_poses_say_in_the_frame_of_the_molecule(rng):
    """Of two bodies: motions are as probable as the changes of pose they make."""
    rotations, motions = random_rotations(4), rng.normal(size=(4, 2, 6))
    pull, roots = rng.normal(size=(4, 10)), rng.normal(size=(4, 10, 10))
    information = roots @ roots.transpose(0, 2, 1)
    change = np.einsum("bij,bpj->bpi", pose_change_of_motion(rotations), motions).reshape(4, 10)
    found_pull, found_information = in_molecule_frame(pull, information, rotations)
    flat = motions.reshape(4, 12)
    assert np.sum(found_pull * flat, axis=1) == pytest.approx(np.sum(pull * change, axis=1))
    assert np.einsum("bi,bij,bj->b", flat, found_information, flat) == pytest.approx(
        np.einsum("bi,bij,bj->b", change, information, change)
    )


def test_precision_is_that_of_the_changes_of_pose(rng):
    covariance = hinge_covariance(6.0)
    motions = rng.multivariate_normal(np.zeros(6), covariance, 40000)
    rotations = random_rotations(3)
    for rotation, precision in zip(rotations, MotionPrior(covariance).precision_at(rotations)):
        changes = motions @ pose_change_of_motion(rotation[None])[0].T
        whitened = changes @ np.linalg.cholesky(precision)
        assert np.cov(whitened.T) == pytest.approx(np.eye(5), abs=0.03)


def test_motions_alike_in_all_directions_are_an_ordinary_prior():
    rotation, shift = 0.05, 1.5
    prior = MotionPrior(np.diag([rotation**2] * 3 + [shift**2] * 3))
    ordinary, rotations = PosePrior(rotation, shift), random_rotations(4)
    assert prior.precision_at(rotations) == pytest.approx(ordinary.precision_at(rotations), abs=1e-9)
    assert prior.rotation_rms_deg == pytest.approx(ordinary.rotation_rms_deg)
    assert prior.shift_rms == pytest.approx(ordinary.shift_rms)


def test_rms_is_that_of_the_vectors(rng):
    prior = MotionPrior(hinge_covariance(6.0))
    motions, rotations = rng.multivariate_normal(np.zeros(6), prior.covariance, 40000), random_rotations(40000)
    assert prior.rotation_rms_deg == pytest.approx(np.degrees(np.sqrt((motions[:, :3] ** 2).sum(axis=1).mean())), rel=0.02)
    seen = np.einsum("bij,bj->bi", rotations[:, :2], motions[:, 3:])
    assert prior.shift_rms == pytest.approx(np.sqrt((seen**2).sum(axis=1).mean()), rel=0.02)


def test_narrowed(rng):
    prior = MotionPrior(hinge_covariance(6.0))
    found = prior.narrowed(rotation=0.5).narrowed(shift=0.1)
    motions = rng.multivariate_normal(np.zeros(6), prior.covariance, 20000) * [0.5, 0.5, 0.5, 0.1, 0.1, 0.1]
    assert found.rotation_rms_deg == pytest.approx(0.5 * prior.rotation_rms_deg)
    assert found.shift_rms == pytest.approx(0.1 * prior.shift_rms)
    deviation = np.sqrt(np.diag(found.covariance))
    assert np.cov(motions.T) / np.outer(deviation, deviation) == pytest.approx(
        found.covariance / np.outer(deviation, deviation), abs=0.05
    )
    assert np.linalg.eigvalsh(found.covariance).min() > 0


def estimated(covariance, measurement, count, seed):
    """The prior learned from particles whose likelihoods deviate by ``measurement`` (rad, Å), mixed among axes."""
    rng = np.random.default_rng(seed)
    rotations = random_rotations(count, seed)
    units = np.array([measurement[0]] * 3 + [measurement[1]] * 2)
    roots = (np.diag([2.0, 0.5, 1.0, 1.5, 0.7]) + 0.3 * rng.normal(size=(count, 5, 5))) / units
    information = np.einsum("bji,bjk->bik", roots, roots)
    motions = rng.multivariate_normal(np.zeros(6), covariance, count)
    true = np.einsum("bij,bj->bi", pose_change_of_motion(rotations), motions)
    noise = np.einsum("bij,bj->bi", np.linalg.inv(roots), rng.normal(size=(count, 5)))
    # the best pose under the wide prior
    change = np.linalg.solve(
        information + np.diag(WIDE.precision), np.einsum("bij,bj->bi", information, true + noise)[..., None]
    )[..., 0]
    return estimate_motion_prior(change, information, rotations, WIDE)


def distance(found, true):
    """Relative difference of two covariances with radians weighed as at the end of an arm."""
    weight = np.outer(UNITS, UNITS)
    return np.linalg.norm((found - true) * weight) / np.linalg.norm(true * weight)


@pytest.mark.parametrize("angle_deg, seed", ((3.0, 1), (6.0, 2), (10.0, 3)))
def test_a_hinge_is_recovered(angle_deg, seed):
    """From measurements as wide as the motion itself in the directions that the images tell least about."""
    true = hinge_covariance(angle_deg)
    found = estimated(true, (np.radians(0.5 * angle_deg), 1.0), 512, seed)
    assert distance(found.covariance, true) < 0.2
    assert found.rotation_rms_deg == pytest.approx(MotionPrior(true).rotation_rms_deg, rel=0.12)
    assert found.shift_rms == pytest.approx(MotionPrior(true).shift_rms, rel=0.12)
    values, vectors = np.linalg.eigh(found.covariance * np.outer(UNITS, UNITS))
    direction = vectors[:, -1] / UNITS
    axis = direction[:3] / np.linalg.norm(direction[:3])
    assert abs(axis @ AXIS) > np.cos(np.radians(5))
    # a move of h × ω for a turn ω: the hinge's place, but for where along the axis
    moved = direction[3:] / (direction[:3] @ axis)
    assert np.cross(axis, moved) == pytest.approx(HINGE - (HINGE @ axis) * axis, abs=4.0)
    assert values[-1] > 10 * values[-2]


def test_turn_and_move_of_a_hinge_are_bound_to_each_other():
    """What the images say about the move then sharpens the turn."""
    true = hinge_covariance(6.0)
    found = estimated(true, (np.radians(6.0), 1.0), 512, seed=4)
    rotations = random_rotations(50, seed=9)
    seen = np.diag([0, 0, 0, 1.0, 1.0])  # information about the shift only
    left = np.linalg.inv(found.precision_at(rotations) + seen)
    turn = np.sqrt(np.einsum("bii->bi", left)[:, :3].sum(axis=1).mean())
    assert np.degrees(turn) < 0.6 * found.rotation_rms_deg


@pytest.mark.parametrize("seed", (1, 2, 3))
def test_noise_dominated_particles_do_not_widen_it(seed):
    """Each pose alone is twice less certain than the motion is wide; its scatter must not be taken for it."""
    true = hinge_covariance(6.0)
    found = estimated(true, (np.radians(12.0), 8.0), 700, seed)
    assert found.rotation_rms_deg == pytest.approx(MotionPrior(true).rotation_rms_deg, rel=0.35)
    assert found.shift_rms == pytest.approx(MotionPrior(true).shift_rms, rel=0.35)


def test_a_part_that_does_not_move_gets_a_narrow_prior_that_can_be_inverted():
    found = estimated(np.zeros((6, 6)), (np.radians(0.5), 0.3), 512, seed=6)
    assert 0 < found.rotation_rms_deg < 0.25 and 0 < found.shift_rms < 0.15
    precision = found.precision_at(random_rotations(3))
    assert np.isfinite(precision).all() and np.linalg.eigvalsh(precision).min() > 0


def test_no_direction_is_narrower_than_a_frame_can_be_told():
    """However sure the images are that nothing moves; of a move they see two thirds."""
    found = estimated(np.zeros((6, 6)), (np.radians(1e-3), 1e-3), 128, seed=6)
    expected = [np.radians(0.02)] * 3 + [0.01 * np.sqrt(3 / 2)] * 3
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(expected, rel=0.15)


def test_particles_without_information_leave_it_as_it_was():
    found = estimate_motion_prior(np.zeros((50, 5)), np.zeros((50, 5, 5)), random_rotations(50), WIDE)
    assert found.rotation_rms_deg == pytest.approx(WIDE.rotation_rms_deg, rel=1e-3)
    assert found.shift_rms == pytest.approx(WIDE.shift_rms, rel=1e-3)
