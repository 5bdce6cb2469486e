"""Focused refinement through the command line: a domain that swings against the rest of the molecule."""

import filecmp
import shutil

import mrcfile
import numpy as np
import pytest
from small_run import BOX, DOMAIN, PIXEL_SIZE, REFINE, assert_refused, events, gmmrefine, killed_before, record, refine

from gmmrefine.commands.refine import COMMAND
from gmmrefine.io.curves import read_curves
from gmmrefine.io.mrc import read_map, read_mask, write_map
from gmmrefine.io.star import read_star
from gmmrefine.io.star_particles import read_particles
from gmmrefine.validation.pose_error import pose_errors

EACH_ITERATION = ("half_map_1.mrc", "poses_half_1.npz", "gmm_half_1.star", "gmm_fsc_half_1.star")


@pytest.fixture(scope="module")
def focused(swinging, tmp_path_factory):
    """Folder of a refinement focused on the domain; not to be changed."""
    return focus_on(swinging, tmp_path_factory.mktemp("focused") / "run")


def focus_on(folder, output, *options):
    return refine(folder / "particles.star", output, "--focus-mask", folder / "mask_domain_1.mrc", *options)


def domain_error(folder, truth):
    return pose_errors(read_particles(folder / "particles.star"), read_particles(truth / "truth_domain_1.star"))


def test_the_poses_of_the_domain_improve(swinging, focused):
    before, after = domain_error(swinging, swinging), domain_error(focused, swinging)
    assert before.rotation_rms == pytest.approx(np.sqrt(3.0**2 + 8.0**2 / 3), rel=0.1)
    assert after.rotation_rms < 0.8 * before.rotation_rms and after.shift_rms < 0.8 * before.shift_rms
    history = record(focused)["results"]["iterations"]
    assert history[-1]["mean_fsc"] > history[0]["mean_fsc"]


def test_everything_is_written(swinging, focused):
    assert sorted(path.name for path in focused.iterdir()) == sorted(
        [*COMMAND.outputs, "iterations", "run.json", "gmmrefine.log", "events.jsonl", "half_sets.npz"]
    )
    given, written = (read_mask(path, BOX, PIXEL_SIZE) for path in (swinging / "mask_domain_1.mrc", focused / "focus_mask.mrc"))
    assert np.array_equal(given, written) and 0.01 < given.mean() < 0.2
    moved, start = (read_particles(folder / "particles.star") for folder in (focused, swinging))
    assert (moved.half_set == start.half_set).all() and (moved.slice_index == start.slice_index).all()


def test_the_frame_stays_that_of_the_mask(focused, refined):
    """A region chosen in the map of the start poses must still lie on its domain."""
    assert "frame" in {event["step"] for event in events(refined)}
    assert "frame" not in {event["step"] for event in events(focused)}
    start, poses = (np.load(focused / f"iterations/{folder}/poses_half_1.npz") for folder in ("00", "02"))
    turn = np.einsum("nji,njk->nik", start["rotations"], poses["rotations"]).mean(axis=0)
    assert np.degrees(np.abs(turn - turn.T).max() / 2) < 0.2  # on average over the particles


def test_a_sphere(swinging, tmp_path):
    domain = read_mask(swinging / "mask_domain_1.mrc", BOX, PIXEL_SIZE) > 0.5
    z, y, x = np.argwhere(domain).mean(axis=0) * PIXEL_SIZE
    folder = refine(
        swinging / "particles.star",
        tmp_path / "run",
        "--iterations",
        1,
        "--focus-sphere",
        f"{x:.1f} {y:.1f} {z:.1f} 35",
        "--focus-edge",
        3,
    )
    written = read_mask(folder / "focus_mask.mrc", BOX, PIXEL_SIZE)
    assert (written == 1).sum() * PIXEL_SIZE**3 == pytest.approx(4 / 3 * np.pi * 35.0**3, rel=0.05)
    assert (np.argwhere(written == 1).mean(axis=0) * PIXEL_SIZE)[::-1] == pytest.approx([x, y, z], abs=1)
    assert (written[domain] == 1).mean() > 0.3
    assert domain_error(folder, swinging).rotation_rms < 0.9 * domain_error(swinging, swinging).rotation_rms


