"""Particles as people have them, beside the same particles undisturbed.

grey: images disturbed in ways that say nothing about the molecule; a refinement must end where that of the images as simulated
does. duplicates: pure noise extracted twice, which must have no resolution (``real_input_duplicates``). optics: groups of
several grids, aberrations and states (``real_input_optics``), beside RELION where it is installed.

Usage: python benchmarks/real_input.py [grey] [duplicates] [optics] [--folder DIR of simulated data] [--seeds 1 2 3, of grey]
"""

import os
import shutil
import tempfile

import mrcfile
import numpy as np
from points import parser_of
from real_input_duplicates import duplicates
from real_input_optics import optics
from stage import command, simulated, table

from gmmrefine.io.particles_file import read_particle_set
from gmmrefine.io.stack_writer import StackWriter
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.validation.pose_error import pose_errors

SMALL = {"particles": 300, "box": 48, "pixel_size": 4, "snr": 0.3, "pose_error": 3, "shift_error": 2}
TARGET = 3  # percent


def grey_values(folder, seeds):
    """Gains, backgrounds and ramps: each alone, then all together."""
    rows, as_simulated = [], None
    for title, disturb in GREY_VALUES.items():
        found = np.array([refined(os.path.join(folder, f"seed_{seed}"), title, disturb, seed) for seed in seeds])
        as_simulated = found if as_simulated is None else as_simulated
        rotation, shift, fsc, seconds = found.mean(axis=0)
        changes = 100 * (found.mean(axis=0) / as_simulated.mean(axis=0) - 1)
        rows.append(
            (
                title,
                f"{rotation:.3f}",
                f"{changes[0]:+.1f} %",
                f"{shift:.3f}",
                f"{changes[1]:+.1f} %",
                f"{fsc:.4f}",
                f"{changes[2]:+.1f} %",
                f"{seconds:.0f}",
            )
        )
    size = f"{SMALL['particles']} particles, box {SMALL['box']}"
    table(
        f"Grey values: {size}, means over seeds {', '.join(map(str, seeds))} (target: within {TARGET} %)",
        ("images", "mean rotation error (°)", "", "mean shift error (Å)", "", "mean FSC to the truth", "", "seconds"),
        rows,
    )


def gains(images, rng):
    return images * np.exp(rng.normal(0, 0.7, (len(images), 1, 1)))


def third_stronger(images, rng):
    return images * np.where(rng.permutation(len(images)) % 3 == 0, 20, 1)[:, None, None]


def background(deviations):
    return lambda images, rng: images + deviations


def ramps(images, rng, rise=3):
    """Planes that rise by ``rise`` standard deviations from side to side, each along a direction of its own."""
    axis = np.arange(images.shape[1]) / images.shape[1] - 0.5
    angle = rng.uniform(0, 2 * np.pi, (len(images), 1, 1))
    return images + rise * (np.cos(angle) * axis + np.sin(angle) * axis[:, None])


def all_together(images, rng):
    return third_stronger(gains(ramps(images + 10, rng), rng), rng)


GREY_VALUES = {
    "as simulated": None,
    "gains, log-normal, σ 0.7": gains,
    "a third × 20": third_stronger,
    "background + 1 σ": background(1),
    "background + 3 σ": background(3),
    "background + 10 σ": background(10),
    "ramps of 3 σ": ramps,
    "all together": all_together,
}


def refined(folder, title, disturb, seed):
    """Mean pose errors (°, Å), mean FSC of the map to the truth, seconds; of a refinement of disturbed images."""
    _, truth = simulated(folder, seed=seed, **SMALL)
    place = os.path.join(folder, "".join(letter if letter.isalnum() else "_" for letter in title))
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    stack = os.path.join(folder, "particles.mrcs")
    if disturb is not None:
        images = mrcfile.read(stack).astype(float)
        with StackWriter(os.path.join(place, "particles.mrcs"), len(images), truth.box_size, truth.pixel_size) as writer:
            writer.append(disturb(images, np.random.default_rng(seed)))
    else:
        os.symlink(stack, os.path.join(place, "particles.mrcs"))
    shutil.copy(os.path.join(folder, "particles.star"), place)
    run = os.path.join(place, "refined")
    seconds = command("refine", os.path.join(place, "particles.star"), "-o", run)
    errors = pose_errors(read_particle_set(os.path.join(run, "particles.star")), truth)
    halves = [mrcfile.read(os.path.join(run, f"half_map_{number}.mrc")) for number in (1, 2)]
    return errors.rotation_deg.mean(), errors.shift.mean(), fsc_to_truth(halves, folder, truth.pixel_size), seconds


def fsc_to_truth(halves, folder, pixel_size):
    """Mean FSC of the mean of two half maps with the true map, under the true mask."""
    truth, mask = (mrcfile.read(os.path.join(folder, name)) for name in ("truth.mrc", "mask.mrc"))
    curve = gold_standard_fsc(0.5 * (halves[0] + halves[1]), truth, mask, pixel_size, 1)
    return float(curve.masked[1:].mean())


POINTS = {
    "grey": grey_values,
    "duplicates": lambda folder, _seeds: duplicates(folder),
    "optics": lambda folder, _seeds: optics(folder),
}


def main(points, folder, seeds):
    """Measure and print a table for each point."""
    for point in points:
        POINTS[point](os.path.join(folder, point), seeds)


if __name__ == "__main__":
    parser = parser_of(__doc__.splitlines()[0], POINTS)
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3])
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        main(chosen.points, chosen.folder or scratch, chosen.seeds)
