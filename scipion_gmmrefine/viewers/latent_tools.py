# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""What the mouse does in a drawing of latents: pick conformations, or select particles."""

import numpy as np
from matplotlib.path import Path
from matplotlib.widgets import Button, LassoSelector

_MARK = {"color": "red", "marker": "o", "markersize": 6, "markeredgecolor": "white"}
_SELECTED = {"facecolors": "none", "edgecolors": "red", "linewidths": 0.8, "s": 18}


class ConformationPicker:
    """Clicks in a panel become latents.

    Parameters
    ----------
    panels : dict of Axes
        By half set.
    views : dict of FlatView
        By half set.
    clicks : int
        How many make a choice: 1 for a point, 2 for the ends of an axis. All must be in one panel.
    chosen : callable
        Called with the half set and the list of latents (D,) when the last click was made.
    """

    def __init__(self, panels, views, clicks, chosen):
        self._panels, self._views, self._clicks, self._chosen = panels, views, clicks, chosen
        self._half, self._places, self._marks = None, [], []
        self._canvas = next(iter(panels.values())).figure.canvas
        self._canvas.mpl_connect("button_press_event", self._clicked)

    def _clicked(self, event):
        half = next((half for half, axes in self._panels.items() if axes is event.inaxes), None)
        if half is None or self._canvas.widgetlock.locked():  # the toolbar zooms or pans
            return
        if half != self._half or len(self._places) == self._clicks:
            self._half, self._places = half, []
            for mark in self._marks:
                mark.remove()
            self._marks = []
        self._places.append((event.xdata, event.ydata))
        self._marks += self._panels[half].plot(*zip(*self._places), **_MARK)
        self._canvas.draw_idle()
        if len(self._places) == self._clicks:
            self._chosen(half, [self._views[half].latentAt(np.array(place)) for place in self._places])


class ParticleLasso:
    """A loop drawn in a panel selects the particles inside; a button hands over those of all panels.

    Parameters
    ----------
    panels : dict of Axes
        By half set.
    views : dict of FlatView
        By half set.
    ids : dict of (N,) int
        By half set: of the particles.
    chosen : callable
        Called with the list of the ids selected when the button is pressed.
    """

    def __init__(self, panels, views, ids, chosen):
        self._panels, self._views, self._ids, self._chosen = panels, views, ids, chosen
        self._inside = {half: np.zeros(len(own), bool) for half, own in ids.items()}
        self._rings = {half: axes.scatter([], [], **_SELECTED) for half, axes in panels.items()}
        self._trail = []  # of the mouse in the window; LassoSelector knows no corners outside its panel
        last = list(panels.values())[-1]
        for name in ("button_press_event", "motion_notify_event"):
            last.figure.canvas.mpl_connect(name, self._followed)
        self._count = last.figure.text(0.03, 0.03, "")
        self._lassos = [LassoSelector(axes, onselect=self._loopOf(half)) for half, axes in panels.items()]
        self._button = Button(last.figure.add_subplot(last.get_gridspec()[1, -2]), "Make a set of them")
        self._button.on_clicked(lambda _event: self._chosen(self.selected()))
        self._report()

    def _followed(self, event):
        if event.name == "button_press_event":
            self._trail = []
        if event.button:
            self._trail.append((event.x, event.y))

    def _loopOf(self, half):
        """What is done with the end of a loop that began in a panel."""
        return lambda _corners: self.select(half, self._panels[half].transData.inverted().transform(self._trail))

    def select(self, half, corners):
        """Select the particles of a half set inside a loop of corners (x, y), in place of those selected before."""
        points = self._views[half].points
        inside = Path(corners).contains_points(points) if len(corners) > 2 else np.zeros(len(points), bool)
        self._inside[half] = inside
        self._rings[half].set_offsets(points[inside])
        self._report()

    def selected(self):
        """Ids of all particles selected, ascending."""
        return sorted(int(objId) for half, ids in self._ids.items() for objId in ids[self._inside[half]])

    def _report(self):
        counts = ", ".join(f"{inside.sum()} of half {half}" for half, inside in self._inside.items())
        self._count.set_text(f"Selected: {counts}")
        self._count.figure.canvas.draw_idle()
