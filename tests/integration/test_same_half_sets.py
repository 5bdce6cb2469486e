"""Maps whose half sets differ are not put together: composites and symmetry with a background."""

import shutil

import numpy as np
import pytest
from small_run import assert_refused, gmmrefine

from gmmrefine.geometry.symmetry import point_group
from gmmrefine.io.half_sets_file import HALF_SETS_FILE, half_sets_beside
from gmmrefine.io.mrc import half_maps_in
from gmmrefine.io.star import read_star, write_star
from gmmrefine.io.star_particles import read_particles, write_particles
from gmmrefine.particles.symmetry import expanded

DIFFERENT = "have different half sets: of the 200 images that both hold, 2 are in half 1 of one and in half 2 of the other"


@pytest.fixture(scope="module")
def runs(simulated, tmp_path_factory):
    """Reconstructions: of all particles, with two of them swapped, of some, and of symmetry copies."""
    folder = tmp_path_factory.mktemp("runs")
    shutil.copy(simulated / "particles.mrcs", folder / "renamed.mrcs")
    blocks = read_star(simulated / "truth.star")
    block = blocks["particles"]
    names, half_set = (block.columns[name] for name in ("rlnImageName", "rlnRandomSubset"))
    swapped = half_set.copy()
    for half, other in ((b"1", b"2"), (b"2", b"1")):
        swapped[np.flatnonzero(half_set == half)[3]] = other
    columns = dict(
        block.columns, rlnRandomSubset=swapped, rlnImageName=np.char.replace(names, b"particles.mrcs", b"renamed.mrcs")
    )
    write_star(folder / "swapped.star", [blocks["optics"], block.with_columns(columns)])
    shutil.copy(simulated / "particles.mrcs", folder)
    shutil.copy(simulated / "truth.star", folder / "all.star")
    write_star(folder / "some.star", [blocks["optics"], block.subset(np.arange(60, 200))])
    write_particles(folder / "copies.star", expanded(read_particles(folder / "all.star"), point_group("C2")))
    for name in ("all", "swapped", "some", "copies"):
        outcome = gmmrefine("reconstruct", folder / f"{name}.star", "-o", folder / name)
        assert outcome.code == 0, outcome.err
        shutil.copy(folder / name / "mask.mrc", folder / name / "focus_mask.mrc")  # each may be a part
    return folder


@pytest.fixture
def all_unrecorded(runs, tmp_path):
    """The maps of all particles without their record."""
    shutil.copytree(runs / "all", tmp_path / "unrecorded")
    (tmp_path / "unrecorded" / HALF_SETS_FILE).unlink()
    return tmp_path / "unrecorded"


def beside(folder):
    return half_sets_beside(*map(str, half_maps_in(folder)))


def test_a_planted_swap_is_refused(runs, tmp_path):
    """One particle of each half went to the other; the stack has another name."""
    for options in ((runs / "all", runs / "swapped"), (runs / "some", runs / "all", "--background", runs / "swapped")):
        outcome = gmmrefine("composite", *options, "-o", tmp_path / "joined")
        assert_refused(outcome, "composite", f"swapped {DIFFERENT}" if len(options) == 2 else "2 are in half 1 of one")
        assert not list((tmp_path / "joined").glob("*.mrc"))
    outcome = gmmrefine(
        "impose-symmetry",
        runs / "all",
        "--mask",
        runs / "all" / "mask.mrc",
        "--symmetry",
        "C2",
        "-o",
        tmp_path / "imposed",
        "--background",
        runs / "swapped",
    )
    assert_refused(outcome, "impose-symmetry", f"swapped {DIFFERENT}", "make them from particles with the same rlnRandomSubset")
    assert not (tmp_path / "imposed").exists()


def test_half_maps_in_the_wrong_order_are_refused(runs, tmp_path):
    outcome = gmmrefine(
        "impose-symmetry",
        runs / "all",
        "--mask",
        runs / "all" / "mask.mrc",
        "--symmetry",
        "C2",
        "-o",
        tmp_path / "imposed",
        "--background",
        *half_maps_in(runs / "all")[::-1],
    )
    assert_refused(outcome, "impose-symmetry", "of the 200 images that both hold, 200 are in half 1")


def test_missing_particles_and_symmetry_copies_are_no_difference(runs, tmp_path):
    outcome = gmmrefine("composite", runs / "some", runs / "copies", "-o", tmp_path / "joined", "--background", runs / "all")
    assert outcome.code == 0 and "half sets" not in outcome.out, outcome.err
    joined, whole = beside(tmp_path / "joined"), beside(runs / "all")
    assert np.array_equal(joined.first, whole.first) and np.array_equal(joined.second, whole.second)
    assert len(whole.first) + len(whole.second) == 200


def test_unknown_half_sets_are_said(runs, all_unrecorded, tmp_path):
    outcome = gmmrefine("composite", all_unrecorded, runs / "swapped", "-o", tmp_path / "joined")
    assert outcome.code == 0, outcome.err
    assert f"note: half sets unknown, as no half_sets.npz lies beside the half maps: {all_unrecorded}. Make sure" in outcome.out
    assert beside(tmp_path / "joined") is None
