"""Patch-by-patch refinement and composites through the command line."""

import filecmp
import re
import shutil
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from reported import reported
from small_run import BOX, GMM, PIXEL_SIZE, assert_refused, events, gmmrefine, killed_before, record, write_record

from gmmrefine.commands import composite, refine_patches
from gmmrefine.io.curves import read_curves
from gmmrefine.io.mrc import read_map, read_mask
from gmmrefine.io.star import read_star
from gmmrefine.io.star_particles import read_particles
from gmmrefine.maps.composite import composite_map
from gmmrefine.pipelines.patch_geometry import read_patches

SMALL = ("--patches", 2, "--patch-iterations", 2, *GMM, "--march", "1.0")
APART = ("--patch-mode", "apart")
OF_A_PATCH = ("half_map_1.mrc", "half_map_2.mrc", "map.mrc", "mask.mrc", "fsc.star", "focus_mask.mrc", "particles.star")
FOLDERS = ("patches/01", "patches/02")


def patch_by_patch(particles, output, *options):
    """A small run that is expected to succeed; gives its folder."""
    outcome = gmmrefine("refine-patches", particles, "-o", output, *SMALL, *options)
    assert outcome.code == 0, outcome.err
    return Path(output)


@pytest.fixture(scope="module")
def particles(swinging):
    """Particles one domain of which swings by up to 8°."""
    return swinging / "particles.star"


@pytest.fixture(scope="module")
def together(particles, tmp_path_factory):
    """Folder of a run with all patches in one pass; not to be changed."""
    return patch_by_patch(particles, tmp_path_factory.mktemp("together") / "run")


@pytest.fixture(scope="module")
def apart(particles, tmp_path_factory):
    """Folder of a run with one patch after the other; not to be changed."""
    return patch_by_patch(particles, tmp_path_factory.mktemp("apart") / "run", *APART)


@pytest.fixture(params=("together", "apart"))
def either(request):
    return request.getfixturevalue(request.param)


def files_of(folder):
    """All results below a folder: not the records of how they came about."""
    records = {"run.json", "gmmrefine.log", "events.jsonl", "half_sets.npz"}
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name not in records}


def assert_same_results(first, second, but=()):
    names = files_of(first)
    assert names == files_of(second)
    for name in names - set(but):
        assert filecmp.cmp(first / name, second / name, shallow=False), name
    assert record(first)["results"] == record(second)["results"]


def test_everything_promised_is_written(either):
    promised = set(re.findall(r"[\w]+\.(?:mrc|star)", refine_patches.__doc__)) - {"patch_evidence.star"}  # with auto
    assert promised == set(refine_patches.COMMAND.outputs)
    for name in sorted(promised) + [f"{folder}/{name}" for folder in FOLDERS for name in OF_A_PATCH]:
        path = either / name
        if path.suffix == ".mrc":
            volume = read_map(path)
            assert volume.data.shape == (BOX,) * 3 and volume.voxel_size == pytest.approx(PIXEL_SIZE)
            assert np.isfinite(volume.data).all() and (np.ptp(volume.data) > 0 or name == "seams.mrc")
        else:
            assert len(next(iter(read_star(path).values()))) > 0, name
    assert not list(either.rglob("*.tmp"))
    content = record(either)
    assert content["command"] == "refine-patches" and content["finished"] is True and content["results"]["patches"] == 2
    assert len(read_curves(either / "fsc.star")["gmmFsc"]) == BOX // 2 + 1


def test_the_composite_is_that_of_the_parts(either):
    """The masks' average of the unfiltered half maps, in the map of the global poses where no mask is."""
    masks = [read_mask(either / folder / "focus_mask.mrc", BOX, PIXEL_SIZE) for folder in FOLDERS]
    for number in (1, 2):
        maps = [read_map(either / folder / f"half_map_{number}.mrc").data for folder in FOLDERS]
        background = read_map(either / f"iterations/00/half_map_{number}.mrc").data
        assert np.abs(background - maps[0]).max() > 0
        found = read_map(either / f"composite_half_{number}.mrc").data
        assert found == pytest.approx(composite_map(maps, masks, background), abs=1e-5 * np.abs(found).max())
    total = np.sum(masks, axis=0)
    assert (total == 0).any() and (total > 1).any()
    seams = read_map(either / "seams.mrc").data
    lowest, highest = np.minimum(*masks), np.maximum(*masks)
    assert (seams[(lowest == 0) & ((highest == 1) | (highest == 0))] == 0).all() and (seams[lowest > 0.5] > 0).all()
    assert (seams[(lowest == 0) & (highest > 0.2) & (highest < 0.8)] > 0).mean() > 0.99  # the rim against the global map


