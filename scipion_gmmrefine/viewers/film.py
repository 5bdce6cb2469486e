# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Maps of a motion one after the other, without ChimeraX: projections along the direction in which most of it is seen."""

import numpy as np
from matplotlib.widgets import Slider

COLOURS = "gray"
MILLISECONDS = 150  # a frame
AXES = "zyx"


class Film:
    """Frames that play to and fro until the slider is moved.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    frames : list of (Z, Y, X) float
    voxelSize : float
        Å.
    title : str
    """

    def __init__(self, figure, frames, voxelSize, title):
        along = mostChanged(frames)
        self._pictures = [frame.sum(axis=along) for frame in frames]
        up, across = (name for number, name in enumerate(AXES) if number != along)
        low, high = np.percentile(self._pictures, (0.5, 99.95))
        grid = figure.add_gridspec(2, 1, height_ratios=(1, 0.05), left=0.12, right=0.93, bottom=0.08, top=0.9)
        axes = figure.add_subplot(grid[0])
        height, width = (side * voxelSize for side in self._pictures[0].shape)
        self._image = axes.imshow(
            self._pictures[0], origin="lower", cmap=COLOURS, vmin=low, vmax=high, extent=(0, width, 0, height)
        )
        axes.set_xlabel(f"{across} (Å)")
        axes.set_ylabel(f"{up} (Å)")
        figure.suptitle(f"{title}\nprojected along {AXES[along]}, where most of the motion is seen", fontsize=10)
        self._slider = Slider(figure.add_subplot(grid[1]), "frame", 1, len(frames), valinit=1, valstep=1)
        self._slider.on_changed(self._shown)
        self._step, self._plays = 1, True
        self._timer = figure.canvas.new_timer(interval=MILLISECONDS)
        self._timer.add_callback(self.advance)
        self._timer.start()
        figure.canvas.mpl_connect("button_press_event", self._pressed)
        figure.canvas.mpl_connect("close_event", lambda _event: self._timer.stop())

    @property
    def number(self):
        """The frame that is shown, from 1."""
        return int(self._slider.val)

    def advance(self):
        """Show the next frame, while it plays; at the ends it turns round."""
        if self._plays and len(self._pictures) > 1:
            if not 1 <= self.number + self._step <= len(self._pictures):
                self._step = -self._step
            self._slider.set_val(self.number + self._step)

    def _shown(self, number):
        self._image.set_data(self._pictures[int(number) - 1])
        self._image.figure.canvas.draw_idle()

    def _pressed(self, event):
        """A click on the picture stops the film or lets it go on; one on the slider stops it."""
        if event.inaxes is self._image.axes:
            self._plays = not self._plays
        elif event.inaxes is self._slider.ax:
            self._plays = False


def mostChanged(frames):
    """Axis (0 z, 1 y, 2 x) along which the projections of maps (Z, Y, X) differ most from the first to the last one."""
    change = frames[-1] - frames[0]
    return int(np.argmax([(change.sum(axis=axis) ** 2).sum() for axis in range(3)]))
