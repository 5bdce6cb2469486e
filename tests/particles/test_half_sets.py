"""Which image is in which half set: told by the content of the stack, each image once."""

import numpy as np
import pytest
from molecules import ctf_parameters, particle_set, random_rotations

from gmmrefine.geometry.symmetry import point_group
from gmmrefine.particles.half_sets import half_sets_of
from gmmrefine.particles.symmetry import expanded

STACK, MARKS = np.array([0, 0, 0, 1, 1, 1]), ["stack a", "stack b"]


@pytest.fixture
def particles(rng):
    return particle_set(
        random_rotations(6),
        np.zeros((6, 2)),
        ctf_parameters(6, rng),
        stacks=("/a.mrcs", "/b.mrcs"),
        stack_index=STACK,
        slice_index=np.array([0, 1, 2, 0, 1, 2]),
        half_set=np.array([1, 2, 1, 2, 1, 2]),
    )


def compared(particles, other, marks=MARKS):
    """Images in common, and those in different halves."""
    one, two = half_sets_of(particles, MARKS), half_sets_of(other, marks)
    return one.shared(two), one.crossed(two)


def test_every_image_has_a_number_of_its_own(particles):
    half_sets = half_sets_of(particles, MARKS)
    assert half_sets.first.dtype == np.uint64 and len(half_sets.first) == len(half_sets.second) == 3
    assert len(np.union1d(half_sets.first, half_sets.second)) == 6


def test_order_and_missing_particles_make_no_difference(particles):
    assert compared(particles, particles) == (6, 0)
    assert compared(particles, particles.subset(np.array([5, 0, 3]))) == (3, 0)


def test_copies_count_once(particles):
    assert compared(particles, expanded(particles, point_group("C3"))) == (6, 0)


def test_an_image_in_the_other_half_is_seen(particles):
    half_set = particles.half_set.copy()
    half_set[4] = 2
    swapped = particle_set(
        particles.rotations,
        particles.shifts,
        particles.ctf,
        stacks=particles.stacks,
        stack_index=STACK,
        slice_index=particles.slice_index,
        half_set=half_set,
    )
    assert compared(particles, swapped) == (6, 1)
    assert compared(particles, swapped.subset(np.arange(4))) == (4, 0)
    all_swapped = half_sets_of(particles, MARKS).swapped
    assert half_sets_of(particles, MARKS).crossed(all_swapped) == 6


def test_a_stack_is_told_by_its_mark(particles):
    """The same number in another stack is another image; two paths of one stack are one."""
    assert compared(particles, particles, ["stack c", "stack d"]) == (0, 0)
    assert compared(particles, particles, MARKS[::-1]) == (6, 6)
    once = half_sets_of(particles, ["same", "same"])
    assert len(np.union1d(once.first, once.second)) == 3


def test_joined(particles):
    first, last = (half_sets_of(particles.subset(part), MARKS) for part in (slice(0, 4), slice(2, 6)))
    joined, whole = first.joined(last), half_sets_of(particles, MARKS)
    assert np.array_equal(joined.first, whole.first) and np.array_equal(joined.second, whole.second)
