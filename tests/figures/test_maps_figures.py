"""Figures of maps show what they were given."""

import numpy as np
import pytest

from gmmrefine.figures.maps import (
    write_comparison_figure,
    write_error_model_figure,
    write_guinier_figure,
    write_overlay_figure,
)

BOX = 24


def read(path):
    return pytest.importorskip("matplotlib.image").imread(path)[..., :3]


def colored(path):
    """Number of pixels that are not grey."""
    return int(np.sum(np.ptp(read(path), axis=-1) > 0.3))


def test_values_are_drawn_where_they_are_and_only_there(tmp_path, rng):
    volume = rng.normal(size=(BOX,) * 3)
    values = rng.uniform(3, 9, volume.shape)
    few = np.where(np.indices(volume.shape)[0] < BOX // 4, values, 0)
    for name, shown in (("all", values), ("few", few)):
        write_overlay_figure(tmp_path / f"{name}.png", "resolution", volume, shown, 1.5, unit="resolution (Å)")
    whole, part = colored(tmp_path / "all.png"), colored(tmp_path / "few.png")
    # one of three planes is full and two are a quarter full; the color bar and the histogram are always there
    assert 0.5 * whole < part < 0.75 * whole


def test_values_far_from_the_middle_of_the_map_are_drawn(tmp_path, rng):
    """Two blobs in opposite corners: none of the central planes meets them, nor does one through their common middle."""
    volume, corners = rng.normal(size=(BOX,) * 3), np.zeros((BOX,) * 3)
    corners[1:6, 1:6, 1:6], corners[18:22, 18:22, 18:22] = rng.uniform(3, 9, (5, 5, 5)), 6.0
    write_overlay_figure(tmp_path / "corners.png", "resolution", volume, corners, 1.5, unit="resolution (Å)")
    panels = np.array_split(np.ptp(read(tmp_path / "corners.png"), axis=-1) > 0.3, [455, 915, 1360], axis=1)
    assert min(int(panel.sum()) for panel in panels[:3]) > 1000


def test_every_map_has_its_row_and_its_own_greys(tmp_path, rng):
    volume = rng.normal(size=(BOX,) * 3)
    write_comparison_figure(tmp_path / "one.png", {"unmodified": volume}, 1.5)
    write_comparison_figure(tmp_path / "two.png", {"unmodified": volume, "sharpened": 100 * volume}, 1.5)
    one, two = read(tmp_path / "one.png"), read(tmp_path / "two.png")
    assert len(two) == 2 * len(one)
    top, bottom = two[: len(one)], two[len(one) :]
    assert np.mean(top < 0.5) == pytest.approx(np.mean(bottom < 0.5), rel=0.05) and np.mean(top < 0.5) > 0.1


def test_the_planes_lie_as_their_axes_say(tmp_path):
    """A bright corner at low x, high y and high z: top left of xz and xy, top right of yz."""
    volume = np.zeros((BOX,) * 3)
    volume[:, :, : BOX // 2 + 1] += 1.0
    volume[:, BOX // 2 :] += 1.0
    volume[BOX // 2 :] += 1.0
    write_comparison_figure(tmp_path / "map.png", {"map": volume}, 1.0)
    image = read(tmp_path / "map.png").mean(axis=-1)
    planes = np.array_split(image, 3, axis=1)
    dark = [np.argwhere(plane[20:-80, 60:-10] < 0.02).mean(axis=0) / plane[20:-80, 60:-10].shape for plane in planes]
    assert all(place[0] < 0.5 for place in dark)
    assert dark[0][1] > 0.5 and dark[1][1] < 0.5 and dark[2][1] < 0.5


def test_guinier_figure_shows_the_range_of_the_fit(tmp_path):
    frequency = np.arange(41) / 100
    curve = np.exp(-60 * frequency**2)
    curves = {"unmodified": curve, "sharpened": np.ones(41)}
    write_guinier_figure(tmp_path / "fit.png", "B 240", frequency, curves, (np.arange(10, 31), curve))
    write_guinier_figure(tmp_path / "plain.png", "B 240", frequency, curves)
    band = [np.sum(np.abs(read(tmp_path / name) - 0.88).max(axis=-1) < 0.01) for name in ("fit.png", "plain.png")]
    assert band[0] > 50000 and band[1] < 5000


def test_error_model_figure_draws_powers_above_gains(tmp_path):
    """Two falling powers and one gain of 1: a flat line near the top of the lower panel, none there in the upper one."""
    frequency = np.linspace(0.02, 0.3, 12)
    powers = {"signal": np.exp(-20 * frequency), "noise": np.r_[0.0, np.exp(-5 * frequency[1:])]}
    write_error_model_figure(tmp_path / "errors.png", frequency, powers, {"molecule": np.ones(12)})
    upper, lower = np.array_split(read(tmp_path / "errors.png"), 2)
    first_color = np.array([0x1F, 0x77, 0xB4]) / 255
    blue = [np.argwhere(np.abs(half - first_color).max(axis=-1) < 0.02)[:, 0] for half in (upper, lower)]
    assert np.ptp(blue[0]) > 150 and len(blue[1]) > 1000
    assert np.mean(np.abs(blue[1] - np.median(blue[1])) < 8) > 0.6


def test_guinier_figure_leaves_out_the_steep_start(tmp_path):
    frequency = np.arange(41) / 100
    flat = np.exp(-60 * frequency**2)
    for name, steep in (("flat.png", flat), ("steep.png", np.where(frequency < 0.05, 1000, flat))):
        write_guinier_figure(tmp_path / name, "B 240", frequency, {"unmodified": steep}, (np.arange(10, 31), flat))
    assert np.array_equal(read(tmp_path / "flat.png"), read(tmp_path / "steep.png"))
