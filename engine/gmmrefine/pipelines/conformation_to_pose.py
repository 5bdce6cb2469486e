"""Conformations turned into poses of a region, chosen by held-out signal, and refined there."""

import os
from dataclasses import dataclass
from typing import Optional, Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.mrc import write_map
from gmmrefine.io.network_file import read_arrays
from gmmrefine.particles.halves import Halves
from gmmrefine.particles.particle_set import ParticleSet, by_particle, split_half_sets
from gmmrefine.pipelines.build import check_number_of_gaussians, fit_weights, gmm_of_map
from gmmrefine.pipelines.combinations import refuse_ignored
from gmmrefine.pipelines.course import Course, Step, until_nothing_improves
from gmmrefine.pipelines.focus import Masks, has_focus, read_focus, refuse_focus_outside
from gmmrefine.pipelines.half_iteration import Body, Shared, improve_half, reference_of, reference_reliability
from gmmrefine.pipelines.half_start import at_poses, at_start, volume_of
from gmmrefine.pipelines.half_state import HalfState, load_half, save_half
from gmmrefine.pipelines.held_out_poses import HeldOut
from gmmrefine.pipelines.heterogeneity_folder import LEARNED, finished_record, settings_as_learned
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
from gmmrefine.runs.earlier_run import read_record
from gmmrefine.runs.file_sums import refuse_changed_files
from gmmrefine.settings import ParticlesRead, Placed, RefineSettings, changed, names_of, taken_as

_DECIDING = "latent.star", "network_half_1.npz", "network_half_2.npz"


@dataclass(frozen=True)
class Source:
    """Where motions come from.

    Parameters
    ----------
    particle_file : str
        The particles that move.
    folder : str or None
        Of the heterogeneity run that learned them; None for a table of motions.
    table : str or None
    is_certain : pair of bool
        Whether each half set shows a motion that is no noise.
    images_by_mask : str or None
        The mask outside of which that run measured its images, '' for none; None for a table.
    """

    particle_file: str
    folder: Optional[str] = None
    table: Optional[str] = None
    is_certain: Tuple[bool, bool] = (True, True)
    images_by_mask: Optional[str] = None

    @property
    def learned(self):
        """The files of the run that decide the result, list of str."""
        return [] if self.folder is None else [os.path.join(self.folder, name) for name in _DECIDING]


def source_of(named, settings):
    """Where the motions of the settings come from, and the settings as they are meant for it.

    Parameters
    ----------
    named : str
        The folder of a heterogeneity run, or with a table of motions the particles.
    settings : ConversionSettings

    Returns
    -------
    tuple
        Source, ConversionSettings.

    Raises
    ------
    InputError
        Not such a folder, or not finished; or settings of reading, which are those of the run.
    """
    if settings.motions:
        return Source(named, table=settings.motions), settings
    refuse_ignored(
        settings,
        [(True, "the folder of a heterogeneity run, whose particles are read as it has read them", names_of(ParticlesRead))],
    )
    record = finished_record(named)
    settings, images_by_mask = settings_as_learned(settings, named, record)
    learned_focus = os.path.join(named, "focus_mask.mrc")
    if not has_focus(settings) and os.path.exists(learned_focus):
        settings = changed(settings, focus_mask=learned_focus)
    first, second = (evidence["certain"] for evidence in record["results"]["held_out"])
    source = Source(record["particle_file"], named, is_certain=(first, second), images_by_mask=images_by_mask)
    return source, changed(settings, mask=settings.mask or os.path.join(named, "mask.mrc"))


def check_settings(settings, particles):
    """Refuse settings that mean nothing."""
    if not has_focus(settings):
        raise InputError(
            "no region is named: give --focus-mask, --focus-sphere or --focus-model. Conformations become poses of one region."
        )
    check_number_of_gaussians(settings.gaussians)
    refuse_ignored(
        settings,
        [
            (bool(settings.model), "--model", ("gaussians",)),
            (not (settings.model or settings.focus_model), "no model", names_of(Placed)),
            (bool(settings.mask), "a mask", ("mask_resolution", "mask_edge")),
            (bool(settings.focus_mask), "a focus mask", ("focus_edge",)),
        ],
    )
    check_resolutions(settings, particles, ("max_resolution",))


