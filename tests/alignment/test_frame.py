"""The frame of a half set: what turns and moves as a whole is turned and moved back."""

import numpy as np
import pytest
import references
from molecules import BOX, PIXEL_SIZE, molecule, random_rotations, turned
from scipy.spatial.transform import Rotation

from gmmrefine.alignment.frame import anchored, frame_between, in_frame, left_free
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.geometry.rotations import angular_distance_deg
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.render import render_map
from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.mask import soft_mask

FRAME = Rotation.from_rotvec([0.05, -0.08, 0.03]).as_matrix()
MOVE = np.array([1.5, -2.0, 0.7])  # Å


@pytest.fixture
def start(rng):
    return random_rotations(300), rng.normal(0, 3, (300, 2))


def drifted(rotations, shifts):
    """Poses against a reference X' = FRAME^T X + MOVE: the same images as before."""
    drifted_rotations = rotations @ FRAME
    return drifted_rotations, shifts + drifted_rotations[:, :2] @ MOVE


def test_drift_alone_is_undone(start):
    rotations, shifts = anchored(*drifted(*start), *start)
    assert rotations == pytest.approx(start[0], abs=1e-9)
    assert shifts == pytest.approx(start[1], abs=1e-9)


def test_drift_is_undone_and_the_improvement_kept(start, rng):
    improved = turned(start[0], 2.0, rng), start[1] + rng.normal(0, 1.0, (300, 2))
    rotations, shifts = anchored(*drifted(*improved), *start)
    # 2° and 1 Å of 300 particles leave the frame this uncertain
    assert np.median(angular_distance_deg(rotations, improved[0])) < 3 * 2.0 / np.sqrt(300)
    assert np.sqrt(np.mean((shifts - improved[1]) ** 2)) < 3 * 2.0 / np.sqrt(300)
    # without the drift the result is the same
    alone = anchored(*improved, *start)
    assert rotations == pytest.approx(alone[0], abs=1e-9) and shifts == pytest.approx(alone[1], abs=1e-9)


def test_only_the_frame_changes(start, rng):
    """Relative orientations stay; the change is one rotation for all, and one translation of the reference."""
    improved = turned(start[0], 2.0, rng), start[1] + rng.normal(0, 1.0, (300, 2))
    rotations, shifts = anchored(*improved, *start)
    frames = np.swapaxes(improved[0], 1, 2) @ rotations
    assert frames == pytest.approx(np.broadcast_to(frames[0], frames.shape), abs=1e-12)
    change = (improved[1] - shifts).ravel()
    move, rest, *_ = np.linalg.lstsq(rotations[:, :2].reshape(-1, 3), change, rcond=None)
    assert rest < 1e-18 and 0 < np.linalg.norm(move) < 0.3


def test_images_are_the_same_of_the_moved_reference(start, rng):
    """A turned and moved molecule at the anchored poses looks as the old one did at the old poses."""
    gmm, disc = molecule(), half_disc(BOX, 10)
    before = drifted(*start)
    after = anchored(*before, *start)
    frame = before[0][0].T @ after[0][0]  # after = before @ frame
    move = np.linalg.lstsq(after[0][:, :2].reshape(-1, 3), (after[1] - before[1]).ravel(), rcond=None)[0]
    reference = Gmm(gmm.centers @ frame + move, gmm.amplitudes, gmm.widths)
    for number in (0, 7):
        old = references.image(gmm, disc, PIXEL_SIZE, before[0][number], before[1][number])
        new = references.image(reference, disc, PIXEL_SIZE, after[0][number], after[1][number])
        assert new == pytest.approx(old, abs=1e-6 * abs(old[0]))


def test_a_handful_of_particles_stays_where_it_is(start):
    """Their own errors would be taken for the frame's."""
    few = drifted(start[0][:5], start[1][:5])
    rotations, shifts = anchored(*few, start[0][:5], start[1][:5])
    assert np.array_equal(rotations, few[0]) and np.array_equal(shifts, few[1])


@pytest.mark.parametrize("name, free", [("C1", (1, 1, 1)), ("C3", (0, 0, 1)), ("D2", (0, 0, 0)), ("O", (0, 0, 0))])
def test_symmetry_axes_stay_where_they_are(start, name, free):
    """Of a drift only the part about and along the free directions is undone: the rest would tilt or move an axis."""
    operators, free = point_group(name), np.array(free, float)
    rotations, shifts = anchored(*drifted(*start), *start, operators)
    frame = Rotation.from_matrix(drifted(*start)[0][0].T @ rotations[0]).as_rotvec()
    assert frame * (1 - free) == pytest.approx(np.zeros(3), abs=1e-9)
    back = -Rotation.from_matrix(FRAME).as_rotvec()
    assert frame * free == pytest.approx(back * free, abs=1e-9)
    moved = (drifted(*start)[1] - shifts).ravel()
    move, rest, *_ = np.linalg.lstsq(rotations[:, :2].reshape(-1, 3), moved, rcond=None)
    assert rest < 1e-18 and move * (1 - free) == pytest.approx(np.zeros(3), abs=1e-9)
    assert np.all(np.abs(move[free == 1]) > 0.3)


