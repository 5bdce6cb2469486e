"""This engine next to the scheme of Chen et al. 2023 (FRC, Adam, 10 steps of 1e-3), both in one process, turn by turn.

Usage: python benchmarks/paper_scheme.py [folder for the simulated data]
"""

import os
import sys
import tempfile
import time

import numpy as np
from stage import command, simulated, table, true_gmm

from gmmrefine.alignment.adam import AdamRefiner
from gmmrefine.alignment.fisher import march
from gmmrefine.alignment.refiner import FisherRefiner, refine_poses
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.fourier.shells import resolution_of_shell
from gmmrefine.gmm.fit import MapTarget, fit_gaussians
from gmmrefine.gmm.project import ExactProjector, SliceProjector
from gmmrefine.gmm.render import centered_from_map
from gmmrefine.gmm.seed import molecule_voxels, seed_gaussians
from gmmrefine.io.mrc import read_map
from gmmrefine.io.particles_file import read_particle_set
from gmmrefine.maps.fsc import shell_correlation
from gmmrefine.maps.mask import molecule_threshold
from gmmrefine.particles.images import ImageReader
from gmmrefine.settings import RefineSettings
from gmmrefine.validation.pose_error import pose_errors

GAUSSIANS, RADIUS, ROUNDS, PAPER_PARTICLES = 4000, 43, 3, 32


def throughput(folder):
    """Particles per second of both schemes against the same GMM, best of interleaved rounds."""
    start, truth = simulated(folder, particles=4000, box=128, pixel_size=1.4, snr=0.1, pose_error=2, shift_error=1.5)
    settings, pixel_size = RefineSettings(), start.pixel_size
    volume = read_map(os.path.join(folder, "truth.mrc")).data
    resolution = 128 * pixel_size / RADIUS
    seeds = seed_gaussians(
        volume,
        molecule_voxels(volume, None, molecule_threshold(volume)),
        GAUSSIANS,
        pixel_size,
        resolution,
        np.random.default_rng(1),
    )
    gmm = fit_gaussians(seeds, MapTarget(centered_from_map(volume), pixel_size, np.ones(RADIUS + 1)), 40)
    disc = half_disc(128, RADIUS)
    reader, few = ImageReader(start, disc), start.subset(slice(0, PAPER_PARTICLES))
    adam = AdamRefiner(
        ExactProjector(gmm, disc, pixel_size), ImageReader(few, disc), 16, settings.adam_steps, settings.learning_rate
    )
    stages = march(RADIUS, [float(text) for text in settings.march.split()])
    spent = []  # wall and CPU seconds per particle of both schemes, one row per turn
    for turn in range(ROUNDS + 1):
        began = clocks()
        paper_poses = adam.refine(few.rotations, few.shifts)
        middle = clocks()
        refiner = FisherRefiner(SliceProjector(gmm, disc, pixel_size), np.ones(RADIUS + 1), stages)
        (found,) = refine_poses(
            [refiner], reader, settings.batch_size, [(start.rotations, start.shifts)], np.random.default_rng(1)
        )
        if turn:  # the first turn compiles
            spent.append([(middle - began) / PAPER_PARTICLES, (clocks() - middle) / len(start)])
    errors = {
        "paper": pose_errors(few.with_poses(*paper_poses), truth.subset(slice(0, PAPER_PARTICLES))),
        "ours": pose_errors(start.with_poses(*found[:2]), truth),
    }
    (paper_wall, paper_cpu), (our_wall, our_cpu) = np.array(spent).min(axis=0) * 1e3
    wall_ratio, cpu_ratio = np.median([paper / ours for paper, ours in spent], axis=0)
    before = pose_errors(start, truth)
    table(
        f"Pose refinement, {len(gmm)} Gaussians, box 128, signal to ring {RADIUS} (target: ≥ 30 ×)",
        (
            "scheme",
            "ms per particle",
            "CPU ms per particle",
            "throughput",
            "per CPU second",
            "rms rotation (°)",
            "rms shift (Å)",
        ),
        (
            ("start", "", "", "", "", f"{before.rotation_rms:.3f}", f"{before.shift_rms:.3f}"),
            (
                "FRC, Adam, 10 steps (exact sums, batch 16)",
                f"{paper_wall:.1f}",
                f"{paper_cpu:.1f}",
                "1",
                "1",
                f"{errors['paper'].rotation_rms:.3f}",
                f"{errors['paper'].shift_rms:.3f}",
            ),
            (
                "default (with volume, prior and noise estimates)",
                f"{our_wall:.2f}",
                f"{our_cpu:.2f}",
                f"{wall_ratio:.0f} ×",
                f"{cpu_ratio:.0f} ×",
                f"{errors['ours'].rotation_rms:.3f}",
                f"{errors['ours'].shift_rms:.3f}",
            ),
        ),
    )


def clocks():
    """Wall and CPU time now, seconds."""
    return np.array([time.perf_counter(), time.process_time()])


def truth_agreement(folder, run):
    """Masked FSC of a run's summed half maps with the true map: mean up to 0.9 Nyquist, and the resolution at 0.5 (Å)."""
    halves = [read_map(os.path.join(run, f"half_map_{number}.mrc")) for number in (1, 2)]
    mask, truth = (read_map(os.path.join(folder, name)).data for name in ("mask.mrc", "truth.mrc"))
    fsc = shell_correlation((halves[0].data + halves[1].data) * mask, truth * mask)
    box_size, pixel_size = len(mask), halves[0].voxel_size
    last = int(0.9 * box_size / 2)
    below = np.flatnonzero(fsc[1:last] < 0.5)
    shell = below[0] + 1 if len(below) else last
    return float(fsc[1:last].mean()), resolution_of_shell(shell, box_size, pixel_size)


def end_to_end(folder):
    """Map quality after two iterations of this engine and five of the paper's scheme."""
    start, truth = simulated(folder, particles=1000, box=64, pixel_size=2.7, snr=0.1)
    particles, gmm = os.path.join(folder, "particles.star"), true_gmm(folder)
    rows = []
    for title, name, options in (
        ("default, 2 iterations", "ours", ("--iterations", 2)),
        (
            "paper's scheme, 5 iterations",
            "paper",
            ("--iterations", 5, "--optimizer", "adam", "--loss", "frc", "--batch-size", 16),
        ),
    ):
        run = os.path.join(folder, name)
        seconds = command("refine", particles, "-o", run, *options)
        errors = pose_errors(read_particle_set(os.path.join(run, "particles.star")), truth)
        mean, half = truth_agreement(folder, run)
        rows.append(
            (title, f"{mean:.4f}", f"{half:.2f}", f"{errors.rotation_rms:.3f}", f"{errors.shift_rms:.3f}", f"{seconds:.0f}")
        )
    at_start = os.path.join(folder, "at_start")
    command("reconstruct", particles, "-o", at_start)
    mean, half = truth_agreement(folder, at_start)
    before = pose_errors(start, truth)
    rows.insert(0, ("start poses", f"{mean:.4f}", f"{half:.2f}", f"{before.rotation_rms:.3f}", f"{before.shift_rms:.3f}", ""))
    table(
        f"Map against the truth, 2 × 500 particles, box 64, {len(gmm)} atoms (target: two iterations ≥ the paper's five)",
        ("", "mean FSC to the true map", "FSC 0.5 (Å)", "rms rotation (°)", "rms shift (Å)", "seconds"),
        rows,
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        place = sys.argv[1] if len(sys.argv) > 1 else scratch
        throughput(os.path.join(place, "box128"))
        end_to_end(os.path.join(place, "box64"))
