"""fsc, local-resolution, modify and sharpen with half maps, masks and maps that are not what they seem."""

import numpy as np
import pytest
from half_and_half import globule, signal_of_resolution
from small_run import assert_refused, gmmrefine, record

from gmmrefine.io.curves import read_curves
from gmmrefine.io.mrc import read_map, write_map
from gmmrefine.maps.filter import low_pass
from gmmrefine.resolution import read_resolution

BOX, PIXEL_SIZE, FILTER = 48, 2.0, 9.0
COMMANDS = ("fsc", "local-resolution", "modify")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Half maps of 5 Å, and the same filtered at 9 Å, clipped at 0, and a mask of their highest voxels."""
    folder, rng = tmp_path_factory.mktemp("honest"), np.random.default_rng(2)
    molecule, mask = globule(BOX, PIXEL_SIZE, rng)
    signal = signal_of_resolution(molecule, mask, PIXEL_SIZE, 7.0)
    halves = [signal + 2 * rng.standard_normal(signal.shape, np.float32) for _ in range(2)]
    for number, half in enumerate(halves, 1):
        write_map(folder / f"half_{number}.mrc", half, PIXEL_SIZE)
        write_map(folder / f"filtered_{number}.mrc", low_pass(half, BOX * PIXEL_SIZE / FILTER), PIXEL_SIZE)
        write_map(folder / f"clipped_{number}.mrc", np.maximum(half, 0), PIXEL_SIZE)
    smooth = low_pass(sum(halves), BOX * PIXEL_SIZE / 5)
    write_map(folder / "tight.mrc", (smooth > np.percentile(smooth, 97)).astype(np.float32), PIXEL_SIZE)
    write_map(folder / "truth.mrc", signal, PIXEL_SIZE)
    return folder


def pair(folder, name):
    return [folder / f"{name}_{number}.mrc" for number in (1, 2)]


@pytest.mark.parametrize("command", COMMANDS)
def test_identical_and_clipped_half_maps_are_refused(folder, tmp_path, command):
    same = folder / "half_1.mrc"
    outcome = gmmrefine(command, same, same, "-o", tmp_path / "run")
    assert_refused(outcome, command, "hold the same map; expected two half maps of independent particles", "fsc --truth")
    outcome = gmmrefine(command, *pair(folder, "clipped"), "-o", tmp_path / "run")
    assert_refused(outcome, command, "half map 1 was clipped", "of its voxels are exactly 0, its lowest value")


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_finer_than_a_filter_is_reported(folder, tmp_path, command):
    outcome = gmmrefine(command, *pair(folder, "filtered"), "-o", tmp_path)
    results = record(tmp_path)["results"]
    assert outcome.code == 0 and "they were filtered" in outcome.out and "they were filtered" in results["notes"][0]
    assert FILTER <= results["resolution"] < 1.3 * FILTER
    if command == "local-resolution":
        local = read_map(tmp_path / "local_resolution.mrc").data
        assert FILTER <= local[local > 0].min() == pytest.approx(results["finest_measured"], rel=1e-3)
    else:
        curve = read_curves(tmp_path / "fsc.star")
        for column in ("gmmFsc", *(["gmmFscModified"] if command == "modify" else [])):
            assert read_resolution(curve["gmmFrequency"][1:], curve[column][1:], 0.143).angstroms >= FILTER


def test_a_mask_that_is_too_tight_is_said_and_does_not_count(folder, tmp_path):
    outcome = gmmrefine("fsc", *pair(folder, "half"), "--mask", folder / "tight.mrc", "-o", tmp_path / "tight")
    results, free = record(tmp_path / "tight")["results"], tmp_path / "free"
    assert gmmrefine("fsc", *pair(folder, "half"), "-o", free).code == 0
    assert "note: the mask is too tight: " in outcome.out and results["notes"][0].startswith("the mask is too tight")
    assert results["resolution"] == pytest.approx(record(free)["results"]["resolution"], rel=0.2)
    curve = read_curves(tmp_path / "tight" / "fsc.star")
    read = read_resolution(curve["gmmFrequency"][1:], curve["gmmFsc"][1:], 0.143)
    assert read.angstroms == pytest.approx(results["resolution"])


def test_a_mask_too_small_for_a_local_measurement_is_widened(folder, tmp_path):
    small = np.zeros((BOX,) * 3, np.float32)
    small[22:26, 22:26, 22:26] = 1
    write_map(tmp_path / "small.mrc", small, PIXEL_SIZE)
    outcome = gmmrefine("local-resolution", *pair(folder, "half"), "--mask", tmp_path / "small.mrc", "-o", tmp_path / "run")
    assert outcome.code == 0 and "wider" in outcome.out
    assert read_map(tmp_path / "run" / "mask.mrc").data.sum() > 5 * small.sum()


def test_a_map_is_compared_with_a_truth_where_nothing_of_this_applies(folder, tmp_path):
    outcome = gmmrefine("fsc", folder / "truth.mrc", folder / "truth.mrc", "--truth", "-o", tmp_path / "same")
    assert outcome.code == 0 and "4.00 Å: the FSC stays above 0.5 up to Nyquist" in outcome.out and "note" not in outcome.out
    gmmrefine("fsc", folder / "half_1.mrc", folder / "truth.mrc", "--truth", "-o", tmp_path / "half")
    settings = record(tmp_path / "half")["settings"]
    assert settings["fsc_threshold"] == 0.5 and settings["truth"] is True
    gmmrefine("fsc", folder / "half_1.mrc", folder / "truth.mrc", "--truth", "--fsc-threshold", 0.143, "-o", tmp_path / "other")
    assert record(tmp_path / "other")["settings"]["fsc_threshold"] == 0.143


def test_sharpening_goes_no_finer_than_the_map_holds(folder, tmp_path):
    outcome = gmmrefine("sharpen", folder / "filtered_1.mrc", "--low-pass", 5, "--b-factor", 50, "-o", tmp_path)
    results = record(tmp_path)["results"]
    assert outcome.code == 0 and "the map holds nothing beyond" in outcome.out
    assert results["resolution"] > 0.8 * FILTER and "holds nothing beyond" in results["notes"][0]
