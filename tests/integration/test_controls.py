"""Controls of a finished run: noise yields nothing, invented detail does not stay, and what they say is judged right."""

import json

import numpy as np
import pytest
from small_run import PARTICLES, assert_refused, gmmrefine, record

from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.io.star import read_star
from gmmrefine.io.star_particles import read_particles
from gmmrefine.maps.fsc import FscCurve
from gmmrefine.particles.images import ImageReader
from gmmrefine.pipelines.control_noise import with_noise
from gmmrefine.pipelines.control_verdicts import Control, judged, shell_gain


def control(before, after, turned=0.0, moved=0.0, **more):
    return Control(before, after, turned, moved, **more)


def test_gain_and_poses_are_judged_against_the_run():
    real, errors = control(10.0, 5.0), (1.0, 0.5)  # gains 0.1 1/Å
    assert judged(real, control(None, None), errors)["passes"]
    assert judged(real, control(10.0, 1 / 0.1099), errors)["gain_passes"]
    assert not judged(real, control(10.0, 1 / 0.1101), errors)["gain_passes"]
    assert not judged(real, control(None, 20.0), errors)["gain_passes"]  # from nothing to 20 Å
    assert not judged(real, control(10.0, 10.0, turned=1.01), errors)["poses_pass"]
    assert not judged(real, control(10.0, 10.0, moved=0.51), errors)["poses_pass"]
    row = judged(real, control(10.0, 8.0, turned=0.2), errors)
    assert row["gain"] == pytest.approx(0.025) and row["gain_above_control"] == pytest.approx(0.075)
    # a run that gained nothing leaves nothing for a control
    assert not judged(control(5.0, 5.0), control(10.0, 9.9), errors)["gain_passes"]
    assert judged(control(5.0, 6.0), control(10.0, 10.0), errors)["gain_passes"]


def test_shells_of_invented_detail_are_counted_from_the_start_resolution_on():
    fsc = np.array([1, 1, 0.9, 0.5, 0.2, 0.1, 0.6, 0.0])
    curve = FscCurve(fsc, fsc, fsc, fsc, fsc, box_size=14, pixel_size=2.0)
    assert shell_gain(curve, 2, 0.143) == pytest.approx(2 / 28)
    assert shell_gain(curve, 4, 0.143) == 0


def test_noise_has_the_spectrum_of_the_images_and_nothing_else(simulated, tmp_path):
    particles = read_particles(simulated / "particles.star")
    noise = with_noise(particles, str(tmp_path / "noise"), 5)
    disc = half_disc(particles.box_size, 15)
    power, seen = [], []
    for one in (particles, noise):
        pixels = ImageReader(one, disc).read_pixels(one)
        transforms = disc.transform(pixels - pixels.mean(axis=(1, 2), keepdims=True))
        power.append(np.bincount(disc.ring, np.mean(np.abs(transforms) ** 2, axis=0)) / np.bincount(disc.ring))
        seen.append(pixels.ravel())
    assert power[1][2:] == pytest.approx(power[0][2:], rel=0.1)
    assert abs(np.corrcoef(*seen)[0, 1]) < 0.01
    assert (noise.rotations == particles.rotations).all() and noise.ctf is particles.ctf
    again = with_noise(particles, str(tmp_path / "again"), 5)
    assert (ImageReader(again, disc).read_pixels(again).ravel() == seen[1]).all()


@pytest.fixture(scope="module")
def controlled(refined, tmp_path_factory):
    folder = tmp_path_factory.mktemp("controls") / "noise"
    outcome = gmmrefine("controls", refined, "-o", folder, "--controls", "noise halves")
    assert outcome.code == 0, outcome.err
    return folder, outcome


def test_noise_gains_nothing(refined, controlled):
    folder, outcome = controlled
    results = json.loads((folder / "controls.json").read_text(encoding="utf-8"))
    noise, halves = results["controls"]
    assert noise["images"] == PARTICLES and noise["resolution_after"] is None and noise["gain"] == 0
    assert noise["passes"] and 0 < noise["rotation_change_deg"] < results["expected_rotation_error"]
    assert results["gain"] > 0.01 and noise["gain_above_control"] == pytest.approx(results["gain"])
    assert results["expected_rotation_error"] == record(refined)["results"]["pose_errors"]["rotation_rms_deg"]
    assert halves["rotation_change_deg"] == 0 and halves["resolution_before"] == record(refined)["results"]["resolution"]
    assert record(folder)["results"]["methods"] in outcome.out and "images of noise" in results["methods"]
    table = read_star(folder / "controls.star")["controls"]
    assert table.strings("gmmControl") == ["noise", "halves"] and table.integers("gmmPasses")[0] == 1
    assert "Controls" in (folder / "report.html").read_text(encoding="utf-8")


def test_a_control_tells_its_half_sets_what_the_run_told(refined, controlled):
    folder, _ = controlled
    told, of_run = ({one["kind"] for one in record(place)["exchanges"]} for place in (folder / "noise", refined))
    assert "frame" in told
    assert of_run - told <= {"mask", "contrast", "place"}  # decided by the start maps of the run, which the control takes over


def test_what_cannot_be_controlled_is_refused(refined, simulated, tmp_path):
    outcome = gmmrefine("controls", simulated, "-o", tmp_path / "run")
    assert_refused(outcome, "controls", "holds a 'simulate' run")
    outcome = gmmrefine("controls", tmp_path, "-o", tmp_path / "run")
    assert_refused(outcome, "controls", "no run.json", "refine-patches")
    outcome = gmmrefine("controls", refined, "-o", tmp_path / "run", "--controls", "noise luck")
    assert_refused(outcome, "controls", "--controls noise luck: expected all, or some of noise, phases, halves, model")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_invented_detail_does_not_stay(refined, tmp_path):
    outcome = gmmrefine("controls", refined, "-o", tmp_path / "run", "--controls", "phases model")
    assert outcome.code == 0, outcome.err
    phases, model = record(tmp_path / "run")["results"]["controls"]
    assert phases["passes"] and model["passes"], outcome.out
    assert model["resolution_after"] is None
