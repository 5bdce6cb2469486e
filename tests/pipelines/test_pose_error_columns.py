"""Columns that tell how well poses are known: there and back, through STAR and .cs, and poses that ran away."""

from dataclasses import replace

import numpy as np
import pytest
from molecules import ctf_parameters, particle_set, random_rotations

from gmmrefine.io.cryosparc import read_cs
from gmmrefine.io.cryosparc_group import group_path
from gmmrefine.io.cryosparc_writer import write_cs
from gmmrefine.io.particle_table import table_of
from gmmrefine.io.pose_error_labels import COVARIANCE, ERRORS, RAN_AWAY
from gmmrefine.io.star_particles import read_particles, write_particles
from gmmrefine.pipelines.pose_error_columns import covariance_columns, covariance_of, error_summary, ran_away
from gmmrefine.pipelines.pose_weights import with_blur

COUNT = 6


@pytest.fixture
def covariance(rng):
    root = rng.normal(size=(COUNT, 5, 5)) * np.array([0.02] * 3 + [1] * 2)[:, None]
    return root @ np.swapaxes(root, 1, 2)


@pytest.fixture
def written(covariance, rng, tmp_path):
    particles = particle_set(
        random_rotations(COUNT), rng.normal(size=(COUNT, 2)), ctf_parameters(COUNT, rng), half_set=1 + np.arange(COUNT) % 2
    )
    particles = replace(particles, stacks=(str(tmp_path / "images.mrcs"),))
    particles = replace(particles, table=table_of(particles), row=np.arange(COUNT))
    columns = {**covariance_columns(covariance), RAN_AWAY: np.array([0, 1, 0, 0, 0, 1])}
    write_particles(tmp_path / "errors.star", particles, columns)
    return tmp_path / "errors.star"


def test_star_and_cs_keep_covariances(written, covariance, tmp_path):
    of_star = read_particles(written)
    assert covariance_of(of_star) == pytest.approx(covariance, rel=1e-4, abs=1e-8)
    write_cs(str(tmp_path / "errors.cs"), of_star)
    of_cs = read_cs(tmp_path / "errors.cs")
    assert covariance_of(of_cs) == pytest.approx(covariance, rel=1e-4, abs=1e-7)
    assert of_cs.table.particles.integers(RAN_AWAY).tolist() == [0, 1, 0, 0, 0, 1]
    with open(group_path(str(tmp_path / "errors.cs")), encoding="utf-8") as file:
        assert "gmmrefine" not in file.read().replace("gmmrefine/", "")  # cryoSPARC is not told of slots it has no name for


def test_a_table_without_all_columns_has_no_covariances(written):
    particles = read_particles(written)
    block = particles.table.particles
    some = block.with_columns({label: values for label, values in block.columns.items() if label != COVARIANCE[7]})
    assert covariance_of(replace(particles, table=replace(particles.table, particles=some))) is None


def test_errors_are_summed_up_and_what_ran_away_is_said(covariance):
    columns, said = covariance_columns(covariance), []
    columns[RAN_AWAY] = np.array([0, 1, 0, 0, 0, 0])
    progress = type("Progress", (), {"note": staticmethod(lambda subject, text: said.append(text))})
    found = error_summary(columns, progress)["pose_errors"]
    assert found["rotation_rms_deg"] == pytest.approx(np.sqrt(np.mean(columns[ERRORS[0]] ** 2)), abs=1e-4)
    assert found["ran_away"] == 1 and len(said) == 1 and said[0].startswith("1 of 6 poses (17 %)")
    assert error_summary({}, progress) == {}


def test_what_went_farther_than_the_others_and_its_error_ran_away(rng):
    count = 2000
    changes = rng.normal(size=(count, 5)) * ([np.radians(2)] * 3 + [1.0] * 2)
    errors = np.tile(np.diag([np.radians(0.5) ** 2] * 3 + [0.25] * 2), (count, 1, 1))
    assert ran_away(changes, errors).sum() == 0
    changes[5, 1], changes[9, 3] = np.radians(15), 7.5
    assert np.flatnonzero(ran_away(changes, errors)).tolist() == [5, 9]
    errors[5, 1, 1] = np.radians(10) ** 2  # the image says so little that this is no surprise
    assert np.flatnonzero(ran_away(changes, errors)).tolist() == [9]
    assert not ran_away(np.zeros((30, 5)), np.zeros((30, 5, 5))).any()


def test_blur_is_that_of_points_of_a_ball(written, covariance, rng):
    """Against points drawn in a ball, turned and moved by drawn errors."""
    particles = replace(read_particles(written), diameter=100.0)
    settings = type("Settings", (), {"weight_by_pose_error": True})
    blur = with_blur(particles, covariance * 0.01, settings).blur
    points = rng.normal(size=(4000, 3))
    points *= 50 * rng.random(4000)[:, None] ** (1 / 3) / np.linalg.norm(points, axis=1, keepdims=True)
    for number in range(2):
        drawn = rng.multivariate_normal(np.zeros(5), covariance[number] * 0.01, 4000)
        moved = np.cross(drawn[:, :3], points)[:, :2] - drawn[:, 3:]
        assert blur[number] == pytest.approx(np.mean(moved**2), rel=0.08)
    settings.weight_by_pose_error = False
    assert with_blur(particles, covariance, settings).blur is None
