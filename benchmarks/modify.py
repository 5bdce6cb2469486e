"""Density modification against the truth: half maps of 6MSM with waters, FSC to the true map by component class.

Usage: python benchmarks/modify.py [FOLDER]
"""

import os
import sys
import tempfile

import numpy as np
from audit import model_with_waters
from stage import command, simulated, table

from gmmrefine.gmm.from_atoms import gmm_from_atoms
from gmmrefine.gmm.render import render_map
from gmmrefine.io.atoms import read_atoms
from gmmrefine.io.mrc import MapGrid, read_map
from gmmrefine.maps.filter import scale_shells
from gmmrefine.maps.fsc import gold_standard_fsc, shell_correlation
from gmmrefine.maps.mask import mask_around, soft_mask
from gmmrefine.maps.modify import band_of, modify, modify_half
from gmmrefine.maps.smearing import smearing_from_spectrum
from gmmrefine.validation.audit import KEPT, LOST, WEAKENED, densities, find_copies, judge, relative_to_polymer
from gmmrefine.validation.component_class import component_classes
from gmmrefine.validation.q_summary import present_classes
from gmmrefine.validation.qscore import q_scores

BOX, VOXEL = 128, 1.25
REACH, EDGE = 2.5, 3.0  # Å and px of a class mask around its atoms
DRAWS = 3
EVEN, UNEVEN = (60.0, 60.0), (60.0, 180.0)  # B factors at the upper and the lower end, Å²
CASES = (
    ("B 60", EVEN, 0.7, "white"),
    ("B 60", EVEN, 3.0, "white"),
    ("B 60 to 180", UNEVEN, 0.7, "white"),
    ("B 60 to 180", UNEVEN, 1.5, "white"),
    ("B 60 to 180", UNEVEN, 1.5, "coarse"),
)
WAYS = ("mean", "mean × √(2 FSC / (1 + FSC))", "modified")


