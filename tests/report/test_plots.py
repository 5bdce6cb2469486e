"""Figures of the report: where the numbers lie in them, and what is left out of large sets."""

import numpy as np
import pytest

from gmmrefine.report.plots import (
    MOST_OUTLINES,
    MOST_POINTS,
    amplitude_plot,
    change_plot,
    coverage_plot,
    error_model_plot,
    evenly,
    evidence_plot,
    fsc_plot,
    gmm_plot,
    series_colors,
)


def test_fsc_is_drawn_over_frequency_and_labelled_in_angstroms():
    frequency = np.arange(11) / 40
    plot = fsc_plot({"a": (frequency, np.linspace(1, 0, 11)), "b": (frequency, np.linspace(1, -0.3, 11))}, 0.143)
    assert [trace.name for trace in plot.data] == ["a", "b"]
    assert plot.data[0].x == pytest.approx(frequency[1:]) and plot.data[0].customdata == pytest.approx(1 / frequency[1:])
    ticks = {float(text): place for place, text in zip(plot.layout.xaxis.tickvals, plot.layout.xaxis.ticktext)}
    assert all(place == pytest.approx(1 / value) for value, place in ticks.items()) and {10, 5, 4} <= set(ticks)
    assert np.diff(sorted(ticks.values())).min() > 0.05 * 0.25 and max(ticks.values()) <= 0.25
    assert plot.layout.shapes[0].y0 == 0.143 and plot.layout.yaxis.range[0] == pytest.approx(-0.32)


def test_amplitudes_of_zero_are_left_out_and_the_fitted_range_is_shown():
    frequency = np.arange(5) / 20
    plot = amplitude_plot(frequency, {"a": np.array([4, 3, 0, 2, 1.0])}, (20, 5))
    assert plot.data[0].x == pytest.approx(frequency[[0, 1, 3, 4]] ** 2) and plot.data[0].y[-1] == 0
    assert (plot.layout.shapes[0].x0, plot.layout.shapes[0].x1) == pytest.approx((1 / 400, 1 / 25))


def test_error_model_has_powers_above_gains():
    frequency, power = np.arange(1, 6) / 20, np.array([9, 4, 2, 1, 0.0])
    plot = error_model_plot(frequency, {"signal": power}, {"molecule": power / 9})
    signal, gain = plot.data
    assert signal.x == pytest.approx(frequency[:4]) and signal.y == pytest.approx(power[:4])
    assert gain.x == pytest.approx(frequency) and gain.y == pytest.approx(power / 9)
    assert (signal.yaxis, gain.yaxis, plot.layout.yaxis.type) == ("y", "y2", "log")
    assert plot.layout.yaxis.domain[0] > plot.layout.yaxis2.domain[1]


def test_change_plot_counts_every_particle_once(rng):
    values = {"half 1": rng.gamma(4, 0.5, 500), "half 2": np.append(rng.gamma(4, 0.5, 499), 1000.0)}
    plot = change_plot(values, "rotation (degrees)")
    assert [np.sum(trace.y[:-1]) for trace in plot.data] == [500, 500]
    edges = plot.data[0].x
    assert edges[0] == 0 and edges[-1] < 10
    assert plot.data[0].y[3] == np.sum((values["half 1"] >= edges[3]) & (values["half 1"] < edges[4]))


def test_changes_of_many_groups_are_boxes(rng):
    groups = {f"patch {number}": rng.gamma(number, 0.5, 400) for number in range(1, MOST_OUTLINES + 2)}
    (box,) = change_plot(groups, "shift (Å)").data
    assert box.type == "box" and list(box.x) == list(groups)
    assert box.median == pytest.approx([np.median(values) for values in groups.values()])
    assert [box.lowerfence[2], box.q1[2], box.q3[2], box.upperfence[2]] == pytest.approx(
        np.percentile(groups["patch 3"], (5, 25, 75, 95))
    )


def test_poses_that_did_not_change_have_an_axis():
    plot = change_plot({"all": np.zeros(9)}, "shift (Å)")
    assert plot.data[0].y[0] == 9 and plot.layout.xaxis.range == (0, 0.01)


def test_coverage_has_cells_of_equal_area(rng):
    rot, tilt = rng.uniform(-180, 180, 200000), np.degrees(np.arccos(rng.uniform(-1, 1, 200000)))
    counts = coverage_plot(rot, tilt).data[0].z
    assert counts.shape == (18, 36) and counts.sum() == 200000
    assert abs(counts - 200000 / 648).max() < 6 * np.sqrt(200000 / 648)
    one = coverage_plot([90.0, 450.0], [90.0, 90.0]).data[0]
    row, column = np.argwhere(one.z == 2)[0]
    assert abs(one.x0 + column * one.dx - 90) <= one.dx / 2 and abs(one.y0 + row * one.dy) <= one.dy / 2
    assert one.z.shape == (6, 12)


def test_large_models_are_thinned_evenly(rng):
    centers, widths = rng.normal(0, 30, (10000, 3)), rng.uniform(1, 3, 10000)
    plot = gmm_plot({"half 1": (centers, widths), "half 2": (centers[:50], widths[:50])})
    assert [len(trace.x) for trace in plot.data] == [MOST_POINTS // 2, 50]
    assert plot.data[1].z == pytest.approx(centers[:50, 2])
    single = gmm_plot({"half 1": (centers, widths)})
    assert len(single.data[0].marker.color) == len(single.data[0].x) == MOST_POINTS


def test_evenly_keeps_the_ends_and_all_of_what_is_few():
    assert evenly(5, 10).tolist() == [0, 1, 2, 3, 4] and evenly(1, 3).tolist() == [0]
    some = evenly(1000, 11)
    assert some[0] == 0 and some[-1] == 999 and np.ptp(np.diff(some)) <= 1


def test_colors_of_a_series_differ():
    assert len(set(series_colors(6))) == 6 and len(series_colors(1)) == 1


def test_evidence_counts_regions_from_one():
    plot = evidence_plot(np.array([1, 3, 2.5]), np.array([0.1, 0.2, 0.2]))
    assert plot.data[0].x.tolist() == [1, 2, 3] and plot.data[0].error_y.array.tolist() == [0.1, 0.2, 0.2]