def test_report(together, tmp_path):
    assert reported(together, tmp_path) == {
        "Resolution": ["FSC of the half maps", "FSC of the half maps by patch"],
        "Pose changes": ["Change of rotation since the start", "Change of shift since the start"],
        "Angular coverage": ["Particles by direction of view"],
        "Gaussian mixture model": ["Centres of the Gaussians"],
        "Maps": ["Central slices of the maps"],
    }


def test_patches_are_spheres_and_masks_alike(together, apart):
    """Geometry comes before the mode, and is the same for both halves."""
    assert filecmp.cmp(together / "patches.star", apart / "patches.star", shallow=False)
    for folder in (together, apart):
        patches = read_patches(str(folder / "patches.star"))
        assert len(patches) == 2
        for number, patch in enumerate(patches, 1):
            mask = patch.mask(BOX, PIXEL_SIZE, 5.0)
            for name in (f"patches/mask_{number:02d}.mrc", f"patches/{number:02d}/focus_mask.mrc"):
                assert np.array_equal(read_mask(folder / name, BOX, PIXEL_SIZE), mask), name


def test_a_row_for_every_patch_and_every_pair(either):
    table, overlaps = read_curves(either / "patch_table.star"), read_curves(either / "overlaps.star")
    assert table["gmmPatch"].tolist() == [1, 2] and (table["gmmVolume"] > 2500).all()
    assert (overlaps["gmmPatch"], overlaps["gmmOtherPatch"]) == ([1], [2])
    masks = [read_mask(either / folder / "focus_mask.mrc", BOX, PIXEL_SIZE) for folder in FOLDERS]
    shared = np.minimum(*masks)
    assert overlaps["gmmOverlapVolume"] == pytest.approx([shared.sum() * PIXEL_SIZE**3], rel=1e-6)
    seams = read_map(either / "seams.mrc").data
    assert overlaps["gmmSeamRms"] == pytest.approx([np.sqrt((shared * seams**2).sum() / shared.sum())], rel=1e-4)
    for number, folder in enumerate(FOLDERS):
        moved = read_star(either / folder / "particles.star")["particles"]
        for label in ("gmmRotationChange", "gmmShiftChange"):
            assert table[label][number] == pytest.approx(np.mean(moved.numbers(label)), rel=1e-6)
        # of what is molecule there, not of the soft mask around it
        inside = masks[number] * read_mask(either / "mask.mrc", BOX, PIXEL_SIZE)
        assert 0.1 < table["gmmVolume"][number] / (inside.sum() * PIXEL_SIZE**3) < 0.6


def test_every_patch_improves(either):
    """From poses that are 3° off to each patch's own; half sets and order of the particles stay."""
    table = read_curves(either / "patch_table.star")
    assert (table["gmmMeanFscAfter"] > table["gmmMeanFscBefore"] + 0.02).all()
    assert (table["gmmRotationChange"] > 1).all() and (table["gmmShiftChange"] > 0.5).all()
    assert (table["gmmResolutionAfter"] <= table["gmmResolutionBefore"]).all()


def test_particles_of_a_patch_are_those_given(particles, either):
    start = read_particles(particles)
    for folder in FOLDERS:
        moved = read_particles(either / folder / "particles.star")
        assert (moved.half_set == start.half_set).all() and (moved.slice_index == start.slice_index).all()
    maps = [read_map(either / folder / "half_map_1.mrc").data for folder in FOLDERS]
    assert not np.array_equal(*maps)


def test_one_by_one_gives_the_same_files_as_apart_in_one_go(particles, apart, tmp_path):
    """Also when the patches are not taken in order."""
    for part in ("geometry", 2, 1, "composite"):
        folder = patch_by_patch(particles, tmp_path / "run", *APART, "--only", part)
        assert (folder / "composite.mrc").exists() == (part == "composite")
        assert (folder / "patches/02/half_map_1.mrc").exists() == (part != "geometry")
    assert_same_results(apart, folder)
    for name in FOLDERS:
        assert record(apart / name)["results"] == record(folder / name)["results"]


