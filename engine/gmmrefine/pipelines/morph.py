"""An atomic model moved along by what was learned."""

import os
from dataclasses import dataclass

import numpy as np

from gmmrefine.gmm.mask import membership_of_points
from gmmrefine.heterogeneity.conformations import moved_points
from gmmrefine.io.atoms import read_atoms
from gmmrefine.io.atoms_writer import positions_of_all, write_morph
from gmmrefine.io.mrc import MapGrid
from gmmrefine.pipelines.model_place import PlacedModel, check_place, places_of
from gmmrefine.settings import PLACE_FROM

_INSIDE = 0.5  # of the mask's height


@dataclass(frozen=True)
class ModelInMaps:
    """A model that is to move with maps.

    Parameters
    ----------
    path : str
    origin : (3,) float
        x, y, z in Å of the maps' first voxel in the frame of the model.
    """

    path: str
    origin: np.ndarray


def model_in_mask(path, mask, pixel_size, settings, say):
    """Find how a model lies to the maps of a run by the molecule's mask (Z, Y, X), and refuse one that lies off it.

    Returns
    -------
    tuple
        ModelInMaps, dict for run.json.
    """
    grid = MapGrid((mask > _INSIDE).astype(np.float32), np.full(3, pixel_size), np.zeros(3))
    places = places_of(grid, settings, *check_place(settings))
    placed = PlacedModel(read_atoms(path).positions, grid, places, PLACE_FROM.choices)  # a mask has no peaks to tell more
    placed.settle(path, "the molecule's mask", say)
    return ModelInMaps(path, placed.place.origin), placed.found


def write_morphs(model, halves, paths, grid, folder, progress):
    """Write a model at every latent of each half's path, as one file of several models per half, in the frame of the maps.

    Parameters
    ----------
    model : ModelInMaps
    halves : list of MovingHalf
    paths : list of (F, D) float
    grid : MotionGrid
    folder : str
    progress : Progress

    Returns
    -------
    tuple
        list of file names; for run.json, of each half, the residue that moves farthest, its trajectory's length and the
        distance between its ends in Å.
    """
    atoms, everything = read_atoms(model.path), positions_of_all(model.path) - model.origin
    names, movements = [], []
    for half, path in zip(halves, paths):
        names.append(os.path.join(folder, f"half_{half.number}", "morph.cif"))
        write_morph(model.path, names[-1], moved_atoms(half.motion, everything, path, grid))
        moved = moved_atoms(half.motion, atoms.positions - model.origin, path, grid)
        movement = dict(half=half.number, **largest_movement(atoms, moved))
        progress.say(
            f"half {half.number}: residue {movement['residue']} moves farthest, {movement['length']:.2f} Å from the first "
            "frame to the last along its trajectory"
        )
        movements.append(movement)
    return names, movements


def moved_atoms(motion, positions, path, grid):
    """Positions (F, A, 3) in Å, first voxel at 0, of atoms (A, 3) at latents (F, D); atoms outside the region stay."""
    center = grid.box_size // 2 * grid.pixel_size
    points = positions - center
    mobility = np.ones(len(points)) if grid.focus is None else membership_of_points(points, grid.focus, grid.pixel_size)
    return moved_points(motion, points, mobility, path) + center


def largest_movement(atoms, frames):
    """The residue whose middle travels farthest: its name, length of the trajectory and distance between its ends, Å.

    Parameters
    ----------
    atoms : Atoms
    frames : (F, A, 3) float
        Å.
    """
    _, first, residue, count = np.unique(atoms.residue_index, return_index=True, return_inverse=True, return_counts=True)
    middles = np.zeros((len(frames), len(count), 3))
    for middle, frame in zip(middles, frames):
        np.add.at(middle, residue, frame)
    middles /= count[:, None]
    lengths = np.linalg.norm(np.diff(middles, axis=0), axis=2).sum(axis=0)
    farthest = int(lengths.argmax())
    ends = middles[[0, -1], farthest]
    return {
        "residue": atoms.residue_label(first[farthest]),
        "length": float(lengths[farthest]),
        "distance": float(np.linalg.norm(ends[1] - ends[0])),
    }
