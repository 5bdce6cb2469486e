"""Every map, GMM, mask, network and latent tells the images it was made from, and half maps that share some are refused."""

import shutil

import numpy as np
import pytest
from small_run import REFINE, assert_refused, gmmrefine, record

from gmmrefine.io.made_from import joined, parsed, read_made_from
from gmmrefine.io.mrc import half_maps_in, read_map, write_map
from gmmrefine.io.star import read_star, write_star


def marks_below(folder):
    return {str(path.relative_to(folder)): read_made_from(path) for path in folder.rglob("*") if path.is_file()}


def own_marks(folder):
    """MadeFrom of both, of half 1, of half 2."""
    halves = [parsed(text) for text in record(folder)["made_from"]]
    return [joined(halves), *halves]


def expected(name, own):
    return own[next((half for half in (1, 2) if f"half_{half}" in name or f"half_map_{half}" in name), 0)]


def test_everything_a_refinement_leaves_is_marked(refined):
    own, found = own_marks(refined), marks_below(refined)
    assert [mark.half for mark in own] == [0, 1, 2] and len({mark.images for mark in own}) == 3
    names = [name for name in found if name.endswith(".mrc") or "gmm_half" in name or "poses" in name]
    assert len(names) >= 16
    for name in names:
        assert found[name] == expected(name, own), name


def test_marks_are_handed_on(refined, tmp_path):
    halves, own = half_maps_in(refined), own_marks(refined)
    for command in (
        ("modify", *halves),
        ("sharpen", refined / "map.mrc", "--low-pass", 12, "--b-factor", 50),
        ("build", halves[0], "--gaussians", 50, "--resolution", 14, "--fit-evaluations", 5),
    ):
        outcome = gmmrefine(*command, "-o", tmp_path / command[0])
        assert outcome.code == 0, outcome.err
        maps = {name: mark for name, mark in marks_below(tmp_path / command[0]).items() if name.endswith(".mrc")}
        assert maps
        for name, mark in maps.items():
            assert mark == (own[1] if command[0] == "build" else expected(name, own)), name
    assert read_made_from(tmp_path / "build" / "gmm.star") == own[1]


def test_maps_that_share_images_give_no_fsc(refined, simulated, tmp_path):
    one, two = half_maps_in(refined)
    earlier = refined / "iterations" / "01" / "half_map_1.mrc"
    for pair, words in (
        ((one, earlier), "share images: both are of half 1"),
        ((refined / "map.mrc", two), "was made from both half sets"),
    ):
        for command in ("fsc", "local-resolution", "modify"):
            assert_refused(gmmrefine(command, *pair, "-o", tmp_path / "run"), command, words)
    assert gmmrefine("fsc", one, earlier, "--truth", "-o", tmp_path / "truth").code == 0
    blocks = read_star(simulated / "truth.star")  # the same particles with the halves the other way round
    halves = blocks["particles"].columns["rlnRandomSubset"]
    other = blocks["particles"].with_columns(
        {**blocks["particles"].columns, "rlnRandomSubset": np.where(halves == b"1", b"2", b"1")}
    )
    shutil.copy(simulated / "particles.mrcs", tmp_path)
    write_star(tmp_path / "swapped.star", [blocks["optics"], other])
    assert gmmrefine("reconstruct", tmp_path / "swapped.star", "-o", tmp_path / "swapped").code == 0
    assert_refused(
        gmmrefine("fsc", one, tmp_path / "swapped" / "half_map_2.mrc", "-o", tmp_path / "run"),
        "fsc",
        "they are of runs with different half sets",
    )


def test_maps_of_other_programs_are_believed(refined, tmp_path):
    for number, path in enumerate(half_maps_in(refined), 1):
        volume = read_map(path)
        write_map(tmp_path / f"run_half{number}_unfil.mrc", volume.data, volume.voxel_size)
        assert read_made_from(tmp_path / f"run_half{number}_unfil.mrc") is None
    maps = sorted(tmp_path.glob("*.mrc"))
    assert gmmrefine("fsc", *maps, "-o", tmp_path / "run").code == 0


@pytest.mark.parametrize("name", ["poses_half_1.npz", "half_map_1.mrc"])
def test_files_of_the_other_half_are_made_again(refined, simulated, tmp_path, name):
    shutil.copytree(refined, tmp_path / "run")
    place = tmp_path / "run" / "iterations" / "02"
    right = {path.name: path.read_bytes() for path in place.iterdir()}
    shutil.copy(place / name.replace("1", "2"), place / name)
    outcome = gmmrefine("refine", simulated / "particles.star", "-o", tmp_path / "run", *REFINE)
    assert outcome.code == 0, outcome.err
    assert "made from other images" in outcome.out or f"{name} is not as it was written" in outcome.out
    assert {path.name: path.read_bytes() for path in place.iterdir()} == right


def test_the_report_certifies(refined, tmp_path):
    shutil.copytree(refined, tmp_path / "run")
    assert gmmrefine("report", tmp_path / "run").code == 0
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Certificate of images and half sets" in page and "they share none" in page
    for mark in own_marks(refined):
        assert mark.images in page
    assert "carry those of this run" in page and "are byte for byte as the run has written them" in page
    shutil.copy(refined / "half_map_1.mrc", tmp_path / "run" / "map.mrc")
    volume = read_map(refined / "map.mrc")
    write_map(tmp_path / "run" / "foreign.mrc", volume.data, 4.4, made_from=f"images {24 * '0'} half 1")
    assert gmmrefine("report", tmp_path / "run").code == 0
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "the other 1 were made from a part of the images, or from others: foreign.mrc" in page
    assert "files are damaged, missing or were changed since the run ended: map.mrc" in page


def test_maps_of_unknown_images_get_no_mark_of_what_was_there_before(refined, tmp_path):
    """Also in a folder inside of another run's, in one process."""
    volume = read_map(refined / "map.mrc")
    write_map(tmp_path / "foreign.mrc", volume.data, volume.voxel_size)
    place = tmp_path / "run" / "sharpened"
    for source, mark in ((refined / "map.mrc", own_marks(refined)[0]), (tmp_path / "foreign.mrc", None)):
        for folder in (tmp_path / "run",) if mark else (tmp_path / "run", place):
            assert gmmrefine("sharpen", source, "--low-pass", 12, "--b-factor", 50, "-o", folder).code == 0
            assert read_made_from(folder / "sharpened.mrc") == mark
        if mark:
            shutil.rmtree(tmp_path / "run")
