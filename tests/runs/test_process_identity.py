"""Whether another process lives, told apart from a later one of its number."""

import os
import platform
import subprocess
import time
from dataclasses import replace

import pytest

from gmmrefine.runs import process_identity
from gmmrefine.runs.process_identity import is_alive, this_process

NOW = time.time()


@pytest.fixture
def ended():
    """A process that has ended and was not collected: a zombie."""
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    yield replace(this_process(), pid=process.pid, started=process_identity._stat(process.pid)[1])
    process.wait()


def test_this_process_is_known_and_alive():
    me = this_process()
    assert me.pid == os.getpid() and me.host == platform.node() and me == this_process()
    assert me.boot and me.table and me.started > 0
    assert is_alive(me, NOW) is True


def test_what_has_ended_is_dead(ended):
    assert is_alive(ended, NOW) is False
    assert is_alive(replace(this_process(), pid=2**22 + 5), NOW) is False  # beyond the largest there can be


def test_a_later_process_of_the_same_number_is_another():
    me = this_process()
    assert is_alive(replace(me, started=me.started - 1), NOW) is False


def test_the_computer_is_told_by_its_start_not_by_its_name():
    """A name can change while a process lives."""
    assert is_alive(replace(this_process(), host="renamed"), NOW) is True


def test_a_computer_that_has_started_again_has_no_process_from_before():
    before = replace(this_process(), boot="another start")
    assert is_alive(before, process_identity._started_at() - 1) is False
    assert is_alive(before, NOW) is None  # another computer of that name


@pytest.mark.parametrize("where", ({"host": "elsewhere", "boot": "another"}, {"table": "pid:[1]"}))
def test_other_computers_and_containers_cannot_be_looked_at(where):
    for last_sign in (0.0, NOW):
        assert is_alive(replace(this_process(), **where), last_sign) is None


def test_a_process_of_another_user_that_the_system_hides(monkeypatch):
    """It may be a later one of the same number."""

    def kill(pid, number):
        raise PermissionError

    monkeypatch.setattr(process_identity, "_stat", lambda pid: None)
    monkeypatch.setattr(process_identity.os, "kill", kill)
    assert is_alive(this_process(), NOW) is None
