"""Where the patches of a molecule lie: geometry that both half sets share."""

import os

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.gmm.patches import (
    FEWEST_GAUSSIANS,
    HELIX_VOLUME,
    Patch,
    cluster,
    is_patch_too_small,
    most_patches,
    sphere_around,
)
from gmmrefine.io.curves import read_curves, write_curves

_COLUMNS = ("gmmPatch", "gmmX", "gmmY", "gmmZ", "gmmRadius")
_CURE = "Remove it, and run the same command with --only geometry."


def patches_of(centers, count, molecule_volume, seed):
    """Patches of a molecule by K-means on the Gaussian centres of both halves together.

    Parameters
    ----------
    centers : (G, 3) float
        Å from the box centre.
    count : int
        Number of patches.
    molecule_volume : float
        Å³.
    seed : int

    Returns
    -------
    list of Patch

    Raises
    ------
    InputError
        A patch would hold less than one helix.
    """
    most = most_patches(molecule_volume)
    if count > len(centers):
        raise InputError(f"--patches {count}: there are only {len(centers)} Gaussians. Ask for fewer, at most about {most}.")
    fewer = f"less than one helix ({HELIX_VOLUME:.0f} Å³). Ask for fewer, at most about {most}."
    if molecule_volume < count * HELIX_VOLUME:  # clustering so many would take minutes
        raise InputError(
            f"--patches {count}: a patch would hold {molecule_volume / count:.0f} Å³ of the molecule on average, {fewer}"
        )
    labels = cluster(centers, count, seed)
    if is_patch_too_small(labels, molecule_volume):
        smallest = np.bincount(labels).min()
        found, volume = f"the smallest patch would hold {smallest} of", molecule_volume * smallest / len(labels)
        if volume < HELIX_VOLUME:
            raise InputError(f"--patches {count}: {found} {len(labels)} Gaussians and {volume:.0f} Å³, {fewer}")
        raise InputError(
            f"--patches {count}: {found} {len(labels)} Gaussians, expected at least {FEWEST_GAUSSIANS}. Ask for fewer patches, "
            "or for more Gaussians."
        )
    return _spheres(centers, labels)


def smallest_patches(centers, most, molecule_volume, seed):
    """As many patches as there can be without one that holds less than a helix, at most ``most``.

    Parameters
    ----------
    centers : (G, 3) float
        Å from the box centre.
    most : int
    molecule_volume : float
        Å³.
    seed : int

    Returns
    -------
    list of Patch
    """
    for count in range(min(most, most_patches(molecule_volume), len(centers) // FEWEST_GAUSSIANS), 1, -1):
        labels = cluster(centers, count, seed)
        if not is_patch_too_small(labels, molecule_volume):
            return _spheres(centers, labels)
    return [Patch(sphere_around(centers)[None])]


def _spheres(centers, labels):
    return [Patch(sphere_around(centers[labels == number])[None]) for number in range(labels.max() + 1)]


def write_patches(path, patches):
    """Write the spheres: patch number from 1, x y z from the box centre and radius in Å."""
    rows = np.concatenate(
        [np.column_stack([np.full(len(patch.spheres), number), patch.spheres]) for number, patch in enumerate(patches, 1)]
    )
    write_curves(path, dict(zip(_COLUMNS, rows.T)), block="patches")


def read_patches(path):
    """The patches of ``write_patches``."""
    if not os.path.exists(path):
        raise InputError(f"{path}: no such file. Run the same command with --only geometry first.")
    columns = read_curves(path)
    missing = [label for label in _COLUMNS if label not in columns]
    if missing:
        raise InputError(f"{path} holds no patches: column {missing[0]} is missing. {_CURE}")
    spheres = np.column_stack([columns[label] for label in _COLUMNS[1:]])
    numbers = columns[_COLUMNS[0]].astype(int)
    if sorted(set(numbers)) != list(range(1, len(set(numbers)) + 1)):
        raise InputError(f"{path} is damaged: patches are not counted from 1. {_CURE}")
    return [Patch(spheres[numbers == number]) for number in range(1, numbers.max() + 1)]
