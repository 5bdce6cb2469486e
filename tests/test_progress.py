"""What a run says: a line per step for people, an event per step for programs."""

import io
import json

import pytest

from gmmrefine import progress as module
from gmmrefine.errors import ResourceError
from gmmrefine.progress import Progress, readable_time, text_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that tests set."""

    class Clock:
        now = 100.0

    monkeypatch.setattr(module.time, "monotonic", lambda: Clock.now)
    return Clock


def events(folder):
    return [json.loads(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    "seconds, text",
    [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (200, "3 min 20 s"), (3600, "1 h 00 min"), (7512, "2 h 05 min")],
)
def test_readable_time(seconds, text):
    assert readable_time(seconds) == text


def test_a_note_is_said_once_for_its_subject_and_kept():
    stream, kept = io.StringIO(), []
    progress = Progress(None, stream, keep=lambda *note: kept.append(note))
    for subject, text in (("gaussians", "too few"), ("gaussians", "fewer still"), ("focus", "empty")):
        progress.note(subject, text)
    assert kept == [("gaussians", "too few"), ("focus", "empty")]
    assert stream.getvalue() == "note: too few\nnote: empty\n"
    Progress(None, stream).note("gaussians", "too few")


def test_speed_and_remaining_time(tmp_path, clock):
    stream = Terminal()
    progress = Progress(tmp_path, stream)
    with progress.step("refine poses", 1000, iteration=2, half=1) as report:
        clock.now += 0.5
        report(50)  # too soon after the last line
        clock.now += 3.5
        report(400, loss=0.25)
        clock.now += 6
        report(1000, loss=0.125)
    passing, _, final = events(tmp_path)
    assert passing == {
        "step": "refine poses",
        "iteration": 2,
        "half": 1,
        "particles_per_s": 100.0,
        "eta_s": 6.0,
        "done": 400,
        "loss": 0.25,
        "time": passing["time"],
    }
    assert final["seconds"] == 10 and final["particles_per_s"] == 100.0 and final["eta_s"] == 0
    assert final["loss"] == 0.125
    assert f"iteration 2, half 1: refine poses: {text_bar(0.4)} 400/1000 particles, 100/s, 6 s left" in stream.getvalue()
    line = "iteration 2, half 1: refine poses: 10 s, 100 particles/s\n"
    assert stream.getvalue().endswith("\r\033[K" + line)
    assert (tmp_path / "gmmrefine.log").read_text(encoding="utf-8") == line
    assert progress.seconds == {"refine poses": 10}


@pytest.mark.parametrize(
    "part, text", [(0, "░░░░░░░░░░   0 %"), (0.39, "███░░░░░░░  39 %"), (1, "██████████ 100 %"), (1.5, "██████████ 100 %")]
)
def test_text_bar(part, text):
    assert text_bar(part, 10) == text


def test_a_notebook_rewrites_the_passing_line_by_blanks(clock):
    stream = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    with Progress(None, stream).step("refine poses", 100) as report:
        clock.now += 2
        report(50)
        clock.now += 2
        report(100)
    passing = [
        f"refine poses: {text_bar(0.5)} 50/100 particles, 25/s, 2 s left",
        f"refine poses: {text_bar(1)} 100/100 particles, 25/s, 0 s left",
    ]
    first, second = (" " * len(line) for line in passing)
    assert stream.getvalue() == (f"\r\r{passing[0]}\r{first}\r{passing[1]}\r{second}\rrefine poses: 4 s, 25 particles/s\n")


def test_a_file_gets_whole_lines_only(tmp_path, clock):
    stream = io.StringIO()
    with Progress(tmp_path, stream).step("fit GMM", 30, unit="evaluations") as report:
        clock.now += 2
        report(15)
    assert stream.getvalue() == "fit GMM: 2 s, 8 evaluations/s\n"  # 15 of at most 30 were done


def test_an_error_clears_the_passing_line_and_reports_no_end(tmp_path, clock):
    stream = Terminal()
    with pytest.raises(KeyError), Progress(tmp_path, stream).step("reconstruct", 10) as report:
        clock.now += 2
        report(1)
        raise KeyError("stopped")
    assert stream.getvalue().endswith("left\r\033[K")
    assert all("seconds" not in event for event in events(tmp_path))


def test_seconds_of_one_step_add_up(clock):
    progress = Progress(None, io.StringIO())
    for _ in range(3):
        with progress.step("reconstruct"):
            clock.now += 2
    assert progress.seconds == {"reconstruct": 6}


def test_values_that_are_none_are_left_out(tmp_path):
    Progress(tmp_path).event(step="iteration", resolution=None, iteration=1)
    (event,) = events(tmp_path)
    assert set(event) == {"step", "iteration", "time"}


def test_a_log_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError, match="file/events.jsonl: the log cannot be written"):
        Progress(tmp_path / "file").event(step="fsc")
