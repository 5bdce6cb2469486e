"""Peak memory of a refinement of 2,000 and of 20,000 particles: images are streamed, so it must not grow with their number.

Usage: python benchmarks/memory.py [folder for the simulated data]
"""

import json
import os
import subprocess
import sys
import tempfile

COUNTS = (2000, 20000)
MOST_GROWTH = 0.1
GRID = ("--box", "64", "--pixel-size", "2.7")


def command(*arguments):
    """Run one engine command in a process of its own, so that its peak is its own."""
    subprocess.run([sys.executable, "-m", "gmmrefine", *arguments], check=True)


def measured(folder, count):
    """The run.json of one iteration on ``count`` simulated particles."""
    data, run = os.path.join(folder, f"{count}_particles"), os.path.join(folder, f"{count}_refined")
    if not os.path.exists(os.path.join(data, "truth.mrc")):
        command("simulate", "6msm", "-o", data, "--particles", str(count), *GRID)
    command("refine", os.path.join(data, "particles.star"), "-o", run, "--iterations", "1", "--gaussians", "1000")
    with open(os.path.join(run, "run.json"), encoding="utf-8") as file:
        return json.load(file)


def main(folder):
    """Measure and print the table; exit code 1 when memory grows."""
    records = [measured(folder, count) for count in COUNTS]
    print("\n| particles | images on disk (MB) | peak memory (MB) | seconds |\n|---|---|---|---|")
    for count, record in zip(COUNTS, records):
        size = os.path.getsize(os.path.join(folder, f"{count}_particles", "particles.mrcs")) / 2**20
        print(f"| {count} | {size:.0f} | {record['peak_memory_mb']:.0f} | {record['timings']['total']:.0f} |")
    growth = records[1]["peak_memory_mb"] / records[0]["peak_memory_mb"] - 1
    print(f"\npeak memory grows by {100 * growth:+.1f} % (target: within {100 * MOST_GROWTH:.0f} %)")
    return 0 if growth <= MOST_GROWTH else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(main(sys.argv[1]))
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(main(temporary))
