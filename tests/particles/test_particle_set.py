"""Sets of particles: parts of them, new poses, half sets."""

import numpy as np
import pytest
from molecules import ctf_parameters, particle_set, random_rotations

from gmmrefine.errors import InputError
from gmmrefine.particles.particle_set import draw_half_sets, split_half_sets


@pytest.fixture
def particles(rng):
    return particle_set(
        random_rotations(7),
        rng.normal(size=(7, 2)),
        ctf_parameters(7, rng),
        half_set=np.array([2, 1, 1, 2, 2, 1, 2]),
        row=np.arange(7) * 10,
    )


def test_a_part_keeps_everything_together(particles):
    for index in (np.array([5, 0]), np.arange(7) % 2 == 1):
        part = particles.subset(index)
        assert len(part) == len(np.arange(7)[index])
        for name in ("stack_index", "slice_index", "rotations", "shifts", "half_set", "row"):
            assert np.array_equal(getattr(part, name), getattr(particles, name)[index])
        for name in particles.ctf.__dataclass_fields__:
            assert np.array_equal(getattr(part.ctf, name), getattr(particles.ctf, name)[index])
        assert part.pixel_size == particles.pixel_size and part.box_size == particles.box_size


def test_new_poses_leave_the_old_set_alone(particles):
    before = particles.shifts.copy()
    moved = particles.with_poses(random_rotations(7, seed=9), np.ones((7, 2), np.float32))
    assert moved.shifts.dtype == float and moved.shifts.tolist() == np.ones((7, 2)).tolist()
    assert np.array_equal(moved.rotations, random_rotations(7, seed=9))
    assert np.array_equal(particles.shifts, before) and np.array_equal(moved.row, particles.row)


def test_halves_keep_the_order_of_the_input(particles):
    halves = split_half_sets(particles).both()
    assert [half.row.tolist() for half in halves] == [[10, 20, 50], [0, 30, 40, 60]]
    assert [set(half.half_set) for half in halves] == [{1}, {2}]


def test_particles_without_a_half_set_are_refused(particles, rng):
    unknown = particle_set(particles.rotations, particles.shifts, particles.ctf, half_set=np.array([1, 2, 0, 1, 2, 0, 1]))
    with pytest.raises(InputError) as caught:
        split_half_sets(unknown)
    text = str(caught.value)
    assert "2 of 7 particles have no half set" in text and "row 3" in text and "--split-halves" in text
    assert "\n" not in text


@pytest.mark.parametrize("only", (1, 2))
def test_an_empty_half_is_refused(particles, only):
    one = particle_set(particles.rotations, particles.shifts, particles.ctf, half_set=np.full(7, only))
    with pytest.raises(InputError, match=f"half set {3 - only} is empty: all 7 particles are in half {only}"):
        split_half_sets(one)


def test_drawn_halves_are_even_and_repeatable(particles):
    drawn = draw_half_sets(particles, seed=4).half_set
    assert sorted(drawn.tolist()) == [1, 1, 1, 1, 2, 2, 2]
    assert np.array_equal(drawn, draw_half_sets(particles, seed=4).half_set)
    assert not np.array_equal(drawn, draw_half_sets(particles, seed=5).half_set)
