"""Reconstructions of particles that lie near one another in the latent space, each half set sorted by itself."""

from dataclasses import dataclass
from typing import Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.heterogeneity.conformations import axis_path, direction_cosine, equal_classes
from gmmrefine.io.made_from import declare
from gmmrefine.io.mrc import read_mask
from gmmrefine.io.star_particles import write_particles
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.pipelines.reconstruct import half_map, write_maps
from gmmrefine.runs.image_identity import made_from

_FEWEST = 20  # particles of each half in a class


def check_subsets(settings, halves):
    """Refuse classes that cannot be made of the halves (list of MovingHalf)."""
    if not settings.subsets:
        return
    if settings.half != "both":
        raise InputError(
            f"--subsets with --half {settings.half}: a class needs both half maps for its FSC. Leave out one or the other."
        )
    fewest = min(len(half.latent) for half in halves)
    if fewest < _FEWEST * settings.subsets:
        raise InputError(
            f"--subsets {settings.subsets}: {fewest} particles of the smaller half set make classes of "
            f"{fewest // settings.subsets}; expected at least {_FEWEST} in each. Ask for at most {fewest // _FEWEST}."
        )


@dataclass(frozen=True)
class LatentClass:
    """Particles that lie near one another along a latent axis.

    Parameters
    ----------
    number : int
        From 1.
    members : pair of (M,) int
        Rows of the particles of each half.
    latents : (N,) float
        Of all particles along the axis.
    label : str
        Column of the latents.
    """

    number: int
    members: Tuple[np.ndarray, np.ndarray]
    latents: np.ndarray
    label: str


def latent_classes(particles, latent, halves, settings, run):
    """Classes of equal size along a latent axis.

    A class of one half is joined with that of the other which lies towards the same end of the motion; which end is which is
    all that the halves are compared in.

    Parameters
    ----------
    particles : ParticleSet
        Of the heterogeneity run.
    latent : (N, D) float
        Of these particles.
    halves : list of MovingHalf
    settings : ConformationsSettings
    run : Run

    Returns
    -------
    tuple
        list of LatentClass; cosine between the motions of the halves along the axis.
    """
    cosine = run.told(
        "axis",
        0,
        lambda: direction_cosine(
            [half.motion for half in halves], [axis_path(half.latent, settings.axis, 2) for half in halves]
        ),
    )
    values, members = latent[:, settings.axis - 1], []
    for half in halves:
        mine = np.flatnonzero(particles.half_set == half.number)
        members.append([mine[chosen] for chosen in equal_classes(values[mine], settings.subsets)])
    if cosine < 0:
        members[1].reverse()
    label = f"gmmLatent{settings.axis}"
    return [LatentClass(number, both, values, label) for number, both in enumerate(zip(*members), 1)], cosine


def reconstruct_class(chosen, particles, settings, run):
    """Write one class: particles, half maps, map and FSC; gives its entry in run.json.

    Parameters
    ----------
    chosen : LatentClass
    particles : ParticleSet
    settings : ReconstructSettings
        With the mask of the run.
    run : Run
    """
    folder, values = f"subset_{chosen.number:02d}", chosen.latents
    both = np.sort(np.concatenate(chosen.members))
    write_particles(
        run.path(f"particles_subset_{chosen.number:02d}.star"), particles.subset(both), {chosen.label: values[both]}
    )
    mask = read_mask(settings.mask, particles.box_size, particles.pixel_size)
    maps = [half_map(particles.subset(rows), settings, run.progress, subset=chosen.number) for rows in chosen.members]
    curve = gold_standard_fsc(*maps, mask, particles.pixel_size, settings.seed)
    declare(run.path(folder), *(made_from(particles.subset(rows)) for rows in chosen.members))
    results = write_maps(lambda name: run.path(folder, name), maps, mask, curve, settings)
    run.progress.say(f"subset {chosen.number}: resolution {results['resolution_text']}")
    return dict(
        results,
        folder=folder,
        particles=[len(rows) for rows in chosen.members],
        latents=[[float(values[rows].min()), float(values[rows].max())] for rows in chosen.members],
    )
