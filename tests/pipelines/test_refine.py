"""The parts of the refinement that decide without computing."""

import io
from dataclasses import replace

import numpy as np
import pytest
from molecules import ctf_parameters, particle_set, random_rotations

from gmmrefine.errors import InputError
from gmmrefine.geometry.rotations import rotations_from_vectors
from gmmrefine.maps.fsc import FscCurve
from gmmrefine.particles.particle_set import split_half_sets
from gmmrefine.pipelines.course import Course, Step, are_settled, summary
from gmmrefine.pipelines.focus import Masks
from gmmrefine.pipelines.half_state import HalfState
from gmmrefine.pipelines.refine import check_settings
from gmmrefine.pipelines.refine_settings import check_resolutions
from gmmrefine.pipelines.refined_output import joined, note_poor_fit
from gmmrefine.pipelines.shared_region import usable_radius
from gmmrefine.progress import Progress
from gmmrefine.settings import RefineSettings


def curve(crossing, box_size=64, pixel_size=2.0):
    """An FSC that falls below 0.143 at a shell; 64 px × 2 Å, so that shell s means 128 / s Å."""
    fsc = np.where(np.arange(box_size // 2 + 1) < crossing, 0.9, 0.0)
    return FscCurve(fsc, fsc, fsc, fsc, fsc, box_size, pixel_size)


def settings(**changes):
    return RefineSettings(**changes)


@pytest.mark.parametrize(
    "iteration, changes, expected",
    [
        (1, {}, 16),
        (2, {}, 16),
        (1, {"initial_resolution": 12.8}, 10),
        (2, {"initial_resolution": 12.8}, 16),
        (2, {"max_resolution": 12.8}, 10),
        (1, {"initial_resolution": 12.8, "max_resolution": 16.0}, 8),
        (1, {"initial_resolution": 30.0}, 4),
        (2, {"max_resolution": 32.0}, 4),
    ],
)
def test_usable_radius(iteration, changes, expected):
    assert usable_radius(curve(17), iteration, settings(**changes)) == expected


def test_there_is_always_something_to_align_to():
    assert usable_radius(curve(2), 1, settings()) == 5  # 25 Å
    assert usable_radius(curve(0), 2, settings(initial_resolution=12.8)) == 5
    assert usable_radius(curve(99), 1, settings()) == 31


@pytest.fixture
def particles(rng):
    return particle_set(
        random_rotations(7), rng.normal(size=(7, 2)), ctf_parameters(7, rng), half_set=np.array([2, 1, 1, 2, 2, 1, 2])
    )


@pytest.fixture
def moved(particles):
    """Particle i of the table turned by i degrees about z and moved by i Å; the half sets at these poses."""

    def at_new_poses(half):
        turn = rotations_from_vectors(np.radians(half.row)[:, None] * [0.0, 0.0, 1.0])
        poses = half.with_poses(turn @ half.rotations, half.shifts + half.row[:, None] * [0.6, 0.8])
        deviation = np.stack([np.radians(half.row + 0.1)] + [0 * half.row] * 2 + [half.row + 0.2, 0 * half.row], axis=1)
        return HalfState(poses, np.zeros((2, 2, 2)), deviation[:, :, None] ** 2 * np.eye(5))

    return split_half_sets(particles).map(at_new_poses)


def test_halves_are_joined_by_row_not_by_position(particles, moved):
    shuffled = particles.subset(np.array([4, 0, 6, 2, 1, 5, 3]))
    result, columns = joined(shuffled, split_half_sets(particles), moved)
    assert result.row.tolist() == [4, 0, 6, 2, 1, 5, 3]
    assert columns["gmmRotationChange"] == pytest.approx(result.row, abs=1e-6)
    assert columns["gmmShiftChange"] == pytest.approx(result.row, abs=1e-9)
    assert columns["gmmRotationError"] == pytest.approx(result.row + 0.1)
    assert columns["gmmShiftError"] == pytest.approx(result.row + 0.2)
    assert columns["gmmCovariance1"] == pytest.approx((result.row + 0.1) ** 2)  # degrees²
    assert columns["gmmCovariance13"] == pytest.approx((result.row + 0.2) ** 2) and not columns["gmmCovariance15"].any()
    assert not columns["gmmRanAway"].any()
    assert result.shifts - shuffled.shifts == pytest.approx(result.row[:, None] * [0.6, 0.8])


def test_resolutions_at_the_ends_of_the_range_in_single_precision(particles):
    """What holds in 64 bits holds for a pixel size that a file keeps in 32, at Nyquist and where four shells are left."""
    for exact in np.round(np.arange(50, 391) / 100, 2):
        for held, known in ((np.float32(exact), exact), (exact, np.float32(exact))):
            grid, known = replace(particles, pixel_size=float(held)), float(known)
            for resolution in (2 * known, particles.box_size * known / 4):
                check_resolutions(settings(max_resolution=resolution), grid, ("max_resolution",))
            with pytest.raises(InputError, match="beyond Nyquist"):
                check_resolutions(settings(max_resolution=1.999 * known), grid, ("max_resolution",))
            with pytest.raises(InputError, match="fewer than 4 Fourier shells"):
                check_resolutions(settings(max_resolution=particles.box_size * known / 3.999), grid, ("max_resolution",))


def test_summary(particles, moved):
    found = summary(Step(3, moved, curve(17)), split_half_sets(particles), settings())
    assert found["iteration"] == 3 and found["resolution"] == pytest.approx(128 / (16 + (0.9 - 0.143) / 0.9), rel=1e-6)
    assert found["rotation_change_deg"] == pytest.approx(3) and found["shift_change"] == pytest.approx(3)


@pytest.mark.parametrize("turn, move, settled", [(0.19, 0.0, True), (0.21, 0.0, False), (0.0, 0.095, True), (0.0, 0.11, False)])
def test_poses_are_settled_when_they_change_by_less_than_a_fifth_of_their_errors(particles, turn, move, settled):
    def with_change(angle_deg, length):
        turned = rotations_from_vectors(np.radians([[0.0, 0.0, angle_deg]]))

        def at_poses(half):
            poses = half.with_poses(turned @ half.rotations, half.shifts + [length, 0.0])
            variances = [*[np.radians(1.0) ** 2 / 3] * 3, *[0.5**2 / 2] * 2]  # 1° and 0.5 Å
            return HalfState(poses, np.zeros((2, 2, 2)), np.tile(np.diag(variances), (len(half), 1, 1)))

        return Step(1, split_half_sets(particles).map(at_poses), curve(17))

    assert are_settled(with_change(3, 1), with_change(3 + turn, 1 + move)) is settled
    unknown = with_change(3 + turn, 1 + move)
    unknown = replace(unknown, halves=unknown.halves.map(lambda half: replace(half, covariance=0 * half.covariance)))
    assert are_settled(with_change(3, 1), unknown)  # of Adam's poses nothing is known


def test_a_run_goes_on_once_where_poses_are_not_settled(particles, moved):
    def gaining(fsc):
        return Step(1, moved, replace(curve(17), fsc=np.full(33, fsc)))

    course = Course(gaining(0.5), split_half_sets(particles), Masks(np.ones((2, 2, 2)), None), settings())
    course.add(gaining(0.6))
    assert not course.has_ended(settled=True)  # it gained
    course.add(gaining(0.6))
    assert course.has_ended(settled=True) and not course.has_ended(settled=False)
    course.add(gaining(0.6))
    assert course.has_ended(settled=False)  # twice without any gain
    assert course.best is course.steps[1]


def test_gaussians_that_do_not_follow_good_maps_are_named():
    good = replace(curve(17), fsc=np.array([1.0, 1, 0.99, 0.98, 0.97, 0.96, 0.9] + [0.1] * 26))

    def said(*fsc):
        words = io.StringIO()
        note_poor_fit(good, np.array(fsc), Progress(None, words))
        return words.getvalue()

    assert said(0, 0.2, 0.99, 0.98, 0.96, 0.95, 0.5, 0.1) == ""  # beyond, the maps themselves are poor
    assert "FSC 0.80 with them at 32.00 Å, where the half maps agree with one another by 0.97" in said(0, 0, 1, 0.9, 0.8, 0.9)


def test_good_settings(particles):
    check_settings(settings(), particles)
    check_settings(settings(march="1", prior_rotation=1.0, prior_shift=2.0), particles)
    check_settings(settings(optimizer="adam", loss="frc", adam_steps=5, learning_rate=1e-2), particles)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"optimizer": "adam"}, "--optimizer adam with --loss likelihood: these do not go together"),
        ({"loss": "frc"}, "--optimizer fisher with --loss frc"),
        ({"optimizer": "adam", "loss": "frc", "march": "1"}, "--march would have no effect with --optimizer adam"),
        ({"adam_steps": 3}, "--adam-steps would have no effect with --optimizer fisher"),
        ({"mask": "m.mrc", "mask_edge": 3.0}, "--mask-edge would have no effect with --mask"),
        ({"initial_resolution": 100.0}, "--initial-resolution 100 Å leaves fewer than 4 Fourier shells"),
        ({"prior_shift": 2.0}, "must be given together"),
        ({"march": "0.5 0.9"}, "with 1.0 the largest"),
        ({"march": "0 1"}, "above 0"),
        ({"march": "1.0, 0.5"}, "--march '1.0, 0.5'"),
        ({"max_resolution": 3.0}, "--max-resolution 3 Å is beyond Nyquist of the particles (4.00 Å)"),
        ({"initial_resolution": 3.9}, "--initial-resolution 3.9 Å is beyond Nyquist"),
    ],
)
def test_settings_that_mean_nothing(particles, changes, words):
    with pytest.raises(InputError) as caught:
        check_settings(settings(**changes), particles)
    assert words in str(caught.value)
