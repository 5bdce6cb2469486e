"""A run is repeated from its record, to the byte; what cannot be repeated is refused."""

import shutil

import pytest
from small_run import RESULTS, assert_refused, gmmrefine, record, refine, write_record


def changed(folder, target, **entries):
    """A copy of the folder's run.json with other entries, in a folder of its own."""
    target.mkdir()
    write_record(target, {**record(folder), **entries})
    return target / "run.json"


def test_a_refinement_comes_out_to_the_byte(refined, tmp_path):
    outcome = gmmrefine("rerun", refined / "run.json", "-o", tmp_path / "again")
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith("gmmrefine refine ") and "--gaussians=120" in outcome.out.splitlines()[0]
    for name in RESULTS:
        assert (tmp_path / "again" / name).read_bytes() == (refined / name).read_bytes(), name
    before, after = record(refined), record(tmp_path / "again")
    assert after["settings"] == before["settings"] and after["results"] == before["results"]


@pytest.mark.parametrize("size", (1, 200))
def test_the_batch_size_changes_no_byte(simulated, refined, tmp_path, size):
    again = refine(simulated / "particles.star", tmp_path / "again", "--batch-size", size)
    for name in RESULTS:
        assert (again / name).read_bytes() == (refined / name).read_bytes(), name


@pytest.mark.slow
def test_heterogeneity_comes_out_to_the_byte_whatever_the_batch_size(swinging, tmp_path):
    options = ("--gaussians", 120, "--fit-evaluations", 12, "--target-resolution", 13, "--anchors", 8, "--epochs", 2)
    for name, size in (("one", 32), ("other", 128)):
        outcome = gmmrefine("heterogeneity", swinging / "particles.star", "-o", tmp_path / name, *options, "--batch-size", size)
        assert outcome.code == 0, outcome.err
    for name in ("latent.star", "network_half_1.npz", "network_half_2.npz"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes(), name


def test_a_simulation_beside_it_without_being_asked_for_a_folder(simulated, tmp_path):
    shutil.copytree(simulated, tmp_path / "data")
    assert gmmrefine("rerun", tmp_path / "data").code == 0
    for name in ("truth.star", "particles.mrcs", "truth.mrc"):
        assert (tmp_path / "data_rerun" / name).read_bytes() == (simulated / name).read_bytes(), name


@pytest.mark.parametrize(
    "entries, words",
    (
        ({"version": "0.0.1"}, "run by version 0.0.1"),
        ({"command": "audit"}, "a run of audit; simulate, reconstruct"),
        ({"inputs": {"gone.star": "0"}}, "gone.star: an input of the run that is not there any more"),
        ({"stacks": {"particles.mrcs": "0"}}, "holds a run on other images"),
        ({"inputs": {}}, "names no input"),
    ),
)
def test_what_cannot_be_repeated_is_refused(refined, tmp_path, entries, words):
    path = changed(refined, tmp_path / "run", **entries)
    outcome = gmmrefine("rerun", path, "-o", tmp_path / "again")
    assert_refused(outcome, "rerun", words)
    assert not (tmp_path / "again").exists()


def test_an_input_that_changed_is_refused(simulated, refined, tmp_path):
    content = {str(simulated / "particles.star"): "0" * 64}
    outcome = gmmrefine("rerun", changed(refined, tmp_path / "run", inputs=content), "-o", tmp_path / "again")
    assert_refused(outcome, "rerun", "its content is not that which the run has read")


def test_no_record_is_refused(tmp_path):
    assert_refused(gmmrefine("rerun", tmp_path), "rerun", "there is no run.json")
    assert_refused(gmmrefine("rerun", tmp_path / "other.star"), "rerun", "expected a run.json")


def test_a_run_is_not_repeated_in_its_own_folder(refined):
    before = (refined / "run.json").read_bytes()
    outcome = gmmrefine("rerun", refined / "run.json", "-o", refined)
    assert_refused(outcome, "rerun", "is the folder of the run itself")
    assert (refined / "run.json").read_bytes() == before
