# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Figures of maps with something on top: regions and local resolution."""

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from scipion_gmmrefine.viewers.plots import drawSlices

RESOLUTION_COLOURS = "Spectral_r"  # blue is fine, red is coarse


def plotRegion(figure, volume, mask, voxelSize, title):
    """Slices of a map through the middle of a mask, with the outline of the mask.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    volume, mask : (Z, Y, X) float
    voxelSize : float
        Å.
    title : str
    """
    inside = np.argwhere(mask > 0.5 * mask.max())
    middle = np.rint(inside.mean(axis=0)).astype(int)
    panels = drawSlices(figure, volume, voxelSize, middle)
    for (axes, extent), plane in zip(panels, _planes(mask, middle)):
        axes.contour(plane, levels=[0.5 * mask.max()], colors="orange", linewidths=1.5, extent=extent)
    figure.suptitle(title)
    figure.tight_layout()


def plotLocalResolution(figure, volume, resolution, voxelSize, title):
    """Slices of a map through the middle of what was measured, coloured by the resolution around every voxel.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    volume : (Z, Y, X) float
    resolution : (Z, Y, X) float
        Å, 0 where it was not measured.
    voxelSize : float
        Å.
    title : str
    """
    middle = [int(np.median(places)) for places in np.nonzero(resolution > 0)]  # measured planes, whatever the shape
    measured = resolution[resolution > 0]
    norm = Normalize(*np.percentile(measured, (2, 98)))
    cmap = colormaps[RESOLUTION_COLOURS]
    panels = drawSlices(figure, volume, voxelSize, middle)
    strong = np.percentile(volume[resolution > 0], 80)  # full colour from here on
    for (axes, extent), plane, density in zip(panels, _planes(resolution, middle), _planes(volume, middle)):
        colours = cmap(norm(plane))
        colours[..., 3] = np.where(plane > 0, np.clip(density / strong, 0, 1), 0)
        axes.imshow(colours, origin="lower", extent=extent)
    figure.suptitle(title)
    figure.subplots_adjust(left=0.06, right=0.88, wspace=0.35)
    bar = figure.colorbar(ScalarMappable(norm, cmap), cax=figure.add_axes([0.91, 0.2, 0.015, 0.6]), extend="both")
    bar.set_label("Local resolution (Å)")


def _planes(volume, middle):
    """The slices (z, y, x) that ``drawSlices`` shows."""
    return volume[middle[0]], volume[:, middle[1]], volume[:, :, middle[2]]
