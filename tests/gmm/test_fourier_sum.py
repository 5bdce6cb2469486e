"""The transform of Gaussians on a grid against a loop in double precision."""

import numpy as np
import pytest

from gmmrefine.gmm import fourier_sum as module
from gmmrefine.gmm.fourier_sum import fourier_sum

LAST, PERIOD = 4, 20.0


def looped(centers, masses, widths):
    axis = np.arange(-LAST, LAST + 1) / PERIOD
    expected = np.empty((2 * LAST + 1,) * 3, complex)
    for z, y, x in np.ndindex(expected.shape):
        q = np.array([axis[x], axis[y], axis[z]])
        waves = np.exp(-2 * np.pi**2 * np.sum((widths * q) ** 2, axis=1) - 2j * np.pi * centers @ q)
        expected[z, y, x] = masses @ waves
    return expected


@pytest.mark.parametrize("widths", ((0.02, 0.1), (0.5, 1.5), (2.0, 6.0)), ids=("points", "atoms", "blobs"))
@pytest.mark.parametrize("spread", (3.0, 15.0), ids=("inside", "beyond the period"))
@pytest.mark.parametrize("part", (300, 1, 1e6), ids=("in parts", "row by row", "at once"))
def test_equals_a_loop(rng, monkeypatch, widths, spread, part):
    monkeypatch.setattr(module, "_SMALLEST_PART", part)
    monkeypatch.setattr(module, "_LARGEST_PART", 0)
    gaussians = rng.normal(0, spread, (9, 3)), rng.uniform(1, 2, 9), rng.uniform(*widths, (9, 3))
    found = fourier_sum(LAST, PERIOD, gaussians)
    assert found.dtype == np.complex64
    assert np.abs(found - looped(*gaussians)).max() < 2e-6 * gaussians[1].sum()


def test_one_frequency():
    found = fourier_sum(0, PERIOD, (np.zeros((2, 3)), np.array([1.0, 2.5]), np.ones((2, 3))))
    assert found.shape == (1, 1, 1) and found[0, 0, 0] == pytest.approx(3.5, abs=1e-5)
