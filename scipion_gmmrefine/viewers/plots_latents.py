# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Figures of conformations."""

import numpy as np
from matplotlib.colors import Normalize

HALF_COLOURS = {1: "tab:blue", 2: "tab:orange"}
NOTE_SIZE = 9
BELOW = 0.06  # height of the row of buttons, of that of the panels
_MOST_DRAWN = 20000  # particles of a half
_OUTLIERS = (1, 99)  # percentiles between which colours differ


def plotLatents(figure, views, values, label, colours="viridis", note=""):
    """Conformations of both half sets side by side.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    views : dict of FlatView
        By half set.
    values : dict of (N,) float
        By half set: what the colours show.
    label : str
        Of the colours.
    colours : str
        Name of a colour map.
    note : str
        Below the title.

    Returns
    -------
    dict of Axes
        By half set; the second row of their grid is free for buttons.
    """
    low, high = np.percentile(np.concatenate(list(values.values())), _OUTLIERS)
    scale, panels = Normalize(low, high if high > low else low + 1), {}
    grid = figure.add_gridspec(2, len(views) + 1, width_ratios=(*len(views) * [1], 0.04), height_ratios=(1, BELOW))
    for position, (half, view) in enumerate(views.items()):
        axes = panels[half] = figure.add_subplot(grid[0, position])
        drawn = slice(None, None, max(1, len(view.points) // _MOST_DRAWN))
        dots = axes.scatter(
            *view.points[drawn].T,
            c=values[half][drawn],
            s=10 if len(view.points) < 2000 else 3,
            norm=scale,
            cmap=colours,
            linewidths=0,
        )
        axes.set_xlabel(view.labels[0])
        axes.set_ylabel(view.labels[1])
        axes.set_title(f"Half {half}, {len(view.points)} particles", fontsize=10)
        axes.axhline(0, color="0.85", linewidth=0.6, zorder=0)
        axes.axvline(0, color="0.85", linewidth=0.6, zorder=0)
    figure.suptitle(note, fontsize=NOTE_SIZE)
    figure.colorbar(dots, cax=figure.add_subplot(grid[0, -1]), label=label)
    figure.tight_layout()
    return panels


def plotTraining(figure, epochs, curves):
    """Gain of every epoch over the neutral state, in training and held out.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    epochs : (E,) float
    curves : dict of tuple of (E,) float
        By half set: of the particles trained on, of those held out.
    """
    axes = figure.add_subplot(111)
    for half, (trained, held) in curves.items():
        axes.plot(epochs, trained, color=HALF_COLOURS[half], linestyle=":", label=f"half {half}, training")
        axes.plot(epochs, held, color=HALF_COLOURS[half], label=f"half {half}, held out")
    axes.set_xlabel("Epoch")
    axes.set_ylabel("Gain over the neutral state per particle\n(natural logarithm)")
    axes.set_title("Training")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()


def plotHistogram(figure, values, label, title):
    """How often values occur, by half set.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    values : dict of (N,) float
        By half set.
    label, title : str
    """
    axes = figure.add_subplot(111)
    together = np.concatenate(list(values.values()))
    bins = np.linspace(0, max(together.max(), 1e-6), min(60, max(10, len(together) // 20)) + 1)
    for half, own in values.items():
        axes.hist(
            own,
            bins=bins,
            color=HALF_COLOURS[half],
            histtype="step",
            linewidth=1.6,
            label=f"half {half}: median {np.median(own):.2f} Å" if len(own) else f"half {half}: none",
        )
    axes.set_xlabel(label)
    axes.set_ylabel("Particles")
    axes.set_title(title, fontsize=11)
    axes.legend(fontsize=8)
    figure.tight_layout()


def plotFrames(figure, volumes, voxelSizes, title):
    """Maps of one motion in their order, each as its maximum along the axis that shows the motion best.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    volumes : sequence of (Z, Y, X) float
    voxelSizes : sequence of float
        Å.
    title : str
    """
    columns = int(np.ceil(np.sqrt(len(volumes))))
    along = max(range(3), key=lambda axis: np.linalg.norm(volumes[0].max(axis=axis) - volumes[-1].max(axis=axis)))
    shadows = [volume.max(axis=along) for volume in volumes]
    low, high = np.median(shadows), np.max(shadows)
    for number, (shadow, voxelSize) in enumerate(zip(shadows, voxelSizes), 1):
        axes = figure.add_subplot(int(np.ceil(len(volumes) / columns)), columns, number)
        half = len(shadow) * voxelSize / 2
        axes.imshow(shadow, origin="lower", cmap="gray", vmin=low, vmax=high, extent=(-half, half, -half, half))
        axes.set_title(str(number), fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
    figure.suptitle(f"{title}, seen along {'zyx'[along]}", fontsize=10)
    figure.tight_layout()


def plotRigidMotions(figure, turns, moves, converted):
    """How far conformations turn and move a region, apart for particles that were converted and those that kept their pose.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    turns : (N,) float
        Degrees.
    moves : (N,) float
        Å.
    converted : (N,) bool
    """
    groups = {f"converted: {converted.sum()}": converted, f"kept their pose: {(~converted).sum()}": ~converted}
    for position, (values, label) in enumerate(((turns, "Rotation (degrees)"), (moves, "Shift of the box centre (Å)")), 1):
        axes = figure.add_subplot(1, 2, position)
        bins = np.linspace(0, max(values.max(), 1e-6), min(60, max(10, len(values) // 20)) + 1)
        axes.hist(
            [values[chosen] for chosen in groups.values()],
            bins=bins,
            stacked=True,
            label=list(groups),
            color=["tab:green", "0.75"],
        )
        axes.set_xlabel(label)
        axes.set_ylabel("Particles")
    axes.legend(fontsize=8)
    figure.suptitle(f"{100 * converted.mean():.0f} % of {len(converted)} particles follow their conformation", fontsize=11)
    figure.tight_layout()
