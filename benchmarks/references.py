"""What poses are held against in whole runs: Gaussians in several numbers, the half map as voxels, both together.

A kind is ``gmm`` (default number), ``gmm:4500``, ``voxels``, ``voxels:10`` (each tenth of a half against the map of the other
nine) or ``mixed:1500`` (Gaussians and what they leave of the half map, weighted shell by shell as they agree with the other
half).

Usage: python benchmarks/references.py [--folder DIR] [--energy 1100] [--iterations 3] [--particles 2019] [kind …]
"""

import argparse
import os
import sys
import tempfile
import time
from functools import partial

import numpy as np
from limit_problem import Problem, cut_model
from stage import table
from voxel_reference import VoxelProjector

from gmmrefine.alignment.fisher import march
from gmmrefine.alignment.frame import anchored
from gmmrefine.alignment.refiner import FisherRefiner, refine_poses
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.fourier.shells import shell_of_resolution, shell_sums, smooth_curve
from gmmrefine.gmm.project import SliceProjector
from gmmrefine.gmm.render import centered_from_map, render_map
from gmmrefine.io.mrc import read_map
from gmmrefine.maps.filter import scale_shells
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.maps.reconstruct import FourierGrid
from gmmrefine.particles.images import ImageReader
from gmmrefine.particles.particle_set import split_half_sets
from gmmrefine.pipelines.build import fit_weights, gmm_of_map
from gmmrefine.pipelines.half_iteration import reference_reliability
from gmmrefine.progress import Progress
from gmmrefine.settings import RefineSettings

KINDS = ("gmm", "gmm:2500", "gmm:9000", "voxels", "voxels:10", "mixed:1500")


def reconstructed(half, members):
    """The map (Z, Y, X) of some particles (M,) of a half set."""
    some, grid = half.subset(members), FourierGrid(half.box_size)
    for batch in ImageReader(some, grid.disc).batches_in_place(128):
        grid.insert(batch, some.rotations[batch.index], some.shifts[batch.index] / half.pixel_size)
    return grid.map()


def shares_by_shell(gmm_maps, maps, radius):
    """Weights (2, R + 1) of Gaussians and of what they leave of their map, by least squares to the map of the other half."""
    gaussians, whole = ([centered_from_map(volume) for volume in part] for part in (gmm_maps, maps))
    normal, wanted = np.zeros((2, 2, radius + 1)), np.zeros((2, radius + 1))
    for number in (0, 1):
        parts = gaussians[number], whole[number] - gaussians[number]
        for row, one in enumerate(parts):
            wanted[row] += _product(one, whole[1 - number])[: radius + 1]
            for column, other in enumerate(parts):
                normal[row, column] += _product(one, other)[: radius + 1]
    normal = np.array([[smooth_curve(curve) for curve in row] for row in normal])
    wanted = np.array([smooth_curve(curve) for curve in wanted])
    shares = np.linalg.solve(np.moveaxis(normal, 2, 0) + 1e-9 * normal[0, 0][:, None, None] * np.eye(2), wanted.T[..., None])[
        ..., 0
    ]
    return np.clip(shares, 0, 1).T


def _product(one, other):
    return shell_sums((one * np.conj(other)).real, len(one))