def test_a_region_that_is_the_whole_molecule_is_refined_as_such(swinging, tmp_path):
    """There is no rest that could stay behind (Chen et al. 2023: with one patch it is a global refinement)."""
    middle = BOX // 2 * PIXEL_SIZE
    folder = refine(
        swinging / "particles.star",
        tmp_path / "run",
        "--focus-sphere",
        f"{middle} {middle} {middle} {middle}",
        "--iterations",
        1,
    )
    before, after = (
        pose_errors(read_particles(place / "particles.star"), read_particles(swinging / "truth.star"))
        for place in (swinging, folder)
    )
    assert after.rotation_rms < 0.8 * before.rotation_rms


def test_part_of_a_model(swinging, tmp_path):
    """The model lies beside the simulated map, and the simulation's own mask was made from it."""
    folder = refine(
        swinging / "particles.star",
        tmp_path / "run",
        "--iterations",
        1,
        "--focus-model",
        swinging / "model.cif",
        "--focus-selection",
        DOMAIN,
    )
    written, made = (read_mask(path, BOX, PIXEL_SIZE) for path in (folder / "focus_mask.mrc", swinging / "mask_domain_1.mrc"))
    assert np.abs(written - made).mean() < 1e-3 * made.mean()
    assert domain_error(folder, swinging).rotation_rms < 0.9 * domain_error(swinging, swinging).rotation_rms


def test_a_rest_that_moves_along(swinging, focused, tmp_path):
    folder = focus_on(swinging, tmp_path / "run", "--focus-rest", "moves", "--focus-level", 0.5, "--iterations", 1)
    assert (folder / "focus_mask.mrc").exists()
    assert not filecmp.cmp(folder / "iterations/01/half_map_1.mrc", focused / "iterations/01/half_map_1.mrc", shallow=False)
    # the region holds less of the molecule than the whole, so that its poses move farther
    assert domain_error(folder, swinging).rotation_rms < 0.95 * domain_error(swinging, swinging).rotation_rms


def assert_same_results(first, second):
    for name in [*COMMAND.outputs, "iterations/01/poses_half_2.npz", "iterations/02/half_map_1.mrc", "iterations/02/fsc.star"]:
        assert filecmp.cmp(first / name, second / name, shallow=False), name
    assert record(first)["results"] == record(second)["results"]


def test_a_finished_run_given_again_refines_nothing(swinging, focused, tmp_path):
    copy = shutil.copytree(focused, tmp_path / "copy")
    known = len(events(copy))
    focus_on(swinging, copy)
    assert_same_results(focused, copy)
    assert not [event for event in events(copy)[known:] if event["step"] == "refine poses"]


@pytest.mark.parametrize("file_name", ["focus_mask.mrc", "iterations/02/poses_half_1.npz"])
def test_stopped_and_given_again(swinging, focused, tmp_path, monkeypatch, file_name):
    """In the second iteration the rest is that of the first, read back from its file."""
    folder = tmp_path / "run"

    with killed_before(folder / file_name, monkeypatch):
        focus_on(swinging, folder)
    focus_on(swinging, folder)
    assert_same_results(focused, folder)


def test_another_region_in_the_same_folder_is_refused(swinging, focused, tmp_path):
    copy = shutil.copytree(focused, tmp_path / "copy")
    before = (copy / "run.json").read_bytes()
    outcome = gmmrefine("refine", swinging / "particles.star", "-o", copy, "--focus-sphere", "80 80 80 20")
    assert_refused(outcome, "refine", "focus_sphere was none, now '80 80 80 20'", "use another folder")
    assert (copy / "run.json").read_bytes() == before


