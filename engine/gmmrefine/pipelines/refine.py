"""The gold-standard refinement: half maps → one GMM per half → poses → half maps → FSC, until nothing improves."""
import os
import time

import numpy as np

from gmmrefine.alignment.frame import frame_of_mask, in_frame, left_free
from gmmrefine.alignment.refiner import WIDE_PRIOR
from gmmrefine.fourier.shells import resolution_of_shell, shell_of_resolution
from gmmrefine.geometry.rotations import angular_distance_deg
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.io.curves import write_curves
from gmmrefine.io.gmm_file import write_gmm
from gmmrefine.io.mrc import read_mask, write_map
from gmmrefine.io.star_particles import write_particles
from gmmrefine.maps.fsc import FscCurve, gold_standard_fsc
from gmmrefine.maps.mask import soft_mask
from gmmrefine.particles.particle_set import split_half_sets
from gmmrefine.particles.symmetry import particle_count
from gmmrefine.pipelines.build import LOWEST_SHELL, fit_weights, gmm_of_map
from gmmrefine.pipelines.directions import measure_directions
from gmmrefine.pipelines.focus import Masks, read_focus, refuse_expanded_without_rest, refuse_focus_outside
from gmmrefine.pipelines.half_iteration import HalfState, Shared, improve_half, load_half, save_half
from gmmrefine.pipelines.map_inputs import read_or_make_mask
from gmmrefine.pipelines.reconstruct import (
    half_map,
    mean_correlation,
    symmetry_agreement,
    write_fsc,
    write_maps,
)
from gmmrefine.pipelines.refine_settings import check_settings
from gmmrefine.pipelines.start_map_place import place_models
from gmmrefine.progress import readable_time
from gmmrefine.settings import FEWEST_SHELLS

_COARSEST_START = 25.0  # Å; with less than that there is nothing to align to
# of the mean FSC, and of the logarithm of the shared signal in a region; below, an iteration has not improved anything
_LEAST_GAIN, _LEAST_SIGNAL_GAIN = 5e-4, 1e-3


def refine(particles, settings, run, progress):
    """Refine poses and map of two half sets against their own GMMs.

    Parameters
    ----------
    particles : ParticleSet
        With half sets.
    settings : object
        ``settings.REFINE`` and computing settings.
    run : RunRecord
    progress : Progress

    Returns
    -------
    dict
        Results for run.json.
    """
    check_settings(settings, particles)
    run.describe_particles(particles)
    starts = split_half_sets(particles)
    symmetry = symmetry_agreement(starts, settings, progress)
    settings, halves, masks = start_halves(starts, particles, settings, run, progress)
    expected = [half.particles for half in halves]
    curve = shared_fsc(halves, masks, 0, particles, settings, run)
    best, history = (0, halves, curve), [summary(0, halves, starts, curve, settings)]
    gains = Gains(curve, masks, settings)
    progress.say(f"start: resolution {curve.resolution_text(settings.fsc_threshold)}")
    began = time.monotonic()
    for iteration in range(1, settings.iterations + 1):
        shared = Shared(curve.fsc, masks, usable_radius(curve, iteration, settings))
        halves = [
            improve_half(start, half, shared, iteration, number, settings, run, progress)
            for number, (start, half) in enumerate(zip(expected, halves), 1)]
        curve = shared_fsc(halves, masks, iteration, particles, settings, run)
        history.append(summary(iteration, halves, starts, curve, settings))
        eta = (time.monotonic() - began) / iteration * (settings.iterations - iteration)
        left = f"; at most {readable_time(eta)} left" if eta else ""
        progress.say(f"iteration {iteration}: resolution {curve.resolution_text(settings.fsc_threshold)}{left}")
        progress.event(step="iteration", eta_s=round(eta, 1), **history[-1])
        gains.add(curve)
        if gains.last_is_best:
            best = iteration, halves, curve
        # an iteration that was held back by a starting low-pass says nothing about the next
        if gains.have_ended and usable_radius(curve, iteration + 1, settings) <= shared.radius:
            progress.say(f"iteration {iteration} improved nothing; the run ends with iteration {best[0]}")
            break
    return dict(write_results(particles, starts, best, masks, history, settings, run, progress), **symmetry)


