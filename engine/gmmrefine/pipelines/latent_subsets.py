"""Reconstructions of particles that lie near one another in the latent space, each half set sorted by itself."""
import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.heterogeneity.conformations import axis_path, direction_cosine, equal_classes
from gmmrefine.io.made_from import declare
from gmmrefine.io.mrc import read_mask
from gmmrefine.io.star_particles import write_particles
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.pipelines.image_identity import made_from
from gmmrefine.pipelines.reconstruct import half_map, write_maps

_FEWEST = 20  # particles of each half in a class


def check_subsets(settings, halves):
    """Refuse classes that cannot be made of the halves (list of MovingHalf)."""
    if not settings.subsets:
        return
    if settings.half != "both":
        raise InputError(
            f"--subsets with --half {settings.half}: a class needs both half maps for its FSC. Leave out one or the other.")
    fewest = min(len(half.latent) for half in halves)
    if fewest < _FEWEST * settings.subsets:
        raise InputError(
            f"--subsets {settings.subsets}: {fewest} particles of the smaller half set make classes of "
            f"{fewest // settings.subsets}; expected at least {_FEWEST} in each. Ask for at most {fewest // _FEWEST}.")


def reconstruct_subsets(particles, latent, halves, settings, run, progress):
    """Half maps, map and FSC of classes of equal size along a latent axis.

    A class of one half is joined with that of the other which lies towards the same end of the motion; which end is which is
    all that the halves are compared in.

    Parameters
    ----------
    particles : ParticleSet
        Of the heterogeneity run.
    latent : (N, D) float
        Of these particles.
    halves : list of MovingHalf
    settings : object
        ``settings.CONFORMATIONS``, computing settings, ``mask``, ``symmetry`` and ``invert_contrast``.
    run : RunRecord
    progress : Progress

    Returns
    -------
    dict
        Results for run.json.
    """
    mask = read_mask(settings.mask, particles.box_size, particles.pixel_size)
    cosine = run.told("axis", 0, lambda: direction_cosine(
        [half.motion for half in halves], [axis_path(half.latent, settings.axis, 2) for half in halves]))
    values, classes = latent[:, settings.axis - 1], []
    for half in halves:
        mine = np.flatnonzero(particles.half_set == half.number)
        classes.append([mine[members] for members in equal_classes(values[mine], settings.subsets)])
    if cosine < 0:
        classes[1].reverse()
    joined = [
        reconstruct_class(number, members, particles, values, mask, settings, run, progress)
        for number, members in enumerate(zip(*classes), 1)]
    return {"subsets": joined, "subset_cosine": cosine}


def reconstruct_class(number, members, particles, values, mask, settings, run, progress):
    """Write one class: particles, half maps, map and FSC; gives its entry in run.json.

    Parameters
    ----------
    number : int
        Of the class, from 1.
    members : pair of (M,) int
        Particles of each half.
    values : (N,) float
        Latent of all particles along the axis.
    """
    folder = f"subset_{number:02d}"
    both = np.sort(np.concatenate(members))
    write_particles(run.path(f"particles_subset_{number:02d}.star"), particles.subset(both), {
        f"gmmLatent{settings.axis}": values[both]})
    maps = [half_map(particles.subset(index), settings, progress, subset=number) for index in members]
    curve = gold_standard_fsc(*maps, mask, particles.pixel_size, settings.seed)
    declare(run.path(folder), *(made_from(particles.subset(index)) for index in members))
    results = write_maps(lambda name: run.path(folder, name), maps, mask, curve, settings)
    progress.say(f"subset {number} of {settings.subsets}: resolution {results['resolution_text']}")
    return dict(
        results, folder=folder, particles=[len(index) for index in members],
        latents=[[float(values[index].min()), float(values[index].max())] for index in members])