def white_or_coarse(kind, rng):
    """Noise (Z, Y, X), white or with a power that rises as 1 / k² below 12 Å."""
    noise = rng.standard_normal((BOX,) * 3, np.float32)
    if kind == "white":
        return noise
    frequency = np.maximum(np.arange(BOX // 2 + 1), 0.5) / (BOX * VOXEL)
    return scale_shells(noise, np.sqrt(1 + (0.08 / frequency) ** 2))


def members_of(classes):
    """Which atoms (A,) bool are in each class, and all of them."""
    members = {"all": np.ones(len(classes), bool)}
    members.update({name: classes == name for name in present_classes(classes)})
    return members


def masks_of(members, positions, box, voxel):
    """Soft masks (Z, Y, X) around the atoms of each class."""
    return {name: mask_around(positions[one], REACH, box, voxel, EDGE) for name, one in members.items()}


def agreement(volume, truth, masks, last):
    """Mean FSC of a map with the truth under each mask, shells 1 to ``last``."""
    return {name: shell_correlation(volume * mask, truth * mask)[1 : last + 1].mean() for name, mask in masks.items()}


class Molecule:
    """The true map of a molecule whose B factors go from one value (top) to another (bottom), and the masks of its classes."""

    def __init__(self, atoms, b_factors):
        self.atoms, self.positions = atoms, atoms.positions - atoms.positions.mean(axis=0)
        top, bottom = b_factors
        b_factors = top + (bottom - top) / (1 + np.exp(self.positions[:, 2] / 6.0))
        self.truth = render_map(gmm_from_atoms(self.positions, atoms.atomic_numbers, b_factors), BOX, VOXEL)
        self.classes = component_classes(atoms)
        self.members = members_of(self.classes)
        self.masks = masks_of(self.members, self.positions, BOX, VOXEL)

    def agreement(self, volume, last):
        """Mean FSC of a map with the truth by class, shells 1 to ``last``."""
        return agreement(volume, self.truth, self.masks, last)

    def scored(self, volume):
        """Q-scores and densities of the atoms, (A,) each."""
        grid = MapGrid(volume, np.full(3, VOXEL), np.full(3, -(BOX // 2) * VOXEL))
        density = densities(self.positions, grid, np.random.default_rng(2))
        every = np.ones(len(self.positions), bool)
        return q_scores(self.positions, grid).values, relative_to_polymer(density, every, self.classes)


def ways(halves, curve, mask):
    """The maps that are compared, by name."""
    mean, fsc = 0.5 * (halves[0] + halves[1]), np.clip(curve.fsc, 0, 1)
    n, voxel = len(mask), curve.pixel_size
    smearing = smearing_from_spectrum(*halves, mask, voxel, band_of(n)).on_grid(n, voxel)
    return dict(
        zip(WAYS, (mean, scale_shells(mean, np.sqrt(2 * fsc / (1 + fsc))), modify(*halves, mask, displacement=smearing)[0]))
    )


def measure(molecule, noise, kind, seed):
    """One draw of half maps: agreement and Q by way, excess of the modified halves' FSC, counts of the audit, resolution."""
    rng = np.random.default_rng(seed)
    deviation = noise * molecule.truth[soft_mask(molecule.truth, VOXEL, 8.0) > 0.5].std()
    halves = [(molecule.truth + deviation * white_or_coarse(kind, rng)).astype(np.float32) for _ in range(2)]
    mean = 0.5 * (halves[0] + halves[1])
    mask = soft_mask(mean, VOXEL)
    curve = gold_standard_fsc(*halves, mask, VOXEL)
    resolution = curve.resolution()
    last = int(BOX * VOXEL / resolution)
    maps = ways(halves, curve, mask)
    scores = {name: molecule.scored(volume) for name, volume in maps.items()}
    modified = [modify_half(half, curve.fsc, mask) for half in halves]
    between = shell_correlation(*(half * mask for half in modified))
    to_truth = [shell_correlation(half * mask, molecule.truth * mask) for half in modified]
    excess = (between - to_truth[0] * to_truth[1])[1 : last + 1]
    copies = find_copies(molecule.classes, molecule.atoms.residue_index)
    (q_before, before), (q_after, after) = scores[WAYS[1]], scores[WAYS[2]]
    status = judge(copies, q_before, q_after, before, after, molecule.classes, molecule.atoms.residue_index)
    return (
        {name: molecule.agreement(volume, last) for name, volume in maps.items()},
        {name: {kind: q[one].mean() for kind, one in molecule.members.items()} for name, (q, _) in scores.items()},
        (excess.mean(), excess.max()),
        [int(np.sum(status == one)) for one in (KEPT, WEAKENED, LOST)],
        resolution,
    )


def reconstructed_rows(folder):
    """Half maps of particles at true poses and 3° off, against the true map and that of the same poses without noise."""
    options = {"particles": 1500, "box": 96, "pixel_size": 1.8}
    noisy, clean = os.path.join(folder, "noisy"), os.path.join(folder, "clean")
    simulated(noisy, snr=0.1, **options)
    simulated(clean, snr=10000, **options)  # the same poses

    def halves_of(simulation, poses):
        output = os.path.join(simulation, f"{poses}_maps")
        command("reconstruct", os.path.join(simulation, f"{poses}.star"), "-o", output)
        return [read_map(os.path.join(output, f"half_map_{number}.mrc")).data for number in (1, 2)]

    true_map, atoms = read_map(os.path.join(noisy, "truth.mrc")), read_atoms(os.path.join(noisy, "model.cif"))
    box, voxel = len(true_map.data), true_map.voxel_size
    masks = masks_of(members_of(component_classes(atoms)), atoms.positions - box // 2 * voxel, box, voxel)
    rows = []
    for poses, label in (("truth", "true poses"), ("particles", "poses 3° off")):
        halves, without_noise = halves_of(noisy, poses), np.mean(halves_of(clean, poses), axis=0)
        mask = soft_mask(0.5 * (halves[0] + halves[1]), voxel)
        curve = gold_standard_fsc(*halves, mask, voxel)
        last = int(box * voxel / curve.resolution())
        for against, truth in (("true map", true_map.data), ("map without noise", without_noise)):
            for name, volume in ways(halves, curve, mask).items():
                found = agreement(volume, truth, masks, last)
                case = f"{label}, {curve.resolution():.2f} Å, against the {against}"
                rows.append((case, name, *(f"{value:.4f}" for value in found.values())))
    return list(masks), rows


def main():
    """Measure and print the tables."""
    names, rows = reconstructed_rows(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    table("FSC of maps from 1,500 particles up to the resolution", ("case", "map", *names), rows)
    atoms = model_with_waters(np.random.default_rng(1))
    molecules = {b_factors: Molecule(atoms, b_factors) for b_factors in (EVEN, UNEVEN)}
    names = list(molecules[EVEN].masks)
    agreement_rows, q_rows, honesty_rows = [], [], []
    for label, b_factors, noise, kind in CASES:
        draws = [measure(molecules[b_factors], noise, kind, seed) for seed in range(1, DRAWS + 1)]
        case = f"{label}, noise {noise:g} {kind}, {np.mean([draw[4] for draw in draws]):.2f} Å"
        for rows, part in ((agreement_rows, 0), (q_rows, 1)):
            rows.extend(
                (case, way, *(f"{np.mean([draw[part][way][name] for draw in draws]):.4f}" for name in names)) for way in WAYS
            )
        worst = min(draw[0][WAYS[2]][name] - draw[0][WAYS[0]][name] for draw in draws for name in names)
        mean, largest = np.mean([draw[2] for draw in draws], axis=0)
        honesty_rows.append(
            (case, f"{worst:+.4f}", f"{mean:+.3f}", f"{largest:+.3f}", *np.sum([draw[3] for draw in draws], axis=0))
        )
    table(
        f"FSC to the true map up to the resolution, mean of {DRAWS} noise draws (target: no class below the mean)",
        ("case", "map", *names),
        agreement_rows,
    )
    table("Mean Q-score", ("case", "map", *names), q_rows)
    table(
        "Worst class of any draw, FSC between modified halves beyond FSC to the truth squared, audit",
        ("case", "smallest modified − mean", "excess, mean", "excess, largest", "kept", "weakened", "lost"),
        honesty_rows,
    )


if __name__ == "__main__":
    main()
