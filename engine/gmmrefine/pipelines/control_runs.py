"""The controls of a refinement: what it finds in noise, in other half sets, and after a start without fine detail."""

import os
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Tuple

import numpy as np

from gmmrefine.alignment.frame import anchored
from gmmrefine.errors import InputError
from gmmrefine.geometry.rotations import angular_distance_deg
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.io.mrc import read_map, read_mask
from gmmrefine.maps.filter import randomise_phases
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.particles.halves import Halves
from gmmrefine.particles.particle_set import ParticleSet, draw_half_sets, split_half_sets
from gmmrefine.pipelines.control_noise import with_noise
from gmmrefine.pipelines.control_verdicts import Control, fine, shell_gain
from gmmrefine.pipelines.course import Course, Step, until_nothing_improves
from gmmrefine.pipelines.focus import Masks
from gmmrefine.pipelines.half_start import volume_of
from gmmrefine.pipelines.half_state import HalfState, load_half, no_covariance
from gmmrefine.pipelines.pose_weights import with_known_blur
from gmmrefine.pipelines.reconstruct import half_map
from gmmrefine.pipelines.refine import improvement
from gmmrefine.pipelines.shared_region import shared_fsc, usable_radius
from gmmrefine.random_streams import stream
from gmmrefine.runs.earlier_run import read_record
from gmmrefine.runs.run import Run
from gmmrefine.settings import PatchesSettings, RefineSettings, changed, settings_of, values_of

PATCHES = "refine-patches"
_ANOTHER = 12  # is added to the seed, so that half sets are not those of the run
_CHOSEN = "split_halves", "redraw_halves", "remove_duplicates", "leave_out", "pin_exchanges"


@dataclass(frozen=True)
class Finished:
    """A finished refinement as its controls need it.

    Parameters
    ----------
    folder : str
    settings : RefineSettings
        Those of the run.
    particle_file : str
        What it has written.
    particles : ParticleSet
        At the poses the run ended with.
    starts : Halves of HalfState
        At the poses the run began with, and their maps.
    masks : Masks
    seed : int
        Of the controls.
    errors : tuple of float
        Rms expected error of its rotations (degrees) and shifts (Å).
    """

    folder: str
    settings: RefineSettings
    particle_file: str
    particles: ParticleSet
    starts: Halves
    masks: Masks
    seed: int
    errors: Tuple[float, float]

    def curve(self, volumes):
        """The FSC of two half maps under the run's masks."""
        return gold_standard_fsc(*volumes, self.masks.fsc, self.particles.pixel_size, self.settings.seed)

    def half_maps(self):
        """Both final half maps."""
        return [read_map(os.path.join(self.folder, f"half_map_{number}.mrc")).data for number in (1, 2)]


@dataclass(frozen=True)
class Controlled:
    """A finished run whose controls are asked for.

    Parameters
    ----------
    folder : str
    command : str
    particle_file : str
        What it has written; of patches, what the first one has.
    settings : RefineSettings or PatchesSettings
        Those of the run, but those of how particles are chosen: the file holds the chosen ones.
    """

    folder: str
    command: str
    particle_file: str
    settings: Any


def read_run_to_control(folder, commands):
    """The finished run of one of the commands in a folder, a Controlled.

    Raises
    ------
    InputError
        There is none.
    """
    record = read_record(folder)
    if record is None:
        raise InputError(f"{folder}: no run.json. Give the folder of a finished {' or '.join(commands)} run.")
    if record["command"] not in commands:
        raise InputError(f"{folder} holds a '{record['command']}' run; controls are made of {' and '.join(commands)} runs.")
    if not record["finished"]:
        raise InputError(f"{folder}: the run is not finished. Give the same command again, which continues it.")
    kind = PatchesSettings if record["command"] == PATCHES else RefineSettings
    values = {
        one.name: one.read(record["settings"][one.name])
        for one in settings_of(kind)
        if one.name in record["settings"] and one.name not in _CHOSEN
    }
    return Controlled(folder, record["command"], _particles_of(folder, record), kind(**values))


