"""Figures of a report on learned conformations."""

from typing import Mapping, Tuple

import numpy as np
import plotly.graph_objects as go

from gmmrefine.report.plots import COLORS, evenly, new_plot

_MOST_PARTICLES = 3000  # of each half set


def training_plot(epochs: np.ndarray, curves: Mapping[str, np.ndarray]) -> go.Figure:
    """Bound per particle by epoch.

    Parameters
    ----------
    epochs : (E,) float
    curves : dict of str to (E,) float
        By name; held-out ones are drawn full, the others dotted.
    """
    plot = new_plot(320, len(curves))
    for number, (name, values) in enumerate(curves.items()):
        plot.add_scatter(
            x=epochs,
            y=values,
            name=name,
            mode="lines",
            hovertemplate="epoch %{x}: %{y:.2f}",
            line={"color": COLORS[number // 2], "width": 2, "dash": "solid" if "held out" in name else "dot"},
        )
    plot.update_xaxes(title="epoch")
    plot.update_yaxes(title="gain over the neutral state (ln per particle)")
    return plot


def latent_plot(groups: Mapping[str, np.ndarray], axes: Tuple[str, str]) -> go.Figure:
    """Particles along two latent axes.

    Parameters
    ----------
    groups : dict of str to tuple
        By name: latents (N, 2).
    axes : tuple of str
        What the axes are called.
    """
    plot = new_plot(420, len(groups))
    for number, (name, latent) in enumerate(groups.items()):
        drawn = latent[evenly(len(latent), _MOST_PARTICLES)]
        plot.add_scatter(
            x=drawn[:, 0],
            y=drawn[:, 1],
            name=name,
            mode="markers",
            hovertemplate="%{x:.2f}, %{y:.2f}",
            marker={"size": 4, "color": COLORS[number], "opacity": 0.5},
        )
    plot.update_xaxes(title=axes[0])
    plot.update_yaxes(title=axes[1])
    return plot


def density_plot(groups: Mapping[str, np.ndarray], label: str) -> go.Figure:
    """Distribution of a number in each group: dict of str to (N,) float, and the name of the axis.

    Parameters
    ----------
    groups : dict of str to (N,) float
        By name.
    label : str
        Of the axis.
    """
    plot = new_plot(300, len(groups))
    edges = np.histogram_bin_edges(np.concatenate(list(groups.values())), 50)
    for number, (name, values) in enumerate(groups.items()):
        counts, _ = np.histogram(values, edges)
        plot.add_scatter(
            x=edges,
            y=np.append(counts, counts[-1]),
            name=name,
            mode="lines",
            hovertemplate="%{x:.2f}: %{y} particles",
            line={"shape": "hv", "color": COLORS[number], "width": 2},
        )
    plot.update_xaxes(title=label)
    plot.update_yaxes(title="particles", rangemode="tozero")
    return plot