@pytest.fixture(scope="module")
def pinned(swinging, focused, tmp_path_factory):
    """The focused refinement again with noise for the images of half 2, its exchanges pinned."""
    folder = tmp_path_factory.mktemp("noise")
    for name in ("particles.star", "particles.mrcs", "mask_domain_1.mrc"):
        shutil.copy(swinging / name, folder)
    replaced = np.flatnonzero(read_particles(folder / "particles.star").half_set == 2)
    with mrcfile.mmap(folder / "particles.mrcs", mode="r+") as stack:
        stack.data[replaced] = np.random.default_rng(1).standard_normal((len(replaced), BOX, BOX))
    return focus_on(folder, folder / "run", "--pin-exchanges", focused / "run.json")


def test_nothing_of_half_2_reaches_half_1(focused, pinned):
    places = ["half_map_1.mrc", "gmm_half_1.star"] + [
        f"iterations/{number}/{name}" for number in ("01", "02") for name in EACH_ITERATION
    ]
    for place in places:
        assert filecmp.cmp(focused / place, pinned / place, shallow=False), place
    blocks = [read_star(folder / "particles.star")["particles"] for folder in (focused, pinned)]
    rows = [block.subset(block.integers("rlnRandomSubset") == 1) for block in blocks]
    assert len(rows[0]) == 100
    for label in set(rows[0].columns) - {"rlnImageName"}:  # its folder differs
        assert (rows[0].columns[label] == rows[1].columns[label]).all(), label
    # the test would pass on two copies of one run
    for place in places:
        other = place.replace("map_1", "map_2").replace("half_1", "half_2")
        assert not filecmp.cmp(focused / other, pinned / other, shallow=False), other


def test_only_contrast_fsc_curves_and_the_mask_are_told(focused, pinned):
    for folder in (focused, pinned):
        exchanged = [(entry["kind"], entry["iteration"]) for entry in record(folder)["exchanges"]]
        assert sorted(exchanged) == [("contrast", 0), ("fsc", 0), ("fsc", 1), ("fsc", 2), ("mask", 0)]


@pytest.mark.parametrize(
    "options, words",
    [
        (("--focus-mask", "other_box.mrc"), ["other_box.mrc is 48×48×48 but the box is 40"]),
        (("--focus-mask", "other_pixel.mrc"), ["voxels of the mask are 2.2 Å but the pixel size is 4.4 Å"]),
        (("--focus-mask", "empty.mrc"), ["the mask is empty"]),
        (("--focus-mask", "none.mrc"), ["--focus-mask", "none.mrc: cannot be read"]),
        (("--focus-mask", "good.mrc", "--focus-sphere", "80 80 80 20"), ["--focus-mask and --focus-sphere name two regions"]),
        (("--focus-sphere", "80 80 20"), ["expected four numbers x y z radius"]),
        (("--focus-sphere", "500 80 80 20"), ["lies outside the box, which runs from 0 to 176 Å"]),
        (("--focus-selection", "chain A"), ["--focus-selection names part of a model, but there is none"]),
        (("--focus-model", "model.cif", "--focus-selection", "chain Z"), ["the model has no chain Z; it has A, B"]),
        (("--focus-model", "model.cif", "--focus-selection", "domain 1"), ["'domain 1' is not understood"]),
        (("--focus-rest", "moves"), ["--focus-rest would have no effect with no region to focus on"]),
        (("--focus-mask", "good.mrc", "--focus-level", "0.01"), ["--focus-level 0.01: expected from 0.05 to 1"]),
    ],
)
def test_bad_regions_leave_nothing_behind(swinging, tmp_path, options, words):
    write_map(tmp_path / "other_box.mrc", np.ones((48,) * 3), PIXEL_SIZE)
    write_map(tmp_path / "other_pixel.mrc", np.ones((BOX,) * 3), 2.2)
    write_map(tmp_path / "empty.mrc", np.zeros((BOX,) * 3), PIXEL_SIZE)
    write_map(tmp_path / "good.mrc", np.ones((BOX,) * 3), PIXEL_SIZE)
    shutil.copy(swinging / "model.cif", tmp_path)
    options = [tmp_path / option if option.endswith((".mrc", ".cif")) else option for option in options]
    outcome = gmmrefine("refine", swinging / "particles.star", "-o", tmp_path / "run", *options)
    assert_refused(outcome, "refine", *words)
    assert not (tmp_path / "run").exists()


