"""local-resolution and local-filter from the command line."""

import numpy as np
import pytest
from half_and_half import globule, half_and_half
from reported import reported
from small_run import assert_refused, events, gmmrefine, record

from gmmrefine.commands import local_filter, local_resolution
from gmmrefine.io.mrc import read_map, write_map
from gmmrefine.maps.local_filter import local_low_pass

BOX, PIXEL_SIZE, ORIGIN = 64, 1.5, (11.0, -4.5, 30.0)


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """Folder with half maps of 8 Å (left) and 5 Å (right), their mean, and a mask."""
    folder, rng = tmp_path_factory.mktemp("halves"), np.random.default_rng(3)
    molecule, mask = globule(BOX, PIXEL_SIZE, rng)
    maps = half_and_half(molecule, mask, PIXEL_SIZE, (8.0, 5.0), rng)
    for name, volume in (("1", maps[0]), ("2", maps[1]), ("map", 0.5 * (maps[0] + maps[1])), ("mask", mask)):
        write_map(folder / f"{name}.mrc", volume, PIXEL_SIZE, ORIGIN)
    return folder


@pytest.fixture(scope="module")
def measured(halves, tmp_path_factory):
    folder = tmp_path_factory.mktemp("measured")
    outcome = gmmrefine("local-resolution", halves / "1.mrc", halves / "2.mrc", "--mask", halves / "mask.mrc", "-o", folder)
    assert outcome.code == 0 and outcome.err == ""
    return folder, outcome.out


def test_local_resolution(halves, measured):
    folder, said = measured
    for name in local_resolution.COMMAND.outputs:
        assert (folder / name).is_file(), name
    resolution, mask = read_map(folder / "local_resolution.mrc"), read_map(halves / "mask.mrc").data
    assert resolution.origin == pytest.approx(ORIGIN) and resolution.voxel_size == pytest.approx(PIXEL_SIZE)
    assert np.array_equal(resolution.data == 0, mask == 0)
    results = record(folder)["results"]
    assert results["quartiles"] == pytest.approx(np.percentile(resolution.data[mask > 0.5], (25, 50, 75)))
    assert 4.5 < results["quartiles"][0] < results["median"] < results["quartiles"][2] < 9
    assert results["coarsest_measured"] == pytest.approx(16) and results["share_at_nyquist"] < 0.05
    assert results["resolution"] == pytest.approx(5.3, rel=0.15)
    assert f"median {results['median']:.2f} Å" in said
    assert {event["step"] for event in events(folder)} == {"local resolution"}


def test_report(measured, tmp_path):
    assert reported(measured[0], tmp_path) == {
        "Local resolution": ["Slices through the middle of the mask", "Voxels by local resolution"]
    }


def test_a_mask_is_made_where_none_is_given(halves, tmp_path):
    assert gmmrefine("local-resolution", halves / "1.mrc", halves / "2.mrc", "-o", tmp_path).code == 0
    mask = read_map(tmp_path / "mask.mrc").data
    assert 0.05 < mask.mean() < 0.6 and mask[BOX // 2, BOX // 2, BOX // 2] == 1


def test_local_filter(halves, measured, tmp_path):
    where = measured[0] / "local_resolution.mrc"
    outcome = gmmrefine("local-filter", halves / "map.mrc", "--local-resolution", where, "-o", tmp_path)
    assert outcome.code == 0 and outcome.err == "" and "filtered to" in outcome.out
    for name in local_filter.COMMAND.outputs:
        assert (tmp_path / name).is_file(), name
    volume, filtered = read_map(halves / "map.mrc"), read_map(tmp_path / "filtered.mrc")
    assert np.array_equal(read_map(tmp_path / "unmodified.mrc").data, volume.data)
    np.testing.assert_allclose(filtered.data, local_low_pass(volume.data, read_map(where).data, PIXEL_SIZE), atol=1e-4)
    assert filtered.origin == pytest.approx(ORIGIN)
    assert set(record(tmp_path)["inputs"]) == {str(halves / "map.mrc"), str(where)}


def test_unfit_half_maps(halves, tmp_path):
    write_map(tmp_path / "zero.mrc", np.zeros((BOX,) * 3), PIXEL_SIZE)
    write_map(tmp_path / "small.mrc", np.ones((48,) * 3), PIXEL_SIZE)
    write_map(tmp_path / "tiny.mrc", np.random.default_rng(1).normal(size=(20,) * 3), PIXEL_SIZE)
    for first, second, *words in (
        (tmp_path / "tiny.mrc", tmp_path / "tiny.mrc", "tiny.mrc is 20³; expected a box of 24 or more"),
        ("1.mrc", "1.mrc", "hold the same map; expected two half maps of independent particles"),
        ("1.mrc", tmp_path / "zero.mrc", "zero.mrc: all 262144 voxels are 0; expected a map with density"),
        ("1.mrc", tmp_path / "small.mrc", "small.mrc is 48³ but", "half maps must match"),
    ):
        outcome = gmmrefine("local-resolution", halves / first, halves / second, "-o", tmp_path / "run")
        assert_refused(outcome, "local-resolution", *words)
    assert not (tmp_path / "run").exists()


def test_unfit_local_resolution_maps(halves, tmp_path):
    cases = {
        "box": ((48,), 5.0, PIXEL_SIZE, "is 48³ of 1.5 Å but the map is 64³ of 1.5 Å; the local resolution must be"),
        "voxel": ((BOX,), 5.0, 2.0, "is 64³ of 2 Å but the map is 64³ of 1.5 Å"),
        "empty": ((BOX,), 0.0, PIXEL_SIZE, "its values are 0 everywhere; expected a resolution in Å from 3 (Nyquist) to 96"),
        "density": ((BOX,), 0.3, PIXEL_SIZE, "its values are 0.3 to 0.3; expected a resolution in Å"),
    }
    for name, (shape, value, voxel_size, words) in cases.items():
        path = tmp_path / f"{name}.mrc"
        write_map(path, np.full(shape * 3, value), voxel_size)
        for command, *options in (("local-filter",), ("sharpen",)):
            outcome = gmmrefine(command, halves / "map.mrc", "--local-resolution", path, "-o", tmp_path / "run", *options)
            assert_refused(outcome, command, f"{name}.mrc", words)
    outcome = gmmrefine("local-filter", halves / "map.mrc", "-o", tmp_path / "run")
    assert_refused(outcome, "local-filter", "--local-resolution: none given. Make it with: gmmrefine local-resolution")
    write_map(tmp_path / "zero.mrc", np.zeros((BOX,) * 3), PIXEL_SIZE)
    outcome = gmmrefine("local-filter", tmp_path / "zero.mrc", "--local-resolution", path, "-o", tmp_path / "run")
    assert_refused(outcome, "local-filter", "zero.mrc: all 262144 voxels are 0")
    assert not (tmp_path / "run").exists()


def test_a_result_does_not_overwrite_its_input(halves, measured, tmp_path):
    inside = tmp_path / "unmodified.mrc"
    inside.write_bytes((halves / "map.mrc").read_bytes())
    outcome = gmmrefine("local-filter", inside, "--local-resolution", measured[0] / "local_resolution.mrc", "-o", tmp_path)
    assert_refused(outcome, "local-filter", "unmodified.mrc would be overwritten by the result of the same name")
