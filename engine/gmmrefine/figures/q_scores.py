"""Figures of Q-scores."""

from typing import TYPE_CHECKING, Any, Mapping, Sequence, Tuple

import numpy as np

from gmmrefine.figures.figure import new_figure, save_figure
from gmmrefine.regular_file import FilePath

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOWEST, _HIGHEST = -0.1, 1.0  # of the axis, unless scores lie lower


def write_residue_figure(
    path: FilePath, title: str, numbers: np.ndarray, mean: np.ndarray, window: np.ndarray, *, expected: Mapping[str, float]
) -> None:
    """Q of each residue of a chain, the running window, and the lines expected at the resolution.

    Parameters
    ----------
    path : str or Path
        PNG.
    title : str
    numbers : (R,) int
        Residue numbers; the curve is broken where they are not consecutive.
    mean, window : (R,) float
        NaN leaves a gap.
    expected : dict of str to float
        Expected Q by what it is expected of.
    """
    figure, axes = new_figure((9, 3.4))
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    x = np.insert(numbers.astype(float), breaks, np.nan)
    axes.plot(x, np.insert(mean, breaks, np.nan), color="0.65", linewidth=0.8, label="residue")
    axes.plot(x, np.insert(window, breaks, np.nan), color="C0", linewidth=1.8, label="mean of 11 residues")
    for color, (kind, value) in zip(("C3", "C2"), expected.items()):
        axes.axhline(value, color=color, linestyle="--", linewidth=1.2, label=f"expected of {kind}: {value:.2f}")
    axes.set(title=title, xlabel="residue number", ylabel="Q-score", xlim=(numbers.min() - 1, numbers.max() + 1))
    _scale(axes, mean)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncol=4, frameon=False, fontsize=8)
    save_figure(figure, path)


