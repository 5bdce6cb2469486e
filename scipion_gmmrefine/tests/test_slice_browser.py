"""Slices that sliders move, and a sphere that the mouse drags on them."""

import unittest

import numpy as np
from matplotlib.backend_bases import MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from scipion_gmmrefine.viewers.slice_browser import SliceBrowser, SpherePicker

SIZE, VOXEL = 12, 2.0


def browser():
    figure = Figure(figsize=(12, 5))
    FigureCanvasAgg(figure)
    z, y, x = np.indices((SIZE,) * 3)
    made = SliceBrowser(figure, x + 100.0 * y + 10000.0 * z, VOXEL, "title")  # every voxel says where it is
    figure.canvas.draw()
    return made


def mouse(axes, name, x, y, **more):
    """A mouse event at data coordinates."""
    event = MouseEvent(name, axes.figure.canvas, *axes.transData.transform((x, y)), button=more.pop("button", 1), **more)
    axes.figure.canvas.callbacks.process(name, event)


class TestSliceBrowser(unittest.TestCase):
    def shown(self, made):
        """The first value of every panel's slice."""
        return [image.get_array()[0, 0] for image in made._images]

    def test_sliders_choose_the_slices_in_each_direction(self):
        made = browser()
        self.assertEqual(self.shown(made), [60000, 600, 6])
        for axis, value in enumerate((4.0, 8.0, 22.0)):  # x y z in Å
            made._sliders[axis].set_val(value)
        self.assertEqual(self.shown(made), [110000, 400, 2])
        np.testing.assert_allclose(made.point, [4, 8, 22])

    def test_a_click_brings_the_other_slices_there(self):
        made = browser()
        mouse(made.panels[1], "button_press_event", 6.0, 20.0)  # x and z
        self.assertEqual(self.shown(made), [100000, 600, 3])

    def test_pixels_lie_where_the_axes_say(self):
        made = browser()
        extent = made._images[0].get_extent()
        np.testing.assert_allclose(extent, [-1, 23, -1, 23])  # the first voxel's centre is at 0


class TestSpherePicker(unittest.TestCase):
    def picker(self, points=None):
        return SpherePicker(browser(), (12, 12, 12, 6), points)

    def test_gaussians_inside_are_counted(self):
        picker = self.picker(np.array([[12.0, 12, 12], [17, 12, 12], [12, 19, 12]]))
        self.assertEqual(picker.inside(), 2)
        self.assertIn("2 of 3 Gaussians inside", picker._text.get_text())

    def test_it_is_dragged_by_its_inside(self):
        picker = self.picker()
        panel = picker._browser.panels[0]
        mouse(panel, "button_press_event", 12, 12)
        mouse(panel, "motion_notify_event", 8, 16)
        mouse(panel, "button_release_event", 8, 16)
        mouse(panel, "motion_notify_event", 2, 2)
        self.assertEqual(picker.text(), "8 16 12 6")
        np.testing.assert_allclose(picker._circles[0].get_center(), (8, 16))

    def test_its_rim_and_the_wheel_change_the_radius(self):
        picker = self.picker()
        panel = picker._browser.panels[2]  # y and z
        mouse(panel, "button_press_event", 18, 12)
        mouse(panel, "motion_notify_event", 22, 12)
        mouse(panel, "button_release_event", 22, 12)
        self.assertEqual(picker.text(), "12 12 12 10")
        mouse(panel, "scroll_event", 12, 12, step=2, button=None)
        self.assertAlmostEqual(picker.radius, 10 * 1.05**2)

    def test_a_slice_beside_the_centre_shows_a_smaller_circle(self):
        picker = self.picker()
        picker._browser._sliders[2].set_val(16.0)
        self.assertAlmostEqual(picker._circles[0].get_radius(), np.sqrt(6**2 - 4**2))
