"""A molecule cut into patches: K-means clusters of Gaussian centres, each covered by soft spheres."""

from dataclasses import dataclass

import numpy as np
from scipy.cluster.vq import kmeans2

from gmmrefine.errors import InputError
from gmmrefine.maps.mask import spherical_mask

HELIX_VOLUME = 2500.0  # Å³, about 20 residues of α-helix; a smaller patch aligns to noise (Chen et al. 2023)
FEWEST_GAUSSIANS = 4  # that tell a turn
_STARTS = 10


@dataclass(frozen=True)
class Patch:
    """A region of the molecule as the union of spheres; geometry and nothing else.

    Parameters
    ----------
    spheres : (n, 4) float
        x, y, z from the box centre and radius, Å.
    """

    spheres: np.ndarray

    @property
    def center(self):
        """Mean of the spheres' centres (3,), Å from the box centre."""
        return self.spheres[:, :3].mean(axis=0)

    def mask(self, box_size, pixel_size, edge):
        """Soft mask (Z, Y, X) with a cosine edge of ``edge`` px."""
        return np.max([spherical_mask(sphere[:3], sphere[3], box_size, pixel_size, edge) for sphere in self.spheres], axis=0)


def cluster(centers, count, seed):
    """K-means clusters of points, the best of several starts.

    Parameters
    ----------
    centers : (G, 3) float
        Å.
    count : int
        Number of clusters.
    seed : int

    Returns
    -------
    (G,) int
        Cluster of every point, numbered along the longest axis of the molecule.
    """
    best, least = None, np.inf
    for start in range(_STARTS):
        random = np.random.RandomState((seed * _STARTS + start) % 2**32)  # which takes no more than that
        means, labels = kmeans2(centers, count, minit="++", seed=random)
        spread = np.sum((centers - means[labels]) ** 2)
        if spread < least and len(np.unique(labels)) == count:
            best, least = labels, spread
    if best is None:
        raise InputError(f"--patches {count}: the {len(centers)} Gaussians do not fall into so many clusters. Ask for fewer.")
    axis = np.linalg.svd(centers - centers.mean(axis=0), full_matrices=False)[2][0]
    axis = axis * np.sign(axis[np.argmax(np.abs(axis))])
    places = [np.mean(centers[best == label] @ axis) for label in range(count)]
    return np.argsort(np.argsort(places))[best]


def sphere_around(points):
    """x, y, z and radius (4,) of the sphere about the mean of points (n, 3) that reaches the farthest one, Å."""
    center = points.mean(axis=0)
    return np.concatenate([center, [np.linalg.norm(points - center, axis=1).max()]])


def nearest_patch(centers, patches):
    """Which patch has the sphere whose centre is nearest to each of the points (G, 3) in Å, (G,) int."""
    distance = [np.linalg.norm(centers[:, None] - patch.spheres[None, :, :3], axis=2).min(axis=1) for patch in patches]
    return np.argmin(distance, axis=0)


def is_patch_too_small(labels, molecule_volume):
    """Whether a patch holds less signal than one helix, or too few Gaussians to show how it turns.

    Parameters
    ----------
    labels : (G,) int
        Patch of every Gaussian.
    molecule_volume : float
        Å³.
    """
    smallest = np.bincount(labels).min()
    return smallest < FEWEST_GAUSSIANS or molecule_volume * smallest / len(labels) < HELIX_VOLUME


def most_patches(molecule_volume):
    """How many patches of at least twice a helix a molecule holds.

    Parameters
    ----------
    molecule_volume : float
        Å³.
    """
    return max(1, int(molecule_volume / (2 * HELIX_VOLUME)))