def _particles_of(folder, record):
    """The particle file that a run has written; one of its patches'."""
    return os.path.join(folder, *(("patches", "01") if record["command"] == PATCHES else ()), "particles.star")


def read_finished(controlled, particles, asked, progress):
    """A Finished of a Controlled refinement; ``particles`` it has written, ``asked`` are ControlsSettings."""
    folder, settings = controlled.folder, controlled.settings
    results = read_record(folder)["results"]
    if "pose_errors" not in results:
        raise InputError(
            f"{folder}: the run has no expected errors of its poses (no iteration improved the map, or the adam optimizer, or "
            "another version): no change can be compared with them. Refine again."
        )
    starts = start_states(folder, split_half_sets(particles), progress)
    grid = particles.box_size, particles.pixel_size
    focus = os.path.join(folder, "focus_mask.mrc")
    masks = Masks(
        read_mask(os.path.join(folder, "mask.mrc"), *grid),
        read_mask(focus, *grid) if os.path.exists(focus) else None,
        settings.focus_level,
    )
    errors = results["pose_errors"]["rotation_rms_deg"], results["pose_errors"]["shift_rms"]
    return Finished(
        folder,
        changed(settings, batch_size=asked.batch_size),
        controlled.particle_file,
        particles,
        starts,
        masks,
        asked.seed,
        errors,
    )


def start_states(folder, halves, progress):
    """Halves of HalfState that the run in a folder began with, of its particles as Halves of ParticleSet."""
    place = os.path.join(folder, "iterations", "00")
    starts = halves.map(lambda half: load_half(place, replace(half, scale=None), progress))
    if starts.first is None or starts.second is None:
        raise InputError(f"{place}: the start of the run is not there any more. Refine again in another folder.")
    return starts


def make_controls(finished, names, most, run):
    """Make the controls of these names; gives a list of Control.

    Parameters
    ----------
    finished : Finished
    names : list of str
        Of ``CONTROLS``.
    most : int
        Images of the controls of noise; 0 takes all.
    run : Run
    """
    made = []
    for name in names:
        run.progress.say(f"control: {CONTROLS[name].title}")
        made.append(replace(CONTROLS[name].make(finished, most, run), name=name, title=CONTROLS[name].title))
    return made


def control_of_noise(finished, most, run, with_model=False):
    """Images of noise, refined from the poses of the run; with_model: against the run's own maps at first."""
    noise = noise_of(finished.starts, most, finished.seed, run)
    if with_model:
        of_run = [read_map(os.path.join(finished.folder, f"half_map_{half}.mrc")).data for half in (1, 2)]
        states = noise.map(lambda half: HalfState(half, of_run[half.half - 1], no_covariance(half)))
    else:
        states = noise.map(lambda half: HalfState(half, half_map(half, finished.settings, run.progress), no_covariance(half)))
    course = refined(states, finished, "model" if with_model else "noise", run)
    maps = course.last.halves.map(lambda half: half_map(half.particles, finished.settings, run.progress))
    before = finished.curve(noise.map(lambda half: half_map(half, finished.settings, run.progress)).both())
    return _control(before, finished.curve(maps.both()), finished, course.last.halves, noise)


