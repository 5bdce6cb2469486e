"""How well a GMM follows the map it is built from: the clean map of 6MSM, and a noisy half map, at several resolutions.

Usage: python benchmarks/gmm_build.py [folder for the simulated data]
"""

import json
import os
import sys
import tempfile

import numpy as np
from stage import command, simulated, table

from gmmrefine.io.mrc import read_map
from gmmrefine.maps.fsc import shell_correlation

RESOLUTIONS = (10, 7, 5, 4.2)


def row(folder, name, resolution):
    """Build one GMM with the default settings; its agreement with its map and with the truth."""
    output = os.path.join(folder, f"build_{name}_{resolution}")
    seconds = command(
        "build",
        os.path.join(folder, name),
        "-o",
        output,
        "--resolution",
        resolution,
        "--mask",
        os.path.join(folder, "mask.mrc"),
    )
    with open(os.path.join(output, "run.json"), encoding="utf-8") as file:
        results = json.load(file)["results"]
    truth, mask = (read_map(os.path.join(folder, other)).data for other in ("truth.mrc", "mask.mrc"))
    radius = int(len(mask) * read_map(os.path.join(folder, name)).voxel_size / resolution)
    band = np.arange(2, radius + 1)
    model = shell_correlation(read_map(os.path.join(output, "gmm_map.mrc")).data, truth * mask)[band].mean()
    own = shell_correlation(read_map(os.path.join(folder, name)).data * mask, truth * mask)[band].mean()
    return (
        name,
        resolution,
        results["gaussians"],
        f"{results['mean_fsc']:.4f}",
        f"{results['fsc_at_resolution']:.3f}",
        f"{own:.4f}",
        f"{model:.4f}",
        f"{seconds:.0f}",
    )


def main(folder):
    """Measure and print the table."""
    simulated(folder, particles=2000)
    if not os.path.exists(os.path.join(folder, "half_map_1.mrc")):
        command(
            "reconstruct",
            os.path.join(folder, "truth.star"),
            "-o",
            os.path.join(folder, "at_truth"),
            "--mask",
            os.path.join(folder, "mask.mrc"),
        )
        os.replace(os.path.join(folder, "at_truth", "half_map_1.mrc"), os.path.join(folder, "half_map_1.mrc"))
    rows = [row(folder, name, resolution) for name in ("truth.mrc", "half_map_1.mrc") for resolution in RESOLUTIONS]
    table(
        "GMM and the map it is built from (target: mean FSC ≥ 0.95 with a clean map)",
        (
            "map",
            "resolution (Å)",
            "Gaussians (auto)",
            "mean FSC, GMM to map",
            "at the resolution",
            "mean FSC, masked map to truth",
            "mean FSC, GMM to truth",
            "seconds",
        ),
        rows,
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(sys.argv[1] if len(sys.argv) > 1 else scratch)
