"""One run per folder, whoever starts when."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from gmmrefine.errors import InputError, ResourceError
from gmmrefine.runs import folder_lock
from gmmrefine.runs.folder_lock import LOCK_FILE, FolderLock, released_at_end
from gmmrefine.runs.lock_claim import Claim, new_claim, read_claim

HOLD = """
import sys, time
from pathlib import Path
from gmmrefine.errors import InputError
from gmmrefine.runs.folder_lock import FolderLock
folder, start = sys.argv[1:]
Path(f"{start}.ready.{__import__('os').getpid()}").touch()
while not Path(start).exists():
    time.sleep(0.001)
try:
    lock = FolderLock(folder, "refine")
except InputError as error:
    print(f"refused: {error}", flush=True)
else:
    print(f"holds {lock.taken_over}", flush=True)
    sys.stdin.readline()
    lock.release()
"""


@pytest.fixture
def processes(tmp_path):
    """A function that starts processes which all reach for a folder at once; gives them and what each has got."""
    started = []

    def start(folder, count=1):
        go = tmp_path / f"start_{len(started)}"
        mine = [
            subprocess.Popen(
                [sys.executable, "-c", HOLD, str(folder), str(go)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(count)
        ]
        started.extend(mine)
        while len(list(tmp_path.glob(f"{go.name}.ready.*"))) < count:
            time.sleep(0.01)
        go.touch()
        return mine, [process.stdout.readline() for process in mine]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def killed(process):
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def leave_lock(folder, **changes):
    """The lock of another process, made from that of this one."""
    claim = new_claim("refine")
    claim = replace(claim, owner=replace(claim.owner, **changes))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / LOCK_FILE).write_text(claim.to_json())
    return claim


def refusal(folder, **how):
    with pytest.raises(InputError) as caught:
        FolderLock(folder, "build", **how)
    return str(caught.value)


DEAD, ELSEWHERE = {"started": 1}, {"host": "node07", "boot": "another"}


def test_a_lock_says_who_writes_and_goes_with_its_run(tmp_path):
    folder = tmp_path / "a" / "run"
    with FolderLock(folder, "refine") as lock:
        content = json.loads((folder / LOCK_FILE).read_text())
        assert content["command"] == "refine" and content["process"]["pid"] == os.getpid()
        assert abs(content["since"] - time.time()) < 60 and lock.taken_over == ""
        assert os.listdir(folder) == [LOCK_FILE]
        (folder / "map.mrc").touch()
    assert os.listdir(folder) == ["map.mrc"]


def test_a_folder_that_was_made_and_left_empty_is_removed(tmp_path):
    (tmp_path / "mine").mkdir()
    for name in ("mine", "new/run"):
        with pytest.raises(RuntimeError), FolderLock(tmp_path / name, "refine"):
            raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_second_process_is_refused_by_name_until_the_first_has_ended(tmp_path, processes):
    folder = tmp_path / "run"
    (first,), _ = processes(folder)
    before = (folder / LOCK_FILE).read_text()
    for how in ({}, {"take_over": True}):
        assert re.match(f"{folder} is in use by another run: 'refine', process {first.pid} on ", refusal(folder, **how))
    assert (folder / LOCK_FILE).read_text() == before and os.listdir(folder) == [LOCK_FILE]
    first.communicate("\n")
    assert not folder.exists()
    FolderLock(folder, "build").release()


def test_a_process_that_was_killed_is_replaced_and_that_is_said(tmp_path, processes):
    folder = tmp_path / "run"
    (first,), _ = processes(folder)
    killed(first)
    with FolderLock(folder, "build") as lock:
        assert re.match(
            f"{folder} is taken over from a run that ended without a word: 'refine', process {first.pid} on ", lock.taken_over
        )
        assert json.loads((folder / LOCK_FILE).read_text())["command"] == "build" and os.listdir(folder) == [LOCK_FILE]
    with FolderLock(folder, "build") as lock:
        assert lock.taken_over == ""


@pytest.mark.parametrize("left", ("nothing", "a dead lock", "a dead replacement"))
def test_of_three_processes_at_once_exactly_one_goes_on(tmp_path, processes, left):
    for number in range(4):
        folder = tmp_path / f"run{number}"
        if left != "nothing":
            claim = leave_lock(folder, **DEAD)
        if left == "a dead replacement":
            other = replace(new_claim("refine"), owner=claim.owner)
            (folder / f"{LOCK_FILE}.{claim.token}").write_text(other.to_json())
        mine, said = processes(folder, 3)
        holding = [process for process, line in zip(mine, said) if line.startswith("holds")]
        assert len(holding) == 1, said
        others = [line for line in said if line.startswith("refused: ")]
        assert len(others) == 2 and all(f"process {holding[0].pid} on" in line for line in others), said
        assert os.listdir(folder) == [LOCK_FILE] and f'"pid": {holding[0].pid}' in (folder / LOCK_FILE).read_text()


@pytest.mark.parametrize("ended", (False, True), ids=("still at work", "has ended"))
def test_a_process_that_was_overtaken_while_it_looked(tmp_path, processes, monkeypatch, ended):
    """Between finding a dead lock and replacing it, another process has replaced it, and maybe even ended."""
    leave_lock(tmp_path, **DEAD)
    looked = Claim.refuse_if_alive

    def look_slowly(claim, *how):
        looked(claim, *how)
        monkeypatch.undo()
        (other,), (said,) = processes(tmp_path)
        assert said.startswith("holds ") and "taken over" in said
        if ended:
            other.communicate("\n")

    monkeypatch.setattr(Claim, "refuse_if_alive", look_slowly)
    if ended:
        with FolderLock(tmp_path, "build") as lock:
            assert lock.taken_over == ""
    else:
        assert "is in use by another run: 'refine', process " in refusal(tmp_path)


def test_another_computer_that_is_silent(tmp_path):
    leave_lock(tmp_path, **ELSEWHERE)
    path = tmp_path / LOCK_FILE
    for age, how, words in (
        (60, {}, "with --take-over after "),
        (590, {"take_over": True}, "with --take-over after "),
        (620, {}, "If it is dead, give the same command with --take-over."),
    ):
        os.utime(path, (time.time() - age,) * 2)
        assert words in refusal(tmp_path, **how) and os.listdir(tmp_path) == [LOCK_FILE]
    with FolderLock(tmp_path, "build", take_over=True) as lock:
        assert "process " in lock.taken_over and " on node07, since " in lock.taken_over


def test_one_process_may_hold_what_it_holds_already(tmp_path):
    """A record that an error has left behind in a notebook is not in the way of the next one."""
    first = FolderLock(tmp_path, "refine")
    second = FolderLock(os.path.join(tmp_path, ".", ""), "refine")
    first.release()
    assert read_claim(tmp_path / LOCK_FILE).token == second._claim.token
    first.refuse_if_lost()
    second.release()
    assert os.listdir(tmp_path) == []


def test_a_child_does_not_release_what_its_parent_holds(tmp_path):
    script = """
