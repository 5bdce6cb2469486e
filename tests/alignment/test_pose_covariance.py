"""Covariances of poses: the sandwich, units and order of the columns, and shifts of another point."""

import numpy as np
import pytest

from gmmrefine.alignment.pose_covariance import (
    about_another_point,
    errors_of,
    from_upper_triangle,
    posterior_covariance,
    upper_triangle,
)
from gmmrefine.geometry.rotations import rotations_from_vectors


def covariances(rng, count=4):
    root = rng.normal(size=(count, 5, 5))
    return root @ np.swapaxes(root, 1, 2)


def test_an_exact_reference_leaves_the_posterior(rng):
    information, precision = covariances(rng), np.broadcast_to(np.eye(5), (4, 5, 5))
    found = posterior_covariance(information, information, precision)
    assert found == pytest.approx(np.linalg.inv(information + precision))


def test_errors_of_a_drawn_estimator_are_those_of_the_sandwich(rng):
    """Truth follows the prior, the slope is noisier than its curvature says: drawn 20,000 times."""
    information, precision, scores = np.diag([4.0, 2, 3, 1, 5]), np.diag([1.0, 1, 1, 2, 2]), np.diag([6.0, 2, 5, 1, 9])
    truth = rng.normal(size=(20000, 5)) / np.sqrt(np.diag(precision))
    slope = truth @ information + rng.normal(size=truth.shape) * np.sqrt(np.diag(scores))
    errors = slope @ np.linalg.inv(information + precision) - truth
    expected = posterior_covariance(information[None], scores[None], precision[None])[0]
    assert np.cov(errors.T) == pytest.approx(expected, abs=0.01)


def test_columns_are_the_upper_triangle_in_degrees_and_angstrom(rng):
    covariance = covariances(rng)
    numbers = upper_triangle(covariance)
    assert numbers.shape == (4, 15)
    degree = 180 / np.pi
    assert numbers[:, 0] == pytest.approx(covariance[:, 0, 0] * degree**2)
    assert numbers[:, 4] == pytest.approx(covariance[:, 0, 4] * degree)
    assert numbers[:, 5] == pytest.approx(covariance[:, 1, 1] * degree**2)
    assert numbers[:, 14] == pytest.approx(covariance[:, 4, 4])
    assert from_upper_triangle(numbers) == pytest.approx(covariance)
    assert errors_of(covariance)[:, 0] == pytest.approx(np.sqrt(numbers[:, [0, 5, 9]].sum(axis=1)))
    assert errors_of(covariance)[:, 1] == pytest.approx(np.sqrt(numbers[:, [12, 14]].sum(axis=1)))


def test_shift_of_another_point_follows_the_turn(rng):
    """Small errors of poses (ω, s) drawn, and what they do to the shift of a point d away: s - (ω × d)_xy."""
    point = np.array([30.0, -10, 20])
    covariance = covariances(rng, 1) * np.outer([1e-3] * 3 + [0.1] * 2, [1e-3] * 3 + [0.1] * 2)
    drawn = rng.multivariate_normal(np.zeros(5), covariance[0], 50000)
    moved = np.einsum("nij,j->ni", rotations_from_vectors(drawn[:, :3]), point)[:, :2] - point[:2]
    drawn[:, 3:] -= moved
    found = about_another_point(covariance, point[None])[0]
    assert np.cov(drawn.T) / np.sqrt(np.outer(np.diag(found), np.diag(found))) == pytest.approx(
        found / np.sqrt(np.outer(np.diag(found), np.diag(found))), abs=0.03
    )
