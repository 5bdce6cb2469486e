"""Which images show the same particle although they are different images: by place in the micrograph, or by a common label."""

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

SAME_DEFOCUS = 1000.0  # Å; one particle's defocus in two extractions differs by less, whatever estimated it


def numbered(labels: np.ndarray) -> np.ndarray:
    """Labels (N,) of any type as numbers (N,) int from 0 in order of first appearance."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse.ravel()]


def joined(*labellings: np.ndarray) -> np.ndarray:
    """The finest labels under which all stay together that any labelling holds together.

    Parameters
    ----------
    labellings : (N,) int each
        Equal numbers mean the same particle.

    Returns
    -------
    (N,) int
        From 0 in order of first appearance.
    """
    first, *others = (numbered(labels) for labels in labellings)
    for labels in others:
        nodes = first.max() + 1 + labels.max() + 1
        links = coo_matrix((np.ones(len(first), bool), (first, first.max() + 1 + labels)), (nodes, nodes))
        first = numbered(connected_components(links, directed=False)[1][first])
    return first


def same_place(micrograph: np.ndarray, positions: np.ndarray, defocus: np.ndarray, distance: float) -> np.ndarray:
    """Labels that images share whose particles lie at one place of one micrograph.

    Parameters
    ----------
    micrograph : (N,) int
        Number of the micrograph.
    positions : (N, 2) float
        Where the particle is in it, Å, its shift counted.
    defocus : (N,) float
        Mean defocus, Å: micrographs of two data sets may bear one name, and their particles then lie close by chance.
    distance : float
        Å; nearer is the same.

    Returns
    -------
    (N,) int
        From 0 in order of first appearance; a chain of near images is one particle.
    """
    spread = np.ptp(positions, axis=0).max() + 2 * distance + 1
    apart = np.column_stack([positions - positions.mean(axis=0), numbered(micrograph) * spread])
    pairs = cKDTree(apart).query_pairs(distance, output_type="ndarray")
    pairs = pairs[np.abs(defocus[pairs[:, 0]] - defocus[pairs[:, 1]]) <= SAME_DEFOCUS]
    count = len(positions)
    links = coo_matrix((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (count, count))
    return numbered(connected_components(links, directed=False)[1])
