"""Whether the covariances that a refinement gives its poses are right: 68 and 95 % coverage on whole runs (6MSM, box 48).

E is SNR times box². What lies inside the ellipsoid that holds 68 or 95 % of a normal distribution is counted against the
truth, each half set in its own best frame: of rotations (3 numbers), shifts (2) and whole poses (5). Then maps with and
without particle weights from the covariances, against the truth.

Usage: python benchmarks/coverage.py [folder for the simulated data] [particles] [E …]
"""

import json
import os
import sys
import tempfile

if __name__ != "__main__":  # whoever looks for the package of this name, as numba does, must not find a benchmark
    raise ImportError("benchmarks/coverage.py is a program")

import numpy as np
from scipy.stats import chi2
from stage import command, simulated, table

from gmmrefine.io.mrc import read_map
from gmmrefine.io.particles_file import read_particle_set
from gmmrefine.io.pose_error_labels import RAN_AWAY
from gmmrefine.maps.fsc import shell_correlation
from gmmrefine.pipelines.pose_error_columns import covariance_of
from gmmrefine.validation.pose_error import pose_error_vectors

BOX, PIXEL_SIZE = 48, 3.6
ENERGIES = (100, 200, 300, 500, 1000)
PARTS = {"rotation": slice(0, 3), "shift": slice(3, 5), "pose": slice(0, 5)}


def coverage(errors, covariance, part):
    """Per cent of errors (N, 5) inside the regions of 68 and of 95 %, and the mean square over what is expected."""
    error, expected = errors[:, part], covariance[:, part, part]
    distance = np.einsum("bi,bi->b", error, np.linalg.solve(expected, error[..., None])[..., 0])
    inside = [100 * np.mean(distance < chi2.ppf(level, error.shape[1])) for level in (0.68, 0.95)]
    return (*inside, distance.mean() / error.shape[1])


def measure(folder, particles, energy):
    """Simulate and refine; rows of both tables."""
    _, truth = simulated(
        folder, particles=particles, box=BOX, pixel_size=PIXEL_SIZE, snr=energy / BOX**2, seed=5, pose_error=3, shift_error=2
    )
    refined = os.path.join(folder, "refined")
    command("refine", os.path.join(folder, "particles.star"), "-o", refined)
    found = read_particle_set(os.path.join(refined, "particles.star"))
    errors, covariance = pose_error_vectors(found, truth), covariance_of(found)
    cells = []
    for part in PARTS.values():
        near, far, ratio = coverage(errors, covariance, part)
        cells += [f"{near:.1f}", f"{far:.1f}", f"{ratio:.2f}"]
    rotation = np.degrees(np.sqrt(np.mean(np.sum(errors[:, :3] ** 2, axis=1))))
    away = int(found.table.particles.numbers(RAN_AWAY).sum())
    return (energy, particles, f"{rotation:.2f}", *cells, away), gains(folder, refined, energy)


def gains(folder, refined, energy):
    """Resolution, and FSC with the true map, of maps without and with weights from the covariances."""
    true_map, cells = read_map(os.path.join(folder, "truth.mrc")).data, [energy]
    for name, options in (("plain", ()), ("weighted", ("--weight-by-pose-error",))):
        output = os.path.join(folder, name)
        command(
            "reconstruct",
            os.path.join(refined, "particles.star"),
            "-o",
            output,
            "--mask",
            os.path.join(refined, "mask.mrc"),
            *options,
        )
        curve = shell_correlation(*(read_map(os.path.join(output, f"half_map_{half}.mrc")).data for half in (1, 2)))
        both = sum(read_map(os.path.join(output, f"half_map_{half}.mrc")).data for half in (1, 2))
        with open(os.path.join(output, "run.json"), encoding="utf-8") as file:
            resolution = json.load(file)["results"]["resolution"]
        cells += [f"{resolution:.3f}", f"{np.mean(curve[1:]):.4f}", f"{np.mean(shell_correlation(both, true_map)[1:]):.4f}"]
    return cells


def main(folder, particles, energies):
    """Measure and print the tables."""
    rows, weighted = zip(*(measure(os.path.join(folder, f"e{energy}"), particles, energy) for energy in energies))
    parts = [f"{name} {what}" for name in PARTS for what in ("68 %", "95 %", "mean square / expected")]
    table("Coverage of the poses' covariances", ("E", "particles", "rms rotation (°)", *parts, "ran away"), rows)
    of_maps = [
        f"{name}: {what}"
        for name in ("plain", "weighted")
        for what in ("resolution (Å)", "mean FSC of half maps", "mean FSC with the truth")
    ]
    table("Maps with particle weights from the covariances", ("E", *of_maps), weighted)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(
            sys.argv[1] if len(sys.argv) > 1 else scratch,
            int(sys.argv[2]) if len(sys.argv) > 2 else 2000,
            [int(text) for text in sys.argv[3:]] or ENERGIES,
        )
