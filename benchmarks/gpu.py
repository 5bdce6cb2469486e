"""A pass of pose refinement on your GPU: 10,000 particles × 240 px, simulated on the device from a GMM, without files.

Prints a table to send us: the first pass (with the estimate of the prior, kernels compiled) and a later one, memory at batches
of 16, and what 100,000 particles would take by the later pass, which is arithmetic and said to be. Minutes on a GPU of 16 GB.
On a CPU, or to try it: python benchmarks/gpu.py --particles 400 --box 64
"""

import argparse
import time

import numpy as np

from gmmrefine.alignment.fisher import march
from gmmrefine.alignment.refiner import FisherRefiner, refine_poses
from gmmrefine.backend import set_up, tf
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.geometry.rotations import angular_distance_deg, rotations_from_vectors
from gmmrefine.gmm.from_atoms import gmm_from_atoms
from gmmrefine.gmm.project import SliceProjector
from gmmrefine.io.atoms import embedded_model, read_atoms
from gmmrefine.particles.images import ImageBatch
from gmmrefine.particles.particle_set import CTF_RAW

NOISE = 3.0  # standard deviation of a Fourier sample over the rms of the signal
START_ERROR = 2.0, 1.5  # degrees, Å
EXTRAPOLATED = 100_000


class SimulatedParticles:
    """What ``refine_poses`` asks of particles that are in no file."""

    parent = particle = None
    stacks = ()

    def __init__(self, count, box_size, pixel_size, rng):
        self.box_size, self.pixel_size = box_size, pixel_size
        self.stack_index, self.slice_index = np.zeros(count, int), np.arange(count)
        self.rotations = rotations_from_vectors(rng.normal(0, 2, (count, 3)))
        self.shifts = rng.normal(0, 2.0, (count, 2))
        self.defocus = rng.uniform(1e4, 2.5e4, count)

    def __len__(self):
        return len(self.shifts)


class SimulatedReader:
    """Batches simulated on the device: slices of the GMM with a CTF and white noise.

    Parameters
    ----------
    particles : SimulatedParticles
    disc : HalfDisc
    projector : SliceProjector
    """

    def __init__(self, particles, disc, projector):
        self.particles, self.disc, self._projector = particles, disc, projector
        self._k2 = (disc.kx**2 + disc.ky**2) / (disc.box_size * particles.pixel_size) ** 2
        self._phase = 2 * np.pi * np.stack([disc.kx, disc.ky]) / (disc.box_size * particles.pixel_size)

    def batches(self, batch_size, index=None):
        """Yield ImageBatch of at most ``batch_size`` images."""
        index = np.arange(len(self.particles)) if index is None else index
        for start in range(0, len(index), batch_size):
            yield self._simulated(index[start : start + batch_size])

    def _simulated(self, index):
        particles = self.particles
        real, imag = (part.numpy() for part in self._projector.images(tf.constant(particles.rotations[index], tf.float32)))
        ctf = np.sin(np.pi * 0.0197 * particles.defocus[index, None] * self._k2 + 0.1).astype(np.float32)
        image = ctf * (real + 1j * imag) * np.exp(-1j * particles.shifts[index] @ self._phase)
        rng = np.random.default_rng([int(index[0]), 7])
        noise = NOISE * np.sqrt(np.mean(np.abs(image) ** 2) / 2) * rng.normal(size=(2, *image.shape))
        data = (image + noise[0] + 1j * noise[1]).astype(np.complex64)
        return ImageBatch(index, data, ctf, np.full(len(index), CTF_RAW))


def memory_gb():
    """Peak memory of the GPU so far; None on a CPU."""
    if not tf.config.get_visible_devices("GPU"):
        return None
    return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**30


def one_pass(problem, expected, batch_size, prior):
    """Seconds of a pass, its poses and the prior it found."""
    gmm, disc, reader, stages = problem
    began = time.perf_counter()
    refiner = FisherRefiner(SliceProjector(gmm, disc, reader.particles.pixel_size), np.ones(disc.radius + 1), stages, prior)
    (found,) = refine_poses([refiner], reader, batch_size, [expected], np.random.default_rng(1))
    return time.perf_counter() - began, found, refiner.prior


def main():
    """Simulate, refine twice, and print the table."""
    parser = argparse.ArgumentParser(description="A pass of pose refinement on a GPU, on simulated particles.")
    parser.add_argument("--particles", type=int, default=10_000)
    parser.add_argument("--box", type=int, default=240)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--device", default="auto", choices=("auto", "gpu", "cpu"))
    args = parser.parse_args()
    device, rng = set_up(device=args.device), np.random.default_rng(3)
    atoms = read_atoms(embedded_model())
    gmm = gmm_from_atoms(atoms.positions - atoms.positions.mean(axis=0), atoms.atomic_numbers, atoms.b_factors)
    particles = SimulatedParticles(args.particles, args.box, 192 / args.box, rng)
    disc = half_disc(args.box, int(0.345 * args.box))
    reader = SimulatedReader(particles, disc, SliceProjector(gmm, disc, particles.pixel_size))
    turn = rng.normal(0, np.radians(START_ERROR[0]) / np.sqrt(3), (args.particles, 3))
    start = (
        rotations_from_vectors(turn) @ particles.rotations,
        particles.shifts + rng.normal(0, START_ERROR[1] / np.sqrt(2), (args.particles, 2)),
    )
    problem = gmm, disc, reader, march(disc.radius, [0.2, 0.3, 0.5, 1.0])
    rows, prior = [], None
    for name, batch_size in (("first pass", args.batch_size), ("later pass", args.batch_size), ("batches of 16", 16)):
        seconds, found, prior = one_pass(problem, start, batch_size, prior)
        error = np.sqrt(np.mean(angular_distance_deg(found[0], particles.rotations) ** 2))
        rows.append((name, f"{seconds:.1f}", f"{len(particles) / seconds:.0f}", f"{error:.3f}", memory_gb()))
    print(f"\n{device}, TensorFlow {tf.__version__}, {len(particles)} particles, box {args.box}, {len(gmm)} Gaussians")
    print("Simulation included.\n")
    print("| pass | seconds | particles/s | rms rotation (°) | peak GPU memory (GB) |\n|---|---|---|---|---|")
    for *cells, memory in rows:
        print("| " + " | ".join([*cells, "–" if memory is None else f"{memory:.1f}"]) + " |")
    later = float(rows[1][1]) * EXTRAPOLATED / len(particles)
    print(f"\nBy arithmetic from the later pass, not measured: {EXTRAPOLATED} particles take {later:.0f} s.")


if __name__ == "__main__":
    main()