class Gains:
    """What every iteration has improved since the first FSC curve: the mean FSC, or in a region the signal shared there.

    Parameters
    ----------
    first : FscCurve
    masks : Masks
    settings : object
        ``settings.REFINE``.
    """

    def __init__(self, first, masks, settings):
        self._first, self._radius, self._in_region = first, usable_radius(first, 1, settings), masks.focus is not None
        self.values = [0.0]

    def add(self, curve):
        """Count an iteration by its curve."""
        if self._in_region:
            self.values.append(curve.signal_gain(self._first, LOWEST_SHELL, self._radius))
        else:
            self.values.append(mean_correlation(curve) - mean_correlation(self._first))

    @property
    def last_is_best(self):
        """The last iteration is better than any before."""
        return self.values[-1] > max(self.values[:-1])

    @property
    def have_ended(self):
        """The last iteration has improved nothing."""
        least = _LEAST_SIGNAL_GAIN if self._in_region else _LEAST_GAIN
        return self.values[-1] < max(self.values[:-1]) + least


def start_halves(starts, particles, settings, run, progress):
    """Both half sets at their start poses with their maps, and the masks they share.

    Where the molecule's mask was made from the maps, each half's frame is laid on it; a focused refinement keeps the frame it
    was given, in which its region was chosen.

    Returns
    -------
    tuple
        The settings, with the places of models that they name; list of HalfState, Masks.
    """
    folder = run.path("iterations", "00")
    saved = [load_half(folder, start, number) for number, start in enumerate(starts, 1)]
    halves = [
        done or start_half(start, number, settings, progress) for number, (start, done) in enumerate(zip(starts, saved), 1)]
    settings = place_models([half.volume for half in halves], particles, settings, run, progress)
    focus = read_focus(settings, particles.box_size, particles.pixel_size, settings.focus_model_origin)
    mask = shared_mask(halves, particles, settings, run)
    if focus is not None:
        refuse_focus_outside(focus, mask)
        refuse_expanded_without_rest(particles, focus, mask)
        write_map(run.path("focus_mask.mrc"), focus, particles.pixel_size)
    for number, done in enumerate(saved, 1):
        if done is None:
            if focus is None and run.made_its_mask(settings):
                halves[number - 1] = laid_on_mask(halves[number - 1], mask, number, settings, progress)
            save_half(folder, halves[number - 1], number)
    return settings, halves, Masks(mask, focus, settings.focus_level)


def start_half(start, number, settings, progress):
    """A half set at its start poses, with their map."""
    return HalfState(start, half_map(start, number, settings, progress, iteration=0), np.zeros((len(start), 2)))


def half_at_start(start, number, settings, run, progress):
    """A half set at its poses with their map, made once."""
    folder = run.path("iterations", "00")
    done = load_half(folder, start, number)
    if done is None:
        done = start_half(start, number, settings, progress)
        save_half(folder, done, number)
    return done


def laid_on_mask(half, mask, number, settings, progress):
    """A half set whose frame is turned and moved so that the mask of its own map lies on the shared one."""
    particles = half.particles
    operators = point_group(settings.symmetry)
    own = soft_mask(half.volume, particles.pixel_size, settings.mask_resolution, settings.mask_edge, operators)
    # a frame is off by the mean of as many start errors as there are particles
    expected = WIDE_PRIOR.rotation, WIDE_PRIOR.shift
    frame = frame_of_mask(
        own, mask, particles.pixel_size, settings.mask_resolution,
        [deviation * np.sqrt(3 / len(particles)) for deviation in expected])
    frame = left_free(frame, operators)
    progress.event(
        step="frame", half=number, rotation_deg=round(float(np.degrees(np.linalg.norm(frame[:3]))), 4),
        move=round(float(np.linalg.norm(frame[3:])), 4))
    return start_half(
        particles.with_poses(*in_frame(particles.rotations, particles.shifts, frame)), number, settings, progress)


def shared_mask(halves, particles, settings, run):
    """The mask both halves use: given, made from the sum of the start maps, or taken from a pinned run."""
    path = run.path("mask.mrc")

    def measure():
        # a mask that lies here is only ours if this run has recorded it
        if not (run.has_exchanged("mask", 0) and os.path.exists(path)):
            both = halves[0].volume + halves[1].volume
            mask = read_or_make_mask(both, particles.pixel_size, settings, point_group(settings.symmetry))
            write_map(path, mask, particles.pixel_size)
        return os.path.abspath(path)

    used = run.exchange("mask", 0, measure)
    mask = read_mask(used, particles.box_size, particles.pixel_size)
    if used != os.path.abspath(path):
        write_map(path, mask, particles.pixel_size)
    return mask


