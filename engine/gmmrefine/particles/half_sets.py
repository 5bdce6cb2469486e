"""Which image is in which half set, as numbers that tell whether the maps of two runs may be put together."""

import hashlib
from dataclasses import dataclass
from typing import Sequence

import numpy as np

from gmmrefine.particles.particle_set import ParticleSet


@dataclass(frozen=True)
class HalfSets:
    """The images of both half sets; all symmetry copies of an image are one.

    Parameters
    ----------
    first, second : (M,) uint64
        Numbers of the images of half 1 and of half 2, ascending: equal in any run for the same image of the same stack.
    """

    first: np.ndarray
    second: np.ndarray

    @property
    def swapped(self) -> "HalfSets":
        """The same with half 1 and half 2 exchanged."""
        return HalfSets(self.second, self.first)

    def shared(self, other: "HalfSets") -> int:
        """How many images are in both, whatever their half."""
        return _common(self.first, other.first) + _common(self.second, other.second) + self.crossed(other)

    def crossed(self, other: "HalfSets") -> int:
        """How many images are in half 1 of one and in half 2 of the other."""
        return _common(self.first, other.second) + _common(self.second, other.first)

    def joined(self, other: "HalfSets") -> "HalfSets":
        """The images of both."""
        return HalfSets(np.union1d(self.first, other.first), np.union1d(self.second, other.second))


def half_sets_of(particles: ParticleSet, stack_marks: Sequence[str]) -> HalfSets:
    """The half sets of particles.

    Parameters
    ----------
    particles : ParticleSet
    stack_marks : list of str
        One per stack, that follows its content and not its path: copies, links and other names of a stack stay the same.

    Returns
    -------
    HalfSets
    """
    # 64 bits at random for a stack, and counting from there: that two stacks of a data set overlap is out of the question
    starts = np.array([int(hashlib.sha256(mark.encode()).hexdigest()[:16], 16) for mark in stack_marks], np.uint64)
    numbers = starts[particles.stack_index] + particles.slice_index.astype(np.uint64)
    return HalfSets(*(np.unique(numbers[particles.half_set == half]) for half in (1, 2)))


def _common(numbers: np.ndarray, others: np.ndarray) -> int:
    """How many numbers (M,), each there once, are among others (K,)."""
    return len(np.intersect1d(numbers, others, assume_unique=True))