def conformation_to_pose(particles, source, settings, run):
    """Convert, choose by held-out signal, refine the region from there, and write.

    Parameters
    ----------
    particles : ParticleSet
        At the poses of the molecule as a whole.
    source : Source
    settings : ConversionSettings
    run : Run

    Returns
    -------
    dict
        Results for run.json.
    """
    settings = taken_as(RefineSettings, settings)
    run.describe_particles(particles)
    starts = split_half_sets(particles)
    bodies = at_start(starts, settings, run)
    settings = place_models(bodies.map(volume_of), particles, settings, run)
    focus = read_focus(settings, particles.box_size, particles.pixel_size, settings.focus_model_origin)
    turns, moves, wanted = wanted_poses(particles, focus, source)
    mask = shared_mask(bodies, particles, settings, run)
    refuse_focus_outside(focus, mask)
    write_map(run.path("focus_mask.mrc"), focus, particles.pixel_size)
    masks = Masks(mask, focus)
    course = Course(Step(0, bodies, shared_fsc(bodies, masks, 0, settings, run)), starts, masks, settings)
    shared = Shared(course.last.curve.fsc, masks, usable_radius(course.last.curve, 1, settings))
    regions = bodies.map(lambda body, half: converted_half(body, half, shared, settings, run), wanted)
    used = by_particle(particles, regions.map(lambda region: region.used)).astype(bool)
    run.progress.say(f"held-out signal prefers the conformation of {used.sum()} of {len(used)} particles")
    refine_regions(course, regions, settings, run)
    results = write_results(particles, starts, course, settings, run)
    results = dict(
        results,
        resolution_before=course.steps[0].curve.resolution(settings.fsc_threshold),
        shared_signal_gain=course.gains,
        signal_gain=course.gains[course.steps.index(course.best)],
    )
    used &= results["iteration"] > 0
    write_motions(run.path("motions.star"), particles, turns, moves, used)
    return dict(results, converted=int(used.sum()), verdict=verdict(results, used, source))


@dataclass(frozen=True)
class Wanted:
    """Poses of one half set that its conformations ask for.

    Parameters
    ----------
    by_all, by_seen : ParticleSet
        By latents of all Fourier samples, and by those of ``seen``.
    seen : (K,) bool
        Half of the samples.
    is_certain : bool
        Whether the half set shows a motion that is no noise.
    """

    by_all: ParticleSet
    by_seen: ParticleSet
    seen: np.ndarray
    is_certain: bool = True


def wanted_poses(particles, focus, source):
    """What the conformations ask for.

    Returns
    -------
    tuple
        turns (N, 3) in radians, moves (N, 3) in Å, Halves of Wanted.
    """
    starts = split_half_sets(particles)
    if source.table:
        turns, moves = table_motions(source.table, particles)
        moved = split_half_sets(particles.with_poses(*poses_of_table(particles, turns, moves)))
        return turns, moves, moved.map(lambda half: Wanted(half, half, np.zeros(0, bool)))
    latent = learned_latents(source.folder, particles)

    def of_half(half):
        motion = read_motion(source.folder, half.half, latent.shape[1])
        arrays, _ = read_arrays(os.path.join(source.folder, f"latent_half_{half.half}.npz"))
        turn, move, *pose = learned_motions(motion, latent[particles.half_set == half.half], half, focus, particles.pixel_size)
        _, _, *pose_of_seen = learned_motions(motion, arrays["latent_of_seen"], half, focus, particles.pixel_size)
        is_certain = source.is_certain[half.half - 1]
        return turn, move, Wanted(half.with_poses(*pose), half.with_poses(*pose_of_seen), arrays["seen"], is_certain)

    found = starts.map(of_half).both()
    refuse_changed_files(source.folder, read_record(source.folder) or {}, LEARNED)
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


def converted_half(body, wanted, shared, settings, run):
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
        body.volume,
        shared.masks.molecule,
        pixel_size,
        fit_weights(shared.fsc[ring]),
        settings,
        run.progress,
        iteration=0,
        half=half.half,
    )
    folder, region = run.path("iterations", "01"), Body(half, gmm)
    done = load_half(folder, half, run.progress)
    if done is None:
        reliability = reference_reliability(shared.fsc[ring], gmm_fsc)
        half = with_measured_scale(half, gmm, reliability, settings, run.progress, {"iteration": 0, "half": half.half})
        used = np.zeros(len(half), bool)
        if wanted.is_certain:
            reference = reference_of(gmm, region, shared.masks, pixel_size)
            used = HeldOut(half, reference, reliability, wanted.seen, settings, run.progress).prefers(wanted.by_seen)
        rotations, shifts = (
            np.where(used.reshape(-1, *[1] * (new.ndim - 1)), new, old)
            for new, old in ((wanted.by_all.rotations, half.rotations), (wanted.by_all.shifts, half.shifts))
        )
        done = at_poses(half.with_poses(rotations, shifts), settings, run.progress)
        save_half(folder, done)
    used = ~np.all(done.particles.rotations == half.rotations, axis=(1, 2))
    return Region(done, region, used)


def refine_regions(course, regions, settings, run):
    """Focused refinement from the poses chosen (Halves of Region), where there are any; its steps are added to a Course."""
    converted = regions.map(lambda region: region.state)
    course.add(Step(1, converted, shared_fsc(converted, course.masks, 1, settings, run)))

    def improve(halves, shared, iteration):
        return regions.map(
            lambda region, half: improve_half(region.state.particles, half, shared, iteration, settings, run, region.body),
            halves,
        )

    if run.told("converted", 0, lambda: any(bool(region.used.any()) for region in regions.both())):
        until_nothing_improves(course, improve, settings.iterations, run, settings)


def verdict(results, used, source):
    """What came of it, in words."""
    if not any(source.is_certain):
        return "the halves show no reproducible motion: poses are left as they were"
    if results["iteration"] == 0:
        return "no conversion improved the region: poses are left as they were"
    more = 100 * np.expm1(results["signal_gain"])
    return (
        f"{100 * used.mean():.0f} % of the particles converted; the half maps share {more:.0f} % more signal power in the "
        f"region; its resolution {results['resolution_text']}"
    )
