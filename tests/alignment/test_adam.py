"""The published scheme: Adam on the ring correlation with Euler angles and shifts."""

import numpy as np
import pytest
import references
from molecules import BOX, PIXEL_SIZE, RADIUS, images_of, molecule, turned

from gmmrefine.alignment.adam import AdamRefiner
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.geometry.rotations import angular_distance_deg, euler_from_rotations, rotations_from_euler
from gmmrefine.gmm.project import ExactProjector

COUNT, BATCH = 12, 6
LOWEST = 3  # ring of 25 Å in a box of 64 Å
RATE = 1e-3


@pytest.fixture(scope="module")
def gmm():
    return molecule()


@pytest.fixture(scope="module")
def images(gmm):
    return images_of(gmm, half_disc(BOX, RADIUS), COUNT)


@pytest.fixture(scope="module")
def projector(gmm, images):
    return ExactProjector(gmm, images.disc, PIXEL_SIZE)


@pytest.fixture(scope="module")
def start(images):
    rng = np.random.default_rng(2)
    truth = images.particles
    return truth.with_poses(turned(truth.rotations, 1.5, rng), truth.shifts + rng.normal(0, 0.5, (COUNT, 2)))


def refined(projector, images, start, steps):
    done = []
    refiner = AdamRefiner(projector, images, BATCH, steps, RATE)
    rotations, shifts = refiner.refine(start.rotations, start.shifts, done.append)
    assert done == [COUNT]  # in chunks of 64, whatever the batch
    return rotations, shifts


def change_of(rotations, start):
    """Change of the Euler angles in degrees (N, 3), across ±180."""
    change = euler_from_rotations(rotations) - euler_from_rotations(start.rotations)
    return (change + 180) % 360 - 180


@pytest.fixture(scope="module")
def after_ten(projector, images, start):
    return refined(projector, images, start, 10)


def test_ten_steps_change_an_angle_by_no_more_than_ten_times_the_rate(after_ten, start):
    rotations, shifts = after_ten
    change = np.abs(change_of(rotations, start))
    assert change.max() <= np.degrees(10 * RATE) * 1.05
    assert change.max() > 0.9 * np.degrees(10 * RATE)  # the first steps go one way
    assert np.abs(shifts - start.shifts).max() <= 10 * RATE * BOX * PIXEL_SIZE * 1.05


def correlation(gmm, images, number, rotation, shift):
    """Mean ring correlation of one image, phases flipped, with the molecule at a pose."""
    model = references.image(gmm, images.disc, PIXEL_SIZE, rotation, shift)
    data = np.sign(images.ctf[number]) * images.data[number]
    return references.ring_correlation(model, data, images.disc.ring, LOWEST)


def test_poses_of_clean_images_improve(after_ten, images, start, gmm):
    truth = images.particles
    before, after = (angular_distance_deg(rotations, truth.rotations) for rotations in (start.rotations, after_ten[0]))
    assert np.sqrt(np.mean(after**2)) < 0.85 * np.sqrt(np.mean(before**2))
    distance = [np.sqrt(np.mean((shifts - truth.shifts) ** 2)) for shifts in (start.shifts, after_ten[1])]
    assert distance[1] < 0.6 * distance[0]
    for number in range(COUNT):
        old = correlation(gmm, images, number, start.rotations[number], start.shifts[number])
        assert correlation(gmm, images, number, after_ten[0][number], after_ten[1][number]) > old


def test_first_step_goes_up_the_ring_correlation(projector, images, start, gmm):
    """Adam's first step is the rate times the sign of the slope: of the mean correlation over rings from 25 Å on."""
    rotations, shifts = refined(projector, images, start, 1)
    found = np.column_stack([np.radians(change_of(rotations, start)), (shifts - start.shifts) / (BOX * PIXEL_SIZE)])
    assert np.abs(found) == pytest.approx(RATE, rel=0.05)

    euler, box = euler_from_rotations(start.rotations), BOX * PIXEL_SIZE

    def after(number, step):
        rotation = rotations_from_euler([euler[number] + np.degrees(step[:3])])[0]
        return correlation(gmm, images, number, rotation, start.shifts[number] + step[3:] * box)

    checked = 0
    for number in range(COUNT):
        slope = np.array([after(number, row) - after(number, -row) for row in 1e-4 * np.eye(5)])
        clear = np.abs(slope) > 0.02 * np.abs(slope).max()
        assert np.array_equal(np.sign(slope[clear]), np.sign(found[number, clear]))
        checked += clear.sum()
    assert checked > 40


def test_rotations_come_back_as_relions(projector, images, start):
    """With a rate next to nothing the poses are those of the start."""
    refiner = AdamRefiner(projector, images, BATCH, 1, 1e-9)
    rotations, shifts = refiner.refine(start.rotations, start.shifts)
    assert rotations == pytest.approx(start.rotations, abs=2e-6)
    assert shifts == pytest.approx(start.shifts, abs=1e-5)
