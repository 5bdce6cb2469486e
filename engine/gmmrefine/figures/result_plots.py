"""Figures of results that a notebook shows: one for each kind of result, made of arrays."""

from typing import TYPE_CHECKING, Mapping, Sequence

import numpy as np

from gmmrefine.figures.figure import new_figure, new_panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def fsc_figure(frequency: np.ndarray, curves: Mapping[str, np.ndarray], title: str, threshold: float) -> "Figure":
    """FSC curves by name against spatial frequency (S,) in 1/Å, with the threshold of the resolution."""
    figure, axes = new_figure((6, 4))
    for name, curve in curves.items():
        axes.plot(frequency, curve, label=name)
    axes.axhline(threshold, color="grey", linestyle="--", linewidth=1)
    axes.set(xlabel="spatial frequency (1/Å)", ylabel="FSC")
    axes.set_title(title, fontsize=10, wrap=True)
    axes.legend()
    return figure


def status_figure(statuses: Mapping[str, Mapping[str, int]]) -> "Figure":
    """How many copies each map kept, weakened or lost: counts by status, by map."""
    names = list(next(iter(statuses.values())))
    colours = dict(zip(names, ("#4c9f70", "#e6a23c", "#c0392b", "#bbbbbb")))
    figure, axes = new_figure((6, 1.2 + 0.5 * len(statuses)))
    left = np.zeros(len(statuses))
    for name in names:
        counts = np.array([counts[name] for counts in statuses.values()])
        axes.barh(list(statuses), counts, left=left, color=colours[name], label=name)
        left = left + counts
    axes.set(xlabel="ligands, ions, lipids, waters, sugars and modified residues")
    axes.legend(frameon=False, fontsize=8, ncols=len(names), loc="lower center", bbox_to_anchor=(0.5, 1))
    return figure


def class_figure(classes: Sequence[str], mean_q: np.ndarray) -> "Figure":
    """Mean Q-score of every component class."""
    figure, axes = new_figure((6, 1 + 0.3 * len(classes)))
    axes.barh([name.replace("_", " ") for name in classes], mean_q)
    axes.invert_yaxis()
    axes.set(xlabel="mean Q-score")
    return figure


def latent_figure(latent: np.ndarray, motion: np.ndarray, half_set: np.ndarray, title: str) -> "Figure":
    """How far particles are from neutral against their first latent, each half set in axes of its own.

    Parameters
    ----------
    latent : (N,) float
        First coordinate.
    motion : (N,) float
        Rms displacement in Å.
    half_set : (N,) int
    title : str
    """
    figure, [panels] = new_panels((8, 3.4), 1, 2)
    for number, axes in enumerate(panels, 1):
        chosen = half_set == number
        axes.plot(latent[chosen], motion[chosen], ".", markersize=4, color=f"C{number - 1}")
        axes.set(title=f"half {number}", xlabel="latent 1", ylabel="motion (Å rms)")
    figure.suptitle(title, fontsize=9)
    return figure


def resolution_figure(resolution: np.ndarray) -> "Figure":
    """Histogram of local resolutions in Å of the voxels (V,) inside the mask."""
    figure, axes = new_figure((6, 3.4))
    axes.hist(resolution, bins=40)
    axes.set(xlabel="local resolution (Å)", ylabel="voxels", title=f"median {np.median(resolution):.1f} Å")
    return figure
