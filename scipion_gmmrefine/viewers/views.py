# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Windows that both Scipion's desktop and a test can hold."""

import os
import webbrowser

import mrcfile
from matplotlib.image import imread
from pwem.viewers import EmPlotter
from pwem.viewers.viewer_chimera import Chimera, ChimeraView
from pyworkflow.viewer import View

from scipion_gmmrefine.viewers.film import Film
from scipion_gmmrefine.viewers.slice_browser import SliceBrowser

PICTURE_DPI = 150  # of the engine's figures
WIDEST, HIGHEST = 16, 9  # inches of a window
BROWSER_SIZE, FILM_SIZE = (12, 5), (6, 7)


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
    plotter.tightLayoutOn = False  # Scipion would lay out once more when it shows the window, over colour bars
    draw(plotter.getFigure(), *arguments, **options)
    return plotter


def browserOf(volume, voxelSize, title):
    """A window with slices of a map in three directions, each with a slider; the first voxel is at 0 Å.

    Parameters
    ----------
    volume : (Z, Y, X) float
    voxelSize : float
        Å.
    title : str

    Returns
    -------
    EmPlotter
    """
    plotter = EmPlotter(windowTitle=title, figsize=BROWSER_SIZE)
    plotter.tightLayoutOn = False
    # pyplot keeps the figure as long as its window is open; matplotlib itself holds callbacks weakly
    plotter.getFigure().browser = SliceBrowser(plotter.getFigure(), volume, voxelSize, title)
    return plotter


def filmOf(frames, voxelSize, title):
    """A window with maps (Z, Y, X) one after the other, of a voxel size in Å.

    Returns
    -------
    EmPlotter
    """
    plotter = EmPlotter(windowTitle=title, figsize=FILM_SIZE)
    plotter.tightLayoutOn = False
    plotter.getFigure().film = Film(plotter.getFigure(), frames, voxelSize, title)  # held as the browser above
    return plotter


def pictureView(fileName):
    """A window with a picture (PNG) that the engine has drawn, at the size it was drawn for.

    Returns
    -------
    EmPlotter
    """
    picture = imread(fileName)
    height, width = (side / PICTURE_DPI for side in picture.shape[:2])
    shrink = min(1, WIDEST / width, HIGHEST / height)
    return plotterOf(_drawPicture, picture, size=(shrink * width, shrink * height))


def _drawPicture(figure, picture):
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(picture, interpolation="antialiased")
    axes.set_axis_off()


class PageView(View):
    """A page in the browser."""

    def __init__(self, path):
        self.path = os.path.abspath(path)

    def show(self):
        webbrowser.open_new_tab(f"file://{self.path}")


def readMap(fileName):
    """A density map as (Z, Y, X) float array, and its voxel size in Å."""
    with mrcfile.open(fileName, permissive=True) as handle:
        return handle.data.astype(float), float(handle.voxel_size.x)


def chimeraViews(viewer, fileNames):
    """ChimeraX with some maps, or a message where ChimeraX is not installed."""
    program = Chimera.getProgram()
    if not program or not os.path.exists(program):
        return [
            viewer.errorMessage(
                f"ChimeraX was not found ({program or 'CHIMERA_HOME is not set'}). Install it with the plugin "
                "scipion-em-chimera, or set CHIMERA_HOME. The slices show the map without it.",
                "ChimeraX is missing",
            )
        ]
    return [ChimeraView(fileNames)]
