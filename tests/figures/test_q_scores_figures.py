"""Figures show what they were given."""

import numpy as np
import pytest

from gmmrefine.figures.q_scores import write_change_figure, write_class_figure, write_residue_figure, write_status_figure


def colored(path, channel, others):
    """Number of pixels in which one colour channel clearly exceeds the others."""
    image = pytest.importorskip("matplotlib.image").imread(path)[..., :3]
    return int(np.sum(image[..., channel] > image[..., others].max(axis=-1) + 0.4))


def test_residues_with_and_without_the_expected_line(tmp_path):
    numbers = np.arange(1, 101)
    mean = 0.5 + 0.2 * np.sin(numbers / 5)
    write_residue_figure(tmp_path / "with.png", "chain A", numbers, mean, mean, expected={"protein": 0.6})
    write_residue_figure(tmp_path / "without.png", "chain A", numbers, mean, mean, expected={})
    assert colored(tmp_path / "with.png", 0, [1, 2]) > 500 > colored(tmp_path / "without.png", 0, [1, 2])
    assert colored(tmp_path / "with.png", 2, [0]) > 1000


def test_gaps_are_left_open(tmp_path):
    numbers = np.arange(1, 101)
    mean = np.full(100, 0.5)
    write_residue_figure(tmp_path / "whole.png", "chain A", numbers, mean, mean, expected={})
    write_residue_figure(
        tmp_path / "gap.png", "chain A", np.delete(numbers, slice(20, 80)), np.full(40, 0.5), np.full(40, 0.5), expected={}
    )
    whole, gap = (colored(tmp_path / name, 2, [0]) for name in ("whole.png", "gap.png"))
    assert gap < 0.55 * whole


def test_classes_of_several_maps(tmp_path, rng):
    scores = {"protein_backbone": rng.normal(0.6, 0.1, 300), "ion": np.array([0.7, 0.75])}
    write_class_figure(tmp_path / "one.png", "Q", {"map": scores})
    write_class_figure(tmp_path / "two.png", "Q", {"a": scores, "b": {name: values - 0.2 for name, values in scores.items()}})
    images = [pytest.importorskip("matplotlib.image").imread(tmp_path / name) for name in ("one.png", "two.png")]
    orange = [int(np.sum((image[..., 0] > 0.8) & (image[..., 2] < image[..., 0] - 0.2))) for image in images]
    assert orange[0] < 50 and orange[1] > 1000


def test_changes_and_statuses(tmp_path):
    matplotlib_image = pytest.importorskip("matplotlib.image")
    by_class = {"protein_backbone": (0.05, 0.04, 0.06), "ligand": (-0.4, np.nan, np.nan)}
    write_change_figure(tmp_path / "changes.png", "against a", {"b": by_class, "c": by_class})
    image = matplotlib_image.imread(tmp_path / "changes.png")
    orange, green = (
        (image[..., :3] - color).__abs__().max(axis=-1) < 0.02
        for color in ((1, 127 / 255, 14 / 255), (44 / 255, 160 / 255, 44 / 255))
    )
    assert orange.sum() > 100 and green.sum() > 100
    colors = {"kept": "#0000ff", "lost": "#ff0000"}
    for name, column in (("all", ["lost"] * 3), ("one", ["kept", "lost", "kept"])):
        write_status_figure(tmp_path / f"{name}.png", "copies", ["A/X 1", "A/X 2", "A/X 3"], {"b": np.array(column)}, colors)
    everything, one = (colored(tmp_path / f"{name}.png", 0, [1, 2]) for name in ("all", "one"))
    assert one == pytest.approx(everything / 3, rel=0.1)
