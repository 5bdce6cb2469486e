"""Composites of focused refinements through the command line."""

import json

import numpy as np
import pytest
import references
from molecules import molecule
from reported import reported
from small_run import assert_refused, gmmrefine, record

from gmmrefine.commands import composite
from gmmrefine.io.curves import read_curves
from gmmrefine.io.mrc import read_map, write_map
from gmmrefine.maps.mask import spherical_mask

BOX, PIXEL_SIZE = 40, 2.0
ONES, LARGER = np.ones((BOX,) * 3), np.ones((48,) * 3)
SPHERES = np.array([[-8.0, -2.0, 0.0, 12.0], [10.0, -2.0, 0.0, 12.0]])  # x, y, z from the centre and radius in Å


def write_part(folder, mask, halves, pixel_size=PIXEL_SIZE):
    """The folder of a focused refinement: half maps and its mask."""
    folder.mkdir(exist_ok=True)
    write_map(folder / "focus_mask.mrc", mask, pixel_size)
    for number, half in enumerate(halves, 1):
        write_map(folder / f"half_map_{number}.mrc", half, pixel_size)
    return folder


@pytest.fixture(scope="module")
def truth():
    return references.gaussian_map(molecule(width=(3.0, 4.0)), BOX, PIXEL_SIZE)


@pytest.fixture
def parts(truth, tmp_path, rng):
    """Two parts with noise of their own, whose masks overlap."""
    return [
        write_part(
            tmp_path / f"part{number}",
            spherical_mask(sphere[:3], sphere[3], BOX, PIXEL_SIZE),
            truth + rng.normal(0, 0.2, (2,) + truth.shape),
        )
        for number, sphere in enumerate(SPHERES, 1)
    ]


def record_of(command, finished=True):
    return json.dumps({"command": command, "settings": {}, "finished": finished})


def joined(folders, output, *options):
    outcome = gmmrefine("composite", *folders, "-o", output, *options)
    assert outcome.code == 0, outcome.err
    return output


def data(folder, name):
    return read_map(folder / name).data


def test_everything_is_written(parts, tmp_path):
    folder = joined(parts, tmp_path / "joined")
    assert {path.name for path in folder.iterdir()} == {*composite.COMMAND.outputs, "run.json", "gmmrefine.log"}
    results = record(folder)["results"]
    assert results["parts"] == ["part1", "part2"] and "not one reconstruction" in results["caution"]
    assert results["largest_seam"] == pytest.approx(data(folder, "seams.mrc").max())
    assert len(read_curves(folder / "fsc.star")["gmmFsc"]) == BOX // 2 + 1 and 4 <= results["resolution"] < 20
    overlaps, masks = read_curves(folder / "overlaps.star"), [data(part, "focus_mask.mrc") for part in parts]
    assert reported(folder, tmp_path) == {"Resolution": ["FSC of the half maps"], "Maps": ["Central slices of the maps"]}
    assert overlaps["gmmOverlapVolume"] == pytest.approx([np.minimum(*masks).sum() * PIXEL_SIZE**3], rel=1e-5)


def test_no_half_has_anything_of_the_other(parts, tmp_path, rng):
    first = joined(parts, tmp_path / "first")
    for part in parts:
        write_map(part / "half_map_2.mrc", rng.normal(0, 1, (BOX,) * 3), PIXEL_SIZE)
    second = joined(parts, tmp_path / "second", "--mask", first / "mask.mrc")
    halves = [[data(folder, f"composite_half_{number}.mrc") for folder in (first, second)] for number in (1, 2)]
    assert np.array_equal(*halves[0]) and np.abs(halves[1][0] - halves[1][1]).max() > 1


def test_outside_all_masks_are_the_background_or_the_mean_of_the_parts(parts, tmp_path, rng):
    behind = write_part(tmp_path / "behind", np.ones((BOX,) * 3), rng.normal(0, 1, (2,) + (BOX,) * 3))
    plain, backed = joined(parts, tmp_path / "plain"), joined(parts, tmp_path / "backed", "--background", behind)
    total = np.sum([data(part, "focus_mask.mrc") for part in parts], axis=0)
    assert (total == 0).mean() > 0.2 and (total >= 1).mean() > 0.02
    for number in (1, 2):
        found = [data(folder, f"composite_half_{number}.mrc") for folder in (plain, backed)]
        own, rest = [data(part, f"half_map_{number}.mrc") for part in parts], data(behind, f"half_map_{number}.mrc")
        assert found[0][total == 0] == pytest.approx(np.mean(own, axis=0)[total == 0], abs=1e-5)
        assert found[1][total == 0] == pytest.approx(rest[total == 0], abs=1e-5)
        assert found[1][total >= 1] == pytest.approx(found[0][total >= 1], abs=1e-5)


