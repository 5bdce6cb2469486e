"""The strength of every particle's signal, learned within a half set and kept with its particles."""

from dataclasses import replace
from functools import partial

import numpy as np

from gmmrefine.alignment.fisher import LOWEST_RING
from gmmrefine.alignment.likelihood import ImageFit, weights_from_sums
from gmmrefine.alignment.refiner import SAMPLE_SIZE
from gmmrefine.alignment.scale import Strengths
from gmmrefine.backend import overlapped
from gmmrefine.errors import InputError
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.project import SliceProjector
from gmmrefine.particles.images import CHUNK, ImageReader, chunks_in
from gmmrefine.particles.symmetry import shuffled
from gmmrefine.random_streams import stream


def check_weighting(settings, particles):
    """Refuse to weight a map by strengths that are not known."""
    if settings.weight_by_scale and particles.scale is None:
        raise InputError(
            "--weight-by-scale: the particles have no gmmScale to be weighted by. Take those of a gmmrefine refine run, which "
            "estimates it."
        )


def with_strengths(particles, strengths, progress, where):
    """Particles of one half set with their most probable strengths.

    Parameters
    ----------
    particles : ParticleSet
    strengths : Strengths
    progress : Progress
    where : dict
        Iteration and half, for the log.
    """
    scale, spread = strengths.most_probable(optics_groups(particles))
    progress.event(step="scale", **where, spread=round(spread, 4), silent=int(np.count_nonzero(scale == 0)))
    return replace(particles, scale=scale)


def optics_groups(particles):
    """Optics group (N,) of every particle, from 0."""
    if particles.table is None:
        return np.zeros(len(particles), int)
    return particles.table.optics_rows()[particles.row]


def with_measured_scale(half, gmm, reliability, settings, progress, where):
    """Particles of one half set with strengths measured at their poses, where they have none yet.

    Parameters
    ----------
    half : ParticleSet
    gmm : Gmm
        Of their map.
    reliability : (R + 1,) float
        Part of it that is signal, by ring.
    settings : object
        ``batch_size`` and ``seed`` besides how images are read.
    progress : Progress
    where : dict
        Iteration and half.
    """
    if half.scale is not None:
        return half
    radius, ahead = len(reliability) - 1, chunks_in(settings.batch_size)
    disc = half_disc(half.box_size, radius)
    reader = ImageReader(half, disc, settings.invert_contrast)
    projector = SliceProjector(gmm, disc, half.pixel_size)
    rng = stream("images that tell strengths", settings.seed, *where.values())

    def at_poses(measure, batch, *known):
        fit = ImageFit(batch, disc, half.pixel_size, CHUNK)
        return batch.index, measure(fit, projector, *known, half.rotations[batch.index], half.shifts[batch.index])

    sample = np.sort(shuffled(half, rng)[:SAMPLE_SIZE])
    learned = overlapped(partial(at_poses, ImageFit.ring_sums), reader.batches(CHUNK, sample, ahead))
    sums = sum(part for _, part in learned)
    weights = weights_from_sums(sums, reliability, LOWEST_RING, radius)
    strengths = Strengths(len(half))
    with progress.step("measure strengths", len(half), **where) as report:
        measured = overlapped(lambda batch: at_poses(ImageFit.strength, batch, weights), reader.batches(CHUNK, ahead=ahead))
        for index, told in measured:
            strengths.add(index, *told)
            report(int(index[-1]) + 1)
    return with_strengths(half, strengths, progress, where)