def shared_fsc(halves, masks, iteration, particles, settings, run):
    """The FSC of the half maps, or that of a pinned run."""

    def measure():
        return measured_fsc(halves, masks, particles, settings).to_lists()

    curve = FscCurve.from_lists(run.exchange("fsc", iteration, measure), particles.box_size, particles.pixel_size)
    write_fsc(run.path("iterations", f"{iteration:02d}", "fsc.star"), curve)
    return curve


def measured_fsc(halves, masks, particles, settings):
    """The FSC of the half maps under the masks."""
    return gold_standard_fsc(halves[0].volume, halves[1].volume, masks.fsc, particles.pixel_size, settings.seed)


def usable_radius(curve, iteration, settings):
    """Shell up to which an iteration uses signal: the measured resolution, within the limits set."""
    box_size, pixel_size = curve.box_size, curve.pixel_size

    def shell(resolution):
        return shell_of_resolution(resolution, box_size, pixel_size)

    measured = curve.resolution(settings.fsc_threshold)
    radius = max(0 if measured is None else shell(measured), shell(_COARSEST_START), FEWEST_SHELLS)
    if iteration == 1 and settings.initial_resolution:
        radius = min(radius, shell(settings.initial_resolution))
    if settings.max_resolution:
        radius = min(radius, shell(settings.max_resolution))
    return radius


def summary(iteration, halves, starts, curve, settings):
    """What changed since the start, for run.json."""
    turned = np.concatenate([
        angular_distance_deg(half.particles.rotations, start.rotations) for half, start in zip(halves, starts)])
    moved = np.concatenate([
        np.linalg.norm(half.particles.shifts - start.shifts, axis=1) for half, start in zip(halves, starts)])
    return {
        "iteration": iteration, "resolution": curve.resolution(settings.fsc_threshold),
        "mean_fsc": round(mean_correlation(curve), 5), "rotation_change_deg": round(float(turned.mean()), 4),
        "shift_change": round(float(moved.mean()), 4)}


def write_results(particles, starts, best, masks, history, settings, run, progress):
    """Write maps, FSC, particles and the GMMs of the final half maps; gives the results for run.json."""
    iteration, halves, curve = best
    # of the maps as they are, also where the run itself was steered by pinned curves
    measured = measured_fsc(halves, masks, particles, settings)
    volumes = [half.volume for half in halves]
    results = write_maps(run.path, volumes, masks.molecule, measured, settings)
    moved, changes = joined(particles, starts, halves)
    results.update(measure_directions(
        volumes, masks.fsc, measured, settings.fsc_threshold, run.path("directions.star"),
        (moved.rotations, point_group(settings.symmetry))))
    write_particles(run.path("particles.star"), moved, changes)
    radius = usable_radius(curve, iteration + 1, settings)
    write_final_gmms(halves, curve, masks.molecule, radius, settings, run, progress)
    return dict(
        results, iteration=iteration, images=len(particles), particles=particle_count(particles), iterations=history,
        used_to=round(resolution_of_shell(radius, curve.box_size, curve.pixel_size), 3))


def write_final_gmms(halves, curve, mask, radius, settings, run, progress):
    """Fit one GMM to each final half map and write them with their agreement."""
    ring = np.arange(radius + 1)
    weights = fit_weights(curve.fsc[ring])
    columns = {"gmmFrequency": curve.frequency[ring]}
    for number, half in enumerate(halves, 1):
        gmm, fsc = gmm_of_map(half.volume, mask, curve.pixel_size, weights, settings, progress, half=number)
        write_gmm(run.path(f"gmm_half_{number}.star"), gmm)
        columns[f"gmmFscHalf{number}"] = fsc
    write_curves(run.path("gmm_fsc.star"), columns)


def joined(particles, starts, halves):
    """All particles in the order of the input at their new poses, and the columns that tell how far each moved."""
    row = np.concatenate([half.particles.row for half in halves])
    order = np.argsort(row)[np.argsort(np.argsort(particles.row))]
    rotations, shifts, pose_error, start_rotations, start_shifts = (
        np.concatenate(parts)[order] for parts in (
            [half.particles.rotations for half in halves], [half.particles.shifts for half in halves],
            [half.pose_error for half in halves], [start.rotations for start in starts], [start.shifts for start in starts]))
    columns = {
        "gmmRotationChange": angular_distance_deg(rotations, start_rotations),
        "gmmShiftChange": np.linalg.norm(shifts - start_shifts, axis=1)}
    if pose_error.any():
        columns.update({"gmmRotationError": pose_error[:, 0], "gmmShiftError": pose_error[:, 1]})
    return particles.with_poses(rotations, shifts), columns
