"""Runs killed with -9 at any time go on to the same bytes: refine, refine-patches, heterogeneity and conformation-to-pose.

Every run is made once without harm, then again and again, each time killed after a part of its time that is drawn anew, and
given again until it ends. All tables, maps and archives of its folder are then compared with those of the first.

Usage: python benchmarks/kill_sweep.py [kills in all, 50] [folder]
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from stage import simulated, table

KILLS = 50
SMALL = "--gaussians", "80", "--fit-evaluations", "8", "--max-resolution", "13"
COMPARED = ".star", ".mrc", ".npz"
PATIENCE = 600  # seconds


def commands(folder):
    """The words of every command, by name; the conversion is one of a heterogeneity run."""
    particles, region = os.path.join(folder, "images", "particles.star"), ("--focus-sphere", "96 96 120 40")
    learned = os.path.join(folder, "heterogeneity", "whole")
    return {
        "refine": ("refine", particles, "--iterations", "2", *SMALL),
        "patches": ("refine-patches", particles, "--patches", "2", "--patch-iterations", "1", *SMALL),
        "heterogeneity": (
            "heterogeneity",
            particles,
            "--gaussians",
            "150",
            "--anchors",
            "8",
            "--epochs",
            "2",
            "--target-resolution",
            "12",
        ),
        "conversion": ("conformation-to-pose", learned, "--iterations", "1", *region, *SMALL),
    }


def begun(words, output):
    """A command at work in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "gmmrefine", *words, "-o", output], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def finished(words, output):
    """Seconds that a command took to its end.

    Raises
    ------
    RuntimeError
        It failed.
    """
    started, process = time.monotonic(), begun(words, output)
    _, said = process.communicate(timeout=PATIENCE)
    if process.returncode:
        raise RuntimeError(f"{words[0]} in {output}: {said.strip()}")
    return time.monotonic() - started


def killed_and_finished(words, output, seconds):
    """Kill a command after so many seconds, and give it again; whether it was at work then."""
    process = begun(words, output)
    try:
        process.communicate(timeout=seconds)
        return False
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    finished(words, output)
    return True


def different(one, other):
    """Names of tables, maps and archives that two folders do not have alike, list of str."""
    first, second = (
        {str(path.relative_to(root)) for path in Path(root).rglob("*") if path.suffix in COMPARED} for root in (one, other)
    )
    return sorted(first ^ second) + [name for name in sorted(first & second) if not _same(one, other, name)]


def _same(one, other, name):
    paths = [os.path.join(root, name) for root in (one, other)]
    if not name.endswith(".npz"):
        contents = [Path(path).read_bytes() for path in paths]
        return contents[0] == contents[1]
    with np.load(paths[0], allow_pickle=False) as first, np.load(paths[1], allow_pickle=False) as second:
        return set(first) == set(second) and all(first[key].tobytes() == second[key].tobytes() for key in first)


def main(kills, folder):
    rng, rows = np.random.default_rng(1), []
    simulated(os.path.join(folder, "images"), particles=240, box=48, pixel_size=4.0, snr=0.5)
    for name, words in commands(folder).items():
        whole = os.path.join(folder, name, "whole")
        seconds = finished(words, whole)
        counts = {"killed": 0, "other bytes": 0}
        for number in range(-(-kills // 4)):
            output = os.path.join(folder, name, f"killed_{number:02d}")
            counts["killed"] += killed_and_finished(words, output, rng.uniform(0.05, 0.95) * seconds)
            found = different(whole, output)
            counts["other bytes"] += bool(found)
            if found:
                print(f"{name}, kill {number}: {', '.join(found[:5])} differ", flush=True)
        rows.append((name, f"{seconds:.0f}", *counts.values()))
    table("Runs killed with -9 and given again", ("run", "seconds", "killed", "other bytes"), rows)
    return sum(row[3] for row in rows)


if __name__ == "__main__":
    most = int(sys.argv[1]) if len(sys.argv) > 1 else KILLS
    with tempfile.TemporaryDirectory() as place:
        sys.exit(main(most, sys.argv[2] if len(sys.argv) > 2 else place) > 0)
