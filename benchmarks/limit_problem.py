"""Problems of known difficulty, and what can be had of them: the bound, and one pass against maps at true poses."""

import json
import os

import gemmi
import numpy as np
from stage import bound, command
from voxel_reference import VoxelProjector

from gmmrefine.alignment.fisher import march
from gmmrefine.alignment.refiner import FisherRefiner, refine_poses
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.fourier.shells import shell_of_resolution, smooth_curve
from gmmrefine.gmm.from_atoms import gmm_from_atoms
from gmmrefine.gmm.model import Gmm
from gmmrefine.io.atoms import embedded_model, read_atoms
from gmmrefine.io.mrc import read_map
from gmmrefine.io.particles_file import read_particle_set
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.particles.halves import Halves
from gmmrefine.particles.images import ImageReader
from gmmrefine.particles.particle_set import split_half_sets
from gmmrefine.settings import RefineSettings
from gmmrefine.validation.pose_error import pose_errors

_CUT_AWAY = {"A": lambda number: number < 12 or 60 <= number <= 203}  # of 3SN6: what is flexible of Gs alpha
_KEPT = "AB"
_B_FACTOR = 40.0  # Å², in place of the crystal's, which would leave nothing finer than 4 Å


def test_model(name):
    """Path of a model of the test data, which GMMREFINE_TEST_DATA names; 6msm is inside the engine."""
    if name == "6msm":
        return embedded_model()
    return os.path.join(os.environ["GMMREFINE_TEST_DATA"], "models", f"{name}.cif.gz")


def cut_model(folder):
    """Gs alpha without its flexible domain and G beta of 3SN6, 59 kDa, written into ``folder``; its path."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "3sn6_59kda.cif")
    structure = gemmi.read_structure(test_model("3sn6"))
    structure.setup_entities()
    structure.remove_ligands_and_waters()
    for name in [chain.name for chain in structure[0]]:
        if name not in _KEPT:
            structure[0].remove_chain(name)
    for chain in structure[0]:
        for index in reversed(range(len(chain))):
            if _CUT_AWAY.get(chain.name, lambda number: False)(chain[index].seqid.num):
                del chain[index]
        for residue in chain:
            for atom in residue:
                atom.b_iso = _B_FACTOR
    structure.make_mmcif_document().write_file(path)
    return path


class Problem:
    """Simulated particles with their truth.

    Parameters
    ----------
    folder : str
        For its data; what is there already is used.
    model : str
        Path of the atomic model.
    energy : float
        Signal over noise of an image, per sample: SNR × box².
    box : int
        px
    options : object
        Further options of ``simulate``: ``particles``, ``pixel_size``, ``pose_error``, ``shift_error``, ``seed``.
    """

    def __init__(self, folder, model, energy, box, **options):
        self.folder, self._model = folder, model
        if not os.path.exists(os.path.join(folder, "truth.mrc")):
            flags = [text for name, value in options.items() for text in (f"--{name.replace('_', '-')}", value)]
            command("simulate", model, "-o", folder, "--box", box, "--snr", energy / box**2, *flags)
        self.start, self.truth = (read_particle_set(self.path(name)) for name in ("particles.star", "truth.star"))

    def path(self, name):
        """Of a file of the problem."""
        return os.path.join(self.folder, name)

    def bound(self):
        """Cramér-Rao bounds of rotation (degrees) and shift (Å) of the true map."""
        with open(self.path("run.json"), encoding="utf-8") as file:
            noise = json.load(file)["results"]["noise_deviation_of_signal_units"]
        atoms = read_atoms(self._model)
        gmm = gmm_from_atoms(atoms.positions - atoms.positions.mean(axis=0), atoms.atomic_numbers, atoms.b_factors)
        return bound(self.truth, Gmm(gmm.centers, gmm.amplitudes / noise, gmm.widths))

    def errors(self, particles):
        """``pose_errors`` of particles with the half sets of the problem."""
        return pose_errors(particles, self.truth)

    def pass_at_truth(self, mask_path):
        """Errors of one pass from the start poses against each half's own map at true poses, as voxels, filtered by the FSC.

        The noise that an image has in such a map holds it at its true pose: the pass flatters a little.
        """
        folder = self.path("at_truth")
        if not os.path.exists(os.path.join(folder, "map.mrc")):
            command("reconstruct", self.path("truth.star"), "-o", folder, "--mask", mask_path)
        mask = read_map(mask_path).data
        maps = [read_map(os.path.join(folder, f"half_map_{half}.mrc")).data for half in (1, 2)]
        pixel_size = self.start.pixel_size
        curve = gold_standard_fsc(*maps, mask, pixel_size, 1)
        radius = shell_of_resolution(curve.resolution(), curve.box_size, pixel_size)
        signal = np.clip(smooth_curve(curve.fsc[: radius + 1]), 0, 1)
        halves = split_half_sets(self.start)
        refined = halves.map(lambda half, volume: _one_pass(half, volume * mask, signal), Halves(*maps))
        rotations, shifts = np.empty_like(self.start.rotations), np.empty_like(self.start.shifts)
        for half in refined.both():
            members = self.start.half_set == half.half
            rotations[members], shifts[members] = half.rotations, half.shifts
        return self.errors(self.start.with_poses(rotations, shifts)), curve.resolution()


def _one_pass(half, volume, signal):
    """A half set after one pass against a map (Z, Y, X) of which a part ``signal`` (R + 1,) by ring is signal."""
    radius = len(signal) - 1
    disc = half_disc(half.box_size, min(radius + 3, half.box_size // 2 - 1))
    projector = VoxelProjector(volume, disc)
    stages = march(radius, [float(text) for text in RefineSettings().march.split()])
    refiner = FisherRefiner(projector, np.pad(signal, (0, disc.radius - radius)), stages)
    ((rotations, shifts, _),) = refine_poses(
        [refiner], ImageReader(half, disc), 128, [(half.rotations, half.shifts)], np.random.default_rng(1)
    )
    return half.with_poses(rotations, shifts)
