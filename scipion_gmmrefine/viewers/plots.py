# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""The plugin's figures, drawn from arrays into a matplotlib figure that the caller owns."""

import numpy as np
from scipy.ndimage import gaussian_filter

TICKS = (50, 20, 10, 8, 7, 6, 5, 4.5, 4, 3.5, 3.2, 3, 2.8, 2.6, 2.4, 2.2, 2, 1.8, 1.6, 1.5, 1.4, 1.3, 1.2, 1.1, 1)
MAP_COLOURS = "gray"
CONTOUR_LEVELS = (0.25, 0.5, 0.75)
SHADOW_BLUR = 1.5  # voxels; a calm outline of a noisy map


def plotDirections(figure, rot, tilt, resolution, title="Resolution by direction"):
    """Resolution along axes of the half sphere, the z axis in the middle.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    rot, tilt : (A,) float
        Degrees; tilt to 90.
    resolution : (A,) float
        Å.
    title : str
    """
    axes = figure.add_subplot(111, projection="polar")
    points = axes.scatter(np.radians(rot), tilt, c=resolution, cmap="viridis_r", s=60)
    axes.set_rlim(0, 92)
    axes.set_rticks([30, 60, 90])
    axes.set_title(f"{title}: rot around, tilt outwards (degrees)")
    figure.colorbar(points, ax=axes, label="Å", shrink=0.8)


def plotFsc(figure, curves, threshold=None, title="Fourier shell correlation", resolution=None, styles=None):
    """Fourier shell correlations over resolution.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    curves : dict of str to tuple of (S,) float
        Label → frequency in 1/Å, correlation.
    threshold : float, optional
        Height of the dashed line.
    title : str
    resolution : float, optional
        Å, marked by a vertical line.
    styles : dict of dict, optional
        Label → options of its line.
    """
    axes = figure.add_subplot(111)
    for label, (frequency, values) in curves.items():
        axes.plot(frequency, values, label=label, **{"linewidth": 1.5, **(styles or {}).get(label, {})})
    if threshold is not None:
        axes.axhline(threshold, color="black", linestyle="--", linewidth=0.8)
        axes.annotate(f"{threshold:g}", (0, threshold), xytext=(3, 3), textcoords="offset points", fontsize=8)
    if resolution:
        axes.axvline(1 / resolution, color="black", linestyle=":", linewidth=0.8)
    last = max(frequency[-1] for frequency, _ in curves.values())
    axes.set_xlim(0, last)
    axes.set_ylim(-0.1, 1.05)
    _labelResolutions(axes, last)
    axes.set_xlabel("Resolution (Å)")
    axes.set_ylabel("FSC")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower left")
    figure.tight_layout()


def _labelResolutions(axes, last):
    """Round resolutions in Å along an axis of frequencies from 0 to `last` in 1/Å."""
    ticks = []
    for resolution in TICKS:
        if 1 / resolution <= last and 1 / resolution - (ticks[-1] if ticks else 0) >= last / 14:
            ticks.append(1 / resolution)
    axes.set_xticks(ticks, [f"{1 / tick:.3g}" for tick in ticks])


def drawSlices(figure, volume, voxelSize, middle):
    """Slices of a map across z, y and x through a voxel.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    volume : (Z, Y, X) float
    voxelSize : float
        Å.
    middle : sequence of int
        The voxel, z y x.

    Returns
    -------
    list of tuple
        Axes and their extent in Å (left, right, bottom, top), the first voxel's centre at 0 as for a focus sphere.
    """
    extents = [(-voxelSize / 2, (size - 0.5) * voxelSize) for size in volume.shape[::-1]]
    views = (
        ("x", "y", volume[middle[0]], (extents[0], extents[1])),
        ("x", "z", volume[:, middle[1]], (extents[0], extents[2])),
        ("y", "z", volume[:, :, middle[2]], (extents[1], extents[2])),
    )
    low, high = np.percentile(volume, (0.5, 99.95))
    panels = []
    for position, (horizontal, vertical, plane, (across, up)) in enumerate(views, 1):
        axes, extent = figure.add_subplot(1, 3, position), (*across, *up)
        axes.imshow(plane, origin="lower", cmap=MAP_COLOURS, vmin=low, vmax=high, extent=extent)
        axes.set_xlabel(f"{horizontal} (Å)")
        axes.set_ylabel(f"{vertical} (Å)")
        panels.append((axes, extent))
    return panels