def test_weights_by_signal_to_noise_favour_the_better_part(truth, parts, tmp_path, rng):
    """Where two masks overlap."""
    for number in (1, 2):
        write_map(parts[1] / f"half_map_{number}.mrc", truth + rng.normal(0, 2.0, truth.shape), PIXEL_SIZE)
    folders = [joined(parts, tmp_path / weights, "--composite-weights", weights) for weights in ("mask", "snr")]
    masks = [data(part, "focus_mask.mrc") for part in parts]
    shared = np.minimum(*masks) > 0.3
    assert shared.sum() > 200
    by_mask, by_snr = (data(folder, "composite_half_1.mrc") for folder in folders)
    errors = [np.sqrt(np.mean((found - truth)[shared] ** 2)) for found in (by_mask, by_snr)]
    assert errors[0] > 0.8 and errors[1] < 0.5


def test_weights_by_signal_to_noise_fade_into_the_background_as_the_masks_do(parts, tmp_path, rng):
    """Only where two masks overlap do they make a difference."""
    behind = write_part(tmp_path / "behind", ONES, rng.normal(0, 1, (2,) + (BOX,) * 3))
    by_mask, by_snr = (
        data(joined(parts, tmp_path / how, "--composite-weights", how, "--background", behind), "composite_half_1.mrc")
        for how in ("mask", "snr")
    )
    masks = [data(part, "focus_mask.mrc") for part in parts]
    alone = np.minimum(*masks) == 0
    edge = alone & (np.maximum(*masks) > 0.1) & (np.maximum(*masks) < 0.9)
    assert edge.sum() > 200 and by_snr[alone] == pytest.approx(by_mask[alone], abs=1e-5)
    assert np.abs(by_snr - by_mask)[~alone].max() > 1e-3


@pytest.mark.parametrize("weights", ("mask", "snr"))
def test_of_identical_maps_there_is_no_seam(parts, tmp_path, weights):
    halves = [data(parts[0], f"half_map_{number}.mrc") for number in (1, 2)]
    write_part(parts[1], data(parts[1], "focus_mask.mrc"), halves)
    folder = joined(parts, tmp_path / "joined", "--composite-weights", weights)
    backed = joined(parts, tmp_path / "backed", "--composite-weights", weights, "--background", parts[0])
    for seamless in (folder, backed):
        assert (data(seamless, "seams.mrc") == 0).all() and record(seamless)["results"]["largest_seam"] == 0
    assert read_curves(folder / "overlaps.star")["gmmSeamRms"] == [0]
    for number, half in enumerate(halves, 1):
        assert data(folder, f"composite_half_{number}.mrc") == pytest.approx(half, abs=1e-5)


@pytest.mark.parametrize("weights", ("mask", "snr"))
def test_of_one_full_mask_it_is_the_map(parts, tmp_path, weights):
    halves = [data(parts[0], f"half_map_{number}.mrc") for number in (1, 2)]
    write_part(parts[0], np.ones((BOX,) * 3), halves)
    folder = joined(parts[:1], tmp_path / "joined", "--composite-weights", weights)
    for number, half in enumerate(halves, 1):
        assert data(folder, f"composite_half_{number}.mrc") == pytest.approx(half, abs=1e-6)
    assert (data(folder, "seams.mrc") == 0).all()


def test_a_background_that_disagrees_makes_a_seam(parts, tmp_path, rng):
    """Where the mask of a single part fades into it."""
    behind = write_part(tmp_path / "behind", ONES, rng.normal(0, 1, (2,) + (BOX,) * 3))
    folder, mask = joined(parts[:1], tmp_path / "joined", "--background", behind), data(parts[0], "focus_mask.mrc")
    seams, rim = data(folder, "seams.mrc"), (mask > 0.2) & (mask < 0.8)
    assert seams[rim].mean() > 0.1 and record(folder)["results"]["largest_seam"] == pytest.approx(seams.max())
    assert not seams[(mask == 0) | (mask == 1)].any()


