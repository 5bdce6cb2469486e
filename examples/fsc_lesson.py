"""Why a better map can have a worse FSC: two rigid and two flexible subunits (Fig. S9 of Chen et al. 2023).

Two molecules are made of four copies of one domain. Two copies are rigid; the two others are poorly resolved in the first
molecule and better in the second, with all else equal. Prints the FSC next to local resolution and Q-scores and draws them.

Usage: python examples/fsc_lesson.py [folder]
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gmmrefine.figures.figure import new_panels, save_figure
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.gmm.from_atoms import gmm_from_atoms, randomised
from gmmrefine.gmm.render import render_map
from gmmrefine.io.atoms import embedded_model, read_atoms
from gmmrefine.io.mrc import MapGrid
from gmmrefine.maps.fsc import FscCurve, gold_standard_fsc
from gmmrefine.maps.local_resolution import local_resolution
from gmmrefine.maps.mask import mask_around
from gmmrefine.pipelines.simulate import place_of_copy
from gmmrefine.validation.qscore import q_scores

BOX, PIXEL_SIZE = 96, 1.4
CONFORMATIONS = 10  # averaged into every half map
SNR = 0.5  # of a half map, variances over the whole box
RIGID = 1.5  # rms displacement of atoms in Å
FLEXIBLE = {"A: flexible subunits poor": 16.0, "B: flexible subunits better": 4.0}
B_FACTOR = 20.0  # Å²


@dataclass
class Quality:
    """What is measured of a map: its FSC, and of the rigid and the flexible subunits (in this order) all else."""

    curve: FscCurve
    subunit_resolution: list
    local_resolution: list
    q: list
    slice: np.ndarray


def four_subunits():
    """Positions (A, 3) in Å, atomic numbers (A,), and whether each atom is in one of the two flexible copies (A,) bool."""
    atoms = read_atoms(embedded_model())
    domain = atoms.subset((atoms.entities == "protein") & (atoms.residue_numbers >= 1208) & (atoms.residue_numbers <= 1440))
    operators = point_group("D2")
    one = domain.positions - domain.positions.mean(axis=0)
    one = one + place_of_copy(one, operators)
    positions = np.concatenate([one @ operator.T for operator in operators])
    return positions, np.tile(domain.atomic_numbers, 4), np.repeat([False, False, True, True], len(one))


def half_map(positions, numbers, displacement, rng):
    """Mean of conformations whose atoms are displaced by an rms distance (A,) in Å, with white noise, (Z, Y, X)."""
    gmm = gmm_from_atoms(positions, numbers, np.full(len(positions), B_FACTOR))
    signal = sum(render_map(randomised(gmm, displacement[:, None], rng), BOX, PIXEL_SIZE) for _ in range(CONFORMATIONS))
    noise = rng.standard_normal(signal.shape, np.float32)
    return (signal + np.sqrt(signal.var() / SNR) * noise).astype(np.float32)


def measure(positions, numbers, flexible, distance):
    """Make two half maps whose flexible subunits are displaced by a distance in Å, and measure everything."""
    rng = np.random.default_rng(1)  # the same draws for all molecules
    displacement = np.where(flexible, distance, RIGID)
    halves = [half_map(positions, numbers, displacement, rng) for _ in range(2)]
    mean = 0.5 * (halves[0] + halves[1])
    parts = ~flexible, flexible
    masks = [mask_around(positions[part], 3.0, BOX, PIXEL_SIZE) for part in parts]
    local = local_resolution(*halves, np.maximum(*masks), PIXEL_SIZE)
    origin = np.full(3, -(BOX // 2) * PIXEL_SIZE)
    q = q_scores(positions, MapGrid(mean, np.full(3, PIXEL_SIZE), origin)).values
    return Quality(
        gold_standard_fsc(*halves, None, PIXEL_SIZE),
        [gold_standard_fsc(*halves, mask, PIXEL_SIZE).resolution() for mask in masks],
        [float(np.median(local[mask > 0.9])) for mask in masks],
        [float(q[part].mean()) for part in parts],
        mean[:, BOX // 2 + round(positions[flexible, 1].max() / 2 / PIXEL_SIZE)],
    )


def main(folder):
    """Measure both molecules, print and draw; gives a dict of Quality."""
    model = four_subunits()
    found = {name: measure(*model, distance) for name, distance in FLEXIBLE.items()}
    print(
        f"{'':30}  whole map       rigid | flexible subunits\n"
        f"{'':30}  FSC 0.143       FSC 0.143           local resolution    mean Q"
    )
    for name, each in found.items():
        pairs = [
            " | ".join(f"{value:.2f}" for value in pair) for pair in (each.subunit_resolution, each.local_resolution, each.q)
        ]
        print(f"{name:30}  {each.curve.resolution():.2f} Å          {pairs[0]} Å     {pairs[1]} Å     {pairs[2]}")
    path = Path(folder) / "fsc_lesson.png"
    draw(found, path)
    print(f"FSC and slices: {path}")
    return found


def draw(found, path):
    """FSC of all molecules in one panel, and a slice through a flexible subunit of each."""
    figure, [panels] = new_panels((13, 4), 1, 1 + len(found))
    for (name, each), axes in zip(found.items(), panels[1:]):
        panels[0].plot(each.curve.frequency, each.curve.fsc, label=name)
        axes.imshow(each.slice, cmap="Greys", origin="lower")
        axes.set(title=name, xticks=[], yticks=[])
    panels[0].axhline(0.143, color="grey", linestyle="--", linewidth=1)
    panels[0].set(xlabel="spatial frequency (1/Å)", ylabel="FSC, without a mask")
    panels[0].legend(fontsize=8)
    save_figure(figure, path)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(sys.argv[1] if len(sys.argv) > 1 else scratch)
