"""Particles as computing commands take them."""
from argparse import Namespace

import pytest

from gmmrefine.commands.particles_in import read_for_computing
from gmmrefine.errors import InputError
from gmmrefine.settings import PARTICLES_READ, defaults


def arguments(path, **changes):
    """What the command line gives a command that reads particles."""
    return Namespace(particles=path, **{**vars(defaults(PARTICLES_READ)), "symmetry": "C1", "mask": "", **changes})


def test_particles_with_half_sets(simulated):
    particles, notes = read_for_computing(
        arguments(simulated / "particles.star", mask=str(simulated / "mask.mrc")))
    assert len(particles) == 200 and notes == []


def test_what_a_user_should_know_is_noted(simulated, tmp_path):
    text = (simulated / "particles.star").read_text(encoding="utf-8")
    text = text.replace("_rlnAmplitudeContrast ", "_myContrast ").replace("@particles", f"@{simulated}/particles")
    (tmp_path / "particles.star").write_text(text, encoding="utf-8")
    _, notes = read_for_computing(arguments(tmp_path / "particles.star"))
    assert len(notes) == 1 and notes[0].startswith("note: ")
    assert "has no rlnAmplitudeContrast; 0.1 is assumed" in notes[0]


def test_the_file_is_named_when_a_half_is_missing(simulated, tmp_path):
    text = (simulated / "particles.star").read_text(encoding="utf-8").replace("_rlnRandomSubset ", "_mySubset ")
    (tmp_path / "other.star").write_text(text.replace("@particles", f"@{simulated}/particles"), encoding="utf-8")
    with pytest.raises(InputError, match=r"other.star: 200 of 200 particles have no half set"):
        read_for_computing(arguments(tmp_path / "other.star"))
    particles, _ = read_for_computing(arguments(tmp_path / "other.star", split_halves=7))
    assert sorted(map(int, (sum(particles.half_set == 1), sum(particles.half_set == 2)))) == [100, 100]