def left_in(folder):
    assert not list(folder.rglob("*.tmp"))
    return {path.name for path in folder.glob("*")} - {"run.json", "gmmrefine.log", "events.jsonl", "half_sets.npz"}


@pytest.mark.parametrize(
    "change, words",
    [
        (
            {"half_map_1": (LARGER, 2.0), "half_map_2": (LARGER, 2.0), "focus_mask": (LARGER, 2.0)},
            ["the parts have boxes of 40, 48 voxels; they must have one"],
        ),
        (
            {"half_map_1": (ONES, 2.1), "half_map_2": (ONES, 2.1), "focus_mask": (ONES, 2.1)},
            ["part2: voxels of 2.1 Å, but the other maps have 2 Å; must match"],
        ),
        ({"half_map_2": (LARGER, 2.0)}, ["part2: half_map_1.mrc has 40 voxels, half_map_2.mrc 48; must match"]),
        ({"focus_mask": (LARGER, 2.0)}, ["part2/focus_mask.mrc is 48×48×48 but the box is 40"]),
        ({"focus_mask": (0 * ONES, 2.0)}, ["part2/focus_mask.mrc", "empty"]),
        ({"focus_mask": None}, ["part2", "mask.mrc"]),
        ({"half_map_2": None}, ["part2/half_map_2.mrc", "cannot be read"]),
    ],
)
def test_parts_that_do_not_fit(parts, tmp_path, change, words):
    for name, content in change.items():
        if content is None:
            (parts[1] / f"{name}.mrc").unlink()
        else:
            write_map(parts[1] / f"{name}.mrc", *content)
    outcome = gmmrefine("composite", *parts, "-o", tmp_path / "joined")
    assert_refused(outcome, "composite", *words)
    assert not (tmp_path / "joined").exists() or left_in(tmp_path / "joined") == set()


def test_a_mask_outside_the_molecule(parts, tmp_path):
    corner = spherical_mask([-34.0, -34.0, -34.0], 4.0, BOX, PIXEL_SIZE, 1.0)
    write_map(parts[1] / "focus_mask.mrc", corner, PIXEL_SIZE)
    outcome = gmmrefine("composite", *parts, "-o", tmp_path / "joined")
    assert_refused(outcome, "composite", "part2/focus_mask.mrc lies outside the molecule: ", "Check its origin and handedness")
    assert left_in(tmp_path / "joined") == set()


def test_a_background_of_another_box(parts, tmp_path):
    behind = write_part(tmp_path / "behind", LARGER, [LARGER, LARGER])
    outcome = gmmrefine("composite", *parts, "-o", tmp_path / "joined", "--background", behind)
    assert_refused(outcome, "composite", "--background", "box 48, the parts have 40; must match")
    assert left_in(tmp_path / "joined") == set()


def test_a_part_is_not_overwritten(parts):
    write_map(parts[0] / "mask.mrc", ONES, PIXEL_SIZE)
    outcome = gmmrefine("composite", *parts, "-o", parts[0], "--mask", parts[0] / "mask.mrc")
    assert_refused(outcome, "composite", "mask.mrc would be overwritten")


def test_a_background_of_another_pixel_size(parts, tmp_path):
    behind = write_part(tmp_path / "behind", ONES, [ONES, ONES], 3.0)
    outcome = gmmrefine("composite", *parts, "-o", tmp_path / "joined", "--background", behind)
    assert_refused(outcome, "composite", "--background", "3 Å")


def test_half_maps_of_two_pixel_sizes(parts, tmp_path):
    write_map(parts[1] / "half_map_2.mrc", data(parts[1], "half_map_2.mrc"), 3.0)
    assert_refused(gmmrefine("composite", *parts, "-o", tmp_path / "joined"), "composite", "part2", "3 Å")


def test_of_an_imposed_symmetry(parts, tmp_path):
    """Whose folder has mask.mrc instead of focus_mask.mrc."""
    (parts[1] / "focus_mask.mrc").rename(parts[1] / "mask.mrc")
    (parts[1] / "run.json").write_text(record_of("impose-symmetry"), encoding="utf-8")
    joined(parts, tmp_path / "joined")


def test_a_map_of_the_whole_is_no_part(parts, tmp_path):
    """Its mask of the molecule would weigh as much as a focus, and the composite show half of what the focus gained."""
    (parts[1] / "focus_mask.mrc").rename(parts[1] / "mask.mrc")
    (parts[1] / "run.json").write_text(record_of("refine"), encoding="utf-8")
    outcome = gmmrefine("composite", *parts, "-o", tmp_path / "joined")
    assert_refused(outcome, "composite", "part2/focus_mask.mrc: no such file", "with --background")
    assert not (tmp_path / "joined").exists()


