"""A part of a molecule seen through a small box: the same poses fit, for a fraction of the samples."""

import numpy as np
import pytest
import references
from molecules import PIXEL_SIZE, ctf_parameters, ctf_table, molecule, random_rotations, turned

from gmmrefine.alignment.fisher import Pose, climb
from gmmrefine.alignment.likelihood import ImageFit, ShellWeights
from gmmrefine.alignment.prior import PosePrior
from gmmrefine.alignment.window import Window, window_size
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.project import ExactProjector
from gmmrefine.particles.images import ImageBatch
from gmmrefine.particles.particle_set import CTF_RAW

COUNT, BOX, RADIUS, SIDE = 12, 72, 30, 36
INDEX = np.arange(COUNT)[::-1]  # of any order
CENTER = np.array([24.0, -15.0, 12.0])


@pytest.fixture(scope="module")
def disc():
    return half_disc(BOX, RADIUS)


@pytest.fixture(scope="module")
def part():
    """Twenty Gaussians about a point far from the box centre, within 16 Å of it."""
    whole = molecule(60)
    near = whole.about(whole.centers[0])
    near = near.subset(np.argsort(np.linalg.norm(near.centers, axis=1))[:20])
    return near.about(near.centers.mean(axis=0) - CENTER)


@pytest.fixture(scope="module")
def poses():
    return random_rotations(COUNT), np.random.default_rng(2).normal(0, 5.0, (COUNT, 2))


@pytest.fixture(scope="module")
def window(poses, disc):
    return Window(CENTER, poses, disc, SIDE, PIXEL_SIZE)


@pytest.fixture(scope="module")
def other_poses(poses, window):
    """Poses at which the part has turned by 5° and moved by 1 Å."""
    rng = np.random.default_rng(11)
    rotations, shifts = window.inward(*poses)
    return window.outward(turned(rotations, 5.0, rng), shifts + rng.normal(0, 0.7, (COUNT, 2)))


@pytest.fixture(scope="module")
def ctf(disc):
    return ctf_table(ctf_parameters(COUNT, np.random.default_rng(5)), disc, PIXEL_SIZE)


def images(gmm, disc, poses, ctf):
    return np.array([references.image(gmm, disc, PIXEL_SIZE, *pose, row) for *pose, row in zip(*poses, ctf)]).astype(
        np.complex64
    )


def cut_out(window, data):
    """Samples (COUNT, K') seen through a window, of images (COUNT, K) in the order of INDEX."""
    real, imag = window.cut(data[INDEX].real, data[INDEX].imag, INDEX)
    return real.numpy() + 1j * imag.numpy()


def averages(window, weights):
    return window.averaged(weights.astype(np.float32)).numpy()


def without_ctf(gmm, disc, poses):
    return images(gmm, disc, poses, np.ones((COUNT, len(disc.ring))))


def test_the_part_stands_in_the_middle_where_it_was_cut(window, poses, part, disc):
    rotations, shifts = window.inward(*poses)
    assert rotations is poses[0] and shifts == pytest.approx(np.zeros((COUNT, 2)), abs=1e-12)
    pixels = window.disc.inverse(cut_out(window, without_ctf(part, disc, poses)))
    places = np.arange(SIDE) - SIDE // 2
    middle = [np.einsum("bij,i->b", pixels, places), np.einsum("bij,j->b", pixels, places)] / pixels.sum(axis=(1, 2))
    # where the centre of mass is off the part's centre, that of the projection is too
    off = (part.masses @ (part.centers - CENTER)) / part.masses.sum() / PIXEL_SIZE
    assert middle[::-1].T == pytest.approx(rotations[INDEX][:, :2] @ off, abs=0.02)


def test_what_is_seen_is_the_part_about_its_own_centre(window, other_poses, part, disc):
    cut = cut_out(window, without_ctf(part, disc, other_poses))
    expected = without_ctf(part.about(CENTER), window.disc, window.inward(*other_poses))
    assert np.linalg.norm(cut - expected[INDEX]) < 5e-3 * np.linalg.norm(expected)


