"""How fast the parts of a refinement are, by size, as ratios of CPU seconds taken turn by turn in one process on one thread.

Writes benchmarks/results.json and prints the table. Usage: python benchmarks/speed.py [--folder DIR] [64] [128] [240]
"""

import argparse
import ctypes
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SIZES = {64: (2.7, 24, 9703), 128: (1.4, 43, 7374), 240: (0.8, 83, 7374)}  # box: Å/px, ring of the resolution, Gaussians
PARTICLES, PAPER_PARTICLES, INSERTED, ROUNDS = 1000, 16, 64, 2
RESULTS = Path(__file__).with_name("results.json")
LOOP = Path(__file__).with_name("insert_trilinear.c")


def measured(folder, box):
    """The numbers of one size, in a process of its own so that its peak memory is its own."""
    code = f"import speed; speed.measure({str(folder)!r}, {box})"
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(process.stdout.splitlines()[-1])


def measure(folder, box):
    """Print the numbers of one size as JSON."""
    from gmmrefine.backend import set_up

    set_up(1)
    import stage

    from gmmrefine.gmm.model import Gmm
    from gmmrefine.validation.pose_error import pose_errors

    pixel_size, radius, count = SIZES[box]
    place = os.path.join(folder, f"box{box}")
    start, truth = stage.simulated(place, particles=PARTICLES, box=box, pixel_size=pixel_size, pose_error=2, shift_error=1.5)
    atoms = stage.true_gmm(place)
    gmm = Gmm(atoms.centers[:count], atoms.amplitudes[:count], atoms.widths[:count])
    speedup, poses = pose_speedup(gmm, start, radius)
    error = pose_errors(start.with_poses(*poses), truth).rotation_rms
    build, fsc = built(os.path.join(place, "truth.mrc"), pixel_size, radius, count)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        json.dumps(
            {
                "n_gaussians": count,
                "box": box,
                "pose_speedup": round(speedup, 1),
                "pose_error_over_bound": round(error / stage.bound(truth, atoms)[0], 3),
                "build_seconds": round(build, 2),
                "build_fsc": round(fsc, 4),
                "reconstruct_over_compiled": insertion_ratio(start),
                "peak_gb": round(peak, 2),
            }
        )
    )


def pose_speedup(gmm, start, radius):
    """CPU time of the paper's scheme over ours with table, prior and schedule, a particle; and our poses."""
    from gmmrefine.alignment.adam import AdamRefiner
    from gmmrefine.alignment.fisher import march
    from gmmrefine.alignment.refiner import FisherRefiner, refine_poses
    from gmmrefine.fourier.half_disc import half_disc
    from gmmrefine.gmm.project import ExactProjector, SliceProjector
    from gmmrefine.particles.images import ImageReader
    from gmmrefine.settings import RefineSettings

    settings, pixel_size = RefineSettings(), start.pixel_size
    disc, few = half_disc(start.box_size, radius), start.subset(slice(0, PAPER_PARTICLES))
    adam = AdamRefiner(
        ExactProjector(gmm, disc, pixel_size), ImageReader(few, disc), 16, settings.adam_steps, settings.learning_rate
    )
    stages = march(radius, [float(text) for text in settings.march.split()])
    found = []

    def ours():
        refiner = FisherRefiner(SliceProjector(gmm, disc, pixel_size), np.ones(radius + 1), stages)
        found[:] = refine_poses(
            [refiner],
            ImageReader(start, disc),
            settings.batch_size,
            [(start.rotations, start.shifts)],
            np.random.default_rng(1),
        )

    paper, own = in_turn(lambda: adam.refine(few.rotations, few.shifts), ours)
    return paper / PAPER_PARTICLES / (own / len(start)), found[0][:2]


