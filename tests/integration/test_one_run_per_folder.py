"""A folder is written by one run at a time, whatever the command."""

import signal
import subprocess
import sys
import time

import pytest
from report_runs import write_record
from small_run import REFINE, assert_refused, gmmrefine, record

from gmmrefine.__main__ import COMMANDS as OFFERED
from gmmrefine.runs.folder_lock import LOCK_FILE

HOLD = "import sys; from gmmrefine.runs.folder_lock import FolderLock; "
HOLD += "lock = FolderLock(sys.argv[1], 'refine'); print(flush=True); sys.stdin.readline(); lock.release()"
PATCHES = ("--patches", 2, "--patch-iterations", 1, "--gaussians", 60, "--fit-evaluations", 5, "--max-resolution", 13)
PATCHES += ("--patch-mode", "apart")


@pytest.fixture
def holder():
    """A function that starts a process which holds a folder as a run does."""
    started = []

    def hold(folder):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "\n"
        return process

    yield hold
    for process in started:
        kill(process)
        process.stdin.close()
        process.stdout.close()


def kill(process):
    process.kill()
    process.wait()


def files(folder):
    """Everything below a folder with its content."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


COMMANDS = {
    "simulate": ("6msm", "--particles", 2, "--box", 16, "--pixel-size", 10),
    "reconstruct": ("particles.star",),
    "fsc": ("half_map_1.mrc", "half_map_2.mrc"),
    "build": ("truth.mrc",),
    "refine": ("particles.star",),
    "refine-patches": ("particles.star",),
    "heterogeneity": ("particles.star", "--latent-size", 1, "--target-resolution", 12),
    "expand-symmetry": ("particles.star", "--symmetry", "C2"),
    "sharpen": ("truth.mrc", "--low-pass", 9, "--b-factor", 50),
    "local-resolution": ("half_map_1.mrc", "half_map_2.mrc"),
    "modify": ("half_map_1.mrc", "half_map_2.mrc"),
    "qscore": ("model.cif", "truth.mrc"),
    "audit": ("model.cif", "truth.mrc", "mask.mrc"),
    "import": ("particles.star",),
    "export": ("particles.star", "--to", "exported.cs"),
    "impose-symmetry": ("truth.mrc", "mask.mrc", "--symmetry", "C2", "--mask", "mask.mrc"),
    "conformation-to-pose": ("particles.star", "--motions", "particles.star", "--focus-mask", "mask.mrc"),
}
# need the folder of another run; the same functions open theirs
ELSEWHERE = {"conformations", "composite", "local-filter", "controls", "rerun"}


def found(word, *folders):
    """A word of a command line; a file's name with the folder that holds it."""
    return next((folder / word for folder in folders if (folder / str(word)).is_file()), word)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_refused_while_another_process_is_at_work(simulated, refined, tmp_path, holder, command):
    folder = tmp_path / "run"
    first = holder(folder)
    (folder / "run.json").write_text('{"command": "refine", "settings": {}, "finished": false}')
    before = files(folder)
    words = [found(word, simulated, refined) for word in COMMANDS[command]]
    for more in ((), ("--take-over",)):
        outcome = gmmrefine(command, *words, "-o", folder, *more)
        assert_refused(
            outcome,
            command,
            f"{folder} is in use by another run: 'refine', process {first.pid} on ",
            ", since ",
            "Two runs must not write to one folder",
        )
        assert files(folder) == before


def test_the_list_of_commands_is_complete():
    # reports, doctor and selftest write no run.json
    assert set(OFFERED) - {"report", "doctor", "selftest"} == set(COMMANDS) | ELSEWHERE


def test_reports_are_made_of_a_run_at_work(tmp_path, holder):
    write_record(tmp_path, finished=False)
    holder(tmp_path)
    assert gmmrefine("report", tmp_path).code == 0 and (tmp_path / "report.html").exists()


@pytest.mark.parametrize("command", ("sharpen", "fsc"))  # with a record from the start, and with one at the end
def test_a_run_that_was_killed_is_taken_over_and_that_is_said(simulated, refined, tmp_path, holder, command):
    first = holder(tmp_path / "run")
    kill(first)
    words = [found(word, simulated, refined) for word in COMMANDS[command]]
    outcome = gmmrefine(command, *words, "-o", tmp_path / "run")
    assert outcome.code == 0, outcome.err
    said = f"{tmp_path / 'run'} is taken over from a run that ended without a word: 'refine', process {first.pid} on "
    assert outcome.out.count(said) == 1 and not (tmp_path / "run" / LOCK_FILE).exists()
    assert record(tmp_path / "run")["finished"] is True


@pytest.fixture(scope="module")
def geometry(simulated, tmp_path_factory):
    """Folder of a run whose patches are found and not refined."""
    folder = tmp_path_factory.mktemp("patches") / "run"
    outcome = gmmrefine("refine-patches", simulated / "particles.star", "-o", folder, *PATCHES, "--only", "geometry")
    assert outcome.code == 0, outcome.err
    return folder