def test_a_focus_mask_is_not_overwritten(swinging, tmp_path):
    shutil.copy(swinging / "mask_domain_1.mrc", tmp_path / "focus_mask.mrc")
    outcome = gmmrefine("refine", swinging / "particles.star", "-o", tmp_path, "--focus-mask", tmp_path / "focus_mask.mrc")
    assert_refused(outcome, "refine", "focus_mask.mrc would be overwritten")


def left_in(folder):
    assert not list(folder.rglob("*.tmp"))
    return {path.name for path in folder.iterdir()} - {"run.json", "gmmrefine.log", "events.jsonl", "half_sets.npz"}


def test_a_mask_outside_the_molecule(swinging, tmp_path):
    mask = np.zeros((BOX,) * 3)
    mask[:4, :4, :4] = 1
    write_map(tmp_path / "corner.mrc", mask, PIXEL_SIZE)
    folder = tmp_path / "run"
    outcome = gmmrefine("refine", swinging / "particles.star", "-o", folder, "--focus-mask", tmp_path / "corner.mrc")
    assert_refused(outcome, "refine", "the focus mask lies outside the molecule: 0.0 % of it", "origin and handedness")
    assert left_in(folder) <= {"mask.mrc"} and record(folder)["finished"] is False
    # the folder is free for a better one
    focus_on(swinging, folder, "--iterations", 1)


def test_a_mask_that_covers_no_gaussian(swinging, focused, tmp_path):
    """Some voxels on the soft edge of the molecule's mask, where there is no density."""
    edge = read_map(focused / "mask.mrc").data
    mask = np.zeros((BOX,) * 3)
    mask[tuple(np.argwhere((edge > 0.02) & (edge < 0.1))[:8].T)] = 1
    write_map(tmp_path / "voxels.mrc", mask, PIXEL_SIZE)
    folder = tmp_path / "run"
    outcome = gmmrefine("refine", swinging / "particles.star", "-o", folder, *REFINE, "--focus-mask", tmp_path / "voxels.mrc")
    assert_refused(outcome, "refine", "the focus mask covers none of the 120 Gaussians", "make it larger")
    assert left_in(folder) == {"mask.mrc", "focus_mask.mrc", "iterations"} and record(folder)["finished"] is False
    assert [path.name for path in (folder / "iterations").iterdir()] == ["00"]
    # the folder is free for a better one
    focus_on(swinging, folder, "--iterations", 1)


@pytest.mark.slow
def test_a_swinging_domain_is_better_aligned_than_by_the_whole_molecule(tmp_path):
    """And its map is closer to the truth; the goal is a third less pose error, half was measured."""
    simulated, whole, focus = (tmp_path / name for name in ("simulated", "global", "focus"))
    mask = simulated / "mask_domain_1.mrc"
    for command in (
        (
            "simulate",
            "6msm",
            "-o",
            simulated,
            "--particles",
            1000,
            "--box",
            64,
            "--pixel-size",
            2.7,
            "--snr",
            0.3,
            "--swing",
            f"{DOMAIN}: 8",
            "--pose-error",
            2,
            "--shift-error",
            1,
        ),
        ("refine", simulated / "particles.star", "-o", whole, "--iterations", 1),
        ("refine", whole / "particles.star", "-o", focus, "--focus-mask", mask, "--iterations", 1),
    ):
        outcome = gmmrefine(*command)
        assert outcome.code == 0, outcome.err
    before, after = domain_error(whole, simulated), domain_error(focus, simulated)
    assert after.rotation_rms < 0.7 * before.rotation_rms and after.shift_rms < 0.7 * before.shift_rms
    agreement = []
    for folder in (whole, focus):
        compared = tmp_path / f"truth_{folder.name}"
        outcome = gmmrefine(
            "fsc", folder / "half_map_1.mrc", simulated / "truth.mrc", "--truth", "-o", compared, "--mask", mask
        )
        assert outcome.code == 0, outcome.err
        agreement.append(read_curves(compared / "fsc.star")["gmmFscMasked"][4:].mean())
    assert agreement[1] > agreement[0] + 0.01
