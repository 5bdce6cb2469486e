"""Whole gold-standard runs from noisy half maps, started 3° / 2 Å and 5° / 3 Å from the truth (6MSM, box 96, SNR 0.1).

Usage: python benchmarks/whole_run.py [folder for the simulated data] [seed …]
"""
import json
import os
import sys
import tempfile

from stage import bound, command, simulated, table, true_gmm

from gmmrefine.io.particles_file import read_particle_set
from gmmrefine.validation.pose_error import pose_errors

CASES = ((3, 2), (5, 3))


def resolution_of(folder):
    """Masked gold-standard resolution (Å) recorded in a run's folder."""
    with open(os.path.join(folder, "run.json"), encoding="utf-8") as file:
        return json.load(file)["results"]["resolution"]


def row(folder, rotation, shift, seed):
    """Simulate, refine, reconstruct at the true poses under the same mask, and compare."""
    start, truth = simulated(folder, particles=2000, pose_error=rotation, shift_error=shift, seed=seed)
    refined, at_truth = os.path.join(folder, "refined"), os.path.join(folder, "at_truth")
    seconds = command("refine", os.path.join(folder, "particles.star"), "-o", refined)
    command("reconstruct", os.path.join(folder, "truth.star"), "-o", at_truth, "--mask", os.path.join(refined, "mask.mrc"))
    before, after = pose_errors(start, truth), pose_errors(read_particle_set(os.path.join(refined, "particles.star")), truth)
    rotation_bound, _ = bound(truth, true_gmm(folder))
    reached, possible = resolution_of(refined), resolution_of(at_truth)
    return (
        f"{rotation}°, {shift} Å, seed {seed}", f"{before.rotation_rms:.2f} → {after.rotation_rms:.3f}",
        f"{after.rotation_rms / rotation_bound:.2f}", f"{100 * after.share_within(2):.1f} %",
        f"{before.shift_rms:.2f} → {after.shift_rms:.3f}",
        f"{before.frame_difference_deg:.2f} → {after.frame_difference_deg:.2f}", f"{reached:.2f}", f"{possible:.2f}",
        f"{100 * (reached / possible - 1):+.1f} %", f"{seconds:.0f}")


def main(folder, seeds):
    """Measure and print the table."""
    rows = [
        row(os.path.join(folder, f"{rotation}deg_{seed}"), rotation, shift, seed)
        for rotation, shift in CASES for seed in seeds]
    table("Whole runs from noisy half maps (2,000 particles)", (
        "start error", "rms rotation (°)", "× Cramér-Rao", "within 2°", "rms shift (Å)", "frames of the halves apart (°)",
        "resolution (Å)", "from true poses (Å)", "difference", "seconds"), rows)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(sys.argv[1] if len(sys.argv) > 1 else scratch, [int(text) for text in sys.argv[2:]] or [1])
