"""The Cramér–Rao bound."""

import numpy as np
import pytest

from gmmrefine.alignment.cramer_rao import cramer_rao_bound


def test_independent_coordinates():
    """Deviations of 1° about each axis and of 0.5 Å along each: √3 degrees and √0.5 Å."""
    deviation = np.array([np.radians(1.0)] * 3 + [0.5] * 2)
    rotation, shift = cramer_rao_bound(np.diag(deviation**-2)[None].repeat(4, axis=0))
    assert rotation == pytest.approx(np.sqrt(3), rel=1e-12)
    assert shift == pytest.approx(np.sqrt(0.5), rel=1e-12)


def test_rms_over_particles():
    deviations = np.radians([1.0, 3.0])
    information = np.stack([np.diag([1 / d**2] * 3 + [1.0] * 2) for d in deviations])
    assert cramer_rao_bound(information)[0] == pytest.approx(np.sqrt(3 * (1 + 9) / 2), rel=1e-12)


def test_coordinates_that_are_mixed_up_cost_precision():
    """A rotation that looks like a shift: the bound is that of the inverse, not of the diagonal."""
    information = np.diag([100.0, 100, 100, 1, 1])
    information[0, 4] = information[4, 0] = 8.0
    rotation, shift = cramer_rao_bound(information[None])
    rest = 100 - 64.0
    assert np.radians(rotation) == pytest.approx(np.sqrt(0.01 + 0.01 + 1 / rest), rel=1e-12)
    assert shift == pytest.approx(np.sqrt(1 + 100 / rest), rel=1e-12)