def test_parts_of_a_run_go_on_side_by_side_and_nothing_beside_them(simulated, geometry, holder):
    def patches(*options):
        return gmmrefine("refine-patches", simulated / "particles.star", "-o", geometry, *PATCHES, *options)

    part = geometry / "patches" / "01"

    def held(folder, process):
        return "refine-patches", f"{folder} is in use by another run: 'refine', process {process.pid} on "

    first = holder(part)
    before = files(geometry)
    for options in (("--only", 1), ("--only", "composite"), ("--only", "geometry"), ()):
        assert_refused(patches(*options), *held(part, first))
        assert files(geometry) == before
    outcome = patches("--only", 2)
    assert outcome.code == 0, outcome.err
    kill(first)
    whole = holder(geometry)
    assert_refused(patches("--only", 1), *held(geometry, whole))
    kill(whole)
    outcome = patches("--only", 1)
    assert outcome.code == 0, outcome.err
    assert list(geometry.rglob(f"{LOCK_FILE}*")) == [geometry / LOCK_FILE]  # for the next run of the whole
    outcome = patches("--only", "composite")
    assert outcome.code == 0, outcome.err
    assert f"{geometry} is taken over from a run that ended without a word: 'refine', process {whole.pid}" in outcome.out
    assert not list(geometry.rglob(f"{LOCK_FILE}*"))


def started(*arguments):
    """A command as a process of its own, as a queue starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "gmmrefine", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def until(condition, process):
    while not condition():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)


def test_a_queue_that_ends_a_run_leaves_the_folder_to_the_next(simulated, tmp_path):
    """And while it is at work, no other settings empty its folder."""
    folder = tmp_path / "run"
    arguments = ("refine", simulated / "particles.star", "-o", folder, *REFINE)
    first = started(*arguments)
    until((folder / "iterations" / "00").exists, first)
    for more in ((), ("--seed", 7)):
        assert_refused(gmmrefine(*arguments, *more), "refine", f"'refine', process {first.pid} on ")
    assert (folder / "iterations" / "00").exists()
    first.send_signal(signal.SIGTERM)
    _, said = first.communicate()
    assert first.returncode == 1
    assert said.endswith("gmmrefine refine: interrupted; the same command continues where it stopped\n")
    assert not (folder / LOCK_FILE).exists() and record(folder)["finished"] is False


TURNS = """
import os, random, sys, time
from gmmrefine.errors import InputError
from gmmrefine.runs.folder_lock import FolderLock
run, log, seed = sys.argv[1], os.open(sys.argv[2], os.O_APPEND | os.O_WRONLY), int(sys.argv[3])
random.seed(seed)
done = 0
while done < 25:
    place = random.choice([run, os.path.join(run, "patches", "01"), os.path.join(run, "patches", "02")])
    try:
        lock = FolderLock(place, "refine-patches")
    except InputError:
        time.sleep(random.random() / 200)
        continue
    name = os.path.relpath(place, run)
    os.write(log, f"enter {name} {seed}\\n".encode())
    time.sleep(random.random() / 200)
    os.write(log, f"leave {name} {seed}\\n".encode())
    done += 1
    lock.release()
"""


def test_three_processes_never_interleave(tmp_path):
    """While one works on the whole nobody works on a part, and no part is worked on twice."""
    run, log = tmp_path / "run", tmp_path / "log"
    for part in ("01", "02"):
        (run / "patches" / part).mkdir(parents=True)
        (run / "patches" / part / "result").touch()
    log.touch()
    processes = [
        subprocess.Popen([sys.executable, "-c", TURNS, str(run), str(log), str(seed)], stderr=subprocess.PIPE, text=True)
        for seed in range(3)
    ]
    for process in processes:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    held, together = {}, 0
    for line in log.read_text().splitlines():
        what, name, seed = line.split()
        if what == "leave":
            assert held.pop(name) == seed
            continue
        assert name not in held, (line, held)
        assert not held if name == "." else "." not in held, (line, held)
        held[name] = seed
        together += len(held) > 1
    assert log.read_text().count("enter") == 75
    assert together  # parts do go on side by side


@pytest.mark.slow
def test_of_three_commands_started_at_once_one_is_done(simulated, tmp_path, holder):
    """On a folder that a killed run has left."""
    folder = tmp_path / "run"
    kill(holder(folder))
    processes = [started("refine", simulated / "particles.star", "-o", folder, *REFINE) for _ in range(3)]
    ended = [process.communicate() for process in processes]
    codes = [process.returncode for process in processes]
    assert sorted(codes) == [0, 1, 1], ended
    winner = processes[codes.index(0)]
    for process, (out, err) in zip(processes, ended):
        assert ("taken over from a run" in out) == (process is winner)
        assert process is winner or f"'refine', process {winner.pid} on " in err
    assert not list(folder.rglob(f"{LOCK_FILE}*"))
