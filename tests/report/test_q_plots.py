"""Figures of Q-scores in the report: gaps, menus, quantiles and intervals."""

import numpy as np
import pytest

from gmmrefine.report.plots import MOST_POINTS
from gmmrefine.report.q_plots import change_of_q_plot, class_plot, residue_plot, status_plot, within_limit


def test_residue_plot_breaks_the_curve_and_shows_one_chain_at_a_time():
    number = np.array([1, 2, 5, 6])
    plot = residue_plot({"A": (number, number / 10, number / 10), "B": (number, number / 20, number / 20)}, {"protein": 0.6})
    assert np.isnan(plot.data[0].x).tolist() == [False, False, True, False, False]
    assert [trace.visible for trace in plot.data] == [True, True, False, False]
    menu = plot.layout.updatemenus[0].buttons
    assert [button.label for button in menu] == ["chain A", "chain B"]
    assert list(menu[1].args[0]["visible"]) == [False, False, True, True]
    assert plot.layout.shapes[0].y0 == 0.6
    assert not residue_plot({"A": (number, number / 10, number / 10)}, {}).layout.updatemenus


def test_long_chains_are_left_to_the_tables():
    curves = tuple(np.zeros(2 * MOST_POINTS - 10) for _ in range(3))
    short = tuple(np.zeros(5) for _ in range(3))
    assert list(within_limit({"A": curves, "B": short, "C": curves, "D": short})) == ["A", "B"]
    assert list(within_limit({"A": tuple(np.zeros(9 * MOST_POINTS) for _ in range(3))})) == ["A"]


def test_classes_keep_their_quantiles_and_few_atoms_are_points(rng):
    many = rng.normal(0.7, 0.1, 20000)
    plot = class_plot({"map": {"protein_backbone": many, "ion": np.array([0.5, 0.6])}})
    violin, box = plot.data
    assert violin.type == "violin" and set(violin.x) == {"protein backbone"} and len(violin.y) == 500
    assert np.percentile(violin.y, (0, 25, 50, 75, 100)) == pytest.approx(np.percentile(many, (0, 25, 50, 75, 100)), abs=2e-3)
    assert box.type == "box" and box.boxpoints == "all" and list(box.y) == [0.5, 0.6] and not box.showlegend
    assert list(plot.layout.xaxis.categoryarray) == ["protein backbone", "ion"]


def test_change_of_q_has_its_interval_and_none_where_there_is_none():
    plot = change_of_q_plot({"a": {"ligand": (-0.5, -0.7, -0.2), "ion": (0.1, np.nan, np.nan)}})
    marks = plot.data[0]
    assert list(marks.x) == [-0.5, 0.1]
    assert list(marks.error_x.array) == pytest.approx([0.3, 0]) and list(marks.error_x.arrayminus) == pytest.approx([0.2, 0])
    assert [plot.layout.yaxis.ticktext[round(place)] for place in marks.y] == ["ligand", "ion"]


def test_status_bars_add_up():
    plot = status_plot({"a": {"kept": 3, "lost": 1}, "b": {"kept": 4}}, {"kept": "blue", "weakened": "orange", "lost": "red"})
    assert {trace.name: list(trace.x) for trace in plot.data} == {"kept": [3, 4], "weakened": [0, 0], "lost": [1, 0]}


def test_names_of_maps_and_chains_cannot_bring_markup():
    evil = "<a href='x'>"
    number = np.array([1.0, 2.0])
    plots = (
        class_plot({evil: {"ion": np.array([0.5])}}),
        status_plot({evil: {"kept": 1}}, {"kept": "blue"}),
        change_of_q_plot({evil: {"ion": (0.1, 0.0, 0.2)}}),
        residue_plot({evil: (number, number, number), "B": (number, number, number)}, {}),
    )
    assert not any("<a" in str(plot.to_dict()["data"]) + str(plot.layout.updatemenus) for plot in plots)
