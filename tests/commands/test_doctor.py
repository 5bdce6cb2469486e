"""The memory that doctor plans for a refinement."""

import pytest

import gmmrefine
from gmmrefine.__main__ import main
from gmmrefine.commands import doctor
from gmmrefine.pipelines.memory_plan import planned_memory_mb


@pytest.mark.parametrize(
    "box, gaussians, particles, measured",
    ((64, 1000, 1000, 885), (64, 1000, 6000, 937), (128, 5000, 600, 1135), (240, 7000, 700, 2828)),
)
def test_what_was_measured_fits_into_the_plan(box, gaussians, particles, measured):
    """Peaks in MB of one iteration on two cores, 2026-11-29."""
    assert measured < planned_memory_mb(gaussians, box, particles) < 1.5 * measured


def test_the_plan_is_printed_and_nothing_is_tried(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "_memory_gb", lambda: 64.0)
    assert main(["doctor", "--plan", "8000", "400", "300"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "8000 Gaussians in each half, box 400 px, 300 particles: 11.2 GB of memory at the peak",
        "by the rule that held for boxes up to 240 px; larger ones were not measured",
        "this machine has 64.0 GB",
    ]


def test_too_little_memory_is_one_line(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "_memory_gb", lambda: 8.0)
    assert main(["doctor", "--plan", "8000", "400", "300"]) == 1
    assert "needs 11.2 GB of memory; this machine has 8.0 GB" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ("0", "-5", "many", "1.5"))
def test_counts_are_whole_numbers(wrong, capsys):
    with pytest.raises(SystemExit):
        main(["doctor", "--plan", "8000", "400", wrong])
    assert f"{wrong}: expected a whole number of 1 or more" in capsys.readouterr().err


def test_from_python(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "_memory_gb", lambda: 64.0)
    gmmrefine.doctor(plan=[8000, 64, 300])
    assert "8000 Gaussians in each half, box 64 px, 300 particles: " in capsys.readouterr().out
