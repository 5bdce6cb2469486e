"""Figures of patches."""

import numpy as np

from gmmrefine.figures.figure import new_figure, save_figure
from gmmrefine.regular_file import FilePath


def draw_evidence(path: FilePath, evidence: np.ndarray, error: np.ndarray, chosen: int) -> None:
    """Draw the held-out evidence for every number of regions, as PNG.

    Parameters
    ----------
    path : str
    evidence, error : (P,) float
        For 1 … P regions: mean log-probability per particle, and its standard error relative to the best.
    chosen : int
        Number of regions taken.
    """
    figure, axes = new_figure((5.5, 3.6))
    number = np.arange(1, len(evidence) + 1)
    axes.errorbar(number, evidence, error, color="C0", marker="o", markersize=4, capsize=3)
    axes.plot(chosen, evidence[chosen - 1], "o", color="C3", markersize=9, fillstyle="none", markeredgewidth=2)
    axes.annotate(f"{chosen} taken", (chosen, evidence[chosen - 1]), (8, -14), textcoords="offset points", color="C3")
    axes.set(
        xlabel="regions that move apart",
        ylabel="held-out evidence per particle\n(natural logarithm)",
        title="How many rigid regions the particles show",
        xticks=number[:: max(1, len(number) // 16)],
    )
    axes.axhline(0, color="0.8", linewidth=1, zorder=0)
    axes.grid(axis="y", color="0.9")
    save_figure(figure, path)
