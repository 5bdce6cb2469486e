"""Slices and distributions in the report: which planes, in which units, and what is left out of large maps."""

import numpy as np
import pytest

from gmmrefine.report.map_plots import MOST_PIXELS, distribution_plot, slices_plot, thinned_by, values_plot


def test_slices_are_the_central_planes_in_angstroms(rng):
    volume = rng.normal(size=(10, 12, 14))
    plot = slices_plot({"one": volume, "two": 2 * volume}, 1.5)
    assert len(plot.data) == 6
    for trace, expected in zip(plot.data, (volume[:, :, 7], volume[:, 6], volume[5])):
        assert trace.z == pytest.approx(expected.astype(np.float32))
        assert (trace.x0, trace.dx, trace.dy) == (0, 1.5, 1.5)
    assert plot.data[3].zmax == pytest.approx(2 * plot.data[0].zmax)
    assert [note.text for note in plot.layout.annotations] == ["one", "two"]


def test_large_slices_are_thinned(rng):
    size = MOST_PIXELS + 40
    plot = values_plot(np.ones((4, size, size)), 1.0, "Å")
    assert thinned_by(size) == 2 and thinned_by(MOST_PIXELS) == 1
    assert plot.data[2].z.shape == (size // 2, size // 2) and plot.data[2].dx == 2.0


def test_values_are_blank_where_they_are_not_known():
    values = np.zeros((8, 8, 8))
    values[2:6, 2:6, 2:6] = 5.0
    values[3, 3, 3] = 7.0
    plane = values_plot(values, 2.0, "Å").data[0].z
    assert np.isnan(plane[0, 0]) and plane[4, 4] == 5 and np.isnan(plane).sum() == 48


def test_values_are_cut_where_they_are():
    """Off the middle of the box, and in two pieces with nothing between them."""
    values = np.zeros((12, 14, 16))
    values[9:11, 1:4, 12:15] = 5.0
    yz, xz, xy = (trace.z for trace in values_plot(values, 2.0, "Å").data)
    assert [np.sum(~np.isnan(plane)) for plane in (yz, xz, xy)] == [6, 6, 9]
    values[1, 12, 2] = 6.0
    assert all(np.any(~np.isnan(trace.z)) for trace in values_plot(values, 2.0, "Å").data)


def test_distribution_counts_every_voxel(rng):
    plot = distribution_plot(rng.normal(6, 1, 4000), "local resolution (Å)")
    assert np.sum(plot.data[0].y) == 4000
    assert np.sum(distribution_plot(np.full(50, 3.0), "Å").data[0].y) == 50
