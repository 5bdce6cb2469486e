"""The frame that both half sets share: how their maps lie to one another, from shells on which no resolution rests."""

import numpy as np

from gmmrefine.alignment.frame import FEWEST_PARTICLES, added, frame_between, in_frame, left_free
from gmmrefine.alignment.refiner import WIDE_PRIOR
from gmmrefine.geometry.rotations import angular_distance_deg
from gmmrefine.geometry.symmetry import point_group

FINEST = 15.0  # Å; no claim of a resolution rests on what is coarser
_APART = np.radians(0.1), 0.1  # rad and Å per axis: how programs that refine halves apart leave them


class CommonFrame:
    """Where the frames of two half sets lie, told anew from the maps of every iteration.

    Parameters
    ----------
    starts : Halves of ParticleSet
        At the poses in whose frames poses are kept.
    mask : (Z, Y, X) float
        Of the molecule.
    symmetry : str
        Point group, whose axes stay where they are.
    run : Run
    """

    def __init__(self, starts, mask, symmetry, run):
        self._starts, self._mask, self._operators = starts, mask, point_group(symmetry)
        self._run, self._progress = run, run.progress
        self._found = np.zeros(6)

    def shares(self, halves, iteration):
        """By how much each half set must be turned and moved before the maps of an iteration are made.

        Parameters
        ----------
        halves : Halves of HalfState
            With the maps of the iteration before.
        iteration : int

        Returns
        -------
        dict
            Frame (6,) for ``in_frame`` by number of the half set, counted from the frame of its start poses.
        """

        def measure():
            first, second = halves.both()
            if min(len(first.particles), len(second.particles)) < FEWEST_PARTICLES:
                return [0.0] * 6
            found = frame_between(
                second.volume,
                first.volume,
                self._mask,
                second.particles.pixel_size,
                FINEST,
                self._expected(halves, iteration),
                self._found,
            )
            return added(self._found, left_free(found, self._operators)).tolist()

        self._found = np.array(self._run.told("frame", iteration, measure))
        self._progress.event(
            step="frame",
            iteration=iteration,
            rotation_deg=round(float(np.degrees(np.linalg.norm(self._found[:3]))), 4),
            move=round(float(np.linalg.norm(self._found[3:])), 4),
        )
        return {1: -0.5 * self._found, 2: 0.5 * self._found}

    def _expected(self, halves, iteration):
        """Standard deviations of a turn (radians) and of a move (Å): a frame is off by the mean of the start errors."""
        if iteration == 1:  # nothing has told yet how far the start poses are off
            errors = np.tile([WIDE_PRIOR.rotation, WIDE_PRIOR.shift], (2, 1))
        else:
            errors = np.array([spread(half, start) for half, start in zip(halves.both(), self._starts.both())])
        counts = np.array([[len(half.particles)] for half in halves.both()])
        return np.sqrt((errors**2 / counts).sum(axis=0) + np.square(_APART))


def in_common_frame(particles, frame):
    """A half set (ParticleSet) turned and moved by its share of a frame (6,)."""
    return particles.with_poses(*in_frame(particles.rotations, particles.shifts, frame))


def spread(half, start):
    """Rms changes of the poses of a HalfState since its start (ParticleSet): radians and Å per axis."""
    turned = np.radians(angular_distance_deg(half.particles.rotations, start.rotations))
    moved = half.particles.shifts - start.shifts
    return np.sqrt([np.mean(turned**2) / 3, np.mean(moved**2)])
