"""The control of a patch-by-patch refinement: what every patch finds in images of noise."""

import os

import numpy as np

from gmmrefine.io.mrc import read_mask
from gmmrefine.io.pose_error_labels import ERRORS
from gmmrefine.io.star import read_star
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.particles.particle_set import split_half_sets
from gmmrefine.pipelines.control_runs import changes_between, noise_of, start_states
from gmmrefine.pipelines.control_verdicts import Control, fine, judged
from gmmrefine.pipelines.half_start import volume_of
from gmmrefine.pipelines.half_state import HalfState, no_covariance
from gmmrefine.pipelines.patch_geometry import read_patches
from gmmrefine.pipelines.patch_iteration import Together, by_patch
from gmmrefine.pipelines.reconstruct import half_map
from gmmrefine.runs.earlier_run import read_record
from gmmrefine.runs.run import Run
from gmmrefine.settings import changed, values_of


def control_patches(controlled, particles, asked, run):
    """Rows of the table of controls, one for each patch: list of dict.

    Parameters
    ----------
    controlled : Controlled
    particles : ParticleSet
        As the run's first patch has them.
    asked : ControlsSettings
    run : Run
    """
    folder, settings = controlled.folder, controlled.settings
    starts = start_states(folder, split_half_sets(particles), run.progress)
    noise = noise_of(starts, asked.control_images, asked.seed, run)
    states = noise.map(lambda half: HalfState(half, half_map(half, settings, run.progress), no_covariance(half)))
    mask = read_mask(os.path.join(folder, "mask.mrc"), particles.box_size, particles.pixel_size)
    patches = read_patches(os.path.join(folder, "patches.star"))
    settings = changed(settings, model=None, pin_exchanges=None, batch_size=asked.batch_size)
    inside = Run(
        run.path("noise"),
        "controls",
        {**values_of(settings), "control": "noise by patch"},
        [controlled.particle_file],
        run.take_over,
        progress=run.progress,
    )
    refined = by_patch(Together(particles, states, mask, patches, settings, inside).refine())
    inside.finish({})
    table = read_record(folder)["results"]["patch_table"]

    def row(number, patch, pair):
        """What a patch of noise gained against the run's, dict."""
        region = mask * patch.mask(len(mask), particles.pixel_size, settings.focus_edge)
        before, after = (
            gold_standard_fsc(*halves.map(volume_of).both(), region, particles.pixel_size, settings.seed).resolution(
                settings.fsc_threshold
            )
            for halves in (states, pair)
        )
        turned, moved = changes_between(pair, noise)
        block = read_star(os.path.join(folder, "patches", f"{number:02d}", "particles.star"))["particles"]
        errors = [float(np.sqrt(np.mean(block.numbers(label) ** 2))) for label in ERRORS]
        of_run = table[number - 1]
        real = Control(
            fine(of_run["gmmResolutionBefore"]),
            fine(of_run["gmmResolutionAfter"]),
            of_run["gmmRotationChange"],
            of_run["gmmShiftChange"],
        )
        control = Control(
            fine(before),
            fine(after),
            turned,
            moved,
            sum(noise.map(len).both()),
            name=f"noise, patch {number}",
            title=f"images of noise, patch {number}",
        )
        return {
            **judged(real, control, errors),
            "patch": number,
            "expected_rotation_error": errors[0],
            "expected_shift_error": errors[1],
            "gain_of_run": round(real.gained, 6),
        }

    return [row(number, patch, pair) for number, (patch, pair) in enumerate(zip(patches, refined), 1)]