@pytest.mark.parametrize(
    "mode, file_name",
    [
        ("together", "patches/02/iterations/01/motion_half_1.npz"),
        ("together", "patches/01/iterations/02/poses_half_1.npz"),
        ("apart", "patches/02/iterations/01/poses_half_1.npz"),
        *(
            pytest.param(mode, file_name, marks=pytest.mark.slow)
            for mode, file_name in (
                ("together", "iterations/00/poses_half_2.npz"),
                ("together", "patches.star"),
                ("together", "patches/02/particles.star"),
                ("apart", "patches/01/half_map_2.mrc"),
                ("apart", "seams.mrc"),
            )
        ),
    ],
)
def test_stopped_and_given_again(request, particles, tmp_path, monkeypatch, mode, file_name):
    straight, folder, options = request.getfixturevalue(mode), tmp_path / "run", ("--patch-mode", mode)

    with killed_before(folder / file_name, monkeypatch):
        patch_by_patch(particles, folder, *options)
    assert record(folder)["finished"] is False
    patch_by_patch(particles, folder, *options)
    assert_same_results(straight, folder)


def test_a_finished_run_given_again_only_joins(particles, together, tmp_path):
    """Other weights of the composite need no new refinement."""
    copy = shutil.copytree(together, tmp_path / "copy")
    known = len(events(copy))
    patch_by_patch(particles, copy)
    assert_same_results(together, copy)
    patch_by_patch(particles, copy, "--composite-weights", "snr")
    assert not [event for event in events(copy)[known:] if event["step"] in ("refine poses", "reconstruct")]
    composites = [read_map(folder / "composite_half_1.mrc").data for folder in (together, copy)]
    masks = [read_mask(together / folder / "focus_mask.mrc", BOX, PIXEL_SIZE) for folder in FOLDERS]
    differ = np.abs(composites[0] - composites[1]) > 1e-5 * np.abs(composites[0]).max()
    assert differ.any() and not differ[np.minimum(*masks) == 0].any()


@pytest.fixture(scope="module")
def noise(particles, tmp_path_factory):
    """The same particles with noise for the images of half 2."""
    folder = tmp_path_factory.mktemp("noise")
    for name in ("particles.star", "particles.mrcs"):
        shutil.copy(particles.parent / name, folder)
    replaced = np.flatnonzero(read_particles(folder / "particles.star").half_set == 2)
    with mrcfile.mmap(folder / "particles.mrcs", mode="r+") as stack:
        stack.data[replaced] = np.random.default_rng(1).standard_normal((len(replaced), BOX, BOX))
    return folder / "particles.star"


@pytest.fixture(scope="module")
def pinned(noise, together):
    """The run together again with these particles, its exchanges pinned."""
    return patch_by_patch(noise, noise.parent / "run", "--pin-exchanges", together / "run.json")


def test_nothing_of_half_2_reaches_half_1(together, pinned):
    places = ["composite_half_1.mrc"] + [
        f"{folder}/{name}"
        for folder in FOLDERS
        for name in (
            "half_map_1.mrc",
            "iterations/01/half_map_1.mrc",
            "iterations/01/poses_half_1.npz",
            "iterations/01/motion_half_1.npz",
            "iterations/02/half_map_1.mrc",
            "iterations/02/poses_half_1.npz",
        )
    ]
    for place in places:
        assert filecmp.cmp(together / place, pinned / place, shallow=False), place
    for folder in FOLDERS:
        blocks = [read_star(run / folder / "particles.star")["particles"] for run in (together, pinned)]
        rows = [block.subset(block.integers("rlnRandomSubset") == 1) for block in blocks]
        assert len(rows[0]) == 100
        for label in set(rows[0].columns) - {"rlnImageName"}:  # its folder differs
            assert (rows[0].columns[label] == rows[1].columns[label]).all(), label
    # the test would pass on two copies of one run
    for place in places:
        other = place.replace("half_1", "half_2").replace("map_1", "map_2")
        assert not filecmp.cmp(together / other, pinned / other, shallow=False), other


def test_nothing_of_half_2_reaches_half_1_apart(noise, apart, tmp_path):
    run = patch_by_patch(noise, tmp_path / "run", *APART, "--pin-exchanges", apart / "run.json")
    for name in FOLDERS:
        for number in (1, 2):
            pair = (folder / name / f"half_map_{number}.mrc" for folder in (apart, run))
            assert filecmp.cmp(*pair, shallow=False) == (number == 1)


