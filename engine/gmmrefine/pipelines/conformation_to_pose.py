"""Conformations turned into poses of a region, chosen by held-out signal, and refined there."""
import os
from dataclasses import dataclass

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.mrc import write_map
from gmmrefine.io.network_file import read_arrays
from gmmrefine.particles.halves import Halves
from gmmrefine.particles.particle_set import ParticleSet, by_particle, split_half_sets
from gmmrefine.pipelines.build import check_number_of_gaussians, fit_weights, gmm_of_map
from gmmrefine.pipelines.combinations import refuse_ignored
from gmmrefine.pipelines.course import Course, Step, until_nothing_improves
from gmmrefine.pipelines.earlier_run import read_record
from gmmrefine.pipelines.file_sums import refuse_changed_files
from gmmrefine.pipelines.focus import Masks, has_focus, read_focus, refuse_focus_outside
from gmmrefine.pipelines.half_iteration import (
    Body,
    HalfState,
    Shared,
    improve_half,
    load_half,
    reference_of,
    reference_reliability,
    save_half,
)
from gmmrefine.pipelines.half_start import at_poses, at_start, volume_of
from gmmrefine.pipelines.held_out_poses import HeldOut
from gmmrefine.pipelines.heterogeneity_folder import LEARNED, finished_record, read_particles_as_learned
from gmmrefine.pipelines.particle_motions import (
    learned_latents,
    learned_motions,
    poses_of_table,
    read_motion,
    table_motions,
    write_motions,
)
from gmmrefine.pipelines.particle_scales import with_measured_scale
from gmmrefine.pipelines.refine_settings import check_resolutions
from gmmrefine.pipelines.refined_output import write_results
from gmmrefine.pipelines.shared_region import shared_fsc, shared_mask, usable_radius
from gmmrefine.pipelines.start_map_place import place_models
from gmmrefine.settings import COMPUTING, CONFORMATION_TO_POSE, PLACE, REFINE, changed, defaults, names


def inputs_of(args):
    """Find the particles of a heterogeneity run, or of a table of motions; set on ``args`` as ``particles``.

    Raises
    ------
    InputError
        Not such a folder, or not finished.
    """
    if args.motions:
        args.particles, args.is_certain = args.source, [True, True]
        return
    record = finished_record(args.source)
    args.particles = record["particle_file"]
    read_particles_as_learned(record, args)
    args.mask = args.mask or os.path.join(args.source, "mask.mrc")
    learned_focus = os.path.join(args.source, "focus_mask.mrc")
    if not has_focus(args) and os.path.exists(learned_focus):
        args.focus_mask = learned_focus
    args.is_certain = [evidence["certain"] for evidence in record["results"]["held_out"]]


def check_settings(settings, particles):
    """Refuse settings that mean nothing."""
    if not has_focus(settings):
        raise InputError(
            "no region is named: give --focus-mask, --focus-sphere or --focus-model. Conformations become poses of one region.")
    check_number_of_gaussians(settings.gaussians)
    refuse_ignored(settings, CONFORMATION_TO_POSE, [
        (bool(settings.model), "--model", ("gaussians",)),
        (not (settings.model or settings.focus_model), "no model", names(PLACE)),
        (bool(settings.mask), "a mask", ("mask_resolution", "mask_edge")),
        (bool(settings.focus_mask), "a focus mask", ("focus_edge",))])
    check_resolutions(settings, particles, ("max_resolution",))


def conformation_to_pose(particles, settings, run, progress):
    """Convert, choose by held-out signal, refine the region from there, and write.

    Parameters
    ----------
    particles : ParticleSet
        At the poses of the molecule as a whole.
    settings : object
        ``settings.CONFORMATION_TO_POSE``, computing settings, and what ``inputs_of`` found.
    run : RunRecord
    progress : Progress

    Returns
    -------
    dict
        Results for run.json.
    """
    settings = changed(defaults(REFINE, COMPUTING), **vars(settings))
    run.describe_particles(particles)
    starts = split_half_sets(particles)
    bodies = at_start(starts, settings, run, progress)
    settings = place_models(bodies.map(volume_of), particles, settings, run, progress)
    focus = read_focus(settings, particles.box_size, particles.pixel_size, settings.focus_model_origin)
    turns, moves, wanted = wanted_poses(particles, focus, settings)
    mask = shared_mask(bodies, particles, settings, run)
    refuse_focus_outside(focus, mask)
    write_map(run.path("focus_mask.mrc"), focus, particles.pixel_size)
    masks = Masks(mask, focus)
    course = Course(Step(0, bodies, shared_fsc(bodies, masks, 0, settings, run)), starts, masks, settings)
    shared = Shared(course.last.curve.fsc, masks, usable_radius(course.last.curve, 1, settings))
    regions = bodies.map(lambda body, half: converted_half(body, half, shared, settings, run, progress), wanted)
    used = by_particle(particles, regions.map(lambda region: region.used)).astype(bool)
    progress.say(f"held-out signal prefers the conformation of {used.sum()} of {len(used)} particles")
    refine_regions(course, regions, settings, run, progress)
    results = write_results(particles, starts, course, settings, run, progress)
    results = dict(
        results, resolution_before=course.steps[0].curve.resolution(settings.fsc_threshold), shared_signal_gain=course.gains,
        signal_gain=course.gains[course.steps.index(course.best)])
    used &= results["iteration"] > 0
    write_motions(run.path("motions.star"), particles, turns, moves, used)
    return dict(results, converted=int(used.sum()), verdict=verdict(results, used, settings))


