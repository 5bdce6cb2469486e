"""The map of an atomic model on the grid of another map."""

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.render import render_map
from gmmrefine.io.atoms import read_model
from gmmrefine.pipelines.model_notes import model_counts


def model_map(path, volume, resolution, with_b_factors):
    """Simulate a model on the grid of a map: every atom a Gaussian, its mass the atomic number times the occupancy.

    Of an atom with alternative places each counts, so that together they weigh the sum of their occupancies.

    Parameters
    ----------
    path : str
        Atomic model, of which most lies in the map.
    volume : Volume
    resolution : float
        Å, at which amplitudes fall to 1/e.
    with_b_factors : bool
        Blur every atom by what its B factor is above the model's lowest.

    Returns
    -------
    tuple
        (Z, Y, X) float32; dict for run.json: atoms outside the box, and what is odd about the model.

    Raises
    ------
    InputError
        No atom inside has an occupancy.
    """
    (atoms, others), n = read_model(path, all_places=True), len(volume.data)
    place = (atoms.positions - volume.origin) / volume.voxel_size
    inside = np.all((place >= 0) & (place <= n - 1), axis=1)
    if not np.any((atoms.occupancies * atoms.atomic_numbers)[inside]):
        raise InputError(
            f"{path}: all {inside.sum()} atoms inside the map have occupancy 0 or no element, so that the model has no "
            "density. Set the occupancies to 1."
        )
    blur = (atoms.b_factors - atoms.b_factors.min()) / (8 * np.pi**2) * with_b_factors
    widths = np.sqrt((resolution / (np.pi * np.sqrt(2))) ** 2 + blur)
    heights = atoms.occupancies * atoms.atomic_numbers / (widths * np.sqrt(2 * np.pi)) ** 3
    centers = (place - n // 2) * volume.voxel_size
    gmm = Gmm(centers, heights, widths).subset(inside)
    return render_map(gmm, n, volume.voxel_size), {"atoms_outside": int((~inside).sum()), **model_counts(atoms, others)}