def noise_of(starts, most, seed, run):
    """Noise in place of the images of Halves of HalfState, Halves of ParticleSet; so many at most, evenly drawn, 0 is all."""

    def made(state):
        half = state.particles
        half = half.subset(np.arange(0, len(half), 1 if not most else max(1, 2 * len(half) // most)))
        with run.progress.step("write noise", len(half), half=half.half) as report:
            return with_noise(half, run.path("images", f"half_{half.half}"), seed + half.half, report)

    return starts.map(made)


def control_of_phases(finished, _most, run):
    """The run again from start maps whose phases are random beyond their resolution: what of that is in the final maps?"""
    start = finished.curve(finished.starts.map(volume_of).both())
    radius = usable_radius(start, 1, finished.settings)

    def without_detail(state):
        rng = stream("shuffled controls", finished.seed, state.particles.half)
        return HalfState(state.particles, randomise_phases(state.volume, radius, rng).astype(np.float32), state.covariance)

    invented = finished.starts.map(without_detail)
    course = refined(invented, finished, "phases", run)
    maps = finished.half_maps()

    def left(half, random):
        """Invented detail in the map of a half, beyond what a mask lets over to the map of the run, which never saw it."""
        seen, unseen = (
            shell_gain(
                gold_standard_fsc(volume, random.volume, finished.masks.fsc, half.particles.pixel_size, finished.settings.seed),
                radius,
                finished.settings.fsc_threshold,
            )
            for volume in (half.volume, maps[half.particles.half - 1])
        )
        return max(seen - unseen, 0.0)

    of_run = split_half_sets(finished.particles)
    reached = course.last.curve
    return replace(
        _control(reached, reached, finished, course.last.halves, of_run),
        gain=max(course.last.halves.map(left, invented).both()),
        before=None,
    )


def control_of_halves(finished, _most, run):
    """The final poses with half sets drawn anew: what half maps have in common by poses that followed the same noise."""
    true = finished.curve(finished.half_maps())
    shuffled = split_half_sets(draw_half_sets(finished.particles, finished.seed + _ANOTHER))
    maps = shuffled.map(lambda half: half_map(with_known_blur(half, finished.settings), finished.settings, run.progress))
    return _control(true, finished.curve(maps.both()), finished, shuffled, shuffled)


def refined(states, finished, name, run):
    """The Course of a refinement as the run was, from Halves of HalfState, in a folder of its own."""
    settings = changed(finished.settings, model=None, pin_exchanges=None, iterations=run_iterations(finished))
    inside = Run(
        run.path(name),
        "controls",
        {**values_of(settings), "control": name},
        [finished.particle_file],
        run.take_over,
        progress=run.progress,
    )
    starts = states.map(lambda half: half.particles)
    course = Course(Step(0, states, shared_fsc(states, finished.masks, 0, settings, inside)), starts, finished.masks, settings)
    improve, _ = improvement(starts, finished.masks, settings, inside)
    until_nothing_improves(course, improve, settings.iterations, inside, settings)
    inside.finish({"resolution": course.last.curve.resolution(settings.fsc_threshold)})
    return course


def run_iterations(finished):
    """How many iterations the run has taken."""
    return max(1, len(read_record(finished.folder)["results"]["iterations"]) - 1)


def _control(before, after, finished, halves, others):
    """A Control by FSC curves before and after, and poses (Halves of HalfState or ParticleSet) against others (ParticleSet)."""
    turned, moved = changes_between(halves, others)
    threshold = finished.settings.fsc_threshold
    return Control(
        fine(before.resolution(threshold)), fine(after.resolution(threshold)), turned, moved, images=sum(others.map(len).both())
    )


def real_of(finished):
    """What the run itself gained, a Control."""
    start, final = finished.curve(finished.starts.map(volume_of).both()), finished.curve(finished.half_maps())
    starts = finished.starts.map(lambda half: half.particles)
    return _control(start, final, finished, split_half_sets(finished.particles), starts)


def changes_between(halves, others):
    """Rms angle (degrees) and length (Å) between poses, Halves of HalfState or ParticleSet, and those of other sets."""
    changes = halves.map(_changes, others).both()
    return tuple(float(np.sqrt(np.mean(np.concatenate(values) ** 2))) for values in zip(*changes))


def _changes(half, other):
    """Angles (N,) in degrees and lengths (N,) in Å between poses, each half in the frame that agrees best."""
    poses = getattr(half, "particles", half)
    rotations, shifts = anchored(poses.rotations, poses.shifts, other.rotations, other.shifts, point_group("C1"))
    return angular_distance_deg(rotations, other.rotations), np.linalg.norm(shifts - other.shifts, axis=1)


@dataclass(frozen=True)
class _Kind:
    title: str
    make: object


CONTROLS = {
    "noise": _Kind("images of noise with the same poses and CTF", control_of_noise),
    "phases": _Kind("start maps with random phases beyond their resolution", control_of_phases),
    "halves": _Kind("half sets shuffled at the final poses", control_of_halves),
    "model": _Kind("images of noise against the final maps", partial(control_of_noise, with_model=True)),
}
