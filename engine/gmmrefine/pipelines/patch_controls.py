"""The control of a patch-by-patch refinement: what every patch finds in images of noise."""
import os

import numpy as np

from gmmrefine.io.mrc import read_mask
from gmmrefine.io.star import read_star
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.particles.particle_set import split_half_sets
from gmmrefine.pipelines.control_runs import changes_between, noise_of, start_states
from gmmrefine.pipelines.control_verdicts import Control, fine, judged
from gmmrefine.pipelines.earlier_run import read_record
from gmmrefine.pipelines.half_iteration import HalfState, no_covariance
from gmmrefine.pipelines.patch_geometry import read_patches
from gmmrefine.pipelines.patch_iteration import Together, by_patch
from gmmrefine.pipelines.reconstruct import half_map
from gmmrefine.pipelines.run_record import RunRecord
from gmmrefine.settings import changed


def control_patches(folder, particles, settings, asked, run, progress):
    """Rows of the table of controls, one for each patch: list of dict.

    Parameters
    ----------
    folder : str
        Of the finished run.
    particles : ParticleSet
        As the run's first patch has them.
    settings : object
        Of the run.
    asked : object
        ``settings.CONTROLS`` and computing settings.
    run : RunRecord
    progress : Progress
    """
    starts = start_states(folder, split_half_sets(particles), progress)
    noise = noise_of(starts, asked.control_images, asked.seed, run, progress)
    states = noise.map(lambda half: HalfState(half, half_map(half, settings, progress), no_covariance(half)))
    mask = read_mask(os.path.join(folder, "mask.mrc"), particles.box_size, particles.pixel_size)
    patches = read_patches(os.path.join(folder, "patches.star"))
    settings = changed(settings, symmetry="C1", initial_resolution=0.0, model="", pin_exchanges="", batch_size=asked.batch_size)
    record = RunRecord(
        run.path("noise"), "controls", {**vars(settings), "control": "noise by patch"}, [settings.particles], run.take_over)
    together = Together(particles, states, mask, patches, settings, record, progress)
    refined = by_patch(together.refine())
    record.finish({}, {})
    table = read_record(folder)["results"]["patch_table"]
    return [
        _row(number, pair, states, noise, mask * patch.mask(len(mask), particles.pixel_size, settings.focus_edge),
             table[number - 1], folder, settings)
        for number, (patch, pair) in enumerate(zip(patches, refined), 1)]


def _row(number, pair, states, noise, region, of_run, folder, settings):
    """What a patch of noise gained against the run's, dict."""
    pixel_size = noise.first.pixel_size
    before, after = (
        gold_standard_fsc(*halves.map(lambda half: half.volume).both(), region, pixel_size, settings.seed).resolution(
            settings.fsc_threshold) for halves in (states, pair))
    turned, moved = changes_between(pair, noise)
    block = read_star(os.path.join(folder, "patches", f"{number:02d}", "particles.star"))["particles"]
    errors = [float(np.sqrt(np.mean(block.numbers(label) ** 2))) for label in ("gmmRotationError", "gmmShiftError")]
    real = Control(
        fine(of_run["gmmResolutionBefore"]), fine(of_run["gmmResolutionAfter"]), of_run["gmmRotationChange"],
        of_run["gmmShiftChange"])
    control = Control(
        fine(before), fine(after), turned, moved, sum(noise.map(len).both()), name=f"noise, patch {number}",
        title=f"images of noise, patch {number}")
    return {**judged(real, control, errors), "patch": number, "expected_rotation_error": errors[0],
            "expected_shift_error": errors[1],
            "gain_of_run": round(real.gained, 6)}
