"""Where refinement can do harm: noise-dominated particles, a bad reference, and particles that are nothing but noise.

Usage: python benchmarks/hard_cases.py [folder for the simulated data]
"""

import json
import os
import shutil
import sys
import tempfile

import numpy as np
from stage import bound, command, simulated, table, true_gmm

from gmmrefine.alignment.adam import AdamRefiner
from gmmrefine.alignment.fisher import march
from gmmrefine.alignment.refiner import FisherRefiner, refine_poses
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.project import ExactProjector, SliceProjector
from gmmrefine.io.stack_writer import StackWriter
from gmmrefine.particles.images import ImageReader
from gmmrefine.settings import RefineSettings
from gmmrefine.validation.pose_error import pose_errors

RADIUS = 26
NOISE_DOMINATED = {"snr": 0.005, "pose_error": 2, "shift_error": 1.5}
BAD_REFERENCE = {"snr": 0.1, "pose_error": 2, "shift_error": 1.5}
START_LOW_PASS = 20  # Å


def spoilt(gmm, rng):
    """A bad reference: 15 % of the atoms missing, the others 0.8 Å off (rms) and 10 % too wide."""
    keep = rng.random(len(gmm)) > 0.15
    moves = rng.normal(0, 0.8 / np.sqrt(3), (keep.sum(), 3))
    return Gmm(gmm.centers[keep] + moves, gmm.amplitudes[keep], 1.1 * gmm.widths[keep])


def both_schemes(start, gmm):
    """Poses by this engine and by the paper's scheme against one reference, by name."""
    settings, disc, pixel_size = RefineSettings(), half_disc(start.box_size, RADIUS), start.pixel_size
    reader = ImageReader(start, disc)
    fisher = FisherRefiner(
        SliceProjector(gmm, disc, pixel_size),
        np.ones(RADIUS + 1),
        march(RADIUS, [float(text) for text in settings.march.split()]),
    )
    adam = AdamRefiner(ExactProjector(gmm, disc, pixel_size), reader, 16, settings.adam_steps, settings.learning_rate)
    (found,) = refine_poses([fisher], reader, settings.batch_size, [(start.rotations, start.shifts)], np.random.default_rng(1))
    return {"default": found[:2], "paper's scheme": adam.refine(start.rotations, start.shifts)}, fisher.prior


def poses_table(folder):
    """Pose errors of both schemes in the two hard cases."""
    rows = []
    for title, name, options in (
        ("noise-dominated, true reference", "noisy", NOISE_DOMINATED),
        ("bad reference", "bad", BAD_REFERENCE),
    ):
        place = os.path.join(folder, name)
        start, truth = simulated(place, particles=512, box=64, pixel_size=2.7, **options)
        gmm = true_gmm(place)
        limit = bound(truth, gmm)[0]
        reference = spoilt(gmm, np.random.default_rng(1)) if name == "bad" else gmm
        poses, prior = both_schemes(start, reference)
        before = pose_errors(start, truth)
        rows.append((title, "start", f"{before.rotation_rms:.3f}", f"{before.shift_rms:.3f}", f"{limit:.2f}", ""))
        for scheme, result in poses.items():
            errors = pose_errors(start.with_poses(*result), truth)
            estimated = f"{prior.rotation_rms_deg:.2f}°, {prior.shift_rms:.2f} Å" if scheme == "default" else ""
            rows.append((title, scheme, f"{errors.rotation_rms:.3f}", f"{errors.shift_rms:.3f}", f"{limit:.2f}", estimated))
    table(
        "Never worse than the input by more than the paper's scheme (512 particles, box 64)",
        ("case", "poses", "rms rotation (°)", "rms shift (Å)", "Cramér-Rao bound (°)", "prior estimated"),
        rows,
    )


def noise_only(folder):
    """A whole run on particles whose images are white noise."""
    start, _ = simulated(folder, particles=1000, box=64, pixel_size=2.7)
    stack, rng = os.path.join(folder, "particles.mrcs"), np.random.default_rng(5)
    with StackWriter(stack, len(start), start.box_size, start.pixel_size) as noise:
        for _ in range(len(start)):
            noise.append(rng.standard_normal((1, start.box_size, start.box_size), np.float32))
    run = os.path.join(folder, "refined")
    shutil.rmtree(run, ignore_errors=True)
    command(
        "refine",
        os.path.join(folder, "particles.star"),
        "-o",
        run,
        "--initial-resolution",
        START_LOW_PASS,
        "--mask",
        os.path.join(folder, "mask.mrc"),
    )
    with open(os.path.join(run, "run.json"), encoding="utf-8") as file:
        results = json.load(file)["results"]
    rows = [
        (
            entry["iteration"],
            entry["resolution"] and f"{entry['resolution']:.1f}",
            f"{entry['mean_fsc']:.4f}",
            f"{entry['rotation_change_deg']:.3f}",
        )
        for entry in results["iterations"]
    ]
    table(
        f"Noise-only stack, starting low-pass {START_LOW_PASS} Å: {results['resolution_text']}",
        ("iteration", "resolution (Å)", "mean FSC", "mean rotation change (°)"),
        rows,
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        place = sys.argv[1] if len(sys.argv) > 1 else scratch
        poses_table(place)
        noise_only(os.path.join(place, "noise_only"))
