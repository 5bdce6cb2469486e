"""Conformations turned into poses of a region, chosen by held-out signal, and refined there."""
import os
from dataclasses import dataclass

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.mrc import write_map
from gmmrefine.io.network_file import read_arrays
from gmmrefine.particles.particle_set import split_half_sets
from gmmrefine.pipelines.build import check_number_of_gaussians, fit_weights, gmm_of_map
from gmmrefine.pipelines.combinations import refuse_ignored
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
from gmmrefine.pipelines.held_out_poses import HeldOut
from gmmrefine.pipelines.heterogeneity_folder import finished_record, read_particles_as_learned
from gmmrefine.pipelines.particle_motions import (
    learned_latents,
    learned_motions,
    poses_of_table,
    read_motion,
    table_motions,
    write_motions,
)
from gmmrefine.pipelines.particle_scales import with_measured_scale
from gmmrefine.pipelines.refine import (
    Gains,
    half_at_poses,
    halves_at_start,
    shared_fsc,
    shared_mask,
    summary,
    usable_radius,
    write_results,
)
from gmmrefine.pipelines.refine_settings import check_resolutions
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
    bodies = halves_at_start(starts, settings, run, progress)
    settings = place_models([body.volume for body in bodies], particles, settings, run, progress)
    focus = read_focus(settings, particles.box_size, particles.pixel_size, settings.focus_model_origin)
    turns, moves, wanted, wanted_of_seen, seen = wanted_poses(particles, focus, settings)
    mask = shared_mask(bodies, particles, settings, run)
    refuse_focus_outside(focus, mask)
    write_map(run.path("focus_mask.mrc"), focus, particles.pixel_size)
    curve = shared_fsc(bodies, Masks(mask, focus), 0, particles, settings, run)
    shared = Shared(curve.fsc, Masks(mask, focus), usable_radius(curve, 1, settings))
    used, regions = np.zeros(len(particles), bool), []
    for number, body in enumerate(bodies, 1):
        mine = particles.half_set == number
        region = converted_half(
            body, wanted.subset(mine), wanted_of_seen.subset(mine), seen[number - 1], shared, number, settings, run, progress)
        used[mine] = region.used
        regions.append(region)
    progress.say(f"held-out signal prefers the conformation of {used.sum()} of {len(used)} particles")
    results = refine_regions(particles, starts, bodies, regions, shared.masks, curve, settings, run, progress)
    used &= results["iteration"] > 0
    write_motions(run.path("motions.star"), particles, turns, moves, used)
    return dict(results, converted=int(used.sum()), verdict=verdict(results, used, settings))


def wanted_poses(particles, focus, settings):
    """What the conformations ask for.

    Returns
    -------
    tuple
        turns (N, 3) in radians, moves (N, 3) in Å, particles at the poses of all latents, at those of latents by half of the
        Fourier samples, and for each half set these samples (K,) bool.
    """
    if settings.motions:
        turns, moves = table_motions(settings.motions, particles)
        wanted = particles.with_poses(*poses_of_table(particles, turns, moves))
        return turns, moves, wanted, wanted, [np.zeros(0, bool)] * 2
    latent = learned_latents(settings.source, particles)
    turns, moves = np.zeros((2, len(particles), 3))
    poses = [(particles.rotations.copy(), particles.shifts.copy()) for _ in range(2)]
    seen = []
    for number in (1, 2):
        mine = np.flatnonzero(particles.half_set == number)
        motion = read_motion(settings.source, number, latent.shape[1])
        arrays, _ = read_arrays(os.path.join(settings.source, f"latent_half_{number}.npz"))
        seen.append(arrays["seen"])
        for (rotations, shifts), latents in zip(poses, (latent[mine], arrays["latent_of_seen"])):
            turn, move, rotations[mine], shifts[mine] = learned_motions(
                motion, latents, particles.subset(mine), focus, particles.pixel_size)
            if latents is not arrays["latent_of_seen"]:
                turns[mine], moves[mine] = turn, move
    return turns, moves, *(particles.with_poses(*pose) for pose in poses), seen


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


def converted_half(body, wanted, wanted_of_seen, seen, shared, number, settings, run, progress):
    """Choose by held-out signal which particles of a half set take the poses they want, and make their map.

    Parameters
    ----------
    body : HalfState
        At the poses of the molecule as a whole.
    wanted, wanted_of_seen : ParticleSet
        The half at the poses of its conformations, by all samples and by those of ``seen``.
    seen : (K,) bool
    shared : Shared
    number : int
        1 or 2.

    Returns
    -------
    Region
    """
    half, pixel_size, ring = body.particles, body.particles.pixel_size, np.arange(shared.radius + 1)
    weights = fit_weights(shared.fsc[ring])
    gmm, gmm_fsc = gmm_of_map(
        body.volume, shared.masks.molecule, pixel_size, weights, settings, progress, iteration=0, half=number)
    folder = run.path("iterations", "01")
    done = load_half(folder, half, number)
    region = Body(half, gmm)
    if done is None:
        reliability = reference_reliability(shared.fsc[ring], gmm_fsc)
        half = with_measured_scale(half, gmm, reliability, settings, progress, {"iteration": 0, "half": number})
        used = np.zeros(len(half), bool)
        if settings.is_certain[number - 1]:
            reference = reference_of(gmm, region, shared.masks, pixel_size)
            used = HeldOut(half, reference, reliability, seen, number, settings, progress).prefers(wanted_of_seen)
        rotations, shifts = (
            np.where(used.reshape(-1, *[1] * (new.ndim - 1)), new, old)
            for new, old in ((wanted.rotations, half.rotations), (wanted.shifts, half.shifts)))
        done = half_at_poses(half.with_poses(rotations, shifts), number, settings, progress)
        save_half(folder, done, number)
    used = ~np.all(done.particles.rotations == half.rotations, axis=(1, 2))
    return Region(done, region, used)


def refine_regions(particles, starts, bodies, regions, masks, curve, settings, run, progress):
    """Focused refinement from the poses chosen; the best of it, or of what was before, is written.

    Best is where the half maps share most signal in the region: to the FSC a smeared region is as good as a sharp one.
    """
    before, gains = (0, bodies, curve), Gains(curve, masks, settings)
    states = [region.state for region in regions]
    curve = shared_fsc(states, masks, 1, particles, settings, run)
    history = [summary(0, bodies, starts, before[2], settings), summary(1, states, starts, curve, settings)]
    gains.add(curve)
    best = (1, states, curve) if gains.last_is_best else before
    iterations = settings.iterations if any(region.used.any() for region in regions) else 0
    for iteration in range(2, iterations + 2):
        shared = Shared(curve.fsc, masks, usable_radius(curve, iteration, settings))
        states = [
            improve_half(region.state.particles, state, shared, iteration, number, settings, run, progress, region.body)
            for number, (region, state) in enumerate(zip(regions, states), 1)]
        curve = shared_fsc(states, masks, iteration, particles, settings, run)
        history.append(summary(iteration, states, starts, curve, settings))
        progress.say(f"iteration {iteration - 1}: resolution of the region {curve.resolution_text(settings.fsc_threshold)}")
        gains.add(curve)
        if gains.last_is_best:
            best = iteration, states, curve
        if gains.have_ended:
            break
    results = write_results(particles, starts, best, masks, history, settings, run, progress)
    return dict(
        results, resolution_before=before[2].resolution(settings.fsc_threshold), shared_signal_gain=gains.values,
        signal_gain=gains.values[best[0]])


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