def plotGaussians(figure, gaussians, title, volume=None, voxelSize=None):
    """A Gaussian mixture model in space, over the shadows of its map.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    gaussians : dict of arrays
        centers (G, 3) in Å, amplitudes (G,), widths (G,) in Å.
    title : str
    volume : (Z, Y, X) float, optional
        Its maximum projections are contoured on the walls.
    voxelSize : float, optional
        Å.
    """
    axes = figure.add_subplot(111, projection="3d")
    centers, widths = gaussians["centers"], gaussians["widths"]
    half = 1.15 * np.abs(centers).max() + 2 * widths.max()
    if volume is not None:
        _contourWalls(axes, volume, voxelSize, half)
    low, high = np.percentile(gaussians["amplitudes"], (2, 98))
    points = axes.scatter(
        *centers.T, c=gaussians["amplitudes"], s=4 * widths**2, cmap="viridis", vmin=low, vmax=high, alpha=0.7, linewidths=0
    )
    for setLimits, setLabel, name in (
        (axes.set_xlim, axes.set_xlabel, "x"),
        (axes.set_ylim, axes.set_ylabel, "y"),
        (axes.set_zlim, axes.set_zlabel, "z"),
    ):
        setLimits(-half, half)
        setLabel(f"{name} (Å)")
    axes.set_box_aspect((1, 1, 1), zoom=1.2)
    figure.colorbar(points, ax=axes, shrink=0.6, pad=0.12, extend="both", label="Amplitude (map units)")
    sizes = f"width {widths.min():.1f} to {widths.max():.1f} Å (drawn as size)"
    figure.suptitle(f"{title}\n{len(widths)} Gaussians, {sizes}", fontsize=10)


def _contourWalls(axes, volume, voxelSize, half):
    """Contours of a map's maximum projections on the three far walls of a cube from -half to half, Å."""
    grids = [(np.arange(size) - size // 2) * voxelSize for size in volume.shape[::-1]]
    inside = [np.abs(grid) <= half for grid in grids]
    x, y, z = (grid[kept] for grid, kept in zip(grids, inside))
    cut = volume[np.ix_(inside[2], inside[1], inside[0])]
    shadows = [gaussian_filter(cut.max(axis=axis), SHADOW_BLUR) for axis in range(3)]
    levels = np.median(shadows[0]) + np.array(CONTOUR_LEVELS) * (shadows[0].max() - np.median(shadows[0]))
    style = {"levels": levels, "cmap": "Greys", "vmin": levels[0] - np.ptp(levels), "linewidths": 0.9}
    axes.contour(*np.meshgrid(x, y), shadows[0], zdir="z", offset=-half, **style)
    horizontal, vertical = np.meshgrid(x, z)
    axes.contour(horizontal, shadows[1], vertical, zdir="y", offset=half, **style)
    horizontal, vertical = np.meshgrid(y, z)
    axes.contour(shadows[2], horizontal, vertical, zdir="x", offset=-half, **style)


def plotChanges(figure, rotations, shifts):
    """How far the refinement moved the particles (Chen et al. 2023, Fig. S6).

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    rotations : (N,) float
        Degrees between old and new orientation.
    shifts : (N,) float
        Å between old and new position.
    """
    panels = ((rotations, "Rotation", "degrees", "°"), (shifts, "Shift", "Å", " Å"))
    for position, (values, name, unit, sign) in enumerate(panels, 1):
        axes = figure.add_subplot(1, 2, position)
        axes.hist(values, bins=min(60, max(10, len(values) // 20)), color="steelblue", edgecolor="white", linewidth=0.3)
        axes.set_xlabel(f"{name} change ({unit})")
        axes.set_ylabel("Particles")
        axes.set_title(f"{name}: mean {np.mean(values):.2f}{sign}, std {np.std(values):.2f}{sign}", fontsize=10)
    figure.tight_layout()
