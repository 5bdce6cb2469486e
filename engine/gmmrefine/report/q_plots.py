"""Figures of a report that show Q-scores: along the chains, by component class, and their changes."""

from html import escape
from typing import Any, Collection, Dict, List, Mapping, Sequence, Tuple

import numpy as np
import plotly.graph_objects as go

from gmmrefine.report.plots import COLORS, MOST_POINTS, evenly, new_plot

_OF_A_CLASS = 500  # scores that stand for a class in one map; their quantiles are those of all
_FEWEST_FOR_OUTLINE = 5  # fewer are drawn as points
Curves = Tuple[np.ndarray, np.ndarray, np.ndarray]  # of a chain: residue numbers, Q of residues, Q of the running window
_LOWEST = -0.1  # of the axis, unless scores lie lower


def residue_plot(chains: Mapping[str, Curves], expected: Mapping[str, float]) -> go.Figure:
    """Q along each chain; a menu chooses the chain.

    Parameters
    ----------
    chains : dict of str to tuple
        By chain: residue numbers (R,) int, Q of residues (R,) and of the running window (R,); NaN leaves a gap.
    expected : dict of str to float
        Q expected at the resolution, by what it is expected of.
    """
    plot = new_plot(420, 3)
    for chain, (numbers, mean, window) in chains.items():
        breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
        x = np.insert(numbers.astype(float), breaks, np.nan)
        for values, name, color, width in ((mean, "residue", "#a8b3bd", 1), (window, "mean of 11 residues", COLORS[0], 2.5)):
            plot.add_scatter(
                x=x,
                y=np.insert(values, breaks, np.nan),
                name=name,
                mode="lines",
                line={"color": color, "width": width},
                visible=len(plot.data) < 2,
                hovertemplate=f"{escape(chain)} %{{x}}: %{{y:.3f}}",
            )
    for number, (kind, value) in enumerate(expected.items(), 2):
        plot.add_hline(
            value,
            line={"dash": "dash", "color": COLORS[number], "width": 1.5},
            annotation={"text": f"expected of {escape(kind)}: {value:.2f}", "font": {"size": 11}},
        )
    if len(chains) > 1:
        plot.update_layout(margin={"t": 80}, updatemenus=[_chain_menu(list(chains))])
    plot.update_xaxes(title="residue number")
    plot.update_yaxes(title="Q-score", range=_range([mean for _, mean, _ in chains.values()]))
    return plot


