"""A half set at the poses it comes with, and its first map, made once."""

import os
from functools import partial

from gmmrefine.pipelines.contrast_check import refuse_dark
from gmmrefine.pipelines.half_state import HalfState, is_saved, load_half, no_covariance, save_half
from gmmrefine.pipelines.reconstruct import half_map, start_map


def at_start(starts, settings, run):
    """Both half sets at their poses with their maps, each made once.

    Parameters
    ----------
    starts : Halves of ParticleSet
    settings : object
        How images are read and maps made.
    run : Run

    Returns
    -------
    Halves of HalfState

    Raises
    ------
    InputError
        The molecule is dark.
    """
    halves = starts.map(partial(loaded_or_made, settings=settings, run=run))
    refuse_dark(halves.map(volume_of), halves.first.particles, settings, run)
    halves.map(partial(keep, run=run))
    return halves


def loaded_or_made(start, settings, run):
    """A half set as an interrupted run has kept it, or with the map of its start poses; its images are looked at then."""
    _forget_what_made_a_lost_mask(run)
    return load_half(_folder(run), start, run.progress) or HalfState(
        start, start_map(start, settings, run, iteration=0), no_covariance(start)
    )


def _forget_what_made_a_lost_mask(run):
    """Where the mask is damaged, have the start maps made again too: they were laid on it, and it came from those before."""
    if not run.has_lost_its_mask():
        return
    for path in (os.path.join(_folder(run), f"poses_half_{number}.npz") for number in (1, 2)):
        if os.path.exists(path):
            run.progress.say(f"{run.path('mask.mrc')} is damaged or missing: it is made again, and {path} with it")
            os.unlink(path)


def is_kept(start, run):
    """Whether an interrupted run has kept the start of a half set."""
    return is_saved(_folder(run), start)


def keep(half, run):
    """Keep the start of a half set, where it is not kept yet."""
    if not is_kept(half.particles, run):
        save_half(_folder(run), half)


def at_poses(particles, settings, progress):
    """A half set at other poses than its start poses, with their map."""
    return HalfState(particles, half_map(particles, settings, progress, iteration=0), no_covariance(particles))


def _folder(run):
    return run.path("iterations", "00")


def volume_of(half):
    """The map (Z, Y, X) of a HalfState."""
    return half.volume
