"""Figures of a report that show maps: slices, and the distribution of values."""

from typing import Any, List, Mapping, Tuple

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from gmmrefine.figures.slices import PLANES, central_voxel, middle_of_known, slices_through
from gmmrefine.report.plots import COLORS, new_plot

MOST_PIXELS = 160  # along one side of a slice
_ROW_HEIGHT = 320  # px


def slices_plot(volumes: Mapping[str, np.ndarray], voxel_size: float) -> go.Figure:
    """Central slices of maps, one row each, every map in greys of its own.

    Parameters
    ----------
    volumes : dict of str to (Z, Y, X) float
        By name, of one shape.
    voxel_size : float
        Å.
    """
    plot = _panels(list(volumes))
    for row, volume in enumerate(volumes.values(), 1):
        low, high = np.percentile(volume, (0.5, 99.9))
        for column, plane in enumerate(slices_through(volume, central_voxel(volume)), 1):
            _add_slice(
                plot, plane, voxel_size, (row, column), {"colorscale": "Greys", "zmin": low, "zmax": high, "showscale": False}
            )
    return plot


def values_plot(values: np.ndarray, voxel_size: float, unit: str) -> go.Figure:
    """Slices of values (Z, Y, X) through their middle, blank where 0, with a scale in ``unit``; voxels of ``voxel_size`` Å."""
    plot = _panels([""])
    low, high = np.percentile(values[values != 0], (1, 99))
    for column, plane in enumerate(slices_through(values, middle_of_known(values)), 1):
        _add_slice(
            plot,
            np.where(plane == 0, np.nan, plane),
            voxel_size,
            (1, column),
            {
                "colorscale": "RdYlBu_r",
                "zmin": low,
                "zmax": high,
                "showscale": column == 3,
                "colorbar": {"title": {"text": unit}},
            },
        )
    return plot


def distribution_plot(values: np.ndarray, label: str) -> go.Figure:
    """Histogram of values (M,) between their percentiles 0.5 and 99.5; those beyond are in the outermost bins."""
    low, high = np.percentile(values, (0.5, 99.5))
    high = high if high > low else low + 1
    counts, edges = np.histogram(np.clip(values, low, high), 60, (low, high))
    plot = new_plot(280)
    plot.add_bar(
        x=0.5 * (edges[1:] + edges[:-1]), y=counts, marker={"color": COLORS[0]}, hovertemplate="%{x:.2f}: %{y}<extra></extra>"
    )
    plot.update_layout(bargap=0)
    plot.update_xaxes(title=label)
    plot.update_yaxes(title="voxels")
    return plot


def thinned_by(size: int) -> int:
    """Every how many voxels one is drawn along a side of ``size`` voxels."""
    return -(-size // MOST_PIXELS)


def _panels(names: List[str]) -> go.Figure:
    plot = make_subplots(
        len(names),
        3,
        row_titles=names if any(names) else None,
        horizontal_spacing=0.08,
        vertical_spacing=0.09 if len(names) > 1 else 0,
    )
    plot.update_layout(new_plot(40 + _ROW_HEIGHT * len(names)).layout)
    for column, plane in enumerate(PLANES, 1):
        plot.update_xaxes(title={"text": f"{plane[0]} (Å)", "standoff": 4}, showgrid=False, col=column)
        plot.update_yaxes(title={"text": f"{plane[1]} (Å)", "standoff": 4}, showgrid=False, col=column)
    return plot


def _add_slice(plot: go.Figure, plane: np.ndarray, voxel_size: float, place: Tuple[int, int], look: Mapping[str, Any]) -> None:
    row, column = place
    step = thinned_by(max(plane.shape))
    side = step * voxel_size
    plot.add_heatmap(
        z=plane[::step, ::step].astype(np.float32),
        x0=0,
        dx=side,
        y0=0,
        dy=side,
        row=row,
        col=column,
        hovertemplate="%{x:.1f} %{y:.1f} Å: %{z:.4g}<extra></extra>",
        **look,
    )
    across = plot.get_subplot(row, column).xaxis.plotly_name.replace("xaxis", "x")
    plot.update_yaxes(scaleanchor=across, constrain="domain", row=row, col=column)
    plot.update_xaxes(constrain="domain", row=row, col=column)