import os, sys
from gmmrefine.runs.folder_lock import FolderLock
lock = FolderLock(sys.argv[1], "refine")
pid = os.fork()
if pid == 0:
    lock.release()
    os._exit(0)
os.waitpid(pid, 0)
print(os.listdir(sys.argv[1]))
lock.release()
"""
    said = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True).stdout
    assert said == f"['{LOCK_FILE}']\n" and os.listdir(tmp_path) == []


def test_parts_are_held_one_by_one_and_exclude_the_whole(tmp_path, processes):
    parts = [tmp_path / "run" / "patches" / number for number in ("01", "02")]
    (first,), _ = processes(parts[0])
    _, (said,) = processes(parts[1])
    assert said == "holds \n"
    assert refusal(parts[0]).startswith(f"{parts[0]} is in use by another run: 'refine', process {first.pid} on ")
    assert refusal(tmp_path / "run").startswith(f"{parts[0]} is in use by another run")
    assert not (tmp_path / "run" / LOCK_FILE).exists()
    killed(first)
    assert refusal(tmp_path / "run").startswith(f"{parts[1]} is in use by another run")
    assert not (parts[0] / LOCK_FILE).exists()  # of a process that has ended


def test_the_whole_excludes_its_parts_in_other_processes_only(tmp_path, processes):
    part = tmp_path / "run" / "patches" / "01"
    with FolderLock(tmp_path / "run", "refine-patches"), FolderLock(part, "refine"):
        pass
    (whole,), _ = processes(tmp_path / "run")
    assert refusal(part).startswith(f"{tmp_path / 'run'} is in use by another run: 'refine', process {whole.pid} on ")
    assert not part.exists()
    killed(whole)
    FolderLock(part, "refine").release()
    assert (tmp_path / "run" / LOCK_FILE).exists()  # left for the next run of the whole to say


def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_lock_gives_signs_of_life(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_lock, "_BEAT", 0.02)
    path = tmp_path / LOCK_FILE
    with FolderLock(tmp_path, "refine") as lock:
        os.utime(path, (1, 1))
        until(lambda: time.time() - os.stat(path).st_mtime < 60)
        path.unlink()
        until(path.exists)
        lock.refuse_if_lost()
    time.sleep(0.1)
    assert os.listdir(tmp_path) == []


def test_a_run_whose_folder_was_given_to_another_ends(tmp_path, monkeypatch):
    """As after a computer that hung for longer than ten minutes: it must not write any more."""
    lost = []
    monkeypatch.setattr(folder_lock, "_BEAT", 0.02)
    with pytest.raises(InputError, match="was taken over by another run, as this one gave no sign of life: 'refine', process"):
        with released_at_end(lambda: lost.append(1)):
            lock = FolderLock(tmp_path, "refine")
            leave_lock(tmp_path, **ELSEWHERE)
            until(lambda: lost)
            raise KeyboardInterrupt
    with pytest.raises(InputError, match="This run ends"):
        lock.refuse_if_lost()
    assert "node07" in (tmp_path / LOCK_FILE).read_text()  # not that of this process


def test_a_run_whose_folder_was_removed_ends(tmp_path):
    lock = FolderLock(tmp_path / "run", "refine")
    (tmp_path / "run" / LOCK_FILE).unlink()
    (tmp_path / "run").rmdir()
    with pytest.raises(InputError, match="run was removed while this run worked in it; the run ends"):
        lock.refuse_if_lost()
    lock.release()


def test_file_systems_without_links(tmp_path, monkeypatch):
    def link(source, target):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(folder_lock.os, "link", link)
    with FolderLock(tmp_path, "refine") as lock:
        assert read_claim(tmp_path / LOCK_FILE).token == lock._claim.token
        del folder_lock._held[str(tmp_path)]  # as another process sees it
        assert f"process {os.getpid()} on" in refusal(tmp_path)
        folder_lock._held[str(tmp_path)] = lock
    leave_lock(tmp_path, **DEAD)
    with FolderLock(tmp_path, "refine") as lock:
        assert lock.taken_over and os.listdir(tmp_path) == [LOCK_FILE]


def test_a_link_whose_answer_was_lost_counts(tmp_path, monkeypatch):
    """A server that is asked a second time says that the name is there already."""
    true_link = os.link

    def link(source, target):
        true_link(source, target)
        raise FileExistsError

    monkeypatch.setattr(folder_lock.os, "link", link)
    with FolderLock(tmp_path, "refine"):
        assert os.listdir(tmp_path) == [LOCK_FILE]


def test_a_folder_that_cannot_be(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match="file/run: the folder cannot be made .* Choose another one with -o"):
        FolderLock(tmp_path / "file" / "run", "refine")

    def full(source, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folder_lock.os, "link", full)
    with pytest.raises(ResourceError, match="run.lock: the disk is full"):
        FolderLock(tmp_path / "run", "refine")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_is_held_inside_is_released_at_its_end(tmp_path):
    outer = FolderLock(tmp_path / "outer", "refine")
    with pytest.raises(ValueError), released_at_end(lambda: None):
        FolderLock(tmp_path / "inner", "refine")
        raise ValueError
    assert [path.name for path in tmp_path.iterdir()] == ["outer"]
    outer.release()
