"""The latents of one half set in the latent space of the other, by what both networks do to the molecule."""

import numpy as np

_MOST_POINTS = 500  # of the molecule; motions are smooth
_AT_A_TIME = 200  # particles
_STEPS = 12
_DIFFERENCE = 1e-2  # prior deviations, for the slope of a network
_FIRST_DAMPING = 1e-3
_MOST_LEARNED_FROM = 2000  # particles
_RIDGE = 1e-3


def laid_onto(own, other, latent, own_latent):
    """Latents of the own half set whose displacements of the molecule are nearest to those of the other's latents.

    Parameters
    ----------
    own, other : Motion
    latent : (N, D) float
        Of particles of the other half.
    own_latent : (M, D) float
        Of particles of the own half; they tell where to begin.

    Returns
    -------
    tuple
        Latents (N, D) in the own space; rms distance (N,) in Å that remains between the two displacement fields.
    """
    points, mobility = _points_of(own)
    found, apart = np.empty((len(latent), own_latent.shape[1])), np.empty(len(latent))
    slopes, origin = _linear_inverse(own, points, mobility, own_latent)
    for first in range(0, len(latent), _AT_A_TIME):
        rows = slice(first, first + _AT_A_TIME)
        wanted = _fields(other, points, mobility, latent[rows])
        found[rows], squares = _nearest(own, points, mobility, wanted, origin + wanted @ slopes)
        apart[rows] = np.sqrt(squares / len(points))
    return found, apart


def _points_of(motion):
    """Gaussians (P, 3) of the neutral state in Å and their mobility (P,), evenly fewer where they are many."""
    centers = motion.gmm().centers
    chosen = np.linspace(0, len(centers) - 1, min(len(centers), _MOST_POINTS)).astype(int)
    return centers[chosen], motion.mobility[chosen]


def _fields(motion, points, mobility, latent):
    """Displacements (n, 3P) of points at latents (n, D), Å."""
    return np.asarray(motion.displacements_of(points, mobility, latent), float).reshape(len(latent), -1)


def _linear_inverse(motion, points, mobility, latent):
    """What a latent (D,) is as a linear function of displacements: slopes (3P, D) and the value (D,) at none."""
    few = latent[:: 1 + (len(latent) - 1) // _MOST_LEARNED_FROM]
    fields = _fields(motion, points, mobility, few)
    mean, origin = fields.mean(axis=0), few.mean(axis=0)
    scores, sizes, directions = np.linalg.svd(fields - mean, full_matrices=False)
    kept = sizes > _RIDGE * max(sizes[0], 1e-12)
    weights = (scores[:, kept].T @ (few - origin)) / sizes[kept, None]
    slopes = directions[kept].T @ weights
    return slopes, origin - mean @ slopes


def _nearest(motion, points, mobility, wanted, start):
    """Latents (n, D) whose fields are nearest to those wanted (n, 3P), by damped Gauss-Newton; their squares (n,) in Å²."""
    latent, size = start.copy(), start.shape[1]
    field = _fields(motion, points, mobility, latent)
    squares, damping = ((wanted - field) ** 2).sum(axis=1), np.full(len(latent), _FIRST_DAMPING)
    for _ in range(_STEPS):
        slopes = np.stack(
            [(_fields(motion, points, mobility, latent + _DIFFERENCE * axis) - field) / _DIFFERENCE for axis in np.eye(size)],
            axis=2,
        )
        normal = np.einsum("npa,npb->nab", slopes, slopes)
        scale = np.trace(normal, axis1=1, axis2=2) / size + 1e-12
        normal += (damping * scale)[:, None, None] * np.eye(size)
        step = np.linalg.solve(normal, np.einsum("npa,np->na", slopes, wanted - field)[..., None])[..., 0]
        trial = _fields(motion, points, mobility, latent + step)
        missed = ((wanted - trial) ** 2).sum(axis=1)
        better = missed < squares
        latent[better] += step[better]
        field[better], squares[better] = trial[better], missed[better]
        damping = np.where(better, damping / 4, damping * 16)
    return latent, squares
