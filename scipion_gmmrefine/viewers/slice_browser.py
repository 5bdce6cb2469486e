# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Slices of a map in three directions, with a slider for each; and a sphere that is drawn and dragged on them."""

import numpy as np
from matplotlib.patches import Circle
from matplotlib.widgets import Slider

DIRECTIONS = "xyz"
PLANES = ((0, 1, 2), (0, 2, 1), (1, 2, 0))  # horizontal, vertical and depth of the panels, as axes x y z
COLOURS, CROSS, SPHERE = "gray", "deepskyblue", "orange"
PERCENTILES = (0.5, 99.95)
EDGE = 0.8  # of the radius; from here outwards the mouse changes the radius
STEP_OF_WHEEL = 1.05
SMALLEST = 2  # voxels; radius


class SliceBrowser:
    """Three slices of a map through one point, which sliders move, and a click.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    volume : (Z, Y, X) float
    voxelSize : float
        Å.
    title : str
    start : sequence of float
        x y z in Å of the first voxel's centre.
    """

    def __init__(self, figure, volume, voxelSize, title, start=(0.0, 0.0, 0.0)):
        self._volume, self._voxelSize, self._start = volume, voxelSize, np.array(start, float)
        self._size = np.array(volume.shape[::-1])
        self._canvas, self._changed = figure.canvas, []
        grid = figure.add_gridspec(
            2, 3, height_ratios=(1, 0.06), left=0.06, right=0.95, bottom=0.08, top=0.88, wspace=0.3, hspace=0.3
        )
        self.panels, self._images, self._lines, self._sliders = [], [], [], []
        self.point = self._start + self._size // 2 * voxelSize
        low, high = np.percentile(volume, PERCENTILES)
        for column, (across, up, _) in enumerate(PLANES):
            axes = figure.add_subplot(grid[0, column])
            self._images.append(
                axes.imshow(
                    self._slice(column), origin="lower", cmap=COLOURS, vmin=low, vmax=high, extent=self._extent(across, up)
                )
            )
            axes.set_xlabel(f"{DIRECTIONS[across]} (Å)")
            axes.set_ylabel(f"{DIRECTIONS[up]} (Å)")
            self._lines.append(
                (
                    axes.axvline(self.point[across], color=CROSS, linewidth=0.6),
                    axes.axhline(self.point[up], color=CROSS, linewidth=0.6),
                )
            )
            self.panels.append(axes)
        for axis, name in enumerate(DIRECTIONS):
            ends = self._start[axis], self._start[axis] + (self._size[axis] - 1) * voxelSize
            slider = Slider(
                figure.add_subplot(grid[1, axis]), name, *ends, valinit=self.point[axis], valstep=voxelSize, valfmt="%.0f Å"
            )
            slider.on_changed(lambda value, moved=axis: self._slid(moved, value))
            self._sliders.append(slider)
        figure.suptitle(title)
        self._canvas.mpl_connect("button_press_event", self._clicked)

    def _extent(self, across, up):
        first = self._start - self._voxelSize / 2
        last = first + self._size * self._voxelSize
        return first[across], last[across], first[up], last[up]

    def _slice(self, column):
        """The slice of a panel, its vertical direction first."""
        depth = PLANES[column][2]
        voxel = int(np.clip(np.rint((self.point[depth] - self._start[depth]) / self._voxelSize), 0, self._size[depth] - 1))
        return np.take(self._volume, voxel, axis=2 - depth)

    def whenMoved(self, call):
        """Call something without arguments whenever the point has moved."""
        self._changed.append(call)

    def moveTo(self, point):
        """Show the slices through a point x y z in Å; outside the map the nearest ones."""
        for slider, value in zip(self._sliders, point):
            slider.eventson = False
            slider.set_val(float(np.clip(value, slider.valmin, slider.valmax)))
            slider.eventson = True
        self.point = np.array(point, float)
        self._redraw()

    def _slid(self, axis, value):
        self.point = self.point.copy()
        self.point[axis] = value
        self._redraw()

    def _clicked(self, event):
        if event.inaxes in self.panels and event.button == 1 and not self._canvas.widgetlock.locked():
            across, up, _ = PLANES[self.panels.index(event.inaxes)]
            point = self.point.copy()
            point[[across, up]] = event.xdata, event.ydata
            self.moveTo(point)

    def _redraw(self):
        for column, ((across, up, _), image, (vertical, horizontal)) in enumerate(zip(PLANES, self._images, self._lines)):
            image.set_data(self._slice(column))
            vertical.set_xdata([self.point[across]] * 2)
            horizontal.set_ydata([self.point[up]] * 2)
        for call in self._changed:
            call()
        self._canvas.draw_idle()


