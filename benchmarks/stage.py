"""What the benchmarks share: running a command in a folder of its own, and printing a table."""

import os
import platform
import time

import numpy as np

from gmmrefine.__main__ import main
from gmmrefine.alignment.cramer_rao import cramer_rao_bound
from gmmrefine.alignment.likelihood import ImageFit, ShellWeights
from gmmrefine.backend import set_up
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.from_atoms import gmm_from_atoms
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.project import SliceProjector
from gmmrefine.io.atoms import embedded_model, read_atoms
from gmmrefine.io.particles_file import read_particle_set
from gmmrefine.particles.images import ImageReader

set_up()


def command(*arguments):
    """Run one engine command; seconds it took.

    Raises
    ------
    RuntimeError
        It failed.
    """
    started = time.perf_counter()
    if main([str(argument) for argument in arguments]) != 0:
        raise RuntimeError(f"gmmrefine {arguments[0]} failed")
    return time.perf_counter() - started


def simulated(folder, **options):
    """Simulate the embedded model into ``folder`` unless it is there already; the start and true particle sets."""
    if not os.path.exists(os.path.join(folder, "truth.mrc")):
        flags = [text for name, value in options.items() for text in (f"--{name.replace('_', '-')}", value)]
        command("simulate", "6msm", "-o", folder, *flags)
    return tuple(read_particle_set(os.path.join(folder, name)) for name in ("particles.star", "truth.star"))


def true_gmm(folder):
    """The simulated molecule in the units of the images: one Gaussian per atom."""
    import json

    with open(os.path.join(folder, "run.json"), encoding="utf-8") as file:
        noise = json.load(file)["results"]["noise_deviation_of_signal_units"]
    atoms = read_atoms(embedded_model())
    gmm = gmm_from_atoms(atoms.positions - atoms.positions.mean(axis=0), atoms.atomic_numbers, atoms.b_factors)
    return Gmm(gmm.centers, gmm.amplitudes / noise, gmm.widths)


def bound(truth, gmm, lowest_ring=2):
    """Cramér-Rao bounds of rotation (degrees) and shift (Å) from all signal below Nyquist; the noise has variance 1."""
    disc = half_disc(truth.box_size, truth.box_size // 2 - 1)
    projector, reader = SliceProjector(gmm, disc, truth.pixel_size), ImageReader(truth, disc)
    precision = np.where(np.arange(disc.radius + 1) >= lowest_ring, 2.0 / truth.box_size**2, 0)
    weights = ShellWeights(np.ones(disc.radius + 1), precision)
    information = [
        ImageFit(batch, disc, truth.pixel_size, 128).normal_equations(
            projector, weights, truth.rotations[batch.index], truth.shifts[batch.index]
        )[2]
        for batch in reader.batches(128)
    ]
    return cramer_rao_bound(np.concatenate(information))


def machine():
    """One line that says where the numbers were measured."""
    import tensorflow as tf

    gpus = [
        tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    return (
        f"{os.cpu_count()} CPU cores, {', '.join(gpus) or 'no GPU'}, Python {platform.python_version()}, "
        f"TensorFlow {tf.__version__}, {time.strftime('%Y-%m-%d')}"
    )


def table(title, header, rows):
    """Print a Markdown table."""
    print(f"\n### {title}\n\n{machine()}\n")
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)
