"""Patch-by-patch refinement: geometry, patches together or one by one, and their composite."""

import os
from dataclasses import dataclass
from typing import Sequence

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.gmm.patches import Patch
from gmmrefine.io.curves import write_curves
from gmmrefine.io.gmm_file import write_gmm
from gmmrefine.io.mrc import write_map
from gmmrefine.io.star import read_star
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.maps.mask import molecular_volume
from gmmrefine.particles.particle_set import split_half_sets
from gmmrefine.particles.symmetry import refuse_expanded
from gmmrefine.pipelines.build import check_number_of_gaussians, fit_weights, gmm_of_map
from gmmrefine.pipelines.combinations import refuse_ignored
from gmmrefine.pipelines.composite import read_focused, write_composite
from gmmrefine.pipelines.half_iteration import reference_reliability
from gmmrefine.pipelines.half_start import at_start, volume_of
from gmmrefine.pipelines.patch_evidence import rigid_patches
from gmmrefine.pipelines.patch_geometry import patches_of, read_patches, write_patches
from gmmrefine.pipelines.patch_iteration import Together
from gmmrefine.pipelines.reconstruct import mean_correlation, write_fsc
from gmmrefine.pipelines.refine import refine
from gmmrefine.pipelines.refine_settings import check_resolutions, check_scheme, refuse_adam_with_rest, useless_in_scheme
from gmmrefine.pipelines.shared_region import shared_mask, usable_radius
from gmmrefine.pipelines.start_map_place import place_models
from gmmrefine.progress import Progress
from gmmrefine.runs.earlier_run import finished_settings
from gmmrefine.runs.run import Run
from gmmrefine.runs.same_run import refuse_other_run
from gmmrefine.settings import Placed, RefineSettings, names_of, taken_as, values_of

_OF_A_PATCH = "particles.star", "half_map_1.mrc", "half_map_2.mrc", "map.mrc", "fsc.star", "focus_mask.mrc"
_OF_THE_GEOMETRY = "mask", "mask_resolution", "mask_edge", "focus_edge"  # decided before a patch is refined


def check_settings(settings, particles):
    """Refuse combinations of settings that mean nothing."""
    check_scheme(settings)
    check_number_of_gaussians(settings.gaussians)
    if settings.patches != "auto" and not (settings.patches.isdecimal() and int(settings.patches) > 0):
        raise InputError(f"--patches {settings.patches}: expected a number above 0, or auto.")
    if settings.patches != "auto":
        refuse_copies_of_one_patch(particles, int(settings.patches))
    if settings.only not in (None, "geometry", "composite") and not settings.only.isdecimal():
        raise InputError(f"--only {settings.only}: expected geometry, a patch number, or composite.")
    if settings.only and settings.patch_mode == "together":
        raise InputError("--only takes the patches one by one. Add --patch-mode apart.")
    if settings.patch_mode == "apart":
        refuse_adam_with_rest(settings)
    refuse_ignored(
        settings,
        [
            (settings.patch_mode == "together", "--patch-mode together", ("focus_rest", "optimizer", "loss")),
            (settings.focus_rest == "fixed", "--focus-rest fixed", ("focus_level",)),
            (bool(settings.model), "--model", ("gaussians",)),
            (not settings.model, "no --model", names_of(Placed)),
            (bool(settings.mask), "--mask", ("mask_resolution", "mask_edge")),
            (bool(settings.pin_exchanges), "--pin-exchanges", ("mask", "mask_resolution", "mask_edge")),
            *useless_in_scheme(settings),
        ],
    )
    check_resolutions(settings, particles, ("max_resolution",))


def refuse_copies_of_one_patch(particles, count):
    """Refuse symmetry copies where ``count`` patches are one: that is the whole molecule, in which copies have one pose."""
    if count == 1:
        refuse_expanded(particles, "One patch is the whole molecule: ask for more, or refine the parents.")


