"""The audit's rule on maps of 6MSM with waters: molecules deleted from the map and called lost, molecules left and called lost.

Every fourth ligand, ion, lipid and water is deleted in turn, from maps low-passed at several resolutions with noise added
before, independent of that of the whole map they are compared with.

Usage: python benchmarks/audit.py
"""

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree
from stage import table

from gmmrefine.fourier.shells import shell_of_resolution
from gmmrefine.gmm.from_atoms import gmm_from_atoms
from gmmrefine.gmm.render import render_map
from gmmrefine.io.atoms import embedded_model, read_atoms
from gmmrefine.io.mrc import MapGrid
from gmmrefine.maps.filter import low_pass
from gmmrefine.validation.audit import LOST, UNJUDGED, WEAKENED, densities, find_copies, judge, relative_to_polymer
from gmmrefine.validation.component_class import component_classes
from gmmrefine.validation.qscore import q_scores

BOX, VOXEL, WATERS, SETS = 160, 1.0, 20, 4
B_FACTOR = 60.0  # Å², of all atoms: 6MSM's own are larger than maps of 3 Å have
RESOLUTIONS, NOISES = (2.5, 3.0, 3.5, 4.0), (0.0, 0.3, 1.0)


def model_with_waters(rng):
    """The embedded model and waters 2.8 to 3.2 Å from its surface."""
    atoms = read_atoms(embedded_model())
    tree, places = cKDTree(atoms.positions), []
    while len(places) < WATERS:
        place = atoms.positions[rng.integers(len(atoms))] + rng.normal(0, 3, 3)
        if 2.8 < tree.query(place)[0] < 3.2 and all(np.linalg.norm(place - other) > 4 for other in places):
            places.append(place)
    water = atoms.subset(np.zeros(WATERS, int))
    water = replace(
        water,
        positions=np.array(places),
        elements=np.full(WATERS, "O"),
        atomic_numbers=np.full(WATERS, 8),
        names=np.full(WATERS, "O"),
        residue_names=np.full(WATERS, "HOH"),
        entities=np.full(WATERS, "water"),
        residue_numbers=2001 + np.arange(WATERS),
        residue_index=atoms.residue_index[-1] + 1 + np.arange(WATERS),
    )
    return replace(
        atoms, **{name: np.concatenate([getattr(atoms, name), getattr(water, name)]) for name in atoms.__dataclass_fields__}
    )


def map_of(atoms, center, resolution, noise, rng):
    """A noisy map low-passed at a resolution."""
    gmm = gmm_from_atoms(atoms.positions - center, atoms.atomic_numbers, np.full(len(atoms), B_FACTOR))
    volume = render_map(gmm, BOX, VOXEL)
    volume = volume + rng.normal(0, noise * volume.std(), volume.shape)
    data = low_pass(volume.astype(np.float32), shell_of_resolution(resolution, BOX, VOXEL))
    return MapGrid(np.asarray(data, np.float32), np.full(3, VOXEL), center - BOX // 2 * VOXEL)


def main():
    """Measure and print the table."""
    rng = np.random.default_rng(1)
    atoms = model_with_waters(rng)
    center, classes = atoms.positions.mean(axis=0), component_classes(atoms)
    copies, rows = find_copies(classes, atoms.residue_index), []

    def scored(grid):
        density = densities(atoms.positions, grid, np.random.default_rng(2))
        return q_scores(atoms.positions, grid).values, relative_to_polymer(density, np.ones(len(atoms), bool), classes)

    for resolution in RESOLUTIONS:
        for noise in NOISES:
            before, level = scored(map_of(atoms, center, resolution, noise, rng))
            counts = np.zeros(6, int)
            for part in range(SETS):
                gone = np.arange(len(copies)) % SETS == part
                left = atoms.subset(~np.isin(copies.group, np.flatnonzero(gone)))
                after, level_after = scored(map_of(left, center, resolution, noise, rng))
                status = judge(copies, before, after, level, level_after, classes, atoms.residue_index)
                counts += [
                    gone.sum(),
                    np.sum(gone & (status == LOST)),
                    np.sum(gone & (status == UNJUDGED)),
                    np.sum(~gone),
                    np.sum(~gone & (status == LOST)),
                    np.sum(~gone & (status == WEAKENED)),
                ]
            rows.append((resolution, noise, f"{np.mean(before):.2f}", *counts))
    table(
        f"Deleted and left molecules of 6MSM with {WATERS} waters, each set deleted once",
        (
            "resolution (Å)",
            "noise / signal deviation",
            "mean Q",
            "deleted",
            "called lost",
            "unjudged",
            "left",
            "called lost",
            "called weakened",
        ),
        rows,
    )


if __name__ == "__main__":
    main()
