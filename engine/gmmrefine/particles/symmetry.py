"""Symmetry copies of particles: one image at each of its equivalent poses, never counted as more than one particle."""
import os
from dataclasses import replace

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from gmmrefine.errors import InputError

PARENT_LABEL, COPY_LABEL = "gmmParentParticle", "gmmSymmetryCopy"


def expanded(particles, operators):
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


def parents(particles):
    """Which particle each row is an image of, (N,) int from 0 in order of appearance.

    Copies are told by their marks and by showing the same image of the same stack: marks may be of two expansions, and
    copies may have been extracted again into images of their own.
    """
    image = image_numbers(particles)
    if particles.parent is None:
        return image
    mark = image.max() + 1 + _in_order(particles.parent)
    nodes = mark.max() + 1
    joined = coo_matrix((np.ones(len(image), bool), (image, mark)), (nodes, nodes))
    return _in_order(connected_components(joined, directed=False)[1][image])


def image_numbers(particles):
    """Which image each row shows, (N,) int: equal for rows with the same image of the same file, whatever its path."""
    files = {}
    same = np.array([files.setdefault(os.path.realpath(path), len(files)) for path in particles.stacks], int)
    stack = same[particles.stack_index] if len(same) else particles.stack_index
    return _in_order(stack * (particles.slice_index.max() + 1) + particles.slice_index)


def shuffled(particles, rng):
    """A random order of the rows, (N,) int, in which every particle comes before any comes again.

    The beginning of it is a sample of particles; drawn by image, copies would take the place of others.
    """
    order = rng.permutation(len(particles))
    parent = parents(particles)[order]
    together = np.argsort(parent, kind="stable")
    count = np.bincount(parent)
    earlier = np.empty(len(order), int)
    earlier[together] = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
    return order[np.argsort(earlier, kind="stable")]


def mean_by_particle(values, parent):
    """Means (P,) of what each image says, (N,), over the images of every particle: their copies tell nothing new.

    Parameters
    ----------
    values : (N,) float
    parent : (N,) int
        As of ``parents``, or of some of the rows.
    """
    number = np.unique(parent, return_inverse=True)[1]
    return np.bincount(number, values) / np.bincount(number)


def particle_count(particles):
    """How many particles these are; the copies of one count once."""
    return int(parents(particles).max()) + 1


def counted(particles):
    """``particle_count`` in words, e.g. 6000 images of 2000 particles."""
    count = particle_count(particles)
    return f"{count} particles" if count == len(particles) else f"{len(particles)} images of {count} particles"


def refuse_expanded(particles, advice):
    """Refuse a set that holds a particle more than once.

    Parameters
    ----------
    particles : ParticleSet
    advice : str
        What to do instead.

    Raises
    ------
    InputError
    """
    parent = parents(particles)
    first = np.unique(parent, return_index=True)[1]
    if len(first) < len(particles):
        row = np.setdiff1d(np.arange(len(particles)), first)[0]
        raise InputError(
            f"a symmetry-expanded set: {counted(particles)} (row {particles.row[row] + 1} repeats row "
            f"{particles.row[first[parent[row]]] + 1}), and copies are not independent. {advice}")


def refuse_split_copies(particles):
    """Refuse half sets that share a particle: a copy, or the same image, in both.

    Raises
    ------
    InputError
    """
    numbers = parents(particles)
    first = np.unique(numbers, return_index=True)[1]
    leaked = np.flatnonzero(particles.half_set != particles.half_set[first][numbers])
    if len(leaked):
        one, other = leaked[0], first[numbers[leaked[0]]]
        raise InputError(
            f"half sets are not independent: row {particles.row[one] + 1} (half {particles.half_set[one]}) shows the same "
            f"particle as row {particles.row[other] + 1} (half {particles.half_set[other]}), and {len(leaked)} rows do so. "
            "Copies of a particle must share its half set; remove the duplicates or take the half sets of the parents.")


def marks_of(copies, count):
    """What tells the copies of ``expanded`` from other rows, ``count`` of each particle.

    Returns
    -------
    dict of str to list
        The parent by the number of its image from 1 and the full path of its stack, which is the same in all tables;
        the number of the operator from 1.
    """
    stacks = [os.path.realpath(path) for path in copies.stacks]
    return {
        PARENT_LABEL: [
            f"{number + 1:06d}@{stacks[stack]}" for stack, number in zip(copies.stack_index, copies.slice_index)],
        COPY_LABEL: np.tile(np.arange(1, count + 1), len(copies) // count)}


def _in_order(numbers):
    """Labels (N,) counted from 0 in the order in which they first appear."""
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse.ravel()]
