"""Where the Gaussians start: K-means on the voxels of a map, and how many there should be."""

import numpy as np
from scipy.spatial import cKDTree

from gmmrefine.errors import InputError
from gmmrefine.gmm.model import Gmm
from gmmrefine.threads import thread_count

_LLOYD_ITERATIONS = 8
_START_WIDTH = 0.28  # of the resolution
_SMALLEST_SPACING = 1.3  # Å, a bond
SPACING = 0.65  # nearest neighbours per resolution; equal to it (the paper) leaves too few to follow the map at the band's end
SEEDS_PER_VOXEL = 4  # at most
_PACKING = 0.85  # nearest-neighbour distance of K-means centres per cube root of the volume each fills


def automatic_count(volume_of_molecule, resolution, spacing=SPACING):
    """Number of Gaussians for a molecule's volume in Å³ at a resolution in Å, so many resolutions apart.

    Notes
    -----
    Chen et al. 2023 match the mean nearest-neighbour distance to the resolution; two thirds of it are needed for a GMM-map FSC
    above 0.95, down to the length of a bond.
    """
    spacing = max(spacing * resolution, _SMALLEST_SPACING)
    return max(8, int(round(volume_of_molecule * (_PACKING / spacing) ** 3)))


def molecule_voxels(volume, mask, threshold):
    """Voxels (V, 3) z y x above a density threshold and inside a mask.

    Raises
    ------
    InputError
        There is none.
    """
    inside = volume > threshold if mask is None else (volume > threshold) & (mask > 0.5)
    voxels = np.argwhere(inside)
    if len(voxels) == 0:
        raise InputError(
            f"no voxel lies above the threshold {threshold:g} inside the mask: the map's largest density is {volume.max():g}. "
            "Lower --threshold, or check that mask and map have the same origin and contrast."
        )
    return voxels


def seed_gaussians(volume, voxels, count, pixel_size, resolution, rng):
    """Gaussians at the centres of density-weighted clusters of voxels, equal in width and mass.

    Parameters
    ----------
    volume : (Z, Y, X) float
    voxels : (V, 3) int
        Voxels to represent, z y x.
    count : int
        Number of Gaussians; a map has room for ``SEEDS_PER_VOXEL`` in each voxel, and gets no more.
    pixel_size : float
        Å/px.
    resolution : float
        Å; sets the width.
    rng : numpy.random.Generator

    Returns
    -------
    Gmm
    """
    count = min(count, SEEDS_PER_VOXEL * len(voxels))
    density = volume[tuple(voxels.T)].astype(float)
    density -= density.min()
    density += 1e-3 * (density.max() or 1.0)  # the weakest voxel counts a little
    chosen = rng.choice(len(voxels), count, replace=count > len(voxels), p=density / density.sum())
    centers = voxels[chosen] + rng.uniform(-0.5, 0.5, (count, 3))
    for _ in range(_LLOYD_ITERATIONS):
        nearest = cKDTree(centers).query(voxels, workers=thread_count())[1]
        weight = np.bincount(nearest, density, count)
        filled = weight > 0
        sums = np.stack([np.bincount(nearest, density * voxels[:, axis], count) for axis in range(3)], axis=1)
        centers[filled] = sums[filled] / weight[filled, None]
    centers = (centers[:, ::-1] - len(volume) // 2) * pixel_size
    return Gmm(centers, np.ones(count), np.full(count, max(_START_WIDTH * resolution, 0.5 * pixel_size)))