def test_one_map_given_as_both_halves(parts, tmp_path):
    write_map(parts[1] / "half_map_2.mrc", data(parts[1], "half_map_1.mrc"), PIXEL_SIZE)
    outcome = gmmrefine("composite", *parts, "-o", tmp_path / "joined")
    assert_refused(outcome, "composite", "part2/half_map_1.mrc and", "hold the same map")


def test_one_map_given_as_both_halves_of_the_background(parts, tmp_path):
    """Which correlates with itself outside all masks, where the FSC is measured too."""
    one = write_part(tmp_path / "whole", ONES, [data(parts[0], "half_map_1.mrc")] * 2)
    outcome = gmmrefine("composite", *parts, "-o", tmp_path / "joined", "--background", one)
    assert_refused(outcome, "composite", "whole/half_map_1.mrc and", "hold the same map")


@pytest.mark.parametrize("which", ("part", "background"))
def test_an_unfinished_run(parts, tmp_path, which):
    """Whose half maps may be of different iterations."""
    folder = parts[0] if which == "part" else write_part(tmp_path / "whole", ONES, [data(parts[0], "half_map_1.mrc"), ONES])
    (folder / "run.json").write_text(record_of("refine", finished=False), encoding="utf-8")
    outcome = gmmrefine("composite", *parts, "-o", tmp_path / "joined", *(() if which == "part" else ("--background", folder)))
    assert_refused(outcome, "composite", f"{folder}: its 'refine' run is not finished. Give the same command again")
    (folder / "run.json").write_text(record_of("refine"), encoding="utf-8")
    joined(parts, tmp_path / "joined", *(() if which == "part" else ("--background", folder)))


@pytest.mark.parametrize(
    "content, words", [('{"a": 1}', "run.json names no command and settings"), ('{"comm', "run.json is damaged")]
)
def test_a_record_that_is_none(parts, tmp_path, content, words):
    (parts[0] / "run.json").write_text(content, encoding="utf-8")
    assert_refused(gmmrefine("composite", *parts, "-o", tmp_path / "joined"), "composite", words)


def test_weights_of_another_composite_go_and_other_folders_of_that_name_stay(parts, tmp_path):
    (tmp_path / "joined" / "weights").mkdir(parents=True)
    kept = tmp_path / "joined" / "weights" / "mine.txt"
    kept.write_text("mine", encoding="utf-8")
    folder = joined(parts, tmp_path / "joined")
    assert kept.exists()
    other = joined(parts, tmp_path / "other", "--composite-weights", "snr")
    assert (other / "weights" / "01.mrc").exists()
    joined(parts, other)
    assert not (other / "weights").exists() and record(other)["exchanges"] == record(folder)["exchanges"] == []


def test_the_composite_lies_where_its_parts_do(parts, tmp_path):
    """For models that were fitted to them."""
    place = (100.0, 50.0, -20.0)
    for part in parts:
        for path in part.glob("*.mrc"):
            write_map(path, read_map(path).data, PIXEL_SIZE, place)
    folder = joined(parts, tmp_path / "joined")
    for name in composite.COMMAND.outputs:
        if name.endswith(".mrc"):
            assert read_map(folder / name).origin == pytest.approx(place), name


def test_headers_that_put_parts_elsewhere_are_noted(parts, tmp_path):
    outcome = gmmrefine("composite", *parts, "-o", tmp_path / "alike")
    assert "first voxel elsewhere" not in outcome.out
    write_map(parts[1] / "focus_mask.mrc", data(parts[1], "focus_mask.mrc"), PIXEL_SIZE, (10.0, 0, 0))
    outcome = gmmrefine("composite", *parts, "-o", tmp_path / "joined")
    assert outcome.code == 0
    assert "note: the header of" in outcome.out and "part2/focus_mask.mrc and 0 others puts the first voxel" in outcome.out


def test_one_part_overlaps_with_nothing(parts, tmp_path):
    assert not (joined(parts[:1], tmp_path / "joined") / "overlaps.star").exists()


def test_the_background_is_recorded(parts, tmp_path):
    folder = joined(parts[:1], tmp_path / "joined", "--background", parts[1])
    assert any("part2" in path for path in record(folder)["inputs"])


