"""Figures of results that notebooks show: what is drawn is what was given."""

import numpy as np
import pytest

from gmmrefine.figures.result_plots import class_figure, fsc_figure, latent_figure, resolution_figure, status_figure


def test_fsc_with_its_threshold():
    frequency, curve = np.linspace(0, 0.2, 9), np.linspace(1, 0, 9)
    (axes,) = fsc_figure(frequency, {"masked": curve}, "4.66 Å", 0.5).axes
    drawn, threshold = axes.lines
    np.testing.assert_allclose(drawn.get_data(), (frequency, curve))
    assert set(threshold.get_ydata()) == {0.5} and axes.get_title() == "4.66 Å"


def test_statuses_stand_side_by_side():
    (axes,) = status_figure(
        {
            "sharp": {"kept": 5, "weakened": 2, "lost": 1, "unjudged": 0},
            "noisy": {"kept": 4, "weakened": 0, "lost": 3, "unjudged": 1},
        }
    ).axes
    ends = [[bar.get_x() + bar.get_width() for bar in bars] for bars in axes.containers]
    assert ends == [[5, 4], [7, 4], [8, 7], [8, 8]]


def test_classes_and_their_means():
    (axes,) = class_figure(["protein_backbone", "water"], np.array([0.7, 0.4])).axes
    assert [bar.get_width() for bar in axes.patches] == [0.7, 0.4]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["protein backbone", "water"]


def test_halves_have_latents_of_their_own():
    half_set = np.array([1, 2, 2])
    first, second = latent_figure(np.array([0.5, -1, 2]), np.array([1.0, 2, 4]), half_set, "verdict").axes
    assert first.lines[0].get_xydata().tolist() == [[0.5, 1]]
    assert second.lines[0].get_xydata().tolist() == [[-1, 2], [2, 4]]


def test_local_resolutions():
    (axes,) = resolution_figure(np.array([4.0, 5, 9])).axes
    assert sum(bar.get_height() for bar in axes.patches) == pytest.approx(3) and axes.get_title() == "median 5.0 Å"