def test_outward_undoes_inward(window, other_poses):
    for found, expected in zip(window.outward(*window.inward(*other_poses)), other_poses):
        assert found == pytest.approx(expected, abs=1e-12)


def test_a_window_of_the_whole_image_changes_nothing(disc, poses, ctf, part):
    still = np.zeros((COUNT, 2))
    window = Window(np.zeros(3), (poses[0], still), disc, BOX, PIXEL_SIZE)
    data = images(part, disc, poses, ctf)
    assert np.abs(cut_out(window, data) - data[INDEX]).max() < 1e-5 * np.abs(data).max()
    assert averages(window, ctf**2) == pytest.approx(ctf**2, abs=1e-5)
    assert (window.density, window.lowest_ring) == (1, 2)
    assert window.curve(np.arange(9.0) ** 2) == pytest.approx(np.arange(9.0) ** 2)


@pytest.mark.parametrize("defocus, tolerance", ((6000.0, 5e-4), (25000.0, 1e-2)))
def test_averages_of_ctf2_weigh_a_part_as_ctf2_does(window, poses, part, disc, defocus, tolerance):
    """Σ C² |F|² of a whole image's samples, by a quarter of them; far from focus C² swings faster than those lie apart."""
    values = np.full(COUNT, defocus) + np.linspace(0, 1000, COUNT)
    weights = (
        ctf_table(
            ctf_parameters(COUNT, np.random.default_rng(5), defocus_u=values + 300, defocus_v=values - 300), disc, PIXEL_SIZE
        )
        ** 2
    )
    found = averages(window, weights)
    assert found.min() >= 0 and found.max() < 1.1
    means = []
    for samples, gmm, at, ctf2 in (
        (disc, part, poses, weights),
        (window.disc, part.about(CENTER), window.inward(*poses), found),
    ):
        power = np.abs(without_ctf(gmm, samples, at)) ** 2 * np.where(samples.ring > 0, 1, 0.5)  # 0 has no mate
        means.append(np.sum(ctf2 * power, axis=1) / np.sum(power, axis=1))
    assert means[1] == pytest.approx(means[0], rel=tolerance)


def seen_through(window, batch, disc):
    whole = ImageFit(batch, disc, PIXEL_SIZE, COUNT)
    return whole.through(window, batch.index, whole.averaged_ctf2(window), np.arange(RADIUS + 1.0))


def weights(disc, ring_width=1):
    ring = np.arange(disc.radius + 1)
    return ShellWeights(np.ones(len(ring)), 0.01 * ((ring >= 2) & (ring * ring_width <= RADIUS - 2)))


def test_other_poses_lose_as_much_as_in_whole_images(window, poses, other_poses, part, disc, ctf):
    """The logarithm of the likelihood, per image."""
    data = images(part, disc, poses, ctf)
    batch = ImageBatch(INDEX, data[INDEX], ctf[INDEX].astype(np.float32), np.full(COUNT, CTF_RAW))
    losses = []
    for fit, gmm, samples, to_pose in (
        (ImageFit(batch, disc, PIXEL_SIZE, COUNT), part, disc, lambda *pose: pose),
        (seen_through(window, batch, disc), part.about(CENTER), window.disc, window.inward),
    ):
        projector, used = ExactProjector(gmm, samples, PIXEL_SIZE), weights(samples, BOX / samples.box_size)
        best, other = (fit.value(projector, used, *(part[INDEX] for part in to_pose(*pose))) for pose in (poses, other_poses))
        losses.append(best - other)
    assert losses[1] == pytest.approx(losses[0], rel=0.15)
    assert losses[1].sum() == pytest.approx(losses[0].sum(), rel=0.05)


