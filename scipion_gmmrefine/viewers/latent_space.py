# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Latent spaces seen flat: where each particle is drawn, and which conformation a place in the drawing stands for."""

from dataclasses import dataclass
from typing import Callable, Tuple

import numpy as np

_SPREAD = 0.3  # of the width, where there is only one coordinate to draw


@dataclass(frozen=True)
class FlatView:
    """A latent space seen flat.

    Parameters
    ----------
    points : (N, 2) float
        Where the particles are drawn.
    labels : tuple of str
        Of the two directions.
    latentAt : callable
        Place (2,) → latent (D,).
    """

    points: np.ndarray
    labels: Tuple[str, str]
    latentAt: Callable


def alongAxes(latent, horizontal, vertical):
    """Latents (N, D) along two of their axes, counted from 1; a place stands for zero on all others."""
    return _linear(latent, np.zeros(latent.shape[1]), np.eye(latent.shape[1]), "latent", (horizontal, vertical))


def alongComponents(latent, horizontal, vertical):
    """Latents (N, D) along two of their principal components; a place stands for the mean of all others."""
    mean = latent.mean(axis=0)
    _, _, components = np.linalg.svd(latent - mean, full_matrices=False)
    signs = np.sign(components[np.arange(len(components)), np.abs(components).argmax(axis=1)])
    return _linear(latent, mean, components * signs[:, None], "principal component", (horizontal, vertical))


def _linear(latent, origin, directions, name, chosen):
    """The view along two of some directions (D, D), rows; the second is made up where there is only one."""
    horizontal, vertical = chosen
    first = (latent - origin) @ directions[horizontal - 1]
    if len(directions) == 1:
        width = np.ptp(first) or 1.0
        second = np.random.default_rng(0).uniform(-_SPREAD, _SPREAD, len(first)) * width
        return FlatView(
            np.column_stack([first, second]),
            (f"{name} 1", "(spread for the eye)"),
            lambda place: origin + place[0] * directions[0],
        )
    second = (latent - origin) @ directions[vertical - 1]
    return FlatView(
        np.column_stack([first, second]),
        (f"{name} {horizontal}", f"{name} {vertical}"),
        lambda place: origin + place[0] * directions[horizontal - 1] + place[1] * directions[vertical - 1],
    )


def byUmap(latent):
    """Latents (N, D) by UMAP; a place stands for the particle nearest to it.

    Raises
    ------
    ImportError
        The package umap-learn is not installed.
    """
    from umap import UMAP

    points = UMAP(n_components=2, random_state=1).fit_transform(latent)
    return FlatView(points, ("UMAP 1", "UMAP 2"), lambda place: latent[np.linalg.norm(points - place, axis=1).argmin()])
