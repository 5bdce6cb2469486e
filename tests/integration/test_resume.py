"""A run that was stopped and given again ends with the same bytes as one that went straight through."""

import filecmp
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from small_run import REFINE, RESULTS, events, gmmrefine, killed_before, record, refine

from gmmrefine.runs.record_file import COPY

LONGEST_WAIT = 120


def assert_same_results(first, second):
    for name in [*RESULTS, "iterations/01/poses_half_2.npz", "iterations/02/half_map_1.mrc", "iterations/02/fsc.star"]:
        assert filecmp.cmp(first / name, second / name, shallow=False), name
    results = [dict(record(folder)["results"]) for folder in (first, second)]
    assert results[0] == results[1]


def poses_refined(folder, since=0):
    """Half iterations whose poses were refined, from event number ``since`` on."""
    return [
        (event["iteration"], event["half"])
        for event in events(folder)[since:]
        if event["step"] == "refine poses" and "seconds" in event
    ]


@pytest.mark.parametrize(
    "file_name",
    [
        "half_map_2.mrc",
        "iterations/01/poses_half_2.npz",
        "iterations/02/fsc.star",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("iterations/01/half_map_1.mrc", "particles.star")),
    ],
)
def test_stopped_before_a_file_is_in_place(simulated, refined, tmp_path, monkeypatch, file_name):
    folder = tmp_path / "run"

    with killed_before(folder / file_name, monkeypatch):
        refine(simulated / "particles.star", folder)
    assert record(folder)["finished"] is False
    before, known = poses_refined(folder), len(events(folder))
    refine(simulated / "particles.star", folder)
    assert_same_results(refined, folder)
    again = set(before) & set(poses_refined(folder, known))
    assert len(again) <= 1  # the half iteration that was running
    assert "continuing the run" in (folder / "gmmrefine.log").read_text(encoding="utf-8")


def start(simulated, folder):
    command = ["refine", simulated / "particles.star", "-o", folder, *REFINE]
    return subprocess.Popen(
        [sys.executable, "-m", "gmmrefine", *map(str, command)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=listen_to_interrupts,
    )


def listen_to_interrupts():
    """Tests that run side by side ignore them, and what they start would too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def wait_for(path, process):
    started = time.monotonic()
    while not path.exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() - started < LONGEST_WAIT
        time.sleep(0.01)


def test_interrupted_then_killed_then_continued(simulated, refined, tmp_path, rng):
    folder = tmp_path / "run"
    process = start(simulated, folder)
    wait_for(folder / "iterations/00/poses_half_2.npz", process)
    time.sleep(rng.uniform(0, 2))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=LONGEST_WAIT)
    assert process.returncode == 1
    assert said == "gmmrefine refine: interrupted; the same command continues where it stopped\n"

    process = start(simulated, folder)
    wait_for(folder / "iterations/01/poses_half_1.npz", process)
    time.sleep(rng.uniform(0, 1))
    process.kill()
    assert process.wait() == -signal.SIGKILL
    process.stderr.close()
    (folder / ".map.mrc.1.tmp").write_text("what a killed writer leaves")

    known = len(events(folder))
    refine(simulated / "particles.star", folder)
    assert_same_results(refined, folder)
    assert (1, 1) not in poses_refined(folder, known)
    assert not list(folder.rglob("*.tmp"))


@pytest.fixture
def copy(refined, tmp_path):
    """A finished run that a test may change."""
    return shutil.copytree(refined, tmp_path / "copy")


def test_a_finished_run_given_again_writes_the_same_results_without_refining(simulated, refined, copy):
    (copy / "map.mrc").unlink()
    known = len(events(copy))
    refine(simulated / "particles.star", copy)
    assert_same_results(refined, copy)
    assert poses_refined(copy, known) == []


def test_more_iterations_continue_a_finished_run(simulated, copy):
    known = len(events(copy))
    outcome = gmmrefine("refine", simulated / "particles.star", "-o", copy, *REFINE, "--iterations", 3)
    assert outcome.code == 0 and poses_refined(copy, known) in ([(3, 1), (3, 2)], [])
    assert (poses_refined(copy, known) == []) == ("iteration 2 improved nothing" in outcome.out)


def refusal(*arguments):
    outcome = gmmrefine(*arguments)
    assert outcome.code == 1 and outcome.err.count("\n") == 1
    return outcome.err


def test_other_settings_are_refused_by_name(simulated, copy):
    before = (copy / "run.json").read_bytes()
    said = refusal("refine", simulated / "particles.star", "-o", copy, *REFINE, "--seed", 7, "--march", "0.5 1.0")
    assert "march was '1.0', now '0.5 1.0'; seed was 1, now 7" in said
    assert "use another folder with -o" in said
    assert (copy / "run.json").read_bytes() == before


def test_other_input_is_refused(simulated, copy):
    said = refusal("refine", simulated / "truth.star", "-o", copy, *REFINE)
    assert re.search(r"holds a run on other input: the content of .*truth.star differs", said)


def test_a_folder_of_another_command_is_refused(simulated, copy):
    assert "holds a 'refine' run, not 'reconstruct'" in refusal("reconstruct", simulated / "particles.star", "-o", copy)


def test_damaged_or_missing_record(simulated, copy):
    (copy / COPY).unlink()
    (copy / "run.json").write_text("{")
    assert "run.json is damaged" in refusal("refine", simulated / "particles.star", "-o", copy, *REFINE)
    (copy / "run.json").unlink()
    said = refusal("refine", simulated / "particles.star", "-o", copy, *REFINE)
    assert "holds iterations of a run, but not its run.json" in said


def test_a_run_that_failed_early_leaves_its_folder_free(simulated, tmp_path):
    refusal("build", simulated / "truth.mrc", "-o", tmp_path, "--threshold", 1e9)
    outcome = gmmrefine("build", simulated / "truth.mrc", "-o", tmp_path, "--gaussians", 20, "--fit-evaluations", 2)
    assert outcome.code == 0, outcome.err