class Reference:
    """What both halves of an iteration are held against.

    Parameters
    ----------
    kind : str
    halves : list of ParticleSet
    mask : (Z, Y, X) float
    iteration : int
    """

    def __init__(self, kind, halves, mask, iteration):
        self._name, _, number = kind.partition(":")
        self._halves, self._mask, pixel_size = halves, mask, halves[0].pixel_size
        self.parts = int(number) if number and self._name == "voxels" else 1
        self._maps = [reconstructed(half, np.arange(len(half))) for half in halves]
        self.curve = gold_standard_fsc(*self._maps, mask, pixel_size, 1)
        self.radius = shell_of_resolution(self.curve.resolution() or 25.0, len(mask), pixel_size)
        fsc = self.curve.fsc[: self.radius + 1]
        self._signal = np.clip(smooth_curve(fsc), 0, 1)
        if self._name != "voxels":
            settings = RefineSettings(gaussians=number or "auto")
            self._gmms = [
                gmm_of_map(
                    volume,
                    mask,
                    pixel_size,
                    fit_weights(fsc),
                    settings,
                    Progress(None, open(os.devnull, "w")),
                    iteration=iteration,
                    half=half,
                )
                for half, volume in enumerate(self._maps, 1)
            ]
        if self._name == "mixed":
            drawn = [render_map(gmm, len(mask), pixel_size) for gmm, _ in self._gmms]
            shares = np.zeros((2, len(mask)))
            shares[:, : self.radius + 1] = shares_by_shell(drawn, [volume * mask for volume in self._maps], self.radius)
            self._mixed = [
                scale_shells(gmm, shares[0]) + scale_shells(volume * mask - gmm, shares[1])
                for gmm, volume in zip(drawn, self._maps)
            ]

    def of(self, number, members, others, disc):
        """Projector and reliability (R + 1,) for some of the particles of a half set, given the others."""
        if self._name == "gmm":
            gmm, fsc = self._gmms[number]
            projector = SliceProjector(gmm, disc, self._halves[number].pixel_size)
            return projector, reference_reliability(self.curve.fsc[: self.radius + 1], fsc)
        if self._name == "mixed":
            return VoxelProjector(self._mixed[number], disc), np.ones(self.radius + 1)
        if len(others) == 0:
            return VoxelProjector(self._maps[number] * self._mask, disc), self._signal
        return VoxelProjector(reconstructed(self._halves[number], others) * self._mask, disc), np.ones(self.radius + 1)


def refined(half, start, number, reference, iteration):
    """A half set after one pass, each part of it against its reference."""
    disc = half_disc(half.box_size, min(reference.radius + 3, half.box_size // 2 - 1))
    stages = march(reference.radius, [float(text) for text in RefineSettings().march.split()])
    rotations, shifts = half.rotations.copy(), half.shifts.copy()
    part = np.arange(len(half)) % reference.parts
    for chosen in range(reference.parts):
        members, others = np.flatnonzero(part == chosen), np.flatnonzero(part != chosen)
        projector, reliability = reference.of(number, members, others, disc)
        refiner = FisherRefiner(projector, np.pad(reliability, (0, disc.radius - reference.radius)), stages)
        some, before = half.subset(members), start.subset(members)
        ((rotations[members], shifts[members], _),) = refine_poses(
            [refiner],
            ImageReader(some, disc),
            128,
            [(before.rotations, before.shifts)],
            np.random.default_rng([iteration, number]),
            [(some.rotations, some.shifts)],
        )
    return half.with_poses(*anchored(rotations, shifts, start.rotations, start.shifts))


def row(problem, mask, iterations, kind):
    """A whole run against one kind of reference."""
    starts = halves = split_half_sets(problem.start).both()
    began, rms = time.process_time(), []
    for iteration in range(1, iterations + 1):
        reference = Reference(kind, halves, mask, iteration)
        halves = [
            refined(half, start, number, reference, iteration) for number, (half, start) in enumerate(zip(halves, starts))
        ]
        rotations, shifts = np.empty_like(problem.start.rotations), np.empty_like(problem.start.shifts)
        for half in halves:
            members = problem.start.half_set == half.half
            rotations[members], shifts[members] = half.rotations, half.shifts
        rms.append(problem.errors(problem.start.with_poses(rotations, shifts)).rotation_rms)
    return (kind, *(f"{value:.3f}" for value in rms), f"{time.process_time() - began:.0f}")


def main(asked, folder):
    """Measure and print the table."""
    problem = Problem(
        os.path.join(folder, f"small_{asked.energy:g}_{asked.particles}"),
        cut_model(folder),
        asked.energy,
        100,
        particles=asked.particles,
        pixel_size=1.05,
        pose_error=5.2,
        shift_error=1.5,
        seed=1,
    )
    mask = read_map(problem.path("mask.mrc")).data
    header = [f"iteration {number}" for number in range(1, asked.iterations + 1)]
    table(
        f"Rms rotation (°) by what poses are held against: 59 kDa, E {asked.energy:g}, bound {problem.bound()[0]:.3f}°",
        ("reference", *header, "CPU s"),
        list(map(partial(row, problem, mask, asked.iterations), asked.kinds)),
    )


def arguments():
    """What is asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", default=KINDS)
    parser.add_argument("--folder", help="keep the simulated data there")
    parser.add_argument("--energy", type=float, default=1100)
    parser.add_argument("--iterations", type=int, default=3)
    parser.add_argument("--particles", type=int, default=2019)
    return parser.parse_args()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        wanted = arguments()
        main(wanted, wanted.folder or scratch)
        sys.exit(0)
