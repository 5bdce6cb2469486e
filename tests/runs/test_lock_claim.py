"""What a lock file says, and whether another run has to respect it."""

import os
import time
from dataclasses import replace

import pytest

from gmmrefine.errors import InputError
from gmmrefine.runs.lock_claim import SILENCE, new_claim, read_claim

NOW = 2e9


@pytest.fixture
def mine():
    return replace(new_claim("refine"), last_sign=NOW - 12)


@pytest.fixture
def elsewhere(mine):
    """A process of another computer, silent for 12 s."""
    return replace(mine, owner=replace(mine.owner, host="node07", boot="another", pid=4711))


def silent(claim, seconds):
    return replace(claim, last_sign=NOW - seconds)


def refusal(claim, take_over=False):
    with pytest.raises(InputError) as caught:
        claim.refuse_if_alive("run", NOW, take_over)
    return str(caught.value)


def test_a_claim_comes_back_from_its_file(mine, tmp_path):
    path = tmp_path / "run.lock"
    path.write_text(mine.to_json())
    os.utime(path, (NOW, NOW - 12))
    assert read_claim(path) == mine
    assert read_claim(tmp_path / "none") is None
    assert new_claim("refine").token != mine.token


@pytest.mark.parametrize("content", (b"", b"{}", b"[1]", b"\xff", b'{"process": {"pid": 1}}', b'{"process": 3, "token": "a"}'))
def test_a_file_that_tells_nothing_is_of_an_unknown_process(content, tmp_path):
    path = tmp_path / "run.lock"
    path.write_bytes(content)
    os.utime(path, (NOW - 25, NOW - 25))
    claim = read_claim(path)
    assert claim.owner is None and claim.last_sign == NOW - 25 and claim == read_claim(path)
    assert refusal(claim, True).startswith("run is in use by another run: an unknown process, last sign of life 25 s ago; ")
    os.utime(path, (NOW, NOW))
    assert read_claim(path).token != claim.token  # somebody is there


def test_a_run_that_lives_is_named(mine):
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(mine.since))
    for claim in (mine, silent(mine, 1e6)):
        for take_over in (False, True):
            text = refusal(claim, take_over)
            assert text.startswith(
                f"run is in use by another run: 'refine', process {os.getpid()} on {mine.owner.host}, since {since}, last "
            )
            assert text.endswith("Two runs must not write to one folder: wait for it, or stop it.") and "\n" not in text


def test_a_run_that_has_ended_is_not_in_the_way(mine):
    replace(mine, owner=replace(mine.owner, started=1)).refuse_if_alive("run", NOW, False)


def test_a_run_elsewhere_is_respected_for_ten_minutes_whatever_the_user_says(elsewhere):
    assert SILENCE == 600
    for take_over in (False, True):
        before = time.time()
        text = refusal(silent(elsewhere, 200), take_over)
        assert "'refine', process 4711 on node07, since " in text and "last sign of life 3 min 20 s ago" in text
        clock = text.rsplit("give the same command with --take-over after ", 1)[1]
        assert clock in [time.strftime("%H:%M:%S.", time.localtime(before + 400 + late)) for late in range(4)]


def test_a_run_elsewhere_that_is_silent_for_longer_is_given_up_when_the_user_says_so(elsewhere):
    old = silent(elsewhere, 601)
    assert refusal(old).endswith("cannot be seen from this computer. If it is dead, give the same command with --take-over.")
    old.refuse_if_alive("run", NOW, True)
