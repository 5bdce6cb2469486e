"""One half set through one iteration: its map to a GMM, its poses against the GMM, its images to a new map."""

import os
from dataclasses import dataclass, replace
from typing import Any, Optional

import numpy as np

from gmmrefine.alignment.adam import AdamRefiner
from gmmrefine.alignment.fisher import march
from gmmrefine.alignment.frame import anchored
from gmmrefine.alignment.prior import PosePrior
from gmmrefine.alignment.refiner import FisherRefiner, refine_poses
from gmmrefine.alignment.scale import Strengths
from gmmrefine.alignment.scene import Scene
from gmmrefine.errors import InputError
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.fourier.shells import smooth_curve
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.gmm.mask import is_whole, membership, weighted, widened_outside
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.project import ExactProjector, SliceProjector
from gmmrefine.io.curves import write_curves
from gmmrefine.io.gmm_file import read_gmm, write_gmm
from gmmrefine.particles.images import ImageReader
from gmmrefine.pipelines.build import fit_weights, gmm_of_map
from gmmrefine.pipelines.common_frame import in_common_frame
from gmmrefine.pipelines.focus import Masks, has_focus
from gmmrefine.pipelines.half_state import HalfState, load_half, no_covariance, save_half
from gmmrefine.pipelines.particle_scales import with_measured_scale, with_strengths
from gmmrefine.pipelines.pose_weights import with_blur
from gmmrefine.pipelines.reconstruct import half_map
from gmmrefine.progress import place_in_run
from gmmrefine.random_streams import stream
from gmmrefine.runs.image_identity import made_from
from gmmrefine.settings import changed

PROJECTORS = {"slice": SliceProjector, "exact": ExactProjector}


@dataclass(frozen=True)
class Reference:
    """What the images are held against.

    Parameters
    ----------
    moving : Gmm
        Moves with the poses.
    rest : Gmm or None
        Stays at poses of its own and is taken from the images.
    rest_at : ParticleSet or None
        The half at these poses.
    """

    moving: Gmm
    rest: Any = None
    rest_at: Any = None


@dataclass(frozen=True)
class Shared:
    """All that a half iteration is told about the other half: the FSC, the masks and the common frame.

    Parameters
    ----------
    fsc : (S,) float
        Corrected gold-standard FSC of the maps before the iteration.
    masks : Masks
    radius : int
        Shell up to which signal is used.
    frame : dict, optional
        Frame (6,) by number of the half set, by which it is turned and moved from that of its start poses; none by default.
    spacing : float, optional
        Of Gaussians, in units of the resolution.
    """

    fsc: np.ndarray
    masks: Masks
    radius: int
    frame: Any = None
    spacing: Optional[float] = None


@dataclass(frozen=True)
class Body:
    """What a region moves against, where that is not at the start poses of the region.

    Parameters
    ----------
    particles : ParticleSet
        The half at the poses of the molecule as a whole.
    gmm : Gmm or None
        Of its map there; None for a rest that moves along with the region.
    """

    particles: object
    gmm: Any


