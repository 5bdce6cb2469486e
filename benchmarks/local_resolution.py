"""Local resolution of half maps whose two sides have known resolutions, and its speed.

Usage: python benchmarks/local_resolution.py
"""

import os
import resource
import sys
import time

import numpy as np
from stage import table

from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.maps.local_resolution import local_resolution

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tests"))
from half_and_half import globule, half_and_half

BOX, PIXEL_SIZE, AWAY = 96, 1.5, 16.0
PAIRS = ((8.0, 4.0), (6.0, 4.0), (10.0, 5.0), (4.0, 4.0), (8.0, 8.0))


def accuracy_row(resolutions, seed):
    """Median and middle two thirds of the local resolution on each side, ``AWAY`` Å from the other."""
    rng = np.random.default_rng(seed)
    molecule, mask = globule(BOX, PIXEL_SIZE, rng)
    halves = half_and_half(molecule, mask, PIXEL_SIZE, resolutions, rng)
    started = time.perf_counter()
    found = local_resolution(*halves, mask, PIXEL_SIZE)
    seconds = time.perf_counter() - started
    x = (np.arange(BOX) - BOX // 2) * PIXEL_SIZE
    cells = []
    for true, side in zip(resolutions, (x < -AWAY, x > AWAY)):
        low, median, high = np.percentile(found[(mask > 0.5) & side], (16, 50, 84))
        cells += [true, f"{median:.2f} ({low:.2f} to {high:.2f})", f"{100 * (median / true - 1):+.1f} %"]
    return (seed, *cells, f"{gold_standard_fsc(*halves, mask, PIXEL_SIZE).resolution():.2f}", f"{seconds:.1f}")


def speed_row(box_size):
    """Seconds and growth of the peak memory for one box."""
    rng = np.random.default_rng(1)
    halves = rng.standard_normal((2, box_size, box_size, box_size), np.float32)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    local_resolution(*halves, np.ones_like(halves[0]), 1.0)
    seconds = time.perf_counter() - started
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return box_size, f"{seconds:.1f}", f"{grown:.0f}", f"{grown / (box_size**3 * 4 / 2**20):.1f}"


def main():
    """Measure and print both tables."""
    rows = [accuracy_row(pair, seed) for pair in PAIRS for seed in (1, 2)]
    title = f"Local resolution of two sides, box {BOX}, {PIXEL_SIZE} Å/px (target: median within 10 % on each side)"
    side = "measured (middle 68 %)", "off"
    table(title, ("seed", "left (Å)", *side, "right (Å)", *side, "whole map (Å)", "s"), rows)
    header = "box", "seconds", "peak memory (MB more)", "in maps"
    table("Speed of local resolution", header, [speed_row(box_size) for box_size in (96, 192, 256)])


if __name__ == "__main__":
    main()
