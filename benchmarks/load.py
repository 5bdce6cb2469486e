"""How time and memory grow with the number of particles: one iteration of refine, import and export, Scipion's conversion.

Every case runs at two sizes or more in a process of its own. Slopes per 1,000 particles, and what 100,000 (box 64), 1,000,000
rows and 100,000 particles would take by them, are printed; with --full these numbers themselves are run, which needs 2 GB of
disk and half an hour.

Usage: python benchmarks/load.py [folder] [--full]
"""

import os
import subprocess
import sys
import tempfile
import time

import numpy as np
from stage import simulated, table

from gmmrefine.io.star_particles import write_particles
from gmmrefine.particles.particle_set import CtfParameters, ParticleSet

ITERATION, ROWS, CONVERSION = (1000, 2000), (25000, 50000), (2500, 5000)
FULL = (100000,), (1000000,), (100000,)
TARGETS = 100000, 1000000, 100000
BOX, PIXEL_SIZE, ROWS_BOX = 64, 2.7, 16
MOST_SECONDS_OF_CONVERSION = 60
CONVERT = """
import os, sys, time
from pwem.objects import SetOfParticles
from scipion_gmmrefine.convert.star_reader import fillSet
from scipion_gmmrefine.convert.star_writer import writeParticles
source, folder = sys.argv[1:]
for name in ("stacks", "out_stacks"):
    os.makedirs(os.path.join(folder, name))
particles = SetOfParticles(filename=folder + "/particles.sqlite")
started = time.perf_counter()
fillSet(particles, source, folder + "/stacks")
particles.write()
middle = time.perf_counter()
writeParticles(particles, folder + "/out.star", folder + "/out_stacks")
print("seconds", middle - started, time.perf_counter() - middle)
"""


# Resident memory at most since the program was started; what getrusage has is that of the parent before it too.
PEAK = "print('peak', next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')), flush=True)"
ENGINE = f"""
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_module("gmmrefine", run_name="__main__")
finally:
    {PEAK}
"""


def run(code, *words):
    """Run a program that ends with PEAK; seconds, peak memory in MB, and what it printed."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{words} failed: {done.stderr[-500:]}")
    (peak,) = (int(line.split()[1]) / 1024 for line in done.stdout.splitlines() if line.startswith("peak "))
    return time.perf_counter() - started, peak, done.stdout


def iteration(folder, count):
    """Seconds and MB of one iteration of ``count`` particles, start maps and GMMs included."""
    source = os.path.join(folder, f"images_{count}")
    simulated(source, particles=count, box=BOX, pixel_size=PIXEL_SIZE, snr=0.1)
    seconds, peak, _ = run(
        ENGINE,
        "gmmrefine",
        "refine",
        os.path.join(source, "particles.star"),
        "-o",
        os.path.join(folder, f"refined_{count}"),
        "--iterations",
        1,
    )
    return {"one iteration of refine, box 64": (seconds, peak)}


def rows(folder, count):
    """Seconds and MB of exporting and importing a table of ``count`` rows, whose images are an empty file."""
    star = os.path.join(folder, f"rows_{count}.star")
    write_particles(star, particles_without_images(folder, count))
    output = os.path.join(folder, f"export_{count}")
    exported = run(ENGINE, "gmmrefine", "export", star, "--to", "rows.cs", "-o", output)
    back = os.path.join(folder, f"import_{count}")
    imported = run(ENGINE, "gmmrefine", "import", os.path.join(output, "rows.cs"), "-o", back)
    return {"export .star to .cs": exported[:2], "import .cs to .star": imported[:2]}


def particles_without_images(folder, count):
    """A ParticleSet of random poses whose stack is a header and nothing on disk behind it."""
    import mrcfile

    stack = os.path.join(folder, f"empty_{count}.mrcs")
    with mrcfile.new(stack, overwrite=True) as file:
        file.set_data(np.zeros((1, ROWS_BOX, ROWS_BOX), np.float32))
        file.set_image_stack()
        file.header.nz = count
    os.truncate(stack, 1024 + 4 * count * ROWS_BOX**2)
    from scipy.spatial.transform import Rotation

    rng, ones, index = np.random.default_rng(1), np.ones(count), np.arange(count)
    ctf = CtfParameters(
        defocus_u=15000 + 5000 * rng.random(count),
        defocus_v=15000 + 5000 * rng.random(count),
        defocus_angle=180 * rng.random(count),
        phase_shift_deg=0 * ones,
        voltage_kv=300 * ones,
        cs_mm=2.7 * ones,
        amplitude_contrast=0.1 * ones,
        state=np.zeros(count, int),
    )
    return ParticleSet(
        stacks=(stack,),
        stack_index=np.zeros(count, int),
        slice_index=index,
        rotations=Rotation.random(count, random_state=1).as_matrix(),
        shifts=rng.normal(0, 3, (count, 2)),
        half_set=1 + index % 2,
        ctf=ctf,
        box_size=ROWS_BOX,
        pixel_size=2.0,
        row=index,
    )


def conversion(folder, count):
    """Seconds and MB of making a Scipion set of ``count`` particles, and of writing it for the engine."""
    star = os.path.join(folder, f"set_{count}.star")
    write_particles(star, particles_without_images(folder, count))
    place = os.path.join(folder, f"scipion_{count}")
    os.makedirs(place)
    _, peak, text = run(f"{CONVERT}{PEAK}", star, place)
    reading, writing = map(float, [line for line in text.splitlines() if line.startswith("seconds")][-1].split()[1:])
    return {"Scipion: .star to set": (reading, peak), "Scipion: set to .star": (writing, peak)}


def main(folder, full):
    """Measure, and print a table with slopes."""
    cells = []
    for measure, sizes, most, target in zip((iteration, rows, conversion), (ITERATION, ROWS, CONVERSION), FULL, TARGETS):
        sizes = (*sizes, *most) if full else sizes
        found = [measure(folder, size) for size in sizes]
        for name in found[0]:
            seconds, peaks = (np.array([one[name][part] for one in found]) for part in (0, 1))
            (slope, start), (growth, base) = (np.polyfit(sizes, values, 1) for values in (seconds, peaks))
            cells.append(
                (
                    name,
                    ", ".join(f"{size:,}" for size in sizes),
                    ", ".join(f"{value:.1f}" for value in seconds),
                    ", ".join(f"{value:.0f}" for value in peaks),
                    f"{1000 * slope:.3f}",
                    f"{1000 * growth:.2f}",
                    f"{start + slope * target:.0f} s, {base + growth * target:.0f} MB for {target:,}",
                )
            )
    table(
        "Load: time and memory by the number of particles",
        ("what", "particles", "seconds", "peak MB", "s per 1,000", "MB per 1,000", "by these slopes"),
        cells,
    )
    print(f"Target: 100,000 particles through Scipion's conversion in at most {MOST_SECONDS_OF_CONVERSION} s.")


if __name__ == "__main__":
    names = [word for word in sys.argv[1:] if word != "--full"]
    with tempfile.TemporaryDirectory() as scratch:
        main(names[0] if names else scratch, "--full" in sys.argv)