def refine_patches(particles, settings, run):
    """Refine all patches of a molecule, or do the part that ``settings.only`` names.

    Parameters
    ----------
    particles : ParticleSet
        With half sets, at their global poses.
    settings : PatchesSettings
    run : Run

    Returns
    -------
    dict
        Results for run.json.
    """
    run.describe_particles(particles)
    if settings.only == "composite":
        refuse_unfinished(run.directory, settings.patch_iterations)
    starts = split_half_sets(particles)
    halves = at_start(starts, settings, run)
    settings = place_models(halves.map(volume_of), particles, settings, run)
    mask = shared_mask(halves, particles, settings, run)
    patches = shared_patches(halves, mask, particles, settings, run)
    refuse_copies_of_one_patch(particles, len(patches))
    write_patches(run.path("patches.star"), patches)
    for number, patch in enumerate(patches, 1):
        soft = patch.mask(particles.box_size, particles.pixel_size, settings.focus_edge)
        write_map(run.path("patches", f"mask_{number:02d}.mrc"), soft, particles.pixel_size)
    if settings.only == "geometry":
        return dict(run.earlier_results, patches=len(patches))
    if not settings.only:
        refine_all(halves, mask, patches, particles, settings, run)
    return joined_patches(halves, mask, len(patches), particles, settings, run)


def shared_patches(halves, mask, particles, settings, run):
    """The patches both halves use: found here, or those of a pinned run."""

    def measure():
        both = halves.both()
        curve = gold_standard_fsc(*(half.volume for half in both), mask, particles.pixel_size, settings.seed)
        radius = usable_radius(curve, 1, settings)
        fsc = curve.fsc[: radius + 1]
        gmms, agreements = zip(
            *[
                gmm_of_map(
                    half.volume,
                    mask,
                    particles.pixel_size,
                    fit_weights(fsc),
                    settings,
                    run.progress,
                    iteration=0,
                    half=half.particles.half,
                )
                for half in both
            ]
        )
        write_fsc(run.path("iterations", "00", "fsc.star"), curve)
        for number, gmm in enumerate(gmms, 1):
            write_gmm(run.path("iterations", "00", f"gmm_half_{number}.star"), gmm)
        volume = molecular_volume(both[0].volume + both[1].volume, mask, particles.pixel_size)
        if settings.patches == "auto":
            reliability = [reference_reliability(fsc, agreement) for agreement in agreements]
            found = rigid_patches(both, gmms, reliability, volume, settings, run)
        else:
            centers = np.concatenate([gmm.centers for gmm in gmms])
            found = patches_of(centers, int(settings.patches), volume, settings.seed)
        return [patch.spheres.tolist() for patch in found]

    return [Patch(np.array(spheres)) for spheres in run.told("patches", 0, measure)]


def refine_all(halves, mask, patches, particles, settings, run):
    """Refine every patch, together or one after the other."""
    if settings.patch_mode == "together":
        together = Together(particles, halves, mask, patches, settings, run)
        together.write(together.refine())
        return
    for number in range(1, len(patches) + 1):
        run.progress.say(f"patch {number} of {len(patches)}")
        refine_patch(particles, number, Whole(run.directory, run.inputs), settings)


@dataclass(frozen=True)
class Whole:
    """The run that a patch is a part of.

    Parameters
    ----------
    folder : str
        With its geometry.
    inputs : list of str
        Files whose content decides the result.
    take_over : bool
        ``settings.TAKE_OVER``.
    """

    folder: str
    inputs: Sequence[str]
    take_over: bool = False


def refine_patch(particles, number, whole, settings):
    """Refine one patch as a focused refinement of its own in ``patches/NN``.

    Parameters
    ----------
    particles : ParticleSet
    number : int
        From 1.
    whole : Whole
    settings : PatchesSettings

    Raises
    ------
    InputError
        No geometry there yet, no such patch, or another process works on it or on the run as a whole.
    """
    folder, count = whole.folder, len(read_patches(os.path.join(whole.folder, "patches.star")))
    if not 1 <= number <= count:
        raise InputError(f"--only {number}: there are patches 1 to {count}.")
    place = os.path.join(folder, "patches", f"{number:02d}")
    inside = settings_of_patch(number, folder, settings)
    values, inputs = values_of(inside), [*whole.inputs, *filter(None, (inside.mask, inside.focus_mask))]
    earlier = finished_settings(place)
    is_whole = all(os.path.exists(os.path.join(place, name)) for name in _OF_A_PATCH)
    if is_whole and earlier is not None and earlier["iterations"] == inside.iterations:
        refuse_other_run(place, "refine", values, inputs)
        Progress(place).say(f"patch {number} is refined already")
        return
    run = Run(place, "refine", values, inputs, whole.take_over)
    if inside.pin_exchanges:
        run.pin_exchanges(inside.pin_exchanges)
    results = refine(particles, inside, run)
    run.finish(results)
    run.progress.say(f"patch {number} of {count}: resolution {results['resolution_text']}")


