"""Where the patches of a molecule lie: geometry that both half sets share."""
import os

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.gmm.patches import (
    Patch,
    cluster,
    has_small_patch,
    most_patches,
    refuse_small_patches,
    sphere_around,
)
from gmmrefine.io.curves import read_curves, write_curves

_COLUMNS = ("gmmPatch", "gmmX", "gmmY", "gmmZ", "gmmRadius")


def patches_of(gmms, count, mask, pixel_size, seed):
    """Patches of a molecule by K-means on the Gaussian centres of both halves together.

    Parameters
    ----------
    gmms : list of Gmm
        One per half; only where their Gaussians lie is used.
    count : int
        Number of patches.
    mask : (Z, Y, X) float
        Of the molecule; its volume tells how much a patch holds.
    pixel_size : float
        Å/px.
    seed : int

    Returns
    -------
    list of Patch
    """
    centers = np.concatenate([gmm.centers for gmm in gmms])
    if count > len(centers) // 2:
        raise InputError(
            f"--patches {count}: there are only {len(centers) // 2} Gaussians per half. Ask for fewer patches or more "
            "Gaussians.")
    labels = cluster(centers, count, seed)
    refuse_small_patches(labels, float(mask.sum()) * pixel_size**3)
    return _spheres(centers, labels)


def smallest_patches(gmms, most, mask, pixel_size, seed):
    """As many patches as there can be without one that holds less than a helix, at most ``most``.

    Parameters
    ----------
    gmms : list of Gmm
        One per half; only where their Gaussians lie is used.
    most : int
    mask : (Z, Y, X) float
        Of the molecule.
    pixel_size : float
        Å/px.
    seed : int

    Returns
    -------
    list of Patch
    """
    centers, volume = np.concatenate([gmm.centers for gmm in gmms]), float(mask.sum()) * pixel_size**3
    for count in range(min(most, most_patches(volume)), 1, -1):
        labels = cluster(centers, count, seed)
        if not has_small_patch(labels, volume):
            return _spheres(centers, labels)
    return [Patch(sphere_around(centers)[None])]


def _spheres(centers, labels):
    return [Patch(sphere_around(centers[labels == number])[None]) for number in range(labels.max() + 1)]


def write_patches(path, patches):
    """Write the spheres: patch number from 1, x y z from the box centre and radius in Å."""
    rows = np.concatenate([
        np.column_stack([np.full(len(patch.spheres), number), patch.spheres]) for number, patch in enumerate(patches, 1)])
    write_curves(path, dict(zip(_COLUMNS, rows.T)), block="patches")


def read_patches(path):
    """The patches of ``write_patches``."""
    if not os.path.exists(path):
        raise InputError(f"{path}: no such file. Run the same command with --only geometry first.")
    columns = read_curves(path)
    spheres = np.column_stack([columns[label] for label in _COLUMNS[1:]])
    numbers = columns[_COLUMNS[0]].astype(int)
    return [Patch(spheres[numbers == number]) for number in range(1, numbers.max() + 1)]