def improve_half(start, state, shared, iteration, settings, run, body=None):
    """Refine one half set, or load what an interrupted run had already finished.

    Parameters
    ----------
    start : ParticleSet
        The half at the poses the run began with; centre of the prior and anchor of the frame.
    state : HalfState
        The half after the previous iteration.
    shared : Shared
    iteration : int
    settings : RefineSettings
    run : Run
    body : Body, optional
        What a region moves against; the half at its start poses by default.

    Returns
    -------
    HalfState
    """
    folder = run.path("iterations", f"{iteration:02d}")
    done = load_half(folder, start, run.progress)
    if done is not None:
        return done
    where = {"iteration": iteration, "half": start.half}
    ring = np.arange(shared.radius + 1)
    weights = fit_weights(shared.fsc[ring])
    pixel_size = start.pixel_size
    gmm, gmm_fsc = gmm_of_map(
        state.volume, shared.masks.molecule, pixel_size, weights, with_spacing(settings, shared.spacing), run.progress, **where
    )
    reliability = reference_reliability(shared.fsc[ring], gmm_fsc)
    if body is None:
        body = Body(start, consensus_gmm(gmm, iteration, start.half, settings, run))
    if iteration > 1 and not holds_gaussians(shared.masks.focus, gmm, pixel_size):
        run.progress.note(
            "focus",
            f"the focus mask covers none of the {len(gmm)} Gaussians of the map ({place_in_run(where)}): its poses "
            "stay as they are. Ask for more Gaussians, or a larger region",
        )
        result = state
    else:
        reference = reference_of(gmm, body, shared.masks, pixel_size)
        particles = state.particles
        if reference.rest is not None and particles.scale is None:
            particles = replace(
                particles, scale=with_measured_scale(body.particles, body.gmm, reliability, settings, run.progress, where).scale
            )
        particles, covariance = new_poses(
            reference, reliability, start, particles, settings, run.progress, where, certain_part(shared.fsc[ring])
        )
        particles = particles.with_poses(
            *anchored(particles.rotations, particles.shifts, start.rotations, start.shifts, point_group(settings.symmetry))
        )
        if shared.frame is not None:
            particles = in_common_frame(particles, shared.frame[start.half])
        particles = with_blur(particles, covariance, settings)
        volume = half_map(particles, settings, run.progress, iteration=iteration)
        result = HalfState(particles, volume, covariance)
    write_gmm(os.path.join(folder, f"gmm_half_{start.half}.star"), gmm, made_from(start))
    frequency = ring / (start.box_size * pixel_size)
    write_curves(os.path.join(folder, f"gmm_fsc_half_{start.half}.star"), {"gmmFrequency": frequency, "gmmFsc": gmm_fsc})
    save_half(folder, result)
    return result


def with_spacing(settings, spacing):
    """Settings by which Gaussians lie so many resolutions apart; those given where it is None."""
    return settings if spacing is None else changed(settings, spacing=spacing)


def consensus_gmm(gmm, iteration, half, settings, run):
    """The GMM of a half's start map, where a focused refinement needs it: that of the first iteration."""
    if not has_focus(settings) or settings.focus_rest == "moves":
        return None
    return gmm if iteration == 1 else read_gmm(run.path("iterations", "01", f"gmm_half_{half}.star"))


def holds_gaussians(focus, gmm, pixel_size):
    """Whether a focus mask (Z, Y, X), or None for everywhere, leaves anything of a GMM to align; pixel size in Å/px."""
    return focus is None or len(weighted(gmm, membership(gmm, focus, pixel_size))) > 0


def reference_of(gmm, body, masks, pixel_size):
    """What poses are refined against.

    Parameters
    ----------
    gmm : Gmm
        Of the present map.
    body : Body
    masks : Masks
    pixel_size : float
        Å/px.

    Returns
    -------
    Reference

    Raises
    ------
    InputError
        No Gaussian lies inside the focus.
    """
    if masks.focus is None:
        return Reference(gmm)
    if not holds_gaussians(masks.focus, gmm, pixel_size):
        raise InputError(
            f"the focus mask covers none of the {len(gmm)} Gaussians. Check its origin, or make it larger than the spacing of "
            "the Gaussians."
        )
    if is_whole(gmm if body.gmm is None else body.gmm, masks.focus, pixel_size):
        return Reference(gmm)
    if body.gmm is None:
        return Reference(widened_outside(gmm, masks.focus, pixel_size, masks.level))
    staying = 1 - membership(body.gmm, masks.focus, pixel_size)
    return Reference(weighted(gmm, membership(gmm, masks.focus, pixel_size)), weighted(body.gmm, staying), body.particles)


def reference_reliability(fsc, gmm_fsc):
    """Part of a GMM (S,) that is signal rather than noise of its own half set, by ring.

    With T the signal in the half map and N its noise, FSC = T/(T+N). A GMM that holds the signal and a part νN of the noise
    correlates with the map by ρ² = (T+νN)/(T+N), so that its share of signal is T/(T+νN) = FSC/ρ².

    Parameters
    ----------
    fsc : (S,) float
        Gold-standard FSC of the half maps.
    gmm_fsc : (S,) float
        Correlation ρ of the GMM with its own half map.
    """
    ratio = np.clip(smooth_curve(fsc), 0, 1) / np.maximum(smooth_curve(gmm_fsc), 0.1) ** 2
    return np.clip(ratio, 0, 1)


