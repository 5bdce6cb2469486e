"""What an installation must show before anyone relies on it: simulated particles, refined and held against their truth."""

import json
import os
from dataclasses import dataclass

import numpy as np

from gmmrefine.alignment.cramer_rao import cramer_rao_bound
from gmmrefine.alignment.likelihood import ImageFit, ShellWeights
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.from_atoms import gmm_from_atoms
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.project import SliceProjector
from gmmrefine.gmm.render import render_map
from gmmrefine.io.atoms import embedded_model, read_atoms
from gmmrefine.io.mrc import write_map
from gmmrefine.io.particles_file import read_particle_set
from gmmrefine.particles.images import ImageReader
from gmmrefine.validation.pose_error import pose_errors

SIMULATED = {"particles": 700, "box": 56, "pixel_size": 3.0, "snr": 0.12, "pose_error": 3, "shift_error": 2, "seed": 11}
REFINED = {"iterations": 3, "seed": 11}
MOST_OF_BOUND, MOST_OF_RESOLUTION = 1.3, 1.05
_AUDIT_BOX, _AUDIT_PIXEL, _ATOM_WIDTH, _AUDIT_NOISE = 112, 1.25, 0.9, 0.05  # px, Å, Å and map units
_MEAN_Q, _Q_TOLERANCE = 0.78, 0.02  # of the model in the map of its own atoms, of that width and with that noise
LOST = "A/ATP 1503"


@dataclass(frozen=True)
class Verdict:
    """Of one stage: whether it passed, and what was found."""

    passed: bool
    text: str


def simulation_verdict(folder):
    """Whether the simulated start poses are as far from the truth as was asked for."""
    start, truth = (read_particle_set(os.path.join(folder, name)) for name in ("particles.star", "truth.star"))
    found = pose_errors(start, truth)
    wanted = SIMULATED["pose_error"], SIMULATED["shift_error"]
    near = abs(found.rotation_rms / wanted[0] - 1) < 0.1 and abs(found.shift_rms / wanted[1] - 1) < 0.1
    return Verdict(
        near,
        f"{len(start)} particles, {found.rotation_rms:.2f}° and {found.shift_rms:.2f} Å from the truth (asked for: "
        f"{wanted[0]}° and {wanted[1]} Å)",
    )


def poses_verdict(simulated, refined):
    """Whether refined rotations are as near to the truth as the images allow."""
    truth = read_particle_set(os.path.join(simulated, "truth.star"))
    found = pose_errors(read_particle_set(os.path.join(refined, "particles.star")), truth)
    bound = rotation_bound(truth, true_gmm(simulated))
    return Verdict(
        bool(found.rotation_rms <= MOST_OF_BOUND * bound),
        f"rms rotation error {found.rotation_rms:.2f}°, {found.rotation_rms / bound:.2f} times the Cramér-Rao bound (at most "
        f"{MOST_OF_BOUND})",
    )


def resolution_verdict(refined, at_truth):
    """Whether the map is as fine as one made at the true poses."""
    reached, possible = (_results(folder)["resolution"] for folder in (refined, at_truth))
    if not reached or not possible:
        return Verdict(False, "no resolution: the half maps agree nowhere")
    return Verdict(
        bool(reached <= MOST_OF_RESOLUTION * possible),
        f"{reached:.2f} Å, from true poses {possible:.2f} Å ({100 * (reached / possible - 1):+.1f} %, at most "
        f"{100 * (MOST_OF_RESOLUTION - 1):.0f} %)",
    )


def plant_loss(folder):
    """Write two maps of the embedded model, the second without one of its ligands; their paths."""
    atoms = read_atoms(embedded_model())
    centre = (atoms.positions.max(axis=0) + atoms.positions.min(axis=0)) / 2
    chain, named = LOST.split("/")
    residue, number = named.split()
    lost = (
        (np.asarray(atoms.chains) == chain)
        & (np.asarray(atoms.residue_names) == residue)
        & (np.asarray(atoms.residue_numbers) == int(number))
    )
    paths = []
    for name, kept in (("complete", np.ones(len(atoms), bool)), ("lost", ~lost)):
        gmm = Gmm(atoms.positions[kept] - centre, atoms.atomic_numbers[kept].astype(float), np.full(kept.sum(), _ATOM_WIDTH))
        noise = np.random.default_rng(1).normal(0, _AUDIT_NOISE, (_AUDIT_BOX,) * 3)
        paths.append(os.path.join(folder, f"{name}.mrc"))
        volume = (render_map(gmm, _AUDIT_BOX, _AUDIT_PIXEL) + noise).astype(np.float32)
        write_map(paths[-1], volume, _AUDIT_PIXEL, tuple(centre - _AUDIT_BOX // 2 * _AUDIT_PIXEL))
    return paths


def q_verdict(audit):
    """Whether the model has the Q-score that it has in the map of its own atoms."""
    found = _results(audit)["maps"]["complete"]["mean_q"]
    return Verdict(bool(abs(found - _MEAN_Q) <= _Q_TOLERANCE), f"mean Q {found:.3f} (expected {_MEAN_Q} ± {_Q_TOLERANCE})")


def audit_verdict(audit):
    """Whether the audit names what was left out of the second map, and nothing else."""
    results = _results(audit)
    lost = results["lost"]["lost"] + results["parts_lost"]["lost"]
    return Verdict(lost == [LOST], f"lost: {', '.join(lost) or 'nothing'} (planted: {LOST})")


def true_gmm(simulated):
    """The simulated molecule in the units of the images, one Gaussian per atom."""
    noise = _results(simulated)["noise_deviation_of_signal_units"]
    atoms = read_atoms(embedded_model())
    gmm = gmm_from_atoms(atoms.positions - atoms.positions.mean(axis=0), atoms.atomic_numbers, atoms.b_factors)
    return Gmm(gmm.centers, gmm.amplitudes / noise, gmm.widths)


def rotation_bound(truth, gmm, lowest_ring=2):
    """Cramér-Rao bound of rotations, rms degrees, from all signal below Nyquist in images whose noise has variance 1."""
    size = 128
    disc = half_disc(truth.box_size, truth.box_size // 2 - 1)
    projector, reader = SliceProjector(gmm, disc, truth.pixel_size), ImageReader(truth, disc)
    precision = np.where(np.arange(disc.radius + 1) >= lowest_ring, 2.0 / truth.box_size**2, 0)
    weights = ShellWeights(np.ones(disc.radius + 1), precision)
    return cramer_rao_bound(
        np.concatenate(
            [
                ImageFit(batch, disc, truth.pixel_size, size).normal_equations(
                    projector, weights, truth.rotations[batch.index], truth.shifts[batch.index]
                )[2]
                for batch in reader.batches(size)
            ]
        )
    )[0]


def _results(folder):
    with open(os.path.join(folder, "run.json"), encoding="utf-8") as file:
        return json.load(file)["results"]