@pytest.mark.parametrize("name", ("C1", "C2", "C5", "D3", "T"))
def test_a_free_change_of_frame_commutes_with_the_group(name):
    frame = np.array([0.3, -0.2, 0.4, 1.0, 2.0, -3.0])
    kept = left_free(frame, point_group(name))
    turn, point = Rotation.from_rotvec(kept[:3]).as_matrix(), np.array([5.0, -7.0, 11.0])
    for operator in point_group(name):
        there = turn @ operator @ point + kept[3:]
        assert there == pytest.approx(operator @ (turn @ point + kept[3:]), abs=1e-9)
    expected = frame if name == "C1" else [0, 0, 0.4, 0, 0, -3.0] if name[0] == "C" else np.zeros(6)
    assert kept == pytest.approx(expected, abs=1e-12)


def test_in_frame_keeps_the_images(start):
    """The molecule of the new frame is the old one seen from there: x = exp(ω) x' + d."""
    gmm, disc = molecule(), half_disc(BOX, 10)
    frame = np.concatenate([Rotation.from_matrix(FRAME).as_rotvec(), MOVE])
    seen = Gmm((gmm.centers - MOVE) @ FRAME, gmm.amplitudes, gmm.widths)
    rotations, shifts = in_frame(*start, frame)
    for number in (0, 7):
        old = references.image(gmm, disc, PIXEL_SIZE, start[0][number], start[1][number])
        new = references.image(seen, disc, PIXEL_SIZE, rotations[number], shifts[number])
        assert new == pytest.approx(old, abs=1e-6 * abs(old[0]))


RESOLUTION = 8.0  # Å
FINE_BOX, FINE_PIXEL = 64, 1.0
WIDE = np.radians(5.0), 2.0


def noisy(gmm, noise, seed):
    volume = render_map(gmm, FINE_BOX, FINE_PIXEL)
    return volume + noise * volume.std() * np.random.default_rng(seed).standard_normal(volume.shape)


@pytest.fixture(scope="module")
def planted():
    """Two maps of one molecule under noise as strong as the density, one turned by 1.8° and moved by 0.6 Å; and the mask."""
    gmm, frame = molecule(120), np.array([0.02, -0.015, 0.018, 0.4, -0.3, 0.3])
    away = Gmm(gmm.centers @ Rotation.from_rotvec(frame[:3]).as_matrix().T + frame[3:], gmm.amplitudes, gmm.widths)
    mask = soft_mask(render_map(gmm, FINE_BOX, FINE_PIXEL), FINE_PIXEL, RESOLUTION)
    return noisy(away, 1.0, 1), noisy(gmm, 1.0, 2), mask, frame


def test_a_planted_frame_is_found(planted):
    away, here, mask, frame = planted
    found = frame_between(away, here, mask, FINE_PIXEL, RESOLUTION, WIDE)
    assert np.degrees(np.linalg.norm(found[:3] - frame[:3])) < 0.3 and np.linalg.norm(found[3:] - frame[3:]) < 0.05
    # nothing is looked at beyond the resolution: other noise there changes nothing
    finer = away - low_pass(away, FINE_BOX * FINE_PIXEL / RESOLUTION + 3)
    assert frame_between(away - finer, here, mask, FINE_PIXEL, RESOLUTION, WIDE) == pytest.approx(found, abs=1e-3)


def test_a_frame_is_believed_as_far_as_it_is_expected(planted):
    """Both maps say 0.6 Å; where a move of a hundredth of that is expected, nearly nothing is left."""
    away, here, mask, frame = planted
    narrow = WIDE[0], 0.001
    found = frame_between(away, here, mask, FINE_PIXEL, RESOLUTION, narrow)
    assert np.linalg.norm(found[3:]) < 0.1 * np.linalg.norm(frame[3:])
    back = frame_between(away, here, mask, FINE_PIXEL, RESOLUTION, narrow, np.array([0, 0, 0, 0.3, 0, 0]))
    assert back[3:] == pytest.approx(found[3:] - [0.3, 0, 0], abs=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_a_ball_is_moved_but_not_turned(seed):
    """It says nothing about its orientation; noise must not be taken for it."""
    ball = Gmm(np.zeros((1, 3)), np.ones(1), np.array([9.0]))
    aside = Gmm(np.array([[0.5, -0.4, 0.3]]), np.ones(1), np.array([9.0]))
    mask = soft_mask(render_map(ball, FINE_BOX, FINE_PIXEL), FINE_PIXEL, RESOLUTION)
    found = frame_between(
        noisy(aside, 0.3, seed), noisy(ball, 0.3, 20 + seed), mask, FINE_PIXEL, RESOLUTION, (np.radians(0.3), 1.0)
    )
    assert found[3:] == pytest.approx([0.5, -0.4, 0.3], abs=0.1)
    assert np.degrees(np.linalg.norm(found[:3])) < 0.5