def write_class_figure(path: FilePath, title: str, scores: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Distribution of Q in each component class, one or several maps side by side.

    Parameters
    ----------
    path : str or Path
        PNG.
    title : str
    scores : dict of str to dict of str to (M,) float
        By map, then by class; the same classes for every map.
    """
    classes = list(next(iter(scores.values())))
    figure, axes = new_figure((max(5, 1.1 * len(classes) + 0.25 * len(classes) * len(scores)), 4))
    width = 0.8 / len(scores)
    for place, (name, by_class) in enumerate(scores.items()):
        color = f"C{place % 10}"
        for number, values in enumerate(by_class.values()):
            x = number + (place + 0.5) * width - 0.4
            _violin(axes, x, values, 0.9 * width, color)
        axes.plot([], [], "s", color=color, alpha=0.6, label=name)
    labels = [f"{name.replace('_', ' ')}\n{len(values)}" for name, values in next(iter(scores.values())).items()]
    axes.set_xticks(range(len(classes)), labels, rotation=25, ha="right", fontsize=8)
    axes.set(title=title, ylabel="Q-score")
    _scale(axes, np.concatenate([values for by_class in scores.values() for values in by_class.values()]))
    if len(scores) > 1:
        axes.legend(frameon=False, fontsize=8)
    save_figure(figure, path)


def write_change_figure(path: FilePath, title: str, changes: Mapping[str, Mapping[str, Tuple[float, float, float]]]) -> None:
    """Mean change of Q with its confidence interval, by class, each map in its own colour.

    Parameters
    ----------
    path : str or Path
        PNG.
    title : str
    changes : dict of str to dict of str to tuple of float
        By map, then by class: mean, low end and high end; the ends NaN where there is no interval.
    """
    classes = list(next(iter(changes.values())))
    figure, axes = new_figure((6.5, 1.2 + (0.2 + 0.13 * len(changes)) * len(classes)))
    for place, (name, by_class) in enumerate(changes.items()):
        middle, low, high = np.array(list(by_class.values()), float).T
        y = np.arange(len(classes)) + (place + 0.5) * 0.7 / len(changes) - 0.35
        axes.hlines(y, low, high, color=f"C{(place + 1) % 10}", linewidth=2)
        axes.plot(middle, y, "o", color=f"C{(place + 1) % 10}", markersize=5, label=name)
    axes.axvline(0, color="0.3", linewidth=1)
    axes.set_yticks(range(len(classes)), [name.replace("_", " ") for name in classes], fontsize=8)
    axes.invert_yaxis()
    axes.set(title=title, xlabel="change of Q (95 % confidence interval)")
    axes.grid(axis="x", color="0.9")
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    save_figure(figure, path)


def write_status_figure(
    path: FilePath, title: str, copies: Sequence[str], statuses: Mapping[str, np.ndarray], colors: Mapping[str, str]
) -> None:
    """What became of each copy in each map, as a table of coloured cells.

    Parameters
    ----------
    path : str or Path
        PNG.
    title : str
    copies : list of str
    statuses : dict of str to (M,) str
        By map.
    colors : dict of str to str
        Colour of each status.
    """
    figure, axes = new_figure((2.5 + 1.1 * len(statuses), 1.5 + 0.18 * len(copies)))
    names = list(colors)
    cells = np.array([[names.index(status) for status in column] for column in statuses.values()]).T
    from matplotlib.colors import ListedColormap

    axes.pcolormesh(cells, cmap=ListedColormap(list(colors.values())), vmin=-0.5, vmax=len(names) - 0.5, edgecolors="white")
    axes.set_yticks(np.arange(len(copies)) + 0.5, copies, fontsize=7)
    axes.set_xticks(np.arange(len(statuses)) + 0.5, list(statuses), fontsize=7, rotation=25, ha="right")
    axes.invert_yaxis()
    axes.set_title(title, fontsize=10)
    for name, color in colors.items():
        axes.plot([], [], "s", color=color, label=name)
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    save_figure(figure, path)


def _violin(axes: "Axes", x: float, values: np.ndarray, width: float, color: str) -> None:
    """A violin with quartiles and median; single points where there are too few for a distribution."""
    if len(values) >= 5 and np.ptp(values) > 1e-6:
        bodies: Any = axes.violinplot(values, [x], widths=width, showextrema=False)["bodies"]
        for body in bodies:
            body.set(facecolor=color, alpha=0.5)
        low, middle, high = np.percentile(values, (25, 50, 75))
        axes.vlines(x, low, high, color="0.2", linewidth=2)
        axes.plot(x, middle, "o", color="white", markeredgecolor="0.2", markersize=4)
    else:
        axes.plot(np.full(len(values), x), values, "o", color=color, markersize=4)


def _scale(axes: "Axes", values: np.ndarray) -> None:
    lowest = np.nanmin(values) if np.isfinite(values).any() else 0
    axes.set_ylim(min(_LOWEST, lowest - 0.05), _HIGHEST)
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)


def write_model_fsc_figure(
    path: FilePath, title: str, curves: Mapping[str, Tuple[np.ndarray, np.ndarray]], threshold: float
) -> None:
    """FSC of maps with a model.

    Parameters
    ----------
    path : str or Path
        PNG.
    title : str
    curves : dict of str to tuple
        By map: frequency (S,) in 1/Å and FSC (S,).
    threshold : float
        Drawn as a line.
    """
    figure, axes = new_figure((6.5, 3.6))
    for place, (name, (frequency, fsc)) in enumerate(curves.items()):
        axes.plot(frequency, fsc, color=f"C{place % 10}", label=name, linewidth=1.5)
    axes.axhline(threshold, color="0.4", linestyle="--", linewidth=1)
    axes.set(title=title, xlabel="spatial frequency (1/Å)", ylabel="FSC with the model", ylim=(-0.15, 1.02))
    axes.grid(color="0.9")
    axes.legend(frameon=False, fontsize=8)
    save_figure(figure, path)
