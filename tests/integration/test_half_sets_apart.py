"""With the declared exchanges pinned, nothing of half 2 reaches half 1."""

import filecmp
import shutil

import mrcfile
import numpy as np
import pytest
from small_run import BOX, PIXEL_SIZE, REFINE, gmmrefine, record, refine

from gmmrefine.io.mrc import read_mask, write_map
from gmmrefine.io.star import read_star
from gmmrefine.io.star_particles import read_particles

FINAL = ("half_map_1.mrc", "gmm_half_1.star")
EACH_ITERATION = ("half_map_1.mrc", "poses_half_1.npz", "gmm_half_1.star", "gmm_fsc_half_1.star")


@pytest.fixture(scope="module")
def noise_in_half_2(simulated, tmp_path_factory):
    """The simulated particles with noise for the images of half 2; the STAR file is the same."""
    folder = tmp_path_factory.mktemp("noise")
    for name in ("particles.star", "particles.mrcs"):
        shutil.copy(simulated / name, folder)
    replaced = np.flatnonzero(read_particles(folder / "particles.star").half_set == 2)
    with mrcfile.mmap(folder / "particles.mrcs", mode="r+") as stack:
        stack.data[replaced] = np.random.default_rng(1).standard_normal((len(replaced), BOX, BOX))
    return folder / "particles.star"


@pytest.fixture(scope="module")
def pinned(noise_in_half_2, refined, tmp_path_factory):
    return refine(noise_in_half_2, tmp_path_factory.mktemp("pinned") / "run", "--pin-exchanges", refined / "run.json")


def half_rows(folder, half):
    block = read_star(folder / "particles.star")["particles"]
    labels = [label for label in block.columns if label != "rlnImageName"]  # its folder differs
    return block.subset(block.integers("rlnRandomSubset") == half), labels


def test_half_1_is_byte_identical_when_half_2_is_noise(refined, pinned):
    for iteration in ("00", "01", "02"):
        for name in EACH_ITERATION:
            if iteration != "00" or not name.startswith("gmm"):
                place = f"iterations/{iteration}/{name}"
                assert filecmp.cmp(refined / place, pinned / place, shallow=False), place
    for name in FINAL:
        assert filecmp.cmp(refined / name, pinned / name, shallow=False), name
    rows, labels = half_rows(refined, 1)
    others, _ = half_rows(pinned, 1)
    assert len(rows) == 100
    for label in labels:
        assert (rows.columns[label] == others.columns[label]).all(), label


def test_half_2_did_change(refined, pinned):
    """The test above would pass on two copies of one run."""
    for name in ("half_map_2.mrc", "gmm_half_2.star"):
        assert not filecmp.cmp(refined / name, pinned / name, shallow=False)
    rows, others = (half_rows(folder, 2)[0].numbers("rlnAngleRot") for folder in (refined, pinned))
    assert np.mean(rows != others) > 0.9


def test_without_the_pin_half_1_sees_the_other_mask_and_curve(noise_in_half_2, refined, tmp_path):
    free = refine(noise_in_half_2, tmp_path / "run", "--iterations", 1)
    assert not filecmp.cmp(refined / "mask.mrc", free / "mask.mrc", shallow=False)
    assert not filecmp.cmp(refined / "iterations/01/half_map_1.mrc", free / "iterations/01/half_map_1.mrc", shallow=False)


def test_only_contrast_fsc_curves_a_frame_a_mask_and_when_to_stop_are_told(refined, pinned):
    for folder in (refined, pinned):
        exchanged = [(entry["kind"], entry["iteration"]) for entry in record(folder)["exchanges"]]
        assert sorted(exchanged) == [
            ("contrast", 0),
            ("frame", 1),
            ("frame", 2),
            ("fsc", 0),
            ("fsc", 1),
            ("fsc", 2),
            ("mask", 0),
            ("settled", 1),
            ("settled", 2),
        ]
    curves = [
        [entry["value"] for entry in record(folder)["exchanges"] if entry["kind"] == "fsc"] for folder in (refined, pinned)
    ]
    assert curves[0] == curves[1]


def test_the_mask_of_the_earlier_run_is_used_wherever_its_folder_is_now(simulated, refined, tmp_path):
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.copy(refined / "run.json", moved)
    smaller = read_mask(refined / "mask.mrc", BOX, PIXEL_SIZE) ** 3
    write_map(moved / "mask.mrc", smaller, PIXEL_SIZE)
    folder = refine(simulated / "particles.star", tmp_path / "run", "--iterations", 1, "--pin-exchanges", moved / "run.json")
    assert (read_mask(folder / "mask.mrc", BOX, PIXEL_SIZE) == smaller).all()
    assert not filecmp.cmp(refined / "iterations/01/gmm_half_1.star", folder / "iterations/01/gmm_half_1.star", shallow=False)


def test_images_are_read_by_the_mask_that_the_earlier_run_was_given(simulated, noise_in_half_2, tmp_path):
    """Background and noise of an image are measured outside of a given mask, also where it is pinned."""
    first = refine(simulated / "particles.star", tmp_path / "first", "--iterations", 1, "--mask", simulated / "mask.mrc")
    again = refine(noise_in_half_2, tmp_path / "again", "--iterations", 1, "--pin-exchanges", first / "run.json")
    for name in ("iterations/00/half_map_1.mrc", "half_map_1.mrc"):
        assert filecmp.cmp(first / name, again / name, shallow=False), name


def test_more_iterations_than_the_earlier_run_had(simulated, refined, tmp_path):
    outcome = gmmrefine(
        "refine",
        simulated / "particles.star",
        "-o",
        tmp_path / "run",
        *REFINE,
        "--iterations",
        4,
        "--pin-exchanges",
        refined / "run.json",
    )
    ended_early, refused = "improved nothing" in outcome.out, "the earlier run has no frame of iteration 3; it ran fewer"
    assert outcome.code == 0 if ended_early else refused in outcome.err