def built(path, pixel_size, radius, count):
    """CPU seconds of a GMM's fit to a map, and the mean FSC that it reaches."""
    from gmmrefine.gmm.fit import MapTarget, fit_gaussians
    from gmmrefine.gmm.render import centered_from_map
    from gmmrefine.gmm.seed import molecule_voxels, seed_gaussians
    from gmmrefine.io.mrc import read_map
    from gmmrefine.maps.mask import molecule_threshold

    volume = read_map(path).data
    began = time.process_time()
    seeds = seed_gaussians(
        volume,
        molecule_voxels(volume, None, molecule_threshold(volume)),
        count,
        pixel_size,
        len(volume) * pixel_size / radius,
        np.random.default_rng(1),
    )
    target = MapTarget(centered_from_map(volume), pixel_size, np.ones(radius + 1))
    gmm = fit_gaussians(seeds, target, 30)
    parameters = np.column_stack([gmm.centers / pixel_size, gmm.masses, gmm.widths / pixel_size])
    return time.process_time() - began, 1 - target.disagreement(parameters)[0]


def insertion_ratio(particles):
    """CPU time of insertion over that of a plain loop in C; None without a compiler."""
    from gmmrefine.maps.reconstruct import FourierGrid
    from gmmrefine.particles.images import ImageReader

    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    few, grid = particles.subset(slice(0, INSERTED)), FourierGrid(particles.box_size)
    batch, shifts = ImageReader(few, grid.disc).read(np.arange(INSERTED)), few.shifts / few.pixel_size
    place = np.stack([grid.disc.kx, grid.disc.ky])
    matched, sums = batch.matched(), np.zeros((*grid._shape, 3), np.float32)
    k, turns = place * (grid._side / few.box_size), place / few.box_size
    operands = [
        np.ascontiguousarray(part, np.float32)
        for part in (*k, *turns, few.rotations, shifts, matched.real, matched.imag, batch.ctf**2)
    ]
    with tempfile.TemporaryDirectory() as scratch:
        library = os.path.join(scratch, "insert.so")
        flags = ["-O3", "-march=native", "-ffast-math", "-shared", "-fPIC"]
        subprocess.run([compiler, *flags, LOOP, "-o", library, "-lm"], check=True)
        loop = ctypes.CDLL(library).insert
    pointers = [ctypes.c_void_p(part.ctypes.data) for part in (*operands, sums)]
    shape = [ctypes.c_long(side) for side in grid._shape]
    ours, plain = in_turn(
        lambda: grid.insert(batch, few.rotations, shifts), lambda: loop(INSERTED, place.shape[1], *pointers, *shape)
    )
    return round(ours / plain, 2)


def in_turn(*works):
    """Least CPU seconds of each of some works, done in turn; a first turn compiles."""
    spent = []
    for _ in range(ROUNDS + 1):
        marks = [time.process_time()]
        for work in works:
            work()
            marks.append(time.process_time())
        spent.append(np.diff(marks))
    return np.min(spent[1:], axis=0)


def main():
    """Measure, write results.json and print the table."""
    parser = argparse.ArgumentParser(description="How fast the parts of a refinement are, by size.")
    parser.add_argument("sizes", nargs="*", type=int, default=list(SIZES), metavar="BOX", help="64, 128, 240")
    parser.add_argument("--folder", help="keep the simulated data there")
    args = parser.parse_args()
    for box in args.sizes:
        if box not in SIZES:
            parser.error(f"{box}: expected {', '.join(map(str, SIZES))}")
    with tempfile.TemporaryDirectory() as scratch:
        results = [measured(args.folder or scratch, box) for box in args.sizes]
    for result in results:
        # the first needs the paper's network, the second RELION beside it
        result.update(build_speedup=None, iteration_over_relion=None)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    columns = (
        "box",
        "n_gaussians",
        "pose_speedup",
        "pose_error_over_bound",
        "build_seconds",
        "build_fsc",
        "reconstruct_over_compiled",
        "peak_gb",
    )
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    for result in results:
        print("| " + " | ".join(str(result[column]) for column in columns) + " |")


if __name__ == "__main__":
    main()