def test_the_fsc_of_a_pinned_patch_is_measured(together, pinned):
    """It is steered by the curves of the earlier run and has one of its own: half of its images are noise."""
    for folder in FOLDERS:
        curves = [read_curves(run / folder / "fsc.star")["gmmFsc"][1:8].mean() for run in (together, pinned)]
        assert curves[0] > 0.7 and curves[1] < 0.5


def test_weights_by_signal_to_noise_are_told_to_both_halves_and_pinned(particles, noise, together, pinned, tmp_path):
    """With them pinned, the composite of half 1 does not depend on half 2."""
    weighted = shutil.copytree(together, tmp_path / "weighted")
    patch_by_patch(particles, weighted, "--composite-weights", "snr")
    assert "weights" in {entry["kind"] for entry in record(weighted)["exchanges"]}
    assert not filecmp.cmp(weighted / "composite_half_1.mrc", together / "composite_half_1.mrc", shallow=False)
    back = patch_by_patch(particles, shutil.copytree(weighted, tmp_path / "back"))
    assert "weights" not in {entry["kind"] for entry in record(back)["exchanges"]}
    assert_same_results(together, back)
    again = patch_by_patch(noise, tmp_path / "again", "--composite-weights", "snr", "--pin-exchanges", weighted / "run.json")
    assert filecmp.cmp(weighted / "composite_half_1.mrc", again / "composite_half_1.mrc", shallow=False)
    outcome = gmmrefine(
        "refine-patches",
        noise,
        "-o",
        shutil.copytree(pinned, tmp_path / "copy"),
        *SMALL,
        "--composite-weights",
        "snr",
        "--pin-exchanges",
        together / "run.json",
    )
    assert_refused(outcome, "refine-patches", "has no weights of iteration 0; give the settings that it had")


def test_only_contrast_fsc_curves_mask_and_patches_are_told(together, pinned, apart):
    for folder in (together, pinned):
        exchanged = [(entry["kind"], entry["iteration"]) for entry in record(folder)["exchanges"]]
        assert sorted(exchanged) == [("contrast", 0), ("fsc", 0), ("fsc", 1), ("fsc", 2), ("mask", 0), ("patches", 0)]
    assert sorted(entry["kind"] for entry in record(apart)["exchanges"]) == ["contrast", "mask", "patches"]
    for folder in FOLDERS:
        assert {entry["kind"] for entry in record(apart / folder)["exchanges"]} == {"contrast", "fsc", "mask"}


def test_composite_gives_what_refine_patches_wrote(either, tmp_path):
    folder = tmp_path / "joined"
    outcome = gmmrefine(
        "composite",
        *(either / name for name in FOLDERS),
        "-o",
        folder,
        "--background",
        either / "iterations/00",
        "--mask",
        either / "mask.mrc",
    )
    assert outcome.code == 0, outcome.err
    assert files_of(folder) == set(composite.COMMAND.outputs)
    for name in composite.COMMAND.outputs:
        if name.endswith(".mrc"):
            # what they say of the images they were made from is longer in the run
            assert np.array_equal(read_map(either / name).data, read_map(folder / name).data), name
            continue
        columns, others = read_curves(either / name), read_curves(folder / name)
        assert set(columns) == set(others)
        for label in columns:  # the header of a map holds the pixel size to seven digits
            assert columns[label] == pytest.approx(others[label], rel=1e-6, abs=1e-9), label
    assert record(folder)["results"]["resolution"] == pytest.approx(record(either)["results"]["resolution"])
    assert "not one reconstruction" in record(folder)["results"]["caution"]


def test_parts_out_of_turn(particles, tmp_path):
    folder = patch_by_patch(particles, tmp_path / "run", *APART, "--only", "geometry")
    before = files_of(folder)
    for part, words in (
        (9, "--only 9: there are patches 1 to 2"),
        (0, "--only 0: there are patches 1 to 2"),
        ("composite", "patch 1 is not refined yet. Run the same command with --only 1 first"),
    ):
        outcome = gmmrefine("refine-patches", particles, "-o", folder, *SMALL, *APART, "--only", part)
        assert_refused(outcome, "refine-patches", words)
        assert files_of(folder) == before


