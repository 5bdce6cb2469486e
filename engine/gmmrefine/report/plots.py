"""Figures of a report that turn, zoom and tell their values: curves, poses, Gaussians."""

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import plotly.graph_objects as go
from plotly.colors import qualitative, sample_colorscale
from plotly.subplots import make_subplots

COLORS = (*qualitative.D3, *qualitative.Dark24)
MOST_OUTLINES = 4  # histograms over one another; more are drawn as boxes
MOST_POINTS = 3000  # Gaussians of one figure, and residues along one axis
_TICKS = (100, 50, 30, 20, 15, 12, 10, 8, 7, 6, 5, 4.5, 4, 3.5, 3, 2.7, 2.4, 2.2, 2, 1.8, 1.6, 1.4, 1.2, 1)  # Å
_TICK_SPACING = 0.055  # of the axis; nearer labels would touch
_LONG_LEGEND = 6
_FONT = {"size": 13, "color": "#1d2733"}
_MOST_ROWS, _FEWEST_ROWS = 18, 6  # of cells from pole to pole; twice as many along the equator
_PER_CELL = 20  # particles; with fewer a coverage looks patchy by chance
_SMALLEST_CHANGE = 0.01  # degrees or Å; the axis of pose changes is at least so long
_PERCENTILE = 99.5  # of pose changes; the few beyond are drawn in the last bin


def new_plot(height: int, entries: int = 1) -> go.Figure:
    """An empty figure ``height`` px high, with its legend above, or beside it where it has many entries."""
    legend = {"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom"}
    if entries > _LONG_LEGEND:
        legend = {"x": 1.01, "y": 1, "yanchor": "top"}
    return go.Figure(
        layout={
            "template": "plotly_white",
            "height": height,
            "font": _FONT,
            "legend": legend,
            "hoverlabel": {"namelength": -1},
            "margin": {"l": 65, "r": 20, "t": 45, "b": 55},
            "showlegend": entries > 1,
        }
    )


def series_colors(count: int) -> List[str]:
    """A colour for each of a series of steps, from early to late."""
    return sample_colorscale("Viridis_r", np.linspace(0.1, 1, count)) if count > 1 else [COLORS[0]]


def fsc_plot(
    curves: Mapping[str, Tuple[np.ndarray, np.ndarray]], threshold: Optional[float] = None, colors: Sequence[str] = COLORS
) -> go.Figure:
    """Correlation curves by resolution.

    Parameters
    ----------
    curves : dict of str to tuple
        By name: frequency (S,) in 1/Å and correlation (S,).
    threshold : float, optional
        Where the resolution is read.
    colors : sequence of str
    """
    plot = new_plot(380, len(curves))
    for number, (name, (frequency, fsc)) in enumerate(curves.items()):
        plot.add_scatter(
            x=frequency[1:],
            y=fsc[1:],
            name=name,
            mode="lines",
            customdata=1 / frequency[1:],
            line={"color": colors[number % len(colors)], "width": 2},
            hovertemplate="%{customdata:.2f} Å: %{y:.3f}",
        )
    if threshold:
        plot.add_hline(threshold, line={"dash": "dash", "color": "#77828d", "width": 1})
    finest = max(frequency[-1] for frequency, _ in curves.values())
    plot.update_xaxes(title="resolution (Å)", range=[0, finest], **_resolution_ticks(finest))
    lowest = min(float(np.min(fsc[1:])) for _, fsc in curves.values())
    plot.update_yaxes(title="Fourier shell correlation", range=[min(-0.05, lowest - 0.02), 1.02])
    return plot


def amplitude_plot(frequency: np.ndarray, curves: Mapping[str, np.ndarray], fitted: Sequence[float] = ()) -> go.Figure:
    """Amplitudes against the squared frequency.

    Parameters
    ----------
    frequency : (S,) float
        1/Å.
    curves : dict of str to (S,) float
        Amplitudes in map units by name; those of 0 are not drawn.
    fitted : pair of float, optional
        Range in Å of a Guinier fit.
    """
    plot = new_plot(380, len(curves))
    if fitted:
        plot.add_vrect(
            *sorted(1 / resolution**2 for resolution in fitted),
            fillcolor="#dfe5ea",
            opacity=0.6,
            line={"width": 0},
            layer="below",
            annotation={"text": "range of the fit", "font": {"size": 11}},
        )
    for color, (name, values) in zip(COLORS, curves.items()):
        positive = values > 0
        plot.add_scatter(
            x=frequency[positive] ** 2,
            y=np.log(values[positive]),
            name=name,
            mode="lines",
            line={"color": color, "width": 2},
            customdata=1 / np.maximum(frequency[positive], 1e-9),
            hovertemplate="%{customdata:.2f} Å: %{y:.2f}",
        )
    finest = frequency[-1]
    plot.update_xaxes(title="resolution (Å), linear in 1/Å²", range=[0, finest**2], **_resolution_ticks(finest, 2))
    plot.update_yaxes(title="ln amplitude")
    return plot


