"""Windows that both Scipion's desktop and a test can hold."""
import os

import mrcfile
from pwem.viewers import EmPlotter
from pwem.viewers.viewer_chimera import Chimera, ChimeraView


def plotterOf(draw, *arguments, size=(7, 5), **options):
    """A window with one figure.

    Parameters
    ----------
    draw : callable
        One of ``plots``; gets the figure first.
    arguments, options
        What it draws.
    size : tuple of float
        Inches.

    Returns
    -------
    EmPlotter
    """
    plotter = EmPlotter(windowTitle="GMM refine", figsize=size)
    draw(plotter.getFigure(), *arguments, **options)
    return plotter


def readMap(fileName):
    """A density map as (Z, Y, X) float array, and its voxel size in Å."""
    with mrcfile.open(fileName, permissive=True) as handle:
        return handle.data.astype(float), float(handle.voxel_size.x)


def chimeraViews(viewer, fileNames):
    """ChimeraX with some maps, or a message where ChimeraX is not installed."""
    program = Chimera.getProgram()
    if not program or not os.path.exists(program):
        return [viewer.errorMessage(
            f"ChimeraX was not found ({program or 'CHIMERA_HOME is not set'}). Install it with the plugin "
            "scipion-em-chimera, or set CHIMERA_HOME. The slices show the map without it.", "ChimeraX is missing")]
    return [ChimeraView(fileNames)]