def test_slope_and_curvature_are_those_about_the_centre_of_the_part(window, poses, other_poses, part, disc, ctf):
    """The step that they ask for leads most of the way back to the pose in the images."""
    data = images(part, disc, poses, ctf)
    batch = ImageBatch(INDEX, data[INDEX], ctf[INDEX].astype(np.float32), np.full(COUNT, CTF_RAW))
    projector = ExactProjector(part.about(CENTER), window.disc, PIXEL_SIZE)
    rotations, shifts = (values[INDEX] for values in window.inward(*other_poses))
    _, slope, information = seen_through(window, batch, disc).normal_equations(
        projector, weights(window.disc, BOX / SIDE), rotations, shifts
    )
    step = np.linalg.solve(information, slope[..., None])[..., 0]
    assert np.linalg.norm(shifts + step[:, 3:], axis=1).mean() < 0.25 * np.linalg.norm(shifts, axis=1).mean()


def test_a_part_that_stands_far_aside_is_found(window, poses, part, disc, ctf):
    """By 10 Å, farther than the window has room on each side."""
    aside = np.array([8.0, -6.0])
    data = images(part, disc, (poses[0], poses[1] + aside), ctf)
    batch = ImageBatch(INDEX, data[INDEX], ctf[INDEX].astype(np.float32), np.full(COUNT, CTF_RAW))
    still = [values[INDEX] for values in window.inward(*poses)]
    fit, projector, pose = (
        seen_through(window, batch, disc),
        ExactProjector(part.about(CENTER), window.disc, PIXEL_SIZE),
        Pose(still, still),
    )
    for radius in (4, 6, 8, 12):
        climb(fit, projector.for_radius(radius), weights(window.disc, BOX / SIDE), PosePrior.from_rms(12, 30), pose, 2)
    assert pose.shifts == pytest.approx(np.tile(aside, (COUNT, 1)), abs=0.05)


def test_noise_is_told_to_the_window(window, poses, part, disc, ctf):
    batch = ImageBatch(INDEX, images(part, disc, poses, ctf)[INDEX], ctf[INDEX].astype(np.float32), np.full(COUNT, CTF_RAW))
    assert seen_through(window, batch, disc).noise == pytest.approx(2.0 * np.arange(16))  # rings are twice as wide


@pytest.mark.parametrize("side, lowest", ((72, 2), (48, 2), (36, 2), (24, 1), (12, 1)))
def test_the_lowest_ring_holds_nothing_of_the_background(poses, disc, side, lowest):
    window = Window(CENTER, poses, disc, side, PIXEL_SIZE)
    assert window.lowest_ring == lowest
    assert (lowest - 0.5) * BOX / side >= 1.5 > (lowest - 1.5) * BOX / side


def test_a_window_holds_the_largest_part_and_room_to_move(part):
    small, large = part.about(CENTER), part.about(CENTER + [10.0, 0, 0])
    side = window_size([small, large], 256, PIXEL_SIZE, 100)
    assert side % 2 == 0 and side * PIXEL_SIZE >= 2 * (large.radius + 6) and side < window_size([part], 256, PIXEL_SIZE, 100)
    assert side == window_size([large], 256, PIXEL_SIZE, 100)
    assert window_size([part], 32, PIXEL_SIZE, 12) == 32


def test_a_window_is_large_enough_for_coarse_signal(part):
    """Some rings of it, where the halves of a map agree to ring 10 of 256 only."""
    assert window_size([part.about(CENTER)], 256, PIXEL_SIZE, 10) * 10 / 256 >= 4


def test_background_below_the_lowest_ring_is_not_seen(window, poses, part, disc, ctf):
    data = images(part, disc, poses, ctf)
    stained = data + 1e3 * np.abs(data).max() * (disc.ring < 2)
    projector, used = ExactProjector(part.about(CENTER), window.disc, PIXEL_SIZE), weights(window.disc, BOX / SIDE)
    rotations, shifts = (values[INDEX] for values in window.inward(*poses))
    plain, found = (
        seen_through(
            window,
            ImageBatch(INDEX, kind[INDEX].astype(np.complex64), ctf[INDEX].astype(np.float32), np.full(COUNT, CTF_RAW)),
            disc,
        ).value(projector, used, rotations, shifts)
        for kind in (data, stained)
    )
    assert found == pytest.approx(plain, rel=1e-5)