def test_patches_unlike_each_other_are_not_joined(particles, apart, tmp_path):
    """One that was interrupted, and one with more iterations than the command says."""
    folder = shutil.copytree(apart, tmp_path / "run")
    content = record(folder / "patches/02")
    for finished, iterations, words in (
        (False, 2, "patch 2 is not refined yet"),
        (True, 4, "patch 2 was refined with --patch-iterations 4, now it is 2"),
    ):
        content["finished"], content["settings"]["iterations"] = finished, iterations
        write_record(folder / "patches/02", content)
        outcome = gmmrefine("refine-patches", particles, "-o", folder, *SMALL, *APART, "--only", "composite")
        assert_refused(outcome, "refine-patches", words, "--only 2 first")


def test_a_finished_patch_given_again_is_left_as_it_is(particles, apart):
    before = [(path, path.stat().st_mtime_ns) for path in sorted((apart / "patches/01").rglob("*")) if path.suffix != ".log"]
    outcome = gmmrefine("refine-patches", particles, "-o", apart, *SMALL, *APART, "--only", 1)
    assert outcome.code == 0 and outcome.out.endswith("patch 1 is refined already\n")
    assert all(path.stat().st_mtime_ns == changed for path, changed in before if path.is_file())


def test_a_folder_is_the_same_however_it_is_spelled_and_wherever_it_is_moved(particles, apart, tmp_path, monkeypatch):
    """Geometry is made on one machine of a queue and the patches on others."""
    folder = shutil.copytree(apart, tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    for spelling, only in (("run", (1,)), ("./run", (2,)), (folder, ("composite",))):
        patch_by_patch(particles, spelling, *APART, "--only", *only)
    assert_same_results(apart, folder)


def test_geometry_given_again_keeps_the_results(particles, apart, tmp_path):
    folder = patch_by_patch(particles, shutil.copytree(apart, tmp_path / "run"), *APART, "--only", "geometry")
    assert_same_results(apart, folder)


def test_other_patches_in_the_same_folder_are_refused(particles, together, tmp_path):
    copy = shutil.copytree(together, tmp_path / "copy")
    before = (copy / "run.json").read_bytes()
    outcome = gmmrefine("refine-patches", particles, "-o", copy, *SMALL, "--patches", 3)
    assert_refused(outcome, "refine-patches", "patches was '2', now '3'")
    assert (copy / "run.json").read_bytes() == before


@pytest.fixture
def geometry(particles, tmp_path):
    """A folder in which only the geometry is made."""
    return patch_by_patch(particles, tmp_path / "geometry", *APART, "--only", "geometry")


class WasSetUp(BaseException):
    """Raised instead of setting up the device."""


def test_one_patch_computes_on_the_device_asked_for(particles, geometry, monkeypatch):
    def set_up(threads, device):
        assert device == "gpu"
        raise WasSetUp

    monkeypatch.setattr("gmmrefine.backend.set_up", set_up)
    with pytest.raises(WasSetUp):
        gmmrefine("refine-patches", particles, "-o", geometry, *SMALL, *APART, "--only", 1, "--device", "gpu")


def test_one_patch_with_other_settings_than_the_geometry(particles, geometry):
    outcome = gmmrefine("refine-patches", particles, "-o", geometry, *SMALL, *APART, "--only", 1, "--seed", 9)
    assert_refused(outcome, "refine-patches", "seed was 1, now 9")
    assert not (geometry / "patches/01/half_map_1.mrc").exists()


def test_a_mask_and_pinned_exchanges(particles, together, tmp_path):
    outcome = gmmrefine(
        "refine-patches",
        particles,
        "-o",
        tmp_path / "run",
        *SMALL,
        "--pin-exchanges",
        together / "run.json",
        "--mask",
        together / "patches/01/focus_mask.mrc",
    )
    assert_refused(outcome, "refine-patches", "--mask would have no effect with --pin-exchanges")


def test_more_iterations_than_the_pinned_run_had(particles, together, tmp_path):
    copy = shutil.copytree(together, tmp_path / "copy")
    outcome = gmmrefine(
        "refine-patches",
        particles,
        "-o",
        tmp_path / "run",
        *SMALL,
        "--pin-exchanges",
        copy / "run.json",
        "--patch-iterations",
        3,
    )
    assert_refused(outcome, "refine-patches", "no fsc of iteration 3", "Ask for at most 2")


def test_fewer_patches_in_the_folder_where_more_were_refused(particles, tmp_path):
    outcome = gmmrefine("refine-patches", particles, "-o", tmp_path / "run", *SMALL, "--patches", 60)
    assert_refused(outcome, "refine-patches", "Ask for fewer")
    patch_by_patch(particles, tmp_path / "run", *APART, "--only", "geometry")
