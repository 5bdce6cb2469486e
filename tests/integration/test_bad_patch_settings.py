"""Settings of refine-patches that mean nothing, refused before anything is made."""
import pytest
from small_run import assert_refused, gmmrefine

APART = ("--patch-mode", "apart")


@pytest.mark.parametrize("options, words", [
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
    (("--max-resolution", 5), ["--max-resolution 5 Å is beyond Nyquist"])])
def test_bad_settings_leave_nothing_behind(simulated, tmp_path, options, words):
    outcome = gmmrefine("refine-patches", simulated / "particles.star", "-o", tmp_path / "run", *options)
    assert_refused(outcome, "refine-patches", *words)
    assert not (tmp_path / "run").exists()


def test_adam_with_a_rest_that_stays_is_refused_before_anything_is_made(simulated, tmp_path):
    outcome = gmmrefine(
        "refine-patches", simulated / "particles.star", "-o", tmp_path / "run", *APART, "--optimizer", "adam", "--loss", "frc")
    assert_refused(outcome, "refine-patches", "Add --focus-rest moves")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("options", (("--patches", "²"), (*APART, "--only", "²")))
def test_digits_that_are_no_number(simulated, tmp_path, options):
    outcome = gmmrefine("refine-patches", simulated / "particles.star", "-o", tmp_path / "run", *options)
    assert_refused(outcome, "refine-patches", "²: expected")
