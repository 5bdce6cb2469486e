"""Runs that cannot have all that was asked for go on with what there is, and say so."""

import filecmp
import shutil

import mrcfile
import numpy as np
import pytest
from small_run import BOX, PIXEL_SIZE, gmmrefine, killed_before, record, refine, write_record

from gmmrefine.gmm.seed import SEEDS_PER_VOXEL
from gmmrefine.io.gmm_file import read_gmm
from gmmrefine.io.mrc import read_mask, write_map
from gmmrefine.io.star import read_star
from gmmrefine.io.star_particles import read_particles
from gmmrefine.maps.mask import spherical_mask
from gmmrefine.pipelines.focus import Masks
from gmmrefine.pipelines.half_iteration import Shared, improve_half
from gmmrefine.pipelines.half_state import HalfState
from gmmrefine.progress import Progress
from gmmrefine.report.folder import read_run
from gmmrefine.report.summary import cautions
from gmmrefine.runs.run import Run
from gmmrefine.settings import RefineSettings


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    """Of a refinement in a small mask, with more Gaussians than there is room for."""
    path = tmp_path_factory.mktemp("mask") / "middle.mrc"
    write_map(path, spherical_mask(np.zeros(3), 18.0, BOX, PIXEL_SIZE, 2.0), PIXEL_SIZE)
    # without its diameter given, images are read by that of the mask, which a pinned run is not given
    return "--gaussians", 4000, "--fit-evaluations", 3, "--iterations", 1, "--particle-diameter", 120, "--mask", path


@pytest.fixture(scope="module")
def crowded(simulated, options, tmp_path_factory):
    """Folder of a refinement with these options; not to be changed."""
    return refine(simulated / "particles.star", tmp_path_factory.mktemp("crowded") / "run", *options)


def note_of(folder):
    (text,) = record(folder)["results"]["notes"]
    return text


def test_more_gaussians_than_a_map_has_room_for(crowded):
    text = note_of(crowded)
    assert text.startswith("4000 Gaussians were asked for, but the map (iteration 1, half 1) has room for ")
    room = int(text.split("room for ")[1].split(",")[0])
    mask = read_mask(crowded / "mask.mrc", BOX, PIXEL_SIZE)
    assert 50 < room < SEEDS_PER_VOXEL * np.sum(mask > 0.5) < 4000
    assert 0.5 * room < len(read_gmm(crowded / "iterations/01/gmm_half_1.star")) <= room
    log = (crowded / "gmmrefine.log").read_text(encoding="utf-8")
    assert log.count("note: 4000 Gaussians") == 1
    assert f"{text}." in cautions(read_run(crowded))  # of the report


def test_an_interrupted_run_tells_the_same(simulated, options, crowded, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    with killed_before(folder / "half_map_1.mrc", monkeypatch):
        refine(simulated / "particles.star", folder, *options)
    assert note_of(folder) == note_of(crowded)
    refine(simulated / "particles.star", folder, *options)
    assert record(folder)["results"] == record(crowded)["results"]


def test_room_in_the_map_of_one_half_is_nothing_to_the_other(simulated, options, crowded, tmp_path):
    """With the exchanges pinned and noise for the images of half 2, its maps having room for another number."""
    for name in ("particles.star", "particles.mrcs"):
        shutil.copy(simulated / name, tmp_path)
    replaced = np.flatnonzero(read_particles(tmp_path / "particles.star").half_set == 2)
    with mrcfile.mmap(tmp_path / "particles.mrcs", mode="r+") as stack:
        stack.data[replaced] = np.random.default_rng(1).standard_normal((len(replaced), BOX, BOX))
    folder = refine(tmp_path / "particles.star", tmp_path / "run", *options[:-2], "--pin-exchanges", crowded / "run.json")
    for name in ("iterations/01/gmm_half_{}.star", "iterations/01/poses_half_{}.npz", "half_map_{}.mrc", "gmm_half_{}.star"):
        same = [filecmp.cmp(crowded / name.format(half), folder / name.format(half), shallow=False) for half in (1, 2)]
        assert same == [True, False], name


def test_a_region_that_a_later_map_has_no_gaussian_in(simulated, crowded, tmp_path):
    """Its poses and map stay; what was refined before is not lost."""
    particles = read_particles(simulated / "particles.star")
    half = particles.subset(np.flatnonzero(particles.half_set == 2))
    volume = mrcfile.read(crowded / "half_map_2.mrc")
    corner = np.zeros((BOX,) * 3)
    corner[:3, :3, :3] = 1
    shared = Shared(np.ones(BOX // 2 + 1), Masks(read_mask(crowded / "mask.mrc", BOX, PIXEL_SIZE), corner, 0.25), 12)
    settings = RefineSettings(focus_mask="corner.mrc", focus_rest="moves", gaussians="20", fit_evaluations=2)
    run = Run(tmp_path / "run", "refine", vars(settings), [])
    before = HalfState(half, volume, np.full((len(half), 5, 5), 0.25))
    after = improve_half(half, before, shared, 2, settings, run)
    assert after is before
    assert record(run.directory)["results"]["notes"][0].startswith("the focus mask covers none of the ")
    again = improve_half(half, before, shared, 2, settings, run, Progress(run.directory))
    assert (again.volume == volume).all() and (again.particles.rotations == half.rotations).all()


def test_a_patch_that_a_map_has_no_gaussian_in(simulated, tmp_path, monkeypatch):
    """The geometry of a run is recorded; here one of its patches is moved to where the Gaussians are nearer to the other."""
    folder = tmp_path / "run"
    command = (
        "refine-patches",
        simulated / "particles.star",
        "-o",
        folder,
        "--patches",
        2,
        "--patch-iterations",
        1,
        "--gaussians",
        60,
        "--fit-evaluations",
        5,
        "--max-resolution",
        13,
    )
    with killed_before(folder / "patches.star", monkeypatch):
        gmmrefine(*command)
    content = record(folder)
    (geometry,) = (entry for entry in content["exchanges"] if entry["kind"] == "patches")
    geometry["value"] = [[[0.0, 0.0, 0.0, 60.0]], [[0.0, 80.0, 0.0, 60.0]]]
    write_record(folder, content)
    outcome = gmmrefine(*command)
    assert outcome.code == 0, outcome.err
    moved = [
        read_star(folder / f"patches/{patch}/particles.star")["particles"].numbers("gmmRotationChange")
        for patch in ("01", "02")
    ]
    assert moved[0].min() > 0 and (moved[1] == 0).all()
    (text,) = record(folder)["results"]["notes"]
    assert text.endswith("lies in patch 2: poses stay as they are there. Ask for more Gaussians, or fewer patches")
    assert outcome.out.count("note: none of the ") == 1
