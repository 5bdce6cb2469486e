"""What a refinement leaves: maps, FSC, particles at their new poses, and the GMMs of the final half maps."""

from dataclasses import replace

import numpy as np

from gmmrefine.fourier.shells import resolution_of_shell
from gmmrefine.geometry.rotations import angular_distance_deg
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.io.curves import write_curves
from gmmrefine.io.gmm_file import write_gmm
from gmmrefine.io.pose_error_labels import RAN_AWAY
from gmmrefine.io.star_particles import write_particles
from gmmrefine.particles.symmetry import particle_count
from gmmrefine.pipelines.build import LOWEST_SHELL, fit_weights, gmm_of_map
from gmmrefine.pipelines.directions import measure_directions
from gmmrefine.pipelines.pose_error_columns import covariance_columns, error_summary, far_from_start
from gmmrefine.pipelines.reconstruct import write_maps
from gmmrefine.pipelines.shared_region import measured_fsc, usable_radius
from gmmrefine.runs.image_identity import made_from

_FOLLOWED = 0.95  # FSC that a GMM should have with a map whose own is as high


def write_results(particles, starts, course, settings, run):
    """Write the best step of a Course, from starts (Halves of ParticleSet); gives the results for run.json."""
    iteration, halves, curve = course.best.iteration, course.best.halves, course.best.curve
    # of the maps as they are, also where the run itself was steered by pinned curves
    measured = measured_fsc(halves, course.masks, settings)
    volumes = [half.volume for half in halves.both()]
    results = write_maps(run.path, volumes, course.masks.molecule, measured, settings)
    moved, changes = joined(particles, starts, halves)
    results.update(
        measure_directions(
            volumes,
            course.masks.fsc,
            measured,
            settings.fsc_threshold,
            run.path("directions.star"),
            (moved.rotations, point_group(settings.symmetry)),
        )
    )
    write_particles(run.path("particles.star"), moved, changes)
    results.update(error_summary(changes, run.progress))
    radius = usable_radius(curve, iteration + 1, settings)
    write_final_gmms(course.best, course.masks.molecule, radius, settings, run)
    return dict(
        results,
        iteration=iteration,
        images=len(particles),
        particles=particle_count(particles),
        iterations=course.history,
        used_to=round(resolution_of_shell(radius, curve.box_size, curve.pixel_size), 3),
    )


def write_final_gmms(step, mask, radius, settings, run):
    """Fit one GMM to each half map of the final Step and write them with their agreement."""
    curve = step.curve
    ring = np.arange(radius + 1)
    weights = fit_weights(curve.fsc[ring])

    def fitted(half):
        gmm, fsc = gmm_of_map(half.volume, mask, curve.pixel_size, weights, settings, run.progress, half=half.particles.half)
        write_gmm(run.path(f"gmm_half_{half.particles.half}.star"), gmm, made_from(half.particles))
        return fsc

    columns = {"gmmFrequency": curve.frequency[ring]}
    for number, fsc in enumerate(step.halves.map(fitted).both(), 1):
        columns[f"gmmFscHalf{number}"] = fsc
    write_curves(run.path("gmm_fsc.star"), columns)
    note_poor_fit(curve, np.minimum(columns["gmmFscHalf1"], columns["gmmFscHalf2"]), run.progress)


def note_poor_fit(curve, fsc, progress):
    """Say where Gaussians follow the half maps less well, FSC (R + 1,), than these deserve by their own FscCurve."""
    own = curve.fsc[: len(fsc)]
    poor = np.flatnonzero((own >= _FOLLOWED) & (fsc < _FOLLOWED) & (np.arange(len(fsc)) >= LOWEST_SHELL))
    if len(poor):
        worst = poor[np.argmin(fsc[poor])]
        progress.note(
            "fit",
            f"the Gaussians do not follow the half maps everywhere: FSC {fsc[worst]:.2f} with them at "
            f"{1 / curve.frequency[worst]:.2f} Å, where the half maps agree with one another by {own[worst]:.2f}. More of them "
            "(--gaussians), or a longer fit (--fit-evaluations), follow them closer",
        )


def joined(particles, starts, halves):
    """All particles in the order of the input with their new poses and strengths, and columns that tell how far each moved.

    Parameters
    ----------
    particles : ParticleSet
    starts : Halves of ParticleSet
    halves : Halves of HalfState
    """
    far = halves.map(far_from_start, starts).both()
    halves, starts = halves.both(), starts.both()
    row = np.concatenate([half.particles.row for half in halves])
    order = np.argsort(row)[np.argsort(np.argsort(particles.row))]
    rotations, shifts, covariance, start_rotations, start_shifts, far = (
        np.concatenate(parts)[order]
        for parts in (
            [half.particles.rotations for half in halves],
            [half.particles.shifts for half in halves],
            [half.covariance for half in halves],
            [start.rotations for start in starts],
            [start.shifts for start in starts],
            far,
        )
    )
    columns = {
        "gmmRotationChange": angular_distance_deg(rotations, start_rotations),
        "gmmShiftChange": np.linalg.norm(shifts - start_shifts, axis=1),
    }
    if covariance.any():
        columns.update({**covariance_columns(covariance), RAN_AWAY: far.astype(int)})
    moved = particles.with_poses(rotations, shifts)
    if all(half.particles.scale is not None for half in halves):
        moved = replace(moved, scale=np.concatenate([half.particles.scale for half in halves])[order])
    return moved, columns