def certain_part(fsc):
    """The least part of a GMM (S,) that is signal, by ring: that of its map, as if the GMM held as much of noise as of signal.

    Parameters
    ----------
    fsc : (S,) float
        Gold-standard FSC of the half maps.
    """
    return np.clip(smooth_curve(fsc), 0, 1)


def new_poses(reference, reliability, expected, particles, settings, progress, where, certain=None):
    """Poses of one half set against its reference.

    Parameters
    ----------
    reference : Reference
    reliability : (R + 1,) float
        Part of the reference that is signal, by ring.
    expected, particles : ParticleSet
        The half at the poses about which the prior is centred, and at its present ones.
    certain : (R + 1,) float, optional
        ``certain_part``, for the errors of the poses.

    Returns
    -------
    tuple
        The particles at their new poses, with the strengths of their signals where these were estimated; covariances (N, 5, 5)
        of their errors in rad and Å.
    """
    radius = len(reliability) - 1
    disc = half_disc(particles.box_size, min(radius + 3, particles.box_size // 2 - 1))
    with progress.step("refine poses", len(particles), **where) as report:
        if settings.optimizer == "adam":
            projector = ExactProjector(reference.moving, disc.up_to(radius), particles.pixel_size)
            reader = ImageReader(particles, projector.disc, settings.invert_contrast)
            adam = AdamRefiner(projector, reader, settings.batch_size, settings.adam_steps, settings.learning_rate)
            poses = adam.refine(particles.rotations, particles.shifts, report)
            return particles.with_poses(*poses), no_covariance(particles)
        is_part = reference.rest is not None
        projector, refiner = make_refiner(
            reference.moving, reliability, disc, particles.pixel_size, settings, is_part, certain=certain
        )
        scene = None
        if is_part:
            rest = PROJECTORS[settings.projector](reference.rest, disc, particles.pixel_size)
            scene = Scene(
                [
                    (projector, particles.rotations, particles.shifts),
                    (rest, reference.rest_at.rotations, reference.rest_at.shifts),
                ],
                refiner.reliability,
            )
        reader = ImageReader(particles, disc, settings.invert_contrast)
        rng = stream("images of the pose schedule", settings.seed, *where.values())
        strengths = None if is_part else Strengths(len(particles))
        ((rotations, shifts, covariance),) = refine_poses(
            [refiner],
            reader,
            settings.batch_size,
            [(expected.rotations, expected.shifts)],
            rng,
            [(particles.rotations, particles.shifts)],
            scene,
            report,
            strengths,
        )
    report_prior(refiner.prior, progress, where)
    if strengths is not None:
        particles = with_strengths(particles, strengths, progress, where)
    return particles.with_poses(rotations, shifts), covariance


def make_refiner(gmm, reliability, disc, pixel_size, settings, is_part, prior=None, **limits):
    """The projector of a reference on a disc, and its refiner; it estimates a prior unless there is one.

    ``limits`` are those of ``FisherRefiner``: ``samples``, ``lowest_ring``, ``certain``.
    """
    radius = len(reliability) - 1
    projector = PROJECTORS[settings.projector](gmm, disc, pixel_size)
    stages = march(radius, [float(text) for text in settings.march.split()])
    padded = np.pad(reliability, (0, disc.radius - radius))
    return projector, FisherRefiner(projector, padded, stages, prior or _given_prior(settings), is_part, **limits)


def report_prior(prior, progress, where):
    """Log the expected start errors."""
    progress.event(
        step="prior", **where, rotation_rms_deg=round(prior.rotation_rms_deg, 3), shift_rms=round(prior.shift_rms, 3)
    )


def _given_prior(settings):
    if settings.prior_rotation and settings.prior_shift:
        return PosePrior.from_rms(settings.prior_rotation, settings.prior_shift)
    return None