def settings_of_patch(number, folder, settings):
    """RefineSettings of one patch in the folder of the whole run."""
    decided = {name: getattr(RefineSettings, name) for name in _OF_THE_GEOMETRY}
    mask, pinned = os.path.join(folder, "mask.mrc"), None
    if settings.pin_exchanges:
        pinned = os.path.join(os.path.dirname(settings.pin_exchanges), "patches", f"{number:02d}", "run.json")
        mask = None
    return taken_as(
        RefineSettings,
        settings,
        **{
            **decided,
            "iterations": settings.patch_iterations,
            "mask": mask,
            "pin_exchanges": pinned,
            "focus_mask": os.path.join(folder, "patches", f"mask_{number:02d}.mrc"),
        },
    )


def refuse_unfinished(folder, iterations):
    """Refuse to join patches of a run's folder before all are refined in as many iterations.

    Raises
    ------
    InputError
        No geometry yet, or a patch not refined, not finished, or in another number of iterations.
    """
    for number in range(1, len(read_patches(os.path.join(folder, "patches.star"))) + 1):
        place = os.path.join(folder, "patches", f"{number:02d}")
        done = finished_settings(place)
        if done is None:
            raise InputError(f"{place}: patch {number} is not refined yet. Run the same command with --only {number} first.")
        if done["iterations"] != iterations:
            raise InputError(
                f"{place}: patch {number} was refined with --patch-iterations {done['iterations']}, now it is {iterations}. "
                f"Give the same, or run the same command with --only {number} first."
            )


def joined_patches(halves, mask, count, particles, settings, run):
    """The composite of the patches' half maps, in the global map where no patch is; a table with a row per patch."""
    folders = [run.path("patches", f"{number:02d}") for number in range(1, count + 1)]
    pixel_size = particles.pixel_size
    parts = [read_focused(folder, pixel_size)[0] for folder in folders]
    background = halves.map(volume_of).both()
    rows = [
        patch_row(number, part, background, mask, pixel_size, folder, settings)
        for number, (part, folder) in enumerate(zip(parts, folders), 1)
    ]
    write_curves(
        run.path("patch_table.star"),
        {label: np.array([row[label] for row in rows], float) for label in rows[0]},
        block="patches",
    )
    results = write_composite(parts, background, mask, pixel_size, settings, run)
    before = gold_standard_fsc(*background, mask, pixel_size, settings.seed)
    return dict(results, patches=count, resolution_before=before.resolution(settings.fsc_threshold), patch_table=rows)


def patch_row(number, part, background, mask, pixel_size, folder, settings):
    """What refining the patch of a folder has brought: its resolution before and after, and how far its particles turned."""
    region = mask * part.mask
    before, after = (gold_standard_fsc(*maps, region, pixel_size, settings.seed) for maps in (background, part.halves))
    table = read_star(os.path.join(folder, "particles.star"))["particles"]
    return {
        "gmmPatch": number,
        "gmmVolume": molecular_volume(background[0] + background[1], region, pixel_size),
        "gmmResolutionBefore": before.resolution(settings.fsc_threshold) or 0.0,
        "gmmResolutionAfter": after.resolution(settings.fsc_threshold) or 0.0,
        "gmmMeanFscBefore": mean_correlation(before),
        "gmmMeanFscAfter": mean_correlation(after),
        "gmmRotationChange": float(np.mean(table.numbers("gmmRotationChange"))),
        "gmmShiftChange": float(np.mean(table.numbers("gmmShiftChange"))),
    }
