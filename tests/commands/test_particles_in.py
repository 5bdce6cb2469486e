"""Particles as computing commands take them."""

import json

import numpy as np
import pytest
from small_run import BOX, PIXEL_SIZE

from gmmrefine.commands.particles_in import read_for_computing
from gmmrefine.errors import InputError
from gmmrefine.io.mrc import write_map
from gmmrefine.maps.mask import spherical_mask
from gmmrefine.pipelines.heterogeneity_folder import settings_as_learned
from gmmrefine.settings import ReconstructSettings


def read(path, **options):
    """What a command reads that is given these options."""
    particles, _, notes = read_for_computing(path, ReconstructSettings(**options))
    return particles, notes


def test_particles_with_half_sets(simulated):
    particles, notes = read(simulated / "particles.star")
    assert len(particles) == 200 and notes == [] and particles.diameter == 0


def test_the_size_of_the_particle_is_given_or_that_of_the_mask(simulated, tmp_path):
    particles, _ = read(simulated / "particles.star", particle_diameter=150.0, mask=str(simulated / "mask.mrc"))
    assert particles.diameter == 150
    write_map(tmp_path / "ball.mrc", spherical_mask(np.zeros(3), 60, BOX, PIXEL_SIZE, edge=0.1), PIXEL_SIZE)
    particles, _ = read(simulated / "particles.star", mask=str(tmp_path / "ball.mrc"))
    assert particles.diameter == pytest.approx(120, abs=2 * PIXEL_SIZE)
    assert particles.subset(np.arange(3)).diameter == particles.diameter


def test_what_a_user_should_know_is_noted(simulated, tmp_path):
    text = (simulated / "particles.star").read_text(encoding="utf-8")
    text = text.replace("_rlnAmplitudeContrast ", "_myContrast ").replace("@particles", f"@{simulated}/particles")
    (tmp_path / "particles.star").write_text(text, encoding="utf-8")
    _, notes = read(tmp_path / "particles.star")
    assert len(notes) == 1 and notes[0].startswith("note: ")
    assert "has no rlnAmplitudeContrast; 0.1 is assumed" in notes[0]


def test_the_file_is_named_when_a_half_is_missing(simulated, tmp_path):
    text = (simulated / "particles.star").read_text(encoding="utf-8").replace("_rlnRandomSubset ", "_mySubset ")
    (tmp_path / "other.star").write_text(text.replace("@particles", f"@{simulated}/particles"), encoding="utf-8")
    with pytest.raises(InputError, match=r"other.star: 200 of 200 particles have no half set"):
        read(tmp_path / "other.star")
    particles, _ = read(tmp_path / "other.star", split_halves=7)
    assert sorted(map(int, (sum(particles.half_set == 1), sum(particles.half_set == 2)))) == [100, 100]


@pytest.mark.parametrize("given, pinned, diameter", (("ball.mrc", "", 120), ("", "earlier", 120), ("", "", 0)))
def test_what_follows_a_run_reads_images_as_that_did(simulated, tmp_path, given, pinned, diameter):
    """A mask that the run made of its maps was not there when it read images; one it was given, or was pinned to, was."""
    ball = spherical_mask(np.zeros(3), 60, BOX, PIXEL_SIZE, edge=0.1)
    for name, mask, pin in (("earlier", "ball.mrc", ""), ("run", given, pinned and str(tmp_path / pinned / "run.json"))):
        (tmp_path / name).mkdir()
        write_map(tmp_path / name / "mask.mrc", ball, PIXEL_SIZE)
        (tmp_path / name / "run.json").write_text(
            json.dumps(
                {
                    "settings": {"mask": mask, "pin_exchanges": pin},
                    "box_size": BOX,
                    "pixel_size": PIXEL_SIZE,
                    "exchanges": [{"kind": "mask", "iteration": 0, "value": "mask.mrc"}],
                }
            )
        )
    usual = ReconstructSettings(mask=str(tmp_path / "run" / "mask.mrc"))
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    settings, by_mask = settings_as_learned(usual, str(tmp_path / "run"), record)
    particles, *_ = read_for_computing(simulated / "particles.star", settings, by_mask)
    assert particles.diameter == pytest.approx(diameter, abs=2 * PIXEL_SIZE)
