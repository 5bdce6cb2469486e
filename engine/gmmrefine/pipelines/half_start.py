"""A half set at the poses it comes with, and its first map, made once."""
from functools import partial

import numpy as np

from gmmrefine.pipelines.contrast_check import refuse_dark
from gmmrefine.pipelines.half_iteration import HalfState, is_saved, load_half, save_half
from gmmrefine.pipelines.reconstruct import half_map, start_map


def at_start(starts, settings, run, progress):
    """Both half sets at their poses with their maps, each made once.

    Parameters
    ----------
    starts : Halves of ParticleSet
    settings : object
        How images are read and maps made.
    run : RunRecord
    progress : Progress

    Returns
    -------
    Halves of HalfState

    Raises
    ------
    InputError
        The molecule is dark.
    """
    halves = starts.map(partial(loaded_or_made, settings=settings, run=run, progress=progress))
    refuse_dark(halves.map(volume_of), halves.first.particles, settings, run, progress)
    halves.map(partial(keep, run=run))
    return halves


def loaded_or_made(start, settings, run, progress):
    """A half set as an interrupted run has kept it, or with the map of its start poses; its images are looked at then."""
    return load_half(_folder(run), start, progress) or HalfState(
        start, start_map(start, settings, run, progress, iteration=0), np.zeros((len(start), 2)))


def is_kept(start, run):
    """Whether an interrupted run has kept the start of a half set."""
    return is_saved(_folder(run), start)


def keep(half, run):
    """Keep the start of a half set, where it is not kept yet."""
    if not is_kept(half.particles, run):
        save_half(_folder(run), half)


def at_poses(particles, settings, progress):
    """A half set at other poses than its start poses, with their map."""
    return HalfState(particles, half_map(particles, settings, progress, iteration=0), np.zeros((len(particles), 2)))


def _folder(run):
    return run.path("iterations", "00")


def volume_of(half):
    """The map (Z, Y, X) of a HalfState."""
    return half.volume