@dataclass(frozen=True)
class Wanted:
    """Poses of one half set that its conformations ask for.

    Parameters
    ----------
    by_all, by_seen : ParticleSet
        By latents of all Fourier samples, and by those of ``seen``.
    seen : (K,) bool
        Half of the samples.
    """

    by_all: ParticleSet
    by_seen: ParticleSet
    seen: np.ndarray


def wanted_poses(particles, focus, settings):
    """What the conformations ask for.

    Returns
    -------
    tuple
        turns (N, 3) in radians, moves (N, 3) in Å, Halves of Wanted.
    """
    starts = split_half_sets(particles)
    if settings.motions:
        turns, moves = table_motions(settings.motions, particles)
        moved = split_half_sets(particles.with_poses(*poses_of_table(particles, turns, moves)))
        return turns, moves, moved.map(lambda half: Wanted(half, half, np.zeros(0, bool)))
    latent = learned_latents(settings.source, particles)

    def of_half(half):
        motion = read_motion(settings.source, half.half, latent.shape[1])
        arrays, _ = read_arrays(os.path.join(settings.source, f"latent_half_{half.half}.npz"))
        turn, move, *pose = learned_motions(
            motion, latent[particles.half_set == half.half], half, focus, particles.pixel_size)
        _, _, *pose_of_seen = learned_motions(motion, arrays["latent_of_seen"], half, focus, particles.pixel_size)
        return turn, move, Wanted(half.with_poses(*pose), half.with_poses(*pose_of_seen), arrays["seen"])

    found = starts.map(of_half).both()
    refuse_changed_files(settings.source, read_record(settings.source) or {}, LEARNED)
    turns, moves = (by_particle(particles, Halves(*parts)) for parts in list(zip(*found))[:2])
    return turns, moves, Halves(*(wanted for *_, wanted in found))


@dataclass(frozen=True)
class Region:
    """The region of one half set after conversion.

    Parameters
    ----------
    state : HalfState
        At the poses chosen, with their map.
    body : Body
        What it moves against.
    used : (N,) bool
        Whose pose follows its conformation.
    """

    state: HalfState
    body: Body
    used: np.ndarray


def converted_half(body, wanted, shared, settings, run, progress):
    """Choose by held-out signal which particles of a half set take the poses they want, and make their map.

    Parameters
    ----------
    body : HalfState
        At the poses of the molecule as a whole.
    wanted : Wanted
    shared : Shared

    Returns
    -------
    Region
    """
    half, pixel_size, ring = body.particles, body.particles.pixel_size, np.arange(shared.radius + 1)
    gmm, gmm_fsc = gmm_of_map(
        body.volume, shared.masks.molecule, pixel_size, fit_weights(shared.fsc[ring]), settings, progress, iteration=0,
        half=half.half)
    folder, region = run.path("iterations", "01"), Body(half, gmm)
    done = load_half(folder, half, progress)
    if done is None:
        reliability = reference_reliability(shared.fsc[ring], gmm_fsc)
        half = with_measured_scale(half, gmm, reliability, settings, progress, {"iteration": 0, "half": half.half})
        used = np.zeros(len(half), bool)
        if settings.is_certain[half.half - 1]:
            reference = reference_of(gmm, region, shared.masks, pixel_size)
            used = HeldOut(half, reference, reliability, wanted.seen, settings, progress).prefers(wanted.by_seen)
        rotations, shifts = (
            np.where(used.reshape(-1, *[1] * (new.ndim - 1)), new, old)
            for new, old in ((wanted.by_all.rotations, half.rotations), (wanted.by_all.shifts, half.shifts)))
        done = at_poses(half.with_poses(rotations, shifts), settings, progress)
        save_half(folder, done)
    used = ~np.all(done.particles.rotations == half.rotations, axis=(1, 2))
    return Region(done, region, used)


def refine_regions(course, regions, settings, run, progress):
    """Focused refinement from the poses chosen (Halves of Region), where there are any; its steps are added to a Course."""
    converted = regions.map(lambda region: region.state)
    course.add(Step(1, converted, shared_fsc(converted, course.masks, 1, settings, run)))

    def improve(halves, shared, iteration):
        return regions.map(
            lambda region, half: improve_half(
                region.state.particles, half, shared, iteration, settings, run, progress, region.body), halves)

    if run.told("converted", 0, lambda: any(bool(region.used.any()) for region in regions.both())):
        until_nothing_improves(course, improve, settings.iterations, run, progress, settings)


def verdict(results, used, settings):
    """What came of it, in words."""
    if not any(settings.is_certain):
        return "the halves show no reproducible motion: poses are left as they were"
    if results["iteration"] == 0:
        return "no conversion improved the region: poses are left as they were"
    more = 100 * np.expm1(results["signal_gain"])
    return (
        f"{100 * used.mean():.0f} % of the particles converted; the half maps share {more:.0f} % more signal power in the "
        f"region; its resolution {results['resolution_text']}")
