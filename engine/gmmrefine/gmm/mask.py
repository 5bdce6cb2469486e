"""The width mask of focused refinement: Gaussians outside a region lose their fine features, not their mass."""

import numpy as np
from scipy import ndimage

from gmmrefine.gmm.model import Gmm

_VANISHING = 1e-3


def values_at(centers, mask, pixel_size):
    """Mask (G,) at points, between voxels by trilinear interpolation; 0 outside the box.

    Parameters
    ----------
    centers : (G, 3) float
        x, y, z in Å from the box centre.
    mask : (Z, Y, X) float
        0 to 1.
    pixel_size : float
        Å/px.
    """
    places = (np.asarray(centers)[:, ::-1] / pixel_size + len(mask) // 2).T
    return np.clip(ndimage.map_coordinates(mask, places, order=1, mode="constant"), 0, 1)


def widened_outside(gmm, mask, pixel_size, level=0.25):
    """A GMM whose Gaussians outside a mask are wider, σ' = σ / (level + (1 - level) M), at unchanged mass.

    Parameters
    ----------
    gmm : Gmm
    mask : (Z, Y, X) float
        M, 0 to 1; 1 where the refinement shall look.
    pixel_size : float
        Å/px.
    level : float
        1 / the largest factor; 0.25 in the paper.

    Returns
    -------
    Gmm

    Notes
    -----
    Chen et al. 2023, "Focused refinement": "larger width corresponds to lower local resolution, not necessarily lower density".
    The formula is applied to the width σ; only Gaussians whose centre lies where M < 1 change.
    """
    factor = 1 / (level + (1 - level) * values_at(gmm.centers, mask, pixel_size))
    return Gmm(gmm.centers, gmm.amplitudes / factor**3, gmm.widths * factor)


def membership(gmm, mask, pixel_size):
    """How far each Gaussian (G,) belongs to a region: 1 inside its mask, 0 from the middle of the soft edge outwards.

    A neighbour that stays behind and is taken along holds the region back, so that the edge counts less than it does in a map.

    Parameters
    ----------
    gmm : Gmm
    mask : (Z, Y, X) float
        M, 0 to 1.
    pixel_size : float
        Å/px.
    """
    return membership_of_points(gmm.centers, mask, pixel_size)


def membership_of_points(points, mask, pixel_size):
    """``membership`` (P,) of points (P, 3), Å from the box centre."""
    return np.maximum(2 * values_at(points, mask, pixel_size) - 1, 0)


def is_whole(gmm, mask, pixel_size):
    """Whether a region leaves nothing of a GMM outside; ``mask`` and ``pixel_size`` as of ``membership``."""
    return bool((1 - membership(gmm, mask, pixel_size) <= _VANISHING).all())


def weighted(gmm, weights):
    """A GMM with amplitudes times weights (G,), 0 to 1, without the Gaussians that vanish."""
    kept = weights > _VANISHING
    return Gmm(gmm.centers[kept], gmm.amplitudes[kept] * weights[kept], gmm.widths[kept])
