"""Whether an atomic model is in the frame of the maps, as far as that can be told before there is a map."""
import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.atoms import read_atoms

FEWEST_INSIDE = 0.5  # of the atoms


def refuse_model_elsewhere(path, box_size, pixel_size, origin=(0.0, 0.0, 0.0)):
    """Refuse a model that cannot be read or does not lie in a map's box.

    Parameters
    ----------
    path : str
        Atomic model.
    box_size : int
        px
    pixel_size : float
        Å/px
    origin : (3,) float
        x, y, z in Å of the map's first voxel.
    """
    places = (read_atoms(path).positions - origin) / pixel_size
    inside = np.all((places > -0.5) & (places < box_size - 0.5), axis=1)
    if inside.mean() < FEWEST_INSIDE:
        raise InputError(
            f"{path}: only {inside.sum()} of {len(inside)} atoms lie inside the box, which runs from {_point(origin)} to "
            f"{_point(np.add(origin, box_size * pixel_size))} Å; the model is not in the frame of the map. Fit it into the map "
            "(for refine: a map of these particles, first voxel at 0, 0, 0) and save it again.")


def _point(place):
    return ", ".join(f"{value:.0f}" for value in place)
