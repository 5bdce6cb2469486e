"""What the latents of a half set move: principal motions, their size, and how well two half sets agree on them."""

from dataclasses import dataclass

import numpy as np

_STILL = 1e-4  # Å
_KEPT = 0.01  # of the largest principal motion's variance; smaller ones are noise of the network


@dataclass(frozen=True)
class PrincipalMotions:
    """Principal components of displacement fields.

    Parameters
    ----------
    fields : (M, P, 3) float
        Displacements of the points when a particle lies one standard deviation from the mean, Å; largest first.
    mean : (P, 3) float
        Mean displacement from the neutral state, Å.
    scores : (n, M) float
        Of every particle, in standard deviations.
    """

    fields: np.ndarray
    mean: np.ndarray
    scores: np.ndarray

    @property
    def rms(self):
        """Rms displacement (M,) of the points by each motion, Å."""
        return np.sqrt((self.fields**2).sum(axis=2).mean(axis=1))


def principal_motions(displacements, most):
    """Principal components of displacements.

    Parameters
    ----------
    displacements : (n, P, 3) float
        Å, of n particles; points of equal weight.
    most : int
        Number of components wanted.

    Returns
    -------
    PrincipalMotions
    """
    count = len(displacements)
    mean = displacements.mean(axis=0)
    flat = (displacements - mean).reshape(count, -1)
    scores, sizes, directions = np.linalg.svd(flat, full_matrices=False)
    deviations = sizes[:most] / np.sqrt(count)
    kept = np.flatnonzero(deviations**2 >= _KEPT * deviations[0] ** 2)
    fields = (deviations[kept, None] * directions[kept]).reshape(len(kept), *mean.shape)
    return PrincipalMotions(fields, mean, scores[:, kept] * np.sqrt(count))


def axes_of_motion(latent, scores):
    """Orthogonal axes (D, D), columns, along which latents (n, D) follow the principal motions' scores (n, M), in order."""
    size = latent.shape[1]
    slopes = np.linalg.lstsq(np.column_stack([latent, np.ones(len(latent))]), scores, rcond=None)[0][:size]
    # what no motion uses comes last
    axes, _ = np.linalg.qr(np.column_stack([slopes, np.eye(size)]))
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(size)])
    return axes * signs


def agreement(one, other):
    """How well two half sets agree on their motions.

    Parameters
    ----------
    one, other : PrincipalMotions
        Of the same points.

    Returns
    -------
    tuple
        cosines of the principal angles between the spanned motions, largest first; likeness of the displacements' covariances,
        tr(C₁ C₂) / √(tr C₁² tr C₂²), 0 to 1. Where nothing moves, nothing agrees: 0.
    """
    if min(one.rms[0], other.rms[0]) < _STILL:
        return np.zeros(1), 0.0
    first, second = (motions.fields.reshape(len(motions.fields), -1) for motions in (one, other))
    bases = [np.linalg.qr(fields.T)[0] for fields in (first, second)]
    cosines = np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)

    def product(a, b):
        return np.sum((a @ b.T) ** 2)

    return np.clip(cosines, 0, 1), float(product(first, second) / np.sqrt(product(first, first) * product(second, second)))