def rescaled(folder, scale, level=0.0):
    """Write a part's half maps in another grey scale."""
    for path in folder.glob("half_map_*.mrc"):
        write_map(path, scale * read_map(path).data + level, PIXEL_SIZE)


@pytest.mark.parametrize("scale, level", [(2.0, 0.0), (1e-6, 0.0), (300.0, 60.0), (-1.0, 0.0), (-0.02, 0.5), (1.0, 4.0)])
def test_a_part_of_another_grey_scale_is_brought_to_that_of_the_first(parts, tmp_path, scale, level):
    expected = joined(parts, tmp_path / "expected")
    assert record(expected)["results"]["grey_scales"] == {"part1": [1, 0], "part2": [1, 0]}
    rescaled(parts[1], scale, level)
    outcome = gmmrefine("composite", *parts, "-o", tmp_path / "joined")
    assert outcome.code == 0, outcome.err
    assert "note: part2 has another grey scale, found where the maps overlap" in outcome.out
    assert ("its contrast was the other way round" in outcome.out) == (scale < 0)
    results, before = record(tmp_path / "joined")["results"], record(expected)["results"]
    found, found_level = results["grey_scales"]["part2"]
    assert found * scale == pytest.approx(1, abs=0.04) and found * level + found_level == pytest.approx(0, abs=0.05)
    assert results["largest_seam"] == pytest.approx(before["largest_seam"], rel=0.15)
    assert results["resolution"] == pytest.approx(before["resolution"], rel=0.01)
    first, second = (data(folder, "composite.mrc") for folder in (expected, tmp_path / "joined"))
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.99
    assert {entry["kind"] for entry in record(tmp_path / "joined")["exchanges"]} == {"grey_scales"}


def test_the_bright_part_decides_where_the_first_is_dark(parts, tmp_path):
    expected = joined(parts, tmp_path / "expected")
    rescaled(parts[0], -1)
    folder = joined(parts, tmp_path / "joined")
    assert np.corrcoef(*(data(one, "composite.mrc").ravel() for one in (expected, folder)))[0, 1] > 0.99
    assert record(folder)["results"]["grey_scales"]["part1"][0] == -1


def test_a_background_of_another_grey_scale(truth, parts, tmp_path, rng):
    behind = write_part(tmp_path / "behind", ONES, 40 * (truth + rng.normal(0, 0.2, (2,) + truth.shape)))
    folder = joined(parts, tmp_path / "joined", "--background", behind)
    assert record(folder)["results"]["grey_scales"]["background"][0] == pytest.approx(1 / 40, rel=0.03)


def test_parts_that_share_no_density_and_have_other_scales_are_refused(truth, parts, tmp_path, rng):
    for part, sphere in zip(parts, SPHERES):  # apart from one another
        write_map(part / "focus_mask.mrc", spherical_mask(1.6 * sphere[:3], 7.0, BOX, PIXEL_SIZE, 2.0), PIXEL_SIZE)
    assert "another grey scale" not in gmmrefine("composite", *parts, "-o", tmp_path / "same").out
    rescaled(parts[1], 1000)
    outcome = gmmrefine("composite", *parts, "-o", tmp_path / "joined")
    assert_refused(outcome, "composite", "part2 has ", "times the density of part1", "Give the map of the whole")
    assert not (tmp_path / "joined").exists()
    behind = write_part(tmp_path / "behind", ONES, truth + rng.normal(0, 0.2, (2,) + truth.shape))
    folder = joined(parts, tmp_path / "backed", "--background", behind)
    assert record(folder)["results"]["grey_scales"]["part2"][0] == pytest.approx(1e-3, rel=0.1)


def test_the_seam_stands_on_the_screen(parts, tmp_path):
    outcome = gmmrefine("composite", *parts, "-o", tmp_path / "joined")
    results = record(tmp_path / "joined")["results"]
    rms = read_curves(tmp_path / "joined" / "overlaps.star")["gmmSeamRms"][0]
    assert results["seam_text"] in outcome.out
    assert f"up to {results['largest_seam']:.3g} map units" in outcome.out
    assert f"most where part1 passes into part2 (rms {rms:.3g})" in outcome.out
    inside = data(tmp_path / "joined", "mask.mrc") > 0.5
    deviation = data(tmp_path / "joined", "composite.mrc")[inside].std()
    assert results["largest_seam_of_deviation"] == pytest.approx(results["largest_seam"] / deviation, rel=1e-3)