class SpherePicker:
    """A sphere on the slices of a map: dragged by its inside, sized by its rim or the wheel.

    Parameters
    ----------
    browser : SliceBrowser
    sphere : sequence of float
        x y z and radius in Å, in the browser's coordinates.
    points : (G, 3) float, optional
        Centres of Gaussians in the same coordinates, to be counted.
    """

    def __init__(self, browser, sphere, points=None):
        self._browser, self._points, self._held = browser, points, None
        self.center, self.radius = np.array(sphere[:3], float), float(sphere[3])
        self._circles = [axes.add_patch(Circle((0, 0), 1, fill=False, color=SPHERE, linewidth=2)) for axes in browser.panels]
        figure = browser.panels[0].figure
        self._text = figure.text(0.5, 0.9, "", ha="center")
        for name, call in (
            ("button_press_event", self._pressed),
            ("motion_notify_event", self._dragged),
            ("button_release_event", self._released),
            ("scroll_event", self._scrolled),
        ):
            figure.canvas.mpl_connect(name, call)
        browser.whenMoved(self._redraw)
        browser.moveTo(self.center)

    def inside(self):
        """How many Gaussians lie inside; None where none are known."""
        if self._points is None:
            return None
        return int((np.linalg.norm(self._points - self.center, axis=1) <= self.radius).sum())

    def text(self):
        """The sphere as a form has it: x y z radius in Å."""
        return " ".join(f"{value:.0f}" for value in (*self.center, self.radius))

    def _pressed(self, event):
        """Hold the sphere by its inside or its rim; a click outside brings its centre there."""
        if event.inaxes not in self._browser.panels or event.button != 1:
            return
        across, up, _ = PLANES[self._browser.panels.index(event.inaxes)]
        away = np.hypot(event.xdata - self.center[across], event.ydata - self.center[up])
        isRim = EDGE * self.radius < away < (2 - EDGE) * self.radius
        self._held = "radius" if isRim else "center"
        self._dragged(event)

    def _dragged(self, event):
        if self._held is None or event.inaxes not in self._browser.panels:
            return
        across, up, _ = PLANES[self._browser.panels.index(event.inaxes)]
        place = np.array([event.xdata, event.ydata])
        if self._held == "radius":
            self._resize(np.linalg.norm(place - self.center[[across, up]]))
        else:
            self.center[[across, up]] = place
        self._browser.moveTo(self.center)

    def _released(self, _event):
        self._held = None

    def _scrolled(self, event):
        if event.inaxes in self._browser.panels:
            self._resize(self.radius * STEP_OF_WHEEL**event.step)
            self._redraw()

    def _resize(self, radius):
        self.radius = max(float(radius), SMALLEST * self._browser._voxelSize)

    def _redraw(self):
        for (across, up, depth), circle in zip(PLANES, self._circles):
            away = self._browser.point[depth] - self.center[depth]
            circle.set_center((self.center[across], self.center[up]))
            circle.set_radius(np.sqrt(max(self.radius**2 - away**2, 0)))
        count = "" if self.inside() is None else f": {self.inside()} of {len(self._points)} Gaussians inside"
        place = ", ".join(f"{value:.0f}" for value in self.center)
        self._text.set_text(f"Sphere at {place} Å, radius {self.radius:.0f} Å{count}")
        self._text.figure.canvas.draw_idle()
