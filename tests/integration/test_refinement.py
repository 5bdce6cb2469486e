"""What a refinement achieves, and that the same seed gives the same bytes."""

import filecmp

import gemmi
import mrcfile
import numpy as np
import pytest
from small_run import BOX, GMM, PIXEL_SIZE, RESULTS, gmmrefine, record, refine

from gmmrefine.io.atoms import embedded_model, read_atoms
from gmmrefine.io.star_particles import read_particles
from gmmrefine.validation.pose_error import pose_errors


def errors_of(folder, simulated):
    return pose_errors(read_particles(folder / "particles.star"), read_particles(simulated / "truth.star"))


def test_resolution_and_poses_improve(simulated, refined):
    history = record(refined)["results"]["iterations"]
    assert history[-1]["resolution"] < 0.95 * history[0]["resolution"]
    assert history[-1]["mean_fsc"] > history[0]["mean_fsc"] + 0.03
    before, after = errors_of(simulated, simulated), errors_of(refined, simulated)
    assert before.rotation_rms == pytest.approx(3.0, rel=0.15) and before.shift_rms == pytest.approx(2.0, rel=0.15)
    assert after.rotation_rms < before.rotation_rms / 1.5
    assert after.shift_rms < before.shift_rms / 2
    assert after.frame_difference_deg < 1


def test_the_scheme_of_the_paper_improves_too(simulated, tmp_path):
    folder = tmp_path / "run"
    outcome = gmmrefine(
        "refine", simulated / "particles.star", "-o", folder, *GMM, "--optimizer", "adam", "--loss", "frc", "--iterations", 1
    )
    assert outcome.code == 0, outcome.err
    history = record(folder)["results"]["iterations"]
    assert history[1]["mean_fsc"] > history[0]["mean_fsc"]
    assert errors_of(folder, simulated).rotation_rms < 0.95 * errors_of(simulated, simulated).rotation_rms


def test_the_same_seed_gives_the_same_bytes(simulated, refined, tmp_path):
    again = refine(simulated / "particles.star", tmp_path / "run")
    same, different, missing = filecmp.cmpfiles(refined, again, RESULTS, shallow=False)
    assert not missing and not different
    assert sorted(same) == sorted(RESULTS)
    other = refine(simulated / "particles.star", tmp_path / "other", "--seed", 2, "--iterations", 1)
    first = "iterations/01/gmm_half_1.star"
    assert not filecmp.cmp(again / first, other / first, shallow=False)


def test_noise_at_the_same_poses_gives_no_resolution_beyond_the_starting_low_pass(simulated, tmp_path):
    for name in ("particles.star", "particles.mrcs"):
        (tmp_path / name).write_bytes((simulated / name).read_bytes())
    with mrcfile.mmap(tmp_path / "particles.mrcs", mode="r+") as stack:
        stack.data[:] = np.random.default_rng(8).standard_normal(stack.data.shape)
    start = 25.0
    folder = refine(
        tmp_path / "particles.star",
        tmp_path / "run",
        "--initial-resolution",
        start,
        "--mask",
        simulated / "mask.mrc",
        "--max-resolution",
        0,
        "--iterations",
        3,
    )
    for entry in record(folder)["results"]["iterations"]:
        assert entry["resolution"] is None or entry["resolution"] >= start, entry


def test_reference_started_from_an_atomic_model(simulated, tmp_path):
    structure = gemmi.read_structure(str(embedded_model()))
    centre = read_atoms(embedded_model()).positions.mean(axis=0)
    to_the_map = gemmi.Transform(gemmi.Mat33(), gemmi.Vec3(*(BOX // 2 * PIXEL_SIZE - centre)))
    structure[0].transform_pos_and_adp(to_the_map)
    structure.make_mmcif_document().write_file(str(tmp_path / "model.cif"))
    outcome = gmmrefine(
        "build",
        simulated / "truth.mrc",
        "--model",
        tmp_path / "model.cif",
        "--resolution",
        13,
        "--fit-evaluations",
        8,
        "-o",
        tmp_path / "built",
    )
    assert outcome.code == 0, outcome.err
    assert record(tmp_path / "built")["results"]["gaussians"] > 8000
    assert record(tmp_path / "built")["results"]["mean_fsc"] > 0.9
