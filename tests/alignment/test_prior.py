"""The prior on the change of a pose, and its width learned from particles."""

import numpy as np
import pytest

from gmmrefine.alignment.prior import PosePrior, estimate_prior, outweighs

WIDE = PosePrior.from_rms(rotation_deg=12.0, shift=6.0)


def test_widths_are_rms_of_vectors():
    """rms rotation angle over three axes, rms shift length over two."""
    prior = PosePrior.from_rms(3.0, 2.0)
    assert prior.rotation == pytest.approx(np.radians(3.0) / np.sqrt(3))
    assert prior.shift == pytest.approx(2.0 / np.sqrt(2))
    assert (prior.rotation_rms_deg, prior.shift_rms) == (pytest.approx(3.0), pytest.approx(2.0))
    rng = np.random.default_rng(1)
    vectors = rng.normal(0, prior.rotation, (100000, 3))
    assert np.degrees(np.sqrt((vectors**2).sum(axis=1).mean())) == pytest.approx(3.0, rel=0.01)


def test_precision_is_that_of_the_widths_whatever_the_pose():
    precision = PosePrior(0.05, 1.5).precision_at(np.tile(np.eye(3), (4, 1, 1)))
    assert precision.shape == (4, 5, 5)
    assert precision[3] == pytest.approx(np.diag([400, 400, 400, 1 / 2.25, 1 / 2.25]))


def test_narrowed():
    prior = PosePrior(0.05, 1.5).narrowed(rotation=0.5).narrowed(shift=0.1)
    assert (prior.rotation, prior.shift) == (0.025, pytest.approx(0.15))


def estimated(true, measurement, count, seed):
    """The prior learned from particles whose likelihoods deviate by ``measurement`` (rad, Å), mixed among axes."""
    rng = np.random.default_rng(seed)
    units = np.array([measurement[0]] * 3 + [measurement[1]] * 2)
    roots = (np.eye(5) + 0.3 * rng.normal(size=(count, 5, 5))) / units
    information = np.einsum("bji,bjk->bik", roots, roots)
    error = rng.normal(size=(count, 5)) * np.sqrt(1 / true.precision)
    noise = np.einsum("bij,bj->bi", np.linalg.inv(roots), rng.normal(size=(count, 5)))
    # the best pose under the wide prior
    change = np.linalg.solve(
        information + np.diag(WIDE.precision), np.einsum("bij,bj->bi", information, error + noise)[..., None]
    )[..., 0]
    return estimate_prior(change, information, WIDE)


@pytest.mark.parametrize("rotation_deg, shift", ((1.0, 0.5), (3.0, 2.0), (8.0, 4.0)))
def test_planted_widths_are_recovered(rotation_deg, shift):
    true = PosePrior.from_rms(rotation_deg, shift)
    found = estimated(true, (0.5 * true.rotation, 0.5 * true.shift), 384, seed=2)
    assert found.rotation_rms_deg == pytest.approx(rotation_deg, rel=0.1)
    assert found.shift_rms == pytest.approx(shift, rel=0.1)


@pytest.mark.parametrize("seed", (1, 2, 3))
def test_noise_dominated_particles_do_not_widen_it(seed):
    """Each pose alone is three times less certain than the prior is wide; their scatter must not be taken for it."""
    true = PosePrior.from_rms(3.0, 2.0)
    found = estimated(true, (3 * true.rotation, 3 * true.shift), 700, seed)
    assert found.rotation_rms_deg == pytest.approx(3.0, rel=0.3)
    assert found.shift_rms == pytest.approx(2.0, rel=0.3)


def test_rotation_and_shift_are_learned_apart():
    true = PosePrior.from_rms(6.0, 0.3)
    found = estimated(true, (0.3 * true.rotation, 0.3 * true.shift), 384, seed=5)
    assert found.rotation_rms_deg == pytest.approx(6.0, rel=0.1)
    assert found.shift_rms == pytest.approx(0.3, rel=0.1)


def test_particles_without_information_leave_it_as_it_was():
    found = estimate_prior(np.zeros((50, 5)), np.zeros((50, 5, 5)), WIDE)
    assert found.rotation == pytest.approx(WIDE.rotation) and found.shift == pytest.approx(WIDE.shift)


def test_prior_outweighs_images_that_leave_most_of_its_width():
    prior = PosePrior.from_rms(3.0, 2.0)
    for ratio, weak in ((0.1, True), (2.5, True), (3.5, False), (100.0, False)):  # a quarter of the variance at 3
        information = np.tile(ratio * np.diag(prior.precision), (10, 1, 1))
        assert outweighs(prior, information, np.tile(np.eye(3), (10, 1, 1))) is weak