def error_model_plot(frequency: np.ndarray, powers: Mapping[str, np.ndarray], gains: Mapping[str, np.ndarray]) -> go.Figure:
    """Power of signal and noise above, and what maps were multiplied by below, by resolution.

    Parameters
    ----------
    frequency : (M,) float
        1/Å, of each band.
    powers : dict of str to (M,) float
        Map units squared, by name; those of 0 are not drawn.
    gains : dict of str to (M,) float
        0 to 1, by name.
    """
    plot = make_subplots(2, 1, shared_xaxes=True, vertical_spacing=0.08)
    plot.update_layout(new_plot(520, len(powers) + len(gains)).layout)
    for number, (name, values) in enumerate({**powers, **gains}.items()):
        drawn = values > 0 if name in powers else np.ones(len(values), bool)
        plot.add_scatter(
            x=frequency[drawn],
            y=values[drawn],
            name=name,
            mode="lines+markers",
            line={"color": COLORS[number]},
            customdata=1 / np.maximum(frequency[drawn], 1e-9),
            hovertemplate="%{customdata:.2f} Å: %{y:.3g}",
            row=1 if name in powers else 2,
            col=1,
        )
    finest = frequency[-1]
    plot.update_xaxes(range=[0, finest], **_resolution_ticks(finest))
    plot.update_xaxes(title="resolution (Å)", row=2)
    plot.update_yaxes(title="power (map units²)", type="log", exponentformat="power", row=1)
    plot.update_yaxes(title="mean gain", range=[0, 1.05], row=2)
    return plot


