"""Maps that belong to another map, checked against it, and the mask around a molecule."""

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.geometry.symmetry import ASYMMETRIC
from gmmrefine.io.mrc import SAME_VOXEL_SIZE, read_map, read_mask
from gmmrefine.maps.mask import soft_mask

_LEAST_OVERLAP = 0.01  # of a mask that must lie in the molecule


def refuse_constant(volume, path):
    """Refuse a Volume (Z, Y, X) of one value everywhere."""
    if np.ptp(volume.data) == 0:
        raise InputError(
            f"{path}: all {volume.data.size} voxels are {volume.data.flat[0] + 0.0:g}; expected a map with density. "
            "Give another one."
        )


def refuse_same_half_maps(halves, paths):
    """Refuse two half maps (Z, Y, X) that are one map."""
    if np.array_equal(*halves):
        raise InputError(
            f"{paths[0]} and {paths[1]} hold the same map; expected two half maps of independent particles. Give the "
            "unfiltered half maps of one refinement."
        )


def read_local_resolution(path, volume):
    """The local resolution (Z, Y, X) in Å of a Volume, 0 where it is not known.

    Raises
    ------
    InputError
        Another grid than the map's, values that are no resolutions.
    """
    local = read_map(path)
    n, size = len(volume.data), volume.voxel_size
    if local.data.shape != volume.data.shape or abs(local.voxel_size - size) > SAME_VOXEL_SIZE * size:
        raise InputError(
            f"{path} is {len(local.data)}³ of {local.voxel_size:.4g} Å but the map is {n}³ of {size:.4g} Å; the local "
            "resolution must be on the grid of the map. Measure it from the half maps of this map."
        )
    known = local.data[local.data != 0]
    if len(known) == 0 or known.min() < 1.9 * size or known.max() > (1 + SAME_VOXEL_SIZE) * n * size:
        found = f"{known.min():.3g} to {known.max():.3g}" if len(known) else "0 everywhere"
        raise InputError(
            f"{path}: its values are {found}; expected a resolution in Å from {2 * size:.3g} (Nyquist) to {n * size:.3g} (the "
            "box), or 0 where none is known. Give local_resolution.mrc of gmmrefine local-resolution."
        )
    return local.data


def read_or_make_mask(volume, pixel_size, settings, operators=ASYMMETRIC):
    """The mask (Z, Y, X) given by the user, or one around the molecule in a map.

    Parameters
    ----------
    volume : (Z, Y, X) float
    pixel_size : float
        Å/px.
    settings : object
        ``mask, mask_resolution, mask_edge``.
    operators : (n, 3, 3) float
        Point group of the map.
    """
    if settings.mask:
        return read_mask_on_molecule(settings.mask, volume, pixel_size, operators)
    return soft_mask(volume, pixel_size, settings.mask_resolution, settings.mask_edge, operators)


def read_mask_on_molecule(path, volume, pixel_size, operators=ASYMMETRIC):
    """A mask (Z, Y, X) given by the user, refused where it does not lie on the molecule in a map.

    Parameters
    ----------
    path : str
    volume : (Z, Y, X) float
    pixel_size : float
        Å/px.
    operators : (n, 3, 3) float
        Point group of the map.
    """
    mask = read_mask(path, len(volume), pixel_size)
    refuse_mask_outside(mask, soft_mask(volume, pixel_size, operators=operators), f"the mask {path}")
    return mask


def refuse_mask_outside(mask, molecule, name):
    """Refuse a mask (Z, Y, X) that does not lie on the molecule's mask (Z, Y, X)."""
    inside = float((mask * molecule).sum() / mask.sum())
    if inside < _LEAST_OVERLAP:
        raise InputError(
            f"{name} lies outside the molecule: {100 * inside:.1f} % of it is inside the molecule's mask; expected at least "
            f"{100 * _LEAST_OVERLAP:.0f} %. Check its origin and handedness against the map."
        )
