# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Figures of a molecule cut into patches."""

import numpy as np
from matplotlib import colormaps
from matplotlib.patches import Circle

FEW, MANY, EVEN_MORE = "tab10", "tab20", "turbo"  # colours
LEGEND_COLUMNS = 6


def patchColours(count):
    """A colour for every patch, as a list of RGBA."""
    palette = colormaps[FEW] if count <= colormaps[FEW].N else colormaps[MANY]
    if count > palette.N:
        return list(colormaps[EVEN_MORE](np.linspace(0, 1, count)))
    return [palette(number) for number in range(count)]


def nearestPatch(centers, patches):
    """Which patch each of the points (G, 3) in Å belongs to: that with the nearest sphere centre; (G,) int from 0."""
    distances = [np.linalg.norm(centers[:, None] - spheres[None, :, :3], axis=2).min(axis=1) for spheres in patches]
    return np.argmin(distances, axis=0)


def plotPatches(figure, centers, patches, volume, voxelSize, title):
    """Gaussians coloured by patch, and the patches as spheres on the map (Chen et al. 2023, Fig. S7).

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    centers : (G, 3) float
        Of the Gaussians, Å from the box centre.
    patches : list of (n, 4) float
        x y z from the box centre and radius of every patch's spheres, Å.
    volume : (Z, Y, X) float
        Its maximum projections are drawn.
    voxelSize : float
        Å.
    title : str
    """
    colours, owner = patchColours(len(patches)), nearestPatch(centers, patches)
    half = 1.05 * max(np.max(np.abs(spheres[:, :3]) + spheres[:, 3:]) for spheres in patches)
    legendRows = -(-len(patches) // LEGEND_COLUMNS)
    grid = figure.add_gridspec(
        1, 3, width_ratios=(1.25, 1, 1), left=0.01, right=0.99, top=0.86, bottom=0.15 + 0.04 * legendRows, wspace=0.22
    )
    axes = figure.add_subplot(grid[0], projection="3d")
    for number, colour in enumerate(colours):
        mine = centers[owner == number]
        axes.scatter(*mine.T, color=colour, s=14, linewidths=0, label=f"{number + 1} ({len(mine)} Gaussians)")
    reach = 1.05 * np.abs(centers).max()
    for name in "xyz":
        getattr(axes, f"set_{name}lim")(-reach, reach)
        getattr(axes, f"set_{name}label")(f"{name} (Å)")
    axes.set_box_aspect((1, 1, 1), zoom=1.1)
    axes.set_title("Gaussians", fontsize=10)
    for position, (horizontal, vertical, across) in enumerate(((0, 1, 2), (0, 2, 1)), 1):
        panel = figure.add_subplot(grid[position])
        _drawSpheres(panel, patches, colours, volume, voxelSize, (horizontal, vertical, across), half)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="lower center",
        ncol=min(len(labels), LEGEND_COLUMNS),
        fontsize=8,
        markerscale=1.5,
        title="Patch",
        title_fontsize=8,
    )
    figure.suptitle(title)


def _drawSpheres(axes, patches, colours, volume, voxelSize, directions, half):
    """A projection of the map with the outlines of all spheres; directions are 0 for x, 1 for y, 2 for z."""
    horizontal, vertical, across = directions
    shadow = volume.max(axis=2 - across)
    # rows are the later of the two remaining axes in z y x order
    low = [-(size // 2) * voxelSize - voxelSize / 2 for size in shadow.shape]
    extent = (low[1], low[1] + shadow.shape[1] * voxelSize, low[0], low[0] + shadow.shape[0] * voxelSize)
    axes.imshow(
        shadow,
        origin="lower",
        cmap="Greys",
        extent=extent,
        vmin=np.median(shadow),
        vmax=1.5 * shadow.max(),
        interpolation="bilinear",
    )
    for number, (spheres, colour) in enumerate(zip(patches, colours), 1):
        for sphere in spheres:
            middle = sphere[horizontal], sphere[vertical]
            axes.add_patch(Circle(middle, sphere[3], facecolor=(*colour[:3], 0.1), edgecolor=colour, linewidth=1.8))
        largest = spheres[np.argmax(spheres[:, 3])]
        angle = 2 * np.pi * (number - 0.5) / len(patches)  # numbers at different places of circles that coincide
        place = largest[[horizontal, vertical]] + largest[3] * np.array([np.cos(angle), np.sin(angle)])
        axes.text(
            *place,
            str(number),
            color=colour,
            ha="center",
            va="center",
            fontsize=10,
            fontweight="bold",
            bbox={"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": colour},
        )
    axes.set_xlim(-half, half)
    axes.set_ylim(-half, half)
    axes.set_xlabel(f"{'xyz'[horizontal]} (Å)")
    axes.set_ylabel(f"{'xyz'[vertical]} (Å)")
    axes.set_title(f"Spheres on the map, seen along {'xyz'[across]}", fontsize=10)


def plotEvidence(figure, numbers, evidence, errors, chosen):
    """How well so many rigid regions predict the motions of the other half set.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    numbers, evidence, errors : (N,) float
        Number of regions; evidence per particle and its standard error.
    chosen : int
        Number that was taken.
    """
    axes = figure.add_subplot(111)
    axes.errorbar(numbers, evidence, yerr=errors, marker="o", capsize=3, linewidth=1.5, color="steelblue")
    axes.axvline(chosen, color="black", linestyle=":", linewidth=1)
    axes.annotate(
        f"{chosen} taken",
        (chosen, 0.03),
        xycoords=("data", "axes fraction"),
        xytext=(4, 0),
        textcoords="offset points",
        fontsize=9,
    )
    axes.set_xticks(numbers)
    axes.set_xlabel("Regions that move rigidly")
    axes.set_ylabel("Evidence per particle, of the other half set")
    axes.set_title("Patches found in the data")
    axes.grid(alpha=0.3)
    figure.tight_layout()


def plotTable(figure, headings, rows, title, colours=None):
    """A table of texts.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    headings : list of str
    rows : list of list of str
    title : str
    colours : list of matplotlib colour, optional
        Of the first cell of every row.
    """
    axes = figure.add_subplot(111)
    axes.set_axis_off()
    table = axes.table(cellText=rows, colLabels=headings, loc="center", cellLoc="center")
    table.auto_set_font_size(False)
    table.set_fontsize(9)
    table.scale(1, 1.5)
    for column in range(len(headings)):
        table[0, column].set_facecolor("#e6e6e6")
        table[0, column].set_height(2.2 * table[0, column].get_height())
    for row, colour in enumerate(colours or [], 1):
        table[row, 0].set_facecolor((*colour[:3], 0.5))
    axes.set_title(title, fontsize=11)
    figure.tight_layout()
