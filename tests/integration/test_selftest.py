"""selftest: each stage's verdict at its limit, one stage that breaks, and (slow) the whole of it."""

import json
from types import SimpleNamespace

import mrcfile
import numpy as np
import pytest
from small_run import assert_refused, gmmrefine

from gmmrefine.commands import selftest as command
from gmmrefine.io.star_particles import read_particles, write_particles
from gmmrefine.pipelines import selftest
from gmmrefine.validation.pose_error import pose_errors


def results_in(folder, **results):
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"results": results}), encoding="utf-8")
    return str(folder)


def test_resolution_and_audit_at_their_limits(tmp_path):
    possible = results_in(tmp_path / "possible", resolution=10.0)
    for number, (reached, passed) in enumerate(((10.49, True), (10.51, False), (None, False))):
        assert selftest.resolution_verdict(results_in(tmp_path / f"{number}", resolution=reached), possible).passed is passed
    planted = {"lost": {"lost": [selftest.LOST]}, "parts_lost": {"lost": []}, "maps": {"complete": {"mean_q": 0.77}}}
    right = results_in(tmp_path / "right", **planted)
    assert selftest.audit_verdict(right).passed and selftest.q_verdict(right).passed
    planted["parts_lost"]["lost"] = ["A/GLU 5: carboxyl"]
    planted["maps"]["complete"]["mean_q"] = 0.7
    wrong = results_in(tmp_path / "wrong", **planted)
    assert not selftest.audit_verdict(wrong).passed and not selftest.q_verdict(wrong).passed


def test_poses_are_held_against_the_bound(simulated, tmp_path):
    """The truth passes; poses turned by twice the bound do not."""
    truth = read_particles(simulated / "truth.star")
    (tmp_path / "refined").mkdir()
    path = tmp_path / "refined" / "particles.star"
    write_particles(path, truth)
    assert selftest.poses_verdict(str(simulated), str(path.parent)).passed
    start = read_particles(simulated / "particles.star")
    bound = selftest.rotation_bound(truth, selftest.true_gmm(str(simulated)))
    write_particles(path, start)
    verdict = selftest.poses_verdict(str(simulated), str(path.parent))
    assert pose_errors(start, truth).rotation_rms > 1.3 * bound and not verdict.passed
    assert f"{pose_errors(start, truth).rotation_rms / bound:.2f} times" in verdict.text


def test_a_broken_stage_is_named_and_what_needs_it_is_not_tried(monkeypatch, tmp_path):
    def broken():
        raise RuntimeError("no such\nkernel")

    good = SimpleNamespace(passed=True, text="fine")
    stages = [("simulate", (), lambda: good), ("refine", ("simulate",), broken), ("poses", ("refine",), lambda: good)]
    monkeypatch.setattr(command, "_stages", lambda folder, args: stages)
    outcome = gmmrefine("selftest")
    assert outcome.code == 1
    assert [line[:14] for line in outcome.out.splitlines()[:3]] == ["PASS  simulate", "FAIL  refine: ", "FAIL  poses: n"]
    assert "RuntimeError: no such kernel" in outcome.out and "not tried, as refine failed" in outcome.out
    assert outcome.err.startswith("gmmrefine selftest: 2 of 3 stages failed: refine, poses.")
    monkeypatch.setattr(command, "_stages", lambda folder, args: stages[:1])
    assert gmmrefine("selftest").code == 0


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "mine.txt").touch()
    assert_refused(gmmrefine("selftest", "-o", tmp_path), "selftest", "is there and not empty")


def test_the_planted_loss_is_the_whole_difference(tmp_path):
    complete, lost = (mrcfile.read(path) for path in selftest.plant_loss(str(tmp_path)))
    difference = complete - lost
    assert difference.max() > 1 and difference.min() > -0.02 * difference.max()  # ripples of the grid
    assert np.count_nonzero(difference > 0.05 * difference.max()) < 31 * 60  # voxels near the 31 atoms of the ligand


@pytest.mark.slow
def test_the_whole_installation(tmp_path):
    outcome = gmmrefine("selftest", "-o", tmp_path / "kept")
    assert outcome.code == 0, outcome.out + outcome.err
    assert outcome.out.count("PASS  ") == 6 and (tmp_path / "kept" / "refined" / "map.mrc").exists()
