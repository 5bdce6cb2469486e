"""The gold-standard refinement: half maps → one GMM per half → poses → half maps → FSC, until nothing improves."""

from dataclasses import replace
from functools import partial

from gmmrefine.io.mrc import write_map
from gmmrefine.particles.particle_set import split_half_sets
from gmmrefine.pipelines.common_frame import CommonFrame
from gmmrefine.pipelines.contrast_check import refuse_dark
from gmmrefine.pipelines.course import Course, Step, until_nothing_improves
from gmmrefine.pipelines.focus import Masks, read_focus, refuse_expanded_without_rest, refuse_focus_outside
from gmmrefine.pipelines.gaussian_spacing import GaussianSpacing
from gmmrefine.pipelines.half_iteration import improve_half, with_spacing
from gmmrefine.pipelines.half_start import keep, loaded_or_made, volume_of
from gmmrefine.pipelines.reconstruct import symmetry_agreement
from gmmrefine.pipelines.refine_settings import check_settings
from gmmrefine.pipelines.refined_output import write_results
from gmmrefine.pipelines.shared_region import shared_fsc, shared_mask
from gmmrefine.pipelines.start_map_place import place_models


def refine(particles, settings, run):
    """Refine poses and map of two half sets against their own GMMs.

    Parameters
    ----------
    particles : ParticleSet
        With half sets.
    settings : RefineSettings
    run : Run

    Returns
    -------
    dict
        Results for run.json.
    """
    check_settings(settings, particles)
    run.describe_particles(particles)
    starts = split_half_sets(particles)
    symmetry = symmetry_agreement(starts, settings, run.progress)
    settings, halves, masks = start_halves(starts, particles, settings, run)
    expected = halves.map(lambda half: half.particles)  # about which the priors are centred
    course = Course(Step(0, halves, shared_fsc(halves, masks, 0, settings, run)), starts, masks, settings)
    run.progress.say(f"start: resolution {course.last.curve.resolution_text(settings.fsc_threshold)}")

    improve, spacing = improvement(expected, masks, settings, run)
    until_nothing_improves(course, improve, settings.iterations, run, settings)
    settings = with_spacing(settings, spacing.last)
    return dict(write_results(particles, starts, course, settings, run), **symmetry)


def improvement(expected, masks, settings, run):
    """What an iteration of a refinement does to both half sets, with all that they are told.

    Parameters
    ----------
    expected : Halves of ParticleSet
        At the poses about which the priors are centred.
    masks : Masks
    settings : RefineSettings
    run : Run

    Returns
    -------
    tuple
        A callable for ``until_nothing_improves``; the GaussianSpacing that it tells.
    """
    # a region is refined in the frame in which it was chosen
    frame = None if masks.focus is not None else CommonFrame(expected, masks.molecule, settings.symmetry, run)
    spacing = GaussianSpacing(masks.molecule, settings.seed, run)
    is_chosen = settings.gaussians == "auto" and not settings.model

    def improve(halves, shared, iteration):
        if is_chosen:
            shared = replace(shared, spacing=spacing.at(halves, shared.fsc[: shared.radius + 1], iteration))
        if frame is not None:
            shared = replace(shared, frame=frame.shares(halves, iteration))
        return expected.map(partial(improve_half, shared=shared, iteration=iteration, settings=settings, run=run), halves)

    return improve, spacing


def start_halves(starts, particles, settings, run):
    """Both half sets at their start poses with their maps, and the masks they share.

    Returns
    -------
    tuple
        The settings, with the places of models that they name; Halves of HalfState, Masks.
    """
    halves = starts.map(partial(loaded_or_made, settings=settings, run=run))
    volumes = halves.map(volume_of)
    refuse_dark(volumes, particles, settings, run)
    settings = place_models(volumes, particles, settings, run)
    focus = read_focus(settings, particles.box_size, particles.pixel_size, settings.focus_model_origin)
    mask = shared_mask(halves, particles, settings, run)
    if focus is not None:
        refuse_focus_outside(focus, mask)
        refuse_expanded_without_rest(particles, focus, mask)
        write_map(run.path("focus_mask.mrc"), focus, particles.pixel_size)
    halves.map(partial(keep, run=run))
    return settings, halves, Masks(mask, focus, settings.focus_level)