def evidence_plot(evidence: np.ndarray, error: np.ndarray) -> go.Figure:
    """Held-out evidence (P,) per particle, with its error (P,), for 1 … P regions that move apart."""
    plot = new_plot(300)
    plot.add_scatter(
        x=np.arange(1, len(evidence) + 1),
        y=evidence,
        mode="lines+markers",
        line={"color": COLORS[0]},
        error_y={"array": error},
        hovertemplate="%{x} regions: %{y:.3f}<extra></extra>",
    )
    plot.update_xaxes(title="regions that move apart", dtick=max(1, len(evidence) // 16))
    plot.update_yaxes(title="evidence per particle (ln)")
    return plot


def _resolution_ticks(finest: float, power: int = 1) -> Dict[str, Any]:
    """Ticks in Å on an axis of frequency to the power of 1 or 2, as many as fit."""
    chosen, last = [], 0.0
    for value in _TICKS:
        place = (1 / value) ** power
        if place - last > _TICK_SPACING * finest**power and 1 / value <= finest:
            chosen.append(value)
            last = place
    return {"tickvals": [(1 / value) ** power for value in chosen], "ticktext": [f"{value:g}" for value in chosen]}


def change_plot(groups: Mapping[str, np.ndarray], label: str) -> go.Figure:
    """How far particles moved: one outline per group, or where they are many one box with quartiles and percentiles 5 and 95.

    Parameters
    ----------
    groups : dict of str to (N,) float
        By name, not negative.
    label : str
        Of the axis, with the unit.
    """
    if len(groups) > MOST_OUTLINES:
        return _change_boxes(groups, label)
    far = max(_SMALLEST_CHANGE, *(float(np.percentile(values, _PERCENTILE)) for values in groups.values()))
    edges = np.linspace(0, far, 41)
    plot = new_plot(300, len(groups))
    for number, (name, values) in enumerate(groups.items()):
        counts, _ = np.histogram(np.minimum(values, far), edges)
        plot.add_scatter(
            x=edges,
            y=np.append(counts, counts[-1]),
            name=name,
            mode="lines",
            fill="tozeroy" if len(groups) < 3 else None,
            line={"shape": "hv", "color": COLORS[number % len(COLORS)], "width": 2},
            hovertemplate="%{x:.2f}: %{y} particles",
        )
    plot.update_xaxes(title=label, range=[0, far])
    plot.update_yaxes(title="particles", rangemode="tozero")
    return plot


def _change_boxes(groups: Mapping[str, np.ndarray], label: str) -> go.Figure:
    low, first, middle, third, high = np.array([np.percentile(values, (5, 25, 50, 75, 95)) for values in groups.values()]).T
    plot = new_plot(340)
    plot.add_box(
        x=list(groups),
        lowerfence=low,
        q1=first,
        median=middle,
        q3=third,
        upperfence=high,
        line={"color": COLORS[0]},
        name="",
        hoverinfo="y",
    )
    plot.update_yaxes(title=label, range=[0, max(_SMALLEST_CHANGE, 1.05 * high.max())])
    return plot


def coverage_plot(rot: np.ndarray, tilt: np.ndarray) -> go.Figure:
    """Particles by direction of view in cells of equal area.

    Parameters
    ----------
    rot, tilt : (N,) float
        Degrees, RELION's.
    """
    rows = int(np.clip(np.sqrt(len(rot) / _PER_CELL / 2), _FEWEST_ROWS, _MOST_ROWS))
    columns = 2 * rows
    rot = (np.asarray(rot) + 180) % 360 - 180
    height = np.cos(np.radians(tilt))
    counts, _, _ = np.histogram2d(height, rot, [rows, columns], [[-1, 1], [-180, 180]])
    plot = new_plot(360)
    plot.add_heatmap(
        z=counts.astype(np.int32),
        x0=-180 + 180 / columns,
        dx=360 / columns,
        y0=-1 + 1 / rows,
        dy=2 / rows,
        colorscale="Viridis",
        zmin=0,
        zmax=max(1, counts.max()),
        colorbar={"title": {"text": "particles"}},
        hovertemplate="%{z} particles<extra></extra>",
    )
    ticks = [25, 45, 60, 75, 90, 105, 120, 135, 155]
    plot.update_xaxes(title="rot (degrees)", range=[-180, 180], tickvals=list(range(-180, 181, 60)))
    plot.update_yaxes(
        title="tilt (degrees)",
        range=[-1, 1],
        tickvals=np.cos(np.radians(ticks)).tolist(),
        ticktext=[str(tick) for tick in ticks],
    )
    return plot


def directions_plot(rot: np.ndarray, tilt: np.ndarray, resolution: np.ndarray) -> go.Figure:
    """Resolution by direction: axes (A,) of the half sphere in degrees as RELION's angles, coloured by Å (A,).

    Parameters
    ----------
    rot, tilt : (A,) float
        Degrees, RELION's.
    resolution : (A,) float
        Å.
    """
    plot = new_plot(360)
    plot.add_scatter(
        x=rot,
        y=tilt,
        mode="markers",
        customdata=resolution,
        marker={
            "size": 11,
            "color": resolution,
            "colorscale": "Viridis",
            "reversescale": True,
            "colorbar": {"title": {"text": "Å"}},
        },
        hovertemplate="rot %{x:.0f}°, tilt %{y:.0f}°: %{customdata:.2f} Å<extra></extra>",
    )
    plot.update_xaxes(title="rot (degrees)", range=[-180, 180], tickvals=list(range(-180, 181, 60)))
    plot.update_yaxes(title="tilt (degrees)", range=[0, 92])
    return plot


def gmm_plot(groups: Mapping[str, Tuple[np.ndarray, np.ndarray]]) -> go.Figure:
    """Centres of Gaussians in 3-D, to be turned with the mouse.

    Parameters
    ----------
    groups : dict of str to tuple
        By name: centres (G, 3) in Å and widths (G,) in Å. A single group is coloured by width.
    """
    plot = new_plot(520, len(groups))
    share = MOST_POINTS // len(groups)
    for number, (name, (centers, widths)) in enumerate(groups.items()):
        some = evenly(len(centers), share)
        marker = {"size": 3, "opacity": 0.8, "color": COLORS[number % len(COLORS)]}
        if len(groups) == 1:
            marker.update(color=widths[some], colorscale="Viridis", colorbar={"title": {"text": "width (Å)"}})
        x, y, z = centers[some].T
        plot.add_scatter3d(
            x=x,
            y=y,
            z=z,
            name=name,
            mode="markers",
            marker=marker,
            customdata=widths[some],
            hovertemplate="%{x:.1f} %{y:.1f} %{z:.1f} Å, width %{customdata:.2f} Å",
        )
    axes = {f"{name}axis": {"backgroundcolor": "#f5f7f9", "title": {"text": f"{name} (Å)"}} for name in "xyz"}
    plot.update_layout(
        margin={"l": 0, "r": 0, "t": 40, "b": 0},
        legend={"itemsizing": "constant"},
        scene={"aspectmode": "data", "dragmode": "orbit", "camera": {"eye": {"x": 1.6, "y": 1.6, "z": 0.7}}, **axes},
    )
    return plot


def evenly(count: int, most: int) -> np.ndarray:
    """Indices of at most ``most`` of ``count`` items, spread evenly over them, (M,) int."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
