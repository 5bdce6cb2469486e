"""Density modification against the truth: half maps of 6MSM with waters, FSC to the true map by component class.

Usage: python benchmarks/modify.py
"""
import numpy as np
from audit import model_with_waters
from stage import table

from gmmrefine.gmm.from_atoms import gmm_from_atoms
from gmmrefine.gmm.render import render_map
from gmmrefine.io.mrc import MapGrid
from gmmrefine.maps.filter import scale_shells
from gmmrefine.maps.fsc import gold_standard_fsc, shell_correlation
from gmmrefine.maps.mask import mask_around, soft_mask
from gmmrefine.maps.modify import modify, modify_half
from gmmrefine.validation.audit import KEPT, LOST, WEAKENED, densities, find_copies, judge, relative_to_polymer
from gmmrefine.validation.component_class import component_classes
from gmmrefine.validation.q_summary import present_classes
from gmmrefine.validation.qscore import q_scores

BOX, VOXEL = 128, 1.25
REACH, EDGE = 2.5, 3.0  # Å and px of a class mask around its atoms
DRAWS = 3
EVEN, UNEVEN = (60.0, 60.0), (60.0, 180.0)  # B factors at the upper and the lower end, Å²
CASES = (
    ("B 60", EVEN, 0.7, "white"), ("B 60", EVEN, 3.0, "white"), ("B 60 to 180", UNEVEN, 0.7, "white"),
    ("B 60 to 180", UNEVEN, 1.5, "white"), ("B 60 to 180", UNEVEN, 1.5, "coarse"))
WAYS = ("mean", "mean × √(2 FSC / (1 + FSC))", "modified")


def white_or_coarse(kind, rng):
    """Noise (Z, Y, X), white or with a power that rises as 1 / k² below 12 Å."""
    noise = rng.standard_normal((BOX,) * 3, np.float32)
    if kind == "white":
        return noise
    frequency = np.maximum(np.arange(BOX // 2 + 1), 0.5) / (BOX * VOXEL)
    return scale_shells(noise, np.sqrt(1 + (0.08 / frequency) ** 2))


class Molecule:
    """The true map of a molecule whose B factors go from one value (top) to another (bottom), and the masks of its classes."""

    def __init__(self, atoms, b_factors):
        self.atoms, self.positions = atoms, atoms.positions - atoms.positions.mean(axis=0)
        top, bottom = b_factors
        b_factors = top + (bottom - top) / (1 + np.exp(self.positions[:, 2] / 6.0))
        self.truth = render_map(gmm_from_atoms(self.positions, atoms.atomic_numbers, b_factors), BOX, VOXEL)
        self.classes = component_classes(atoms)
        members = {"all": np.ones(len(atoms), bool)}
        members.update({name: self.classes == name for name in present_classes(self.classes)})
        self.members = members
        self.masks = {name: mask_around(self.positions[one], REACH, BOX, VOXEL, EDGE) for name, one in members.items()}

    def agreement(self, volume, last):
        """Mean FSC of a map with the truth under the mask of each class, shells 1 to ``last``."""
        return {
            name: shell_correlation(volume * mask, self.truth * mask)[1 : last + 1].mean() for name, mask in self.masks.items()}

    def scored(self, volume):
        """Q-scores and densities of the atoms, (A,) each."""
        grid = MapGrid(volume, np.full(3, VOXEL), np.full(3, -(BOX // 2) * VOXEL))
        density = densities(self.positions, grid, np.random.default_rng(2))
        every = np.ones(len(self.positions), bool)
        return q_scores(self.positions, grid).values, relative_to_polymer(density, every, self.classes)


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
    fsc = np.clip(curve.fsc, 0, 1)
    maps = dict(zip(WAYS, (mean, scale_shells(mean, np.sqrt(2 * fsc / (1 + fsc))), modify(*halves, mask)[0])))
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
        (excess.mean(), excess.max()), [int(np.sum(status == one)) for one in (KEPT, WEAKENED, LOST)], resolution)


def main():
    """Measure and print the tables."""
    atoms = model_with_waters(np.random.default_rng(1))
    molecules = {b_factors: Molecule(atoms, b_factors) for b_factors in (EVEN, UNEVEN)}
    names = list(molecules[EVEN].masks)
    agreement_rows, q_rows, honesty_rows = [], [], []
    for label, b_factors, noise, kind in CASES:
        draws = [measure(molecules[b_factors], noise, kind, seed) for seed in range(1, DRAWS + 1)]
        case = f"{label}, noise {noise:g} {kind}, {np.mean([draw[4] for draw in draws]):.2f} Å"
        for rows, part in ((agreement_rows, 0), (q_rows, 1)):
            rows.extend(
                (case, way, *(f"{np.mean([draw[part][way][name] for draw in draws]):.4f}" for name in names)) for way in WAYS)
        worst = min(draw[0][WAYS[2]][name] - draw[0][WAYS[0]][name] for draw in draws for name in names)
        mean, largest = np.mean([draw[2] for draw in draws], axis=0)
        honesty_rows.append((
            case, f"{worst:+.4f}", f"{mean:+.3f}", f"{largest:+.3f}", *np.sum([draw[3] for draw in draws], axis=0)))
    table(f"FSC to the true map up to the resolution, mean of {DRAWS} noise draws (target: no class below the mean)", (
        "case", "map", *names), agreement_rows)
    table("Mean Q-score", ("case", "map", *names), q_rows)
    table("Worst class of any draw, FSC between modified halves beyond FSC to the truth squared, audit", (
        "case", "smallest modified − mean", "excess, mean", "excess, largest", "kept", "weakened", "lost"), honesty_rows)


if __name__ == "__main__":
    main()
