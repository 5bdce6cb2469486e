"""Figures of learned motions."""

from typing import Mapping, Sequence

import numpy as np

from gmmrefine.figures.figure import new_figure, new_panels, save_figure
from gmmrefine.regular_file import FilePath

_MOST_DRAWN = 5000


def draw_training(path: FilePath, histories: Sequence[np.ndarray]) -> None:
    """Bound per particle of every epoch, in training and held out, as PNG.

    Parameters
    ----------
    path : str
    histories : list of (E, 3) float
        Of each half: training gain, divergence, held-out bound.
    """
    figure, axes = new_figure((5.5, 3.6))
    for number, history in enumerate(histories, 1):
        epoch, color = np.arange(1, len(history) + 1), f"C{number - 1}"
        axes.plot(epoch, history[:, 0] - history[:, 1], color=color, linestyle=":", label=f"half {number}, training")
        axes.plot(epoch, history[:, 2], color=color, label=f"half {number}, held out")
    axes.set(xlabel="epoch", ylabel="gain over the neutral state per particle\n(natural logarithm)", title="Training")
    axes.grid(axis="y", color="0.9")
    axes.legend(frameon=False, fontsize=8)
    save_figure(figure, path)


def draw_latents(path: FilePath, latent: np.ndarray, motion: np.ndarray, half_set: np.ndarray) -> None:
    """First two latent axes of each half, coloured by motion, and histograms of the motion, as PNG.

    Parameters
    ----------
    path : str
    latent : (N, D) float
    motion : (N,) float
        Å.
    half_set : (N,) int
    """
    figure, [[first, second, histogram]] = new_panels((10, 3.4), 1, 3)
    limits = np.abs(latent).max() * 1.05 + 1e-6
    for number, axes in ((1, first), (2, second)):
        chosen = np.flatnonzero(half_set == number)
        chosen = chosen[:: max(1, len(chosen) // _MOST_DRAWN)]
        other = latent[chosen, 1] if latent.shape[1] > 1 else np.random.default_rng(0).uniform(-0.5, 0.5, len(chosen)) * limits
        points = axes.scatter(
            latent[chosen, 0], other, c=motion[chosen], s=3, vmin=0, vmax=np.percentile(motion, 99) + 1e-6, cmap="viridis"
        )
        axes.set(
            title=f"half {number}",
            xlabel="latent 1",
            ylabel="latent 2" if latent.shape[1] > 1 else "(spread for the eye)",
            xlim=(-limits, limits),
            ylim=(-limits, limits),
        )
        histogram.hist(motion[half_set == number], bins=40, histtype="step", label=f"half {number}")
    figure.colorbar(points, ax=second, label="motion (Å rms)")
    histogram.set(xlabel="motion (Å rms)", ylabel="particles", title="Distance from neutral")
    histogram.legend(frameon=False, fontsize=8)
    save_figure(figure, path)


def draw_motion(path: FilePath, parts: Mapping[str, Sequence[np.ndarray]], numbers: Sequence[int]) -> None:
    """Histograms of how far particles are from the neutral state, as PNG.

    Parameters
    ----------
    path : str
    parts : dict of str to list of (N,) float
        Rms displacements in Å by what is meant, of each half.
    numbers : list of int
        Of the halves.
    """
    figure, [panels] = new_panels((4.2 * len(parts) + 0.6, 3.4), 1, len(parts))
    largest = max(values.max() for groups in parts.values() for values in groups)
    bins = np.linspace(0, max(largest, 0.1), 41)
    for axes, (name, groups) in zip(panels, parts.items()):
        for number, values in zip(numbers, groups):
            axes.hist(
                values,
                bins,
                weights=np.full(len(values), 100 / len(values)),
                histtype="step",
                color=f"C{number - 1}",
                label=f"half {number}, median {np.median(values):.2g} Å",
            )
        axes.set(xlabel="distance from the neutral state (Å rms)", ylabel="particles (%)", title=name, xlim=(0, bins[-1]))
        axes.legend(frameon=False, fontsize=8)
    save_figure(figure, path)
