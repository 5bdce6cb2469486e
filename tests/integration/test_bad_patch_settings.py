"""Settings of refine-patches that mean nothing, or ask for what the molecule does not hold."""

import pytest
from small_run import assert_refused, gmmrefine, record

APART = ("--patch-mode", "apart")
SMALL = ("--gaussians", 120, "--fit-evaluations", 12, "--max-resolution", 13)


@pytest.mark.parametrize(
    "options, words",
    [
        (("--patches", 0), ["--patches 0: expected a number above 0, or auto"]),
        (("--patches", "three"), ["--patches three: expected a number above 0, or auto"]),
        (("--patches", -2), ["--patches -2: expected a number above 0, or auto"]),
        (("--patches", 2.5), ["--patches 2.5: expected a number above 0, or auto"]),
        (("--only", "geometry"), ["--only takes the patches one by one. Add --patch-mode apart"]),
        (("--only", 1), ["Add --patch-mode apart"]),
        ((*APART, "--only", "nothing"), ["--only nothing: expected geometry, a patch number, or composite"]),
        ((*APART, "--only", 1), ["patches.star: no such file. Run the same command with --only geometry first"]),
        (("--patch-iterations", 0), ["--patch-iterations 0: expected at least 1"]),
        (("--focus-rest", "moves"), ["--focus-rest would have no effect with --patch-mode together"]),
        (("--optimizer", "adam", "--loss", "frc"), ["would have no effect with --patch-mode together"]),
        (("--max-resolution", 5), ["--max-resolution 5 Å is beyond Nyquist"]),
    ],
)
def test_bad_settings_leave_nothing_behind(simulated, tmp_path, options, words):
    outcome = gmmrefine("refine-patches", simulated / "particles.star", "-o", tmp_path / "run", *options)
    assert_refused(outcome, "refine-patches", *words)
    assert not (tmp_path / "run").exists()


def test_adam_with_a_rest_that_stays_is_refused_before_anything_is_made(simulated, tmp_path):
    outcome = gmmrefine(
        "refine-patches", simulated / "particles.star", "-o", tmp_path / "run", *APART, "--optimizer", "adam", "--loss", "frc"
    )
    assert_refused(outcome, "refine-patches", "Add --focus-rest moves")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("options", (("--patches", "²"), (*APART, "--only", "²")))
def test_digits_that_are_no_number(simulated, tmp_path, options):
    outcome = gmmrefine("refine-patches", simulated / "particles.star", "-o", tmp_path / "run", *options)
    assert_refused(outcome, "refine-patches", "²: expected")


def left_in(folder):
    assert not list(folder.rglob("*.tmp"))
    return {path.name for path in folder.iterdir()} - {"run.json", "gmmrefine.log", "events.jsonl", "half_sets.npz"}


@pytest.mark.parametrize(
    "count, words",
    [
        (60, ["--patches 60: the smallest patch would hold", "of 240 Gaussians", "less than one helix"]),
        (150, ["--patches 150: a patch would hold", "of the molecule on average, less than one helix"]),
        (300, ["--patches 300: there are only 240 Gaussians"]),
    ],
)
def test_more_patches_than_the_molecule_holds(simulated, tmp_path, count, words):
    folder = tmp_path / "run"
    outcome = gmmrefine("refine-patches", simulated / "particles.star", "-o", folder, *SMALL, "--patches", count)
    assert_refused(outcome, "refine-patches", *words)
    assert left_in(folder) == {"mask.mrc", "iterations"} and record(folder)["finished"] is False
