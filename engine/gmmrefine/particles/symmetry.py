"""Symmetry copies of particles, and other images of one particle, never counted as more than one."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Dict, List, Union

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.particles.identity import joined, numbered

if TYPE_CHECKING:
    from gmmrefine.particles.particle_set import ParticleSet

PARENT_LABEL, COPY_LABEL = "gmmParentParticle", "gmmSymmetryCopy"
_EXAMPLES = 3


def expanded(particles: ParticleSet, operators: np.ndarray) -> ParticleSet:
    """Every particle at each of its equivalent poses.

    Parameters
    ----------
    particles : ParticleSet
        N particles, none of them a copy.
    operators : (n, 3, 3) float
        Point group of the molecule.

    Returns
    -------
    ParticleSet
        n N particles, the copies of one next to each other in the order of ``operators``. Copy S has the rotation A S: what
        lies at S x in the particle is seen where the reference has x. All else, the half set above all, is the parent's.
    """
    refuse_expanded(particles, "Expand the particles that the copies were made from.")
    copies = particles.subset(np.repeat(np.arange(len(particles)), len(operators)))
    turned = (particles.rotations[:, None] @ operators[None]).reshape(-1, 3, 3)
    parent = np.repeat(np.arange(len(particles)), len(operators))
    return replace(copies.with_poses(turned, copies.shifts), parent=parent)


def parents(particles: ParticleSet) -> np.ndarray:
    """Which particle each row is an image of, (N,) int from 0 in order of appearance.

    All that shows one particle is one: symmetry copies, two extractions of it, its tilts, segments of one filament.
    """
    copies = copies_of(particles)
    return copies if particles.particle is None else joined(copies, particles.particle)


def copies_of(particles: ParticleSet) -> np.ndarray:
    """Which image each row is a symmetry copy of, (N,) int from 0 in order of appearance.

    Copies are told by their marks and by showing the same image of the same stack: marks may be of two expansions, and
    copies may have been extracted again into images of their own.
    """
    image = image_numbers(particles)
    return image if particles.parent is None else joined(image, particles.parent)


def image_numbers(particles: ParticleSet) -> np.ndarray:
    """Which image each row shows, (N,) int: equal for rows with the same image of the same file, whatever its path."""
    files: Dict[str, int] = {}
    same = np.array([files.setdefault(os.path.realpath(path), len(files)) for path in particles.stacks], dtype=int)
    stack = same[particles.stack_index] if len(same) else particles.stack_index
    return numbered(stack * (particles.slice_index.max() + 1) + particles.slice_index)


def shuffled(particles: ParticleSet, rng: np.random.Generator) -> np.ndarray:
    """A random order of the rows, (N,) int, in which every particle comes before any comes again.

    The beginning of it is a sample of particles; drawn by image, copies would take the place of others.

    Parameters
    ----------
    particles : ParticleSet
    rng : numpy.random.Generator
    """
    order = rng.permutation(len(particles))
    parent = parents(particles)[order]
    together = np.argsort(parent, kind="stable")
    count = np.bincount(parent)
    earlier = np.empty(len(order), int)
    earlier[together] = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
    return order[np.argsort(earlier, kind="stable")]


def mean_by_particle(values: np.ndarray, parent: np.ndarray) -> np.ndarray:
    """Means (P,) of what each image says, (N,), over the images of every particle: their copies tell nothing new.

    Parameters
    ----------
    values : (N,) float
    parent : (N,) int
        As of ``parents``, or of some of the rows.
    """
    number = np.unique(parent, return_inverse=True)[1]
    return np.bincount(number, values) / np.bincount(number)


def particle_count(particles: ParticleSet) -> int:
    """How many particles these are; the copies of one count once."""
    return int(parents(particles).max()) + 1


def counted(particles: ParticleSet) -> str:
    """``particle_count`` in words, e.g. 6000 images of 2000 particles."""
    count = particle_count(particles)
    return f"{count} particles" if count == len(particles) else f"{len(particles)} images of {count} particles"


def refuse_expanded(particles: ParticleSet, advice: str) -> None:
    """Refuse a set that holds an image more than once.

    Parameters
    ----------
    particles : ParticleSet
    advice : str
        What to do instead.

    Raises
    ------
    InputError
    """
    copies = copies_of(particles)
    first = np.unique(copies, return_index=True)[1]
    if len(first) < len(particles):
        row = np.setdiff1d(np.arange(len(particles)), first)[0]
        raise InputError(
            f"a symmetry-expanded set: {len(particles)} images of {len(first)} particles (row {particles.row[row] + 1} repeats "
            f"row {particles.row[first[copies[row]]] + 1}), and copies are not independent. {advice}"
        )


def refuse_split_particles(particles: ParticleSet) -> None:
    """Refuse half sets that share a particle: by a symmetry copy, another extraction, a tilt or segment of it in both.

    Raises
    ------
    InputError
    """
    numbers = parents(particles)
    first = np.unique(numbers, return_index=True)[1]
    leaked = np.flatnonzero(particles.half_set != particles.half_set[first][numbers])
    if len(leaked):
        pairs = [(row, first[numbers[row]]) for row in leaked[:_EXAMPLES]]
        examples = ", ".join(
            f"row {particles.row[row] + 1} (half {particles.half_set[row]}) shows the same particle as row "
            f"{particles.row[other] + 1} (half {particles.half_set[other]})"
            for row, other in pairs
        )
        raise InputError(
            f"half sets are not independent: {examples}, and {len(leaked)} rows do so. All images of a particle must share its "
            "half set: give --remove-duplicates to leave out what was extracted twice, or --redraw-halves SEED to draw new "
            "half sets by particle."
        )


def marks_of(copies: ParticleSet, count: int) -> Dict[str, Union[List[str], np.ndarray]]:
    """What tells the copies of ``expanded`` from other rows, ``count`` of each particle.

    Returns
    -------
    dict of str to list
        The parent by the number of its image from 1 and the full path of its stack, which is the same in all tables;
        the number of the operator from 1.
    """
    stacks = [os.path.realpath(path) for path in copies.stacks]
    return {
        PARENT_LABEL: [f"{number + 1:06d}@{stacks[stack]}" for stack, number in zip(copies.stack_index, copies.slice_index)],
        COPY_LABEL: np.tile(np.arange(1, count + 1), len(copies) // count),
    }
