"""Q-scores: speed on one CPU core, and agreement with the original program.

Usage: python benchmarks/qscore.py

The original program's values are found as the tests find them; without them only the embedded model is timed.
"""

import os

for library in ("OMP", "OPENBLAS", "MKL"):  # read when NumPy is imported
    os.environ[f"{library}_NUM_THREADS"] = "1"

import time  # noqa: E402

import gemmi  # noqa: E402
import numpy as np  # noqa: E402
from stage import table  # noqa: E402

from gmmrefine.io.atoms import embedded_model, read_atoms  # noqa: E402
from gmmrefine.io.mrc import MapGrid, read_grid  # noqa: E402
from gmmrefine.validation.qscore import q_scores  # noqa: E402

SHARED = os.environ.get("GMMREFINE_TEST_DATA", os.path.join(os.path.dirname(__file__), "..", "..", "shared", "data"))
REPEATS = 3


def timed(atoms, grid, sigma):
    """Scores, and atoms/s of the best and the worst repeat."""
    seconds = []
    for _ in range(REPEATS):
        started = time.process_time()
        scores = q_scores(atoms.positions, grid, sigma)
        seconds.append(time.process_time() - started)
    return scores.values, len(atoms) / min(seconds), len(atoms) / max(seconds)


def oracle_row(atoms, grid, expected, sigma):
    """Agreement with the original program, whose values are for σ 0.6, and speed."""
    values, fastest, slowest = timed(atoms, grid, sigma)
    if sigma != 0.6:
        return ("7CEC chain A", len(atoms), sigma, f"{values.mean():.4f}", "–", "–", "–", f"{slowest:.0f}-{fastest:.0f}")
    difference = values - expected
    return (
        "7CEC chain A",
        len(atoms),
        sigma,
        f"{values.mean():.4f}",
        f"{np.corrcoef(values, expected)[0, 1]:.7f}",
        f"{difference.mean():+.1e}",
        f"{np.abs(difference).max():.4f}",
        f"{slowest:.0f}-{fastest:.0f}",
    )


def main():
    """Measure and print the table."""
    rows, folder = [], os.path.join(SHARED, "qscore")
    if os.path.isdir(folder):
        atoms, grid = read_atoms(os.path.join(folder, "7cec_A.cif")), read_grid(os.path.join(folder, "390_emd_30342_A_z4.mrc"))
        block = gemmi.cif.read(os.path.join(folder, "7cec_A_mapq.cif")).sole_block()
        expected = np.array([float(text) for text in block.find_values("_atom_site.Q_score")])
        rows += [oracle_row(atoms, grid, expected, sigma) for sigma in (0.6, 0.4)]
    atoms = read_atoms(embedded_model())
    lowest = atoms.positions.min(axis=0) - 5
    shape = np.ceil(np.ptp(atoms.positions, axis=0) + 10).astype(int)[::-1]
    noise = MapGrid(np.random.default_rng(1).normal(size=shape).astype(np.float32), np.ones(3), lowest)
    values, fastest, slowest = timed(atoms, noise, 0.6)
    rows.append(("6MSM in noise", len(atoms), 0.6, f"{values.mean():.4f}", "–", "–", "–", f"{slowest:.0f}-{fastest:.0f}"))
    title = "Q-scores on one core (targets: r ≥ 0.99999, mean within 0.0005, largest deviation ≤ 0.005, ≥ 5,000 atoms/s)"
    table(title, ("model", "atoms", "σ (Å)", "mean Q", "r with MapQ", "mean − MapQ's", "largest deviation", "atoms/s"), rows)


if __name__ == "__main__":
    main()
