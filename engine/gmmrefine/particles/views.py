"""From which directions particles are seen, and how evenly that fills Fourier space."""

from dataclasses import dataclass
from typing import Optional

import numpy as np

from gmmrefine.geometry.sphere import even_axes, lowest_axis

_AXES = 1500
_MOST_VIEWS = 10_000  # as the program of the paper takes
_FEWEST_VIEWS = 60  # fewer say nothing of evenness
_FINEST_RADIUS, _COARSEST_RADIUS, _PER_SAMPLE = 50, 3, 40  # shell on which sampling is looked at: so many views for each
_NEAR = 10.0  # degrees within which a view covers a direction
_HOLE, _CHANCE = 13.5, 1e-3  # degrees; a hole is one of which even views have no more than this number


@dataclass(frozen=True)
class Coverage:
    """What views cover.

    Parameters
    ----------
    scf : float
        Sampling compensation factor SCF*, 1 for even views.
    poorest : (3,) float
        The axis around which Fourier space is sampled least.
    covered : float
        Part of all directions within 10 degrees of a view, opposite ones alike.
    hole : float
        Degrees from the direction farthest from any view to the nearest one; 0 where even views would leave as much.
    hole_axis : (3,) float
    """

    scf: float
    poorest: np.ndarray
    covered: float
    hole: float
    hole_axis: np.ndarray


def view_coverage(rotations: np.ndarray, operators: np.ndarray) -> Optional[Coverage]:
    """What the views of particles cover; None when there are too few to say.

    Parameters
    ----------
    rotations : (N, 3, 3) float
        Reference to particle.
    operators : (n, 3, 3) float
        Point group of the molecule.

    Returns
    -------
    Coverage or None

    Notes
    -----
    Baldwin & Lyumkis 2020, Prog. Biophys. Mol. Biol. 150, 160, as their program computes it. S(k) is the number of central
    sections that pass within half a shell of the direction k at shell R; with p the part of the directions that are sampled,
    1 / SCF* = ⟨S⟩ (⟨1 / S⟩ over sampled directions + (1 − p) / 2p). R is 50, or less with fewer than 2,000 views, so that
    chance does not lower it.
    """
    views = np.einsum("nij,oj->noi", np.swapaxes(operators, 1, 2), rotations[:, 2]).reshape(-1, 3)
    if len(views) < _FEWEST_VIEWS:
        return None
    views = views[np.linspace(0, len(views) - 1, min(len(views), _MOST_VIEWS)).astype(int)]
    axes = even_axes(_AXES)
    cosine = np.abs(axes.astype(np.float32) @ views.T.astype(np.float32))
    radius = np.clip(len(views) / _PER_SAMPLE, _COARSEST_RADIUS, _FINEST_RADIUS)
    samples = np.sum(cosine < 0.5 / radius, axis=1)
    poorest = axes[lowest_axis(axes, samples)]
    nearest = np.degrees(np.arccos(np.minimum(cosine.max(axis=1), 1)))
    hole = float(nearest.max())
    missing = 1 - np.cos(np.radians(hole))
    by_chance = len(views) ** 2 * missing * (1 - missing) ** len(views) > _CHANCE  # holes so large, of even views
    return Coverage(
        sampling_compensation(samples),
        poorest,
        float(np.mean(nearest < _NEAR)),
        0.0 if hole < _HOLE or by_chance else hole,
        axes[np.argmax(nearest)],
    )


def sampling_compensation(samples: np.ndarray) -> float:
    """SCF* of the number of samples (A,) in even directions."""
    sampled = samples > 0
    if not sampled.any():
        return 0.0
    part = float(sampled.mean())
    return float(1 / (samples.mean() * (np.mean(1 / samples[sampled]) + (1 - part) / (2 * part))))
