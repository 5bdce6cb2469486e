"""Particles of several grids and with aberrations: as good as those without, from the command line."""

import shutil
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from optics_sets import ABERRATIONS, as_if_at, every_second, joined, rewritten, simulate_group, simulate_same_dose, with_optics
from small_run import assert_refused, gmmrefine, record, refine

from gmmrefine.io.mrc import read_map
from gmmrefine.io.star import read_star
from gmmrefine.io.star_particles import read_particles
from gmmrefine.maps.fsc import shell_correlation
from gmmrefine.validation.pose_error import pose_errors

BOX, PIXEL_SIZE = 40, 4.4
SHELLS = slice(2, 19)
MATRIX = ("rlnMagMat00", "rlnMagMat01", "rlnMagMat10", "rlnMagMat11")


def reconstruct(particles, output, *options):
    """Reconstruct particles, which must succeed; the folder and what was said."""
    outcome = gmmrefine("reconstruct", particles, "-o", output, "--mask-resolution", 20, *options)
    assert outcome.code == 0, outcome.err
    return Path(output), outcome.out


def truth_fsc(folder, truth):
    """Correlation (S,) of the first half map with the true map, both under the true mask."""
    half, true, mask = (read_map(path).data for path in (folder / "half_map_1.mrc", truth / "truth.mrc", truth / "mask.mrc"))
    return shell_correlation(half * mask, true * mask)


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Folders of particles: plain ones, aberrated ones, and on two other grids at the same dose."""
    folder = tmp_path_factory.mktemp("optics")
    plain = simulate_group(folder / "plain", BOX, PIXEL_SIZE)
    simulate_group(folder / "aberrated", BOX, PIXEL_SIZE, *ABERRATIONS, seed=5)
    simulate_same_dose(folder / "finer", plain, 44, 4.0)
    simulate_same_dose(folder / "wider", plain, 44, 4.2)
    return folder


@pytest.fixture(scope="module")
def plain_fsc(sets, tmp_path_factory):
    return truth_fsc(reconstruct(sets / "plain" / "truth.star", tmp_path_factory.mktemp("plain") / "map")[0], sets / "plain")


def test_aberrated_images_give_as_good_a_map(sets, plain_fsc, tmp_path):
    folder, said = reconstruct(sets / "aberrated" / "truth.star", tmp_path / "map")
    assert "corrected for odd Zernike aberrations (opticsGroup1), even Zernike aberrations (opticsGroup1), anisotropic" in said
    found = truth_fsc(folder, sets / "aberrated")
    assert np.all(found[SHELLS] > plain_fsc[SHELLS] - 0.03)
    assert found[SHELLS].mean() > plain_fsc[SHELLS].mean() - 0.005
    for labels in (("rlnOddZernike",), ("rlnEvenZernike",), MATRIX):
        ignored = with_optics(sets / "aberrated" / "ignored.star", sets / "aberrated" / "truth.star", **dict.fromkeys(labels))
        worse = truth_fsc(reconstruct(ignored, tmp_path / labels[0])[0], sets / "aberrated")
        assert worse[SHELLS].mean() < found[SHELLS].mean() - 0.01, labels


@pytest.mark.parametrize("other, grid", (("finer", (BOX, PIXEL_SIZE)), ("wider", (42, 4.4)), ("aberrated", (BOX, PIXEL_SIZE))))
def test_two_groups_give_as_good_a_map_as_one(sets, plain_fsc, tmp_path, other, grid):
    """Half the particles of the plain set and as many of another grid."""
    both = joined(tmp_path / "both.star", *(sets / name / "truth.star" for name in ("plain", other)))
    half = every_second(tmp_path / "half.star", both)
    folder, said = reconstruct(half, tmp_path / "map")
    volume = read_map(folder / "half_map_1.mrc")
    assert (len(volume.data), volume.voxel_size) == (grid[0], pytest.approx(grid[1]))
    assert (record(folder)["box_size"], record(folder)["pixel_size"]) == grid
    assert ("are brought to" in said) == (other != "aberrated")
    truth = sets / "plain"
    if grid[0] != BOX:
        truth = simulate_group(tmp_path / "truth", *grid, count=2)
    found = truth_fsc(folder, truth)
    frequency = np.arange(len(found)) / (grid[0] * grid[1])
    expected = np.interp(frequency, np.arange(len(plain_fsc)) / (BOX * PIXEL_SIZE), plain_fsc)
    assert np.all(found[SHELLS] > expected[SHELLS] - 0.03)
    assert found[SHELLS].mean() > expected[SHELLS].mean() - 0.005


def test_states_side_by_side_give_the_map_of_raw_images(sets, tmp_path):
    """Raw, phase-flipped and premultiplied images as three optics groups, beside a group of another grid."""
    third = np.arange(200) % 3
    changed = rewritten(tmp_path / "states.star", sets / "plain" / "truth.star", flipped=third == 1, premultiplied=third == 2)
    maps = []
    for name, file in (("raw", sets / "plain" / "truth.star"), ("states", changed)):
        both = joined(tmp_path / f"{name}_both.star", file, sets / "finer" / "truth.star")
        for source in (file, both):
            maps.append(read_map(reconstruct(source, tmp_path / f"{name}_{source.stem}")[0] / "half_map_1.mrc").data)
    for raw, states in zip(maps[:2], maps[2:]):
        # the grey values of every image are measured anew: as much noise in units of the raw images, and the same weights
        assert np.sum(states * raw) / np.sum(raw**2) == pytest.approx(1, abs=0.02)
        assert shell_correlation(states, raw)[SHELLS].min() > 0.997


def test_grey_values_of_a_group_say_nothing(sets, tmp_path):
    """Of two grids one is 20 times stronger, on a background, as where data sets were not normalised alike."""
    maps = []
    for name in ("finer", "stronger"):
        if name == "stronger":
            shutil.copytree(sets / "finer", tmp_path / name)
            images = mrcfile.read(tmp_path / name / "particles.mrcs")
            with mrcfile.new(tmp_path / name / "particles.mrcs", data=20 * images + 300, overwrite=True) as file:
                file.set_image_stack()
        both = joined(
            tmp_path / f"{name}.star",
            sets / "plain" / "truth.star",
            (sets if name == "finer" else tmp_path) / name / "truth.star",
        )
        maps.append(read_map(reconstruct(both, tmp_path / f"{name}_map")[0] / "half_map_1.mrc").data)
    assert np.abs(maps[1] - maps[0]).max() < 1e-3 * maps[0].max()


def test_groups_of_two_voltages_side_by_side(sets, tmp_path):
    """The same images, every second described at 120 kV with the defocus and the Cs that give its CTF there."""
    two = as_if_at(sets / "plain" / "two_voltages.star", sets / "plain" / "truth.star", 120.0)
    ctf = read_particles(two).ctf
    assert set(ctf.voltage_kv) == {300.0, 120.0} and np.ptp(ctf.cs_mm) > 1 and np.unique(ctf.state).tolist() == [0]
    one, other = (
        read_map(reconstruct(file, tmp_path / file.stem)[0] / "half_map_1.mrc").data
        for file in (sets / "plain" / "truth.star", two)
    )
    assert np.abs(one - other).max() < 2e-3 * one.max()


def test_units_of_the_map_are_those_of_the_grid(sets, tmp_path):
    """Two grids at one dose: images normalised to noise of variance 1 have one signal on the common grid."""
    maps = []
    for name in ("plain", "finer"):
        folder, _ = reconstruct(sets / name / "truth.star", tmp_path / name, "--target-pixel-size", PIXEL_SIZE)
        maps.append(read_map(folder / "map.mrc").data)
    assert maps[0].shape == maps[1].shape == (BOX,) * 3
    inside = maps[0] > 0.3 * maps[0].max()
    assert np.sum(maps[1][inside] * maps[0][inside]) / np.sum(maps[0][inside] ** 2) == pytest.approx(1, abs=0.03)


def test_a_grid_by_option(sets, tmp_path):
    both = joined(tmp_path / "both.star", *(sets / name / "truth.star" for name in ("plain", "finer")))
    folder, said = reconstruct(both, tmp_path / "fine", "--target-pixel-size", 4.0)
    assert len(read_map(folder / "map.mrc").data) == 44 and "left out" not in said
    assert record(folder)["settings"]["target_pixel_size"] == 4.0
    folder, said = reconstruct(both, tmp_path / "coarse")
    assert "detail finer than 8.8 Å is left out; --target-pixel-size 4 keeps it (to 8 Å)" in said
    folder, said = reconstruct(sets / "plain" / "truth.star", tmp_path / "small", "--target-box", 38)
    assert len(read_map(folder / "map.mrc").data) == 38 and "images up to 176 Å wide are cropped to 167 Å" in said


def test_a_grid_that_loses_what_is_asked_for_is_refused(sets, tmp_path):
    both = joined(tmp_path / "both.star", *(sets / name / "truth.star" for name in ("plain", "finer")))
    run = ("refine", both, "-o", tmp_path / "run", "--max-resolution", 8.5)
    assert_refused(
        gmmrefine(*run, "--target-pixel-size", 4.4),
        "refine",
        ("--target-pixel-size 4.4 Å/px holds nothing finer than 8.8 Å, but --max-resolution asks for 8.5 Å"),
    )
    for options, words in (
        (("--target-pixel-size", 3), "--target-pixel-size 3 Å/px is finer than all images (4 Å/px)"),
        (("--target-pixel-size", -1), "--target-pixel-size -1: expected at least 0"),
        (("--target-box", 41), "--target-box 41: expected an even number of at least 16 px. Give 42"),
        (("--target-box", 8), "--target-box 8: expected an even number of at least 16 px. Give 16"),
    ):
        assert_refused(gmmrefine("reconstruct", both, "-o", tmp_path / "map", *options), "reconstruct", words)
    assert not (tmp_path / "run").exists() and not (tmp_path / "map").exists()


def test_refinement_of_two_grids_with_aberrations(sets, tmp_path):
    """Poses as good as those of plain images; the file keeps what each group is."""
    names = [sets / name for name in ("plain", "finer", "aberrated")]
    both, truth = (joined(tmp_path / name, *(folder / name for folder in names)) for name in ("particles.star", "truth.star"))
    run = refine(both, tmp_path / "run", "--iterations", 1)
    old, new = read_star(both), read_star(run / "particles.star")
    for label, text in old["optics"].columns.items():
        assert new["optics"].columns[label].tolist() == text.tolist(), label
    start, found, true = (read_particles(path) for path in (both, run / "particles.star", truth))
    assert found.image_boxes.tolist() == [40] * 200 + [44] * 200 + [40] * 200
    errors = [
        [pose_errors(part.subset(slice(first, first + 200)), true.subset(slice(first, first + 200))) for part in (start, found)]
        for first in (0, 200, 400)
    ]
    assert all(after.rotation_rms < 0.6 * before.rotation_rms for before, after in errors)
    assert all(after.shift_rms < 0.5 * before.shift_rms for before, after in errors)
    rms = [after.rotation_rms for _, after in errors]
    assert max(rms) < 1.15 * min(rms), rms
