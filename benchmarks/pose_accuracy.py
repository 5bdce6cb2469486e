"""One pose refinement against the true model, next to the Cramér-Rao bound: 6MSM, box 96, SNR 0.1, 3° and 2 Å start error.

Usage: python benchmarks/pose_accuracy.py [folder for the simulated data]
"""

import sys
import tempfile
import time

import numpy as np
from stage import bound, simulated, table, true_gmm

from gmmrefine.alignment.fisher import march
from gmmrefine.alignment.pose_covariance import errors_of
from gmmrefine.alignment.refiner import FisherRefiner, refine_poses
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.project import SliceProjector
from gmmrefine.particles.images import ImageReader
from gmmrefine.settings import RefineSettings
from gmmrefine.validation.pose_error import pose_errors


def main(folder):
    """Measure and print the table."""
    start, truth = simulated(folder, particles=2000)
    gmm = true_gmm(folder)
    disc = half_disc(start.box_size, start.box_size // 2 - 1)
    stages = march(disc.radius, [float(text) for text in RefineSettings().march.split()])
    began = time.perf_counter()
    refiner = FisherRefiner(SliceProjector(gmm, disc, start.pixel_size), np.ones(disc.radius + 1), stages)
    ((rotations, shifts, covariance),) = refine_poses(
        [refiner], ImageReader(start, disc), 128, [(start.rotations, start.shifts)], np.random.default_rng(1)
    )
    seconds = time.perf_counter() - began
    before, after = pose_errors(start, truth), pose_errors(start.with_poses(rotations, shifts), truth)
    rotation_bound, shift_bound = bound(truth, gmm)
    predicted = np.sqrt(np.mean(errors_of(covariance)[:, 0] ** 2))
    table(
        "One pose refinement against the true model (target: rotation ≤ 1.1 × bound)",
        ("", "start", "refined", "Cramér-Rao bound", "refined / bound"),
        (
            (
                "rms rotation error (°)",
                f"{before.rotation_rms:.3f}",
                f"{after.rotation_rms:.3f}",
                f"{rotation_bound:.3f}",
                f"{after.rotation_rms / rotation_bound:.3f}",
            ),
            (
                "rms shift error (Å)",
                f"{before.shift_rms:.3f}",
                f"{after.shift_rms:.3f}",
                f"{shift_bound:.3f}",
                f"{after.shift_rms / shift_bound:.3f}",
            ),
        ),
    )
    print(
        f"prior estimated from the particles: {refiner.prior.rotation_rms_deg:.2f}°, {refiner.prior.shift_rms:.2f} Å; "
        f"rotation error predicted by the posterior: {predicted:.3f}°; {len(start) / seconds:.0f} particles/s"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(sys.argv[1] if len(sys.argv) > 1 else scratch)