def _chain_menu(chains: Collection[str]) -> Dict[str, Any]:
    buttons = [
        {
            "label": f"chain {escape(chain)}",
            "method": "update",
            "args": [{"visible": [place // 2 == number for place in range(2 * len(chains))]}, {"xaxis.autorange": True}],
        }
        for number, chain in enumerate(chains)
    ]
    return {"buttons": buttons, "x": 1, "xanchor": "right", "y": 1.04, "yanchor": "bottom", "showactive": True}


def within_limit(chains: Mapping[str, Curves]) -> Dict[str, Curves]:
    """The first chains of ``residue_plot`` that together stay within the points of a figure, one at least."""
    kept: Dict[str, Curves] = {}
    points = 0
    for chain, curves in chains.items():
        points += len(curves[0])
        if kept and points > 2 * MOST_POINTS:
            break
        kept[chain] = curves
    return kept


def class_plot(scores: Mapping[str, Mapping[str, np.ndarray]]) -> go.Figure:
    """Distribution of Q in each component class, one or several maps side by side.

    Parameters
    ----------
    scores : dict of str to dict of str to (M,) float
        By map, then by class.
    """
    plot = new_plot(460, len(scores))
    for number, (name, by_class) in enumerate(scores.items()):
        name = escape(name)
        some = {label: np.sort(values)[evenly(len(values), _OF_A_CLASS)] for label, values in by_class.items()}
        few = {label: values for label, values in some.items() if len(values) < _FEWEST_FOR_OUTLINE}
        many = {label: values for label, values in some.items() if label not in few}
        color = COLORS[number % len(COLORS)]
        usual = {"legendgroup": name, "offsetgroup": name, "name": name, "line": {"color": color, "width": 1.5}}
        plot.add_violin(
            **_by_class(many),
            **usual,
            scalegroup=name,
            box={"visible": True},
            points=False,
            scalemode="width",
            spanmode="hard",
            hoverinfo="y",
        )
        if few:
            plot.add_box(
                **_by_class(few),
                **usual,
                boxpoints="all",
                pointpos=0,
                jitter=0.3,
                fillcolor="rgba(0,0,0,0)",
                marker={"color": color, "size": 7},
                showlegend=False,
                hoverinfo="y",
            )
            plot.data[-1].line.width = 0
    plot.update_layout(violinmode="group", violingap=0.15, violingroupgap=0.05, boxmode="group", boxgap=0.15, boxgroupgap=0.05)
    classes = dict.fromkeys(_words(label) for by_class in scores.values() for label in by_class)
    plot.update_xaxes(tickangle=-25, categoryorder="array", categoryarray=list(classes))
    plot.update_yaxes(title="Q-score", range=_range([values for by_class in scores.values() for values in by_class.values()]))
    return plot


def change_of_q_plot(changes: Mapping[str, Mapping[str, Tuple[float, float, float]]]) -> go.Figure:
    """Mean change of Q with its confidence interval, by class, each map in its own colour.

    Parameters
    ----------
    changes : dict of str to dict of str to tuple of float
        By map, then by class: mean, low end and high end; the ends NaN where there is no interval.
    """
    classes = list(dict.fromkeys(label for by_class in changes.values() for label in by_class))
    plot = new_plot(130 + (22 + 14 * len(changes)) * len(classes), max(2, len(changes)))
    offsets = (np.arange(len(changes)) + 0.5) * 0.7 / len(changes) - 0.35
    for number, (offset, (name, by_class)) in enumerate(zip(offsets, changes.items()), 1):
        middle, low, high = np.array(list(by_class.values()), float).T
        plot.add_scatter(
            x=middle,
            y=[classes.index(label) + offset for label in by_class],
            name=escape(name),
            mode="markers",
            marker={"size": 8, "color": COLORS[number % len(COLORS)]},
            hovertemplate="%{x:.3f}",
            error_x={"symmetric": False, "array": np.nan_to_num(high - middle), "arrayminus": np.nan_to_num(middle - low)},
        )
    plot.add_vline(0, line={"color": "#1d2733", "width": 1})
    plot.update_xaxes(title="change of Q, with its 95 % confidence interval")
    plot.update_yaxes(
        tickvals=list(range(len(classes))),
        ticktext=[_words(label) for label in classes],
        range=[len(classes) - 0.4, -0.6],
        automargin=True,
    )
    return plot


def status_plot(counts: Mapping[str, Mapping[str, int]], colors: Mapping[str, str]) -> go.Figure:
    """How many copies have which status in each map, as bars.

    Parameters
    ----------
    counts : dict of str to dict of str to int
        By map, then by status.
    colors : dict of str to str
        Of each status, in the order of the bars' parts.
    """
    plot = new_plot(110 + 38 * len(counts), len(colors))
    names = [escape(name) for name in counts]
    for status, color in colors.items():
        values = [by_status.get(status, 0) for by_status in counts.values()]
        plot.add_bar(
            x=values,
            y=names,
            name=status,
            orientation="h",
            marker={"color": color},
            text=[value or "" for value in values],
            textangle=0,
            hovertemplate="%{y}: %{x}",
        )
    plot.update_layout(barmode="stack", legend={"traceorder": "normal"})
    plot.update_xaxes(title="ligands, ions, lipids, waters and sugars")
    plot.update_yaxes(autorange="reversed", automargin=True)
    return plot


def model_fsc_plot(curves: Mapping[str, Tuple[np.ndarray, np.ndarray]]) -> go.Figure:
    """FSC of maps with the model.

    Parameters
    ----------
    curves : dict of str to tuple
        By map: frequency (S,) in 1/Å and FSC (S,).
    """
    plot = new_plot(360, len(curves))
    for number, (name, (frequency, fsc)) in enumerate(curves.items()):
        plot.add_scatter(
            x=frequency,
            y=fsc,
            name=escape(name),
            mode="lines",
            line={"color": COLORS[number % len(COLORS)], "width": 2},
            hovertemplate="%{x:.3f} 1/Å: %{y:.3f}",
        )
    plot.add_hline(0.5, line={"dash": "dash", "color": "#1d2733", "width": 1})
    plot.update_xaxes(title="spatial frequency (1/Å)")
    plot.update_yaxes(title="FSC with the model", range=[-0.15, 1.02])
    return plot


def _by_class(scores: Mapping[str, np.ndarray]) -> Dict[str, Any]:
    """Scores (M,) by class as the coordinates of a trace."""
    return {
        "x": [_words(label) for label, values in scores.items() for _ in values],
        "y": np.concatenate([np.zeros(0), *scores.values()]),
    }


def _words(label: str) -> str:
    return escape(label.replace("_", " "))


def _range(values: Sequence[np.ndarray]) -> List[float]:
    values = np.concatenate(values)
    lowest = float(np.nanmin(values)) if np.isfinite(values).any() else 0.0
    return [min(_LOWEST, lowest - 0.05), 1.0]
