"""The interpolation kernel: its transform, and that interpolating with it keeps its promise."""

import numpy as np
import pytest
from scipy import integrate

from gmmrefine.fourier.kernel import WIDTH, kernel_beta, log_transform

GRID = 48.0


def kernel(u, beta):
    return np.exp(beta * (np.sqrt(np.maximum(1 - (2 * u / WIDTH) ** 2, 0)) - 1)) * (np.abs(u) <= WIDTH / 2)


@pytest.mark.parametrize("oversampling", (1.5, 2.0))
def test_transform_is_the_integral(oversampling):
    beta = kernel_beta(oversampling)
    for position in (0.0, 4.0, -11.5):
        value, slope, curvature = log_transform(position, beta, GRID)
        integral = integrate.quad(lambda u, x=position: kernel(u, beta) * np.cos(2 * np.pi * u * x / GRID), -2, 2)[0]
        assert value == pytest.approx(np.log(integral), abs=1e-5)
        near = log_transform(np.array([position - 1e-3, position, position + 1e-3]), beta, GRID)[0]
        assert slope == pytest.approx((near[2] - near[0]) / 2e-3, abs=1e-6)
        assert curvature == pytest.approx((near[2] - 2 * near[1] + near[0]) / 1e-6, abs=1e-6)


def test_finer_grids_have_a_sharper_kernel():
    assert kernel_beta(1.5) < kernel_beta(2.0) < kernel_beta(2.2) == kernel_beta(5.0)
    assert kernel_beta(2.0) == pytest.approx(0.97 * np.pi * WIDTH * 0.75)


@pytest.mark.parametrize("oversampling", (1.5, 2.0))
def test_interpolated_wave_is_the_wave(oversampling, rng):
    """A point of the object is a wave in Fourier space; four grid values near a sample give it to 0.2 %."""
    beta = kernel_beta(oversampling)
    q = rng.uniform(-10, 10, 400)
    radius = GRID / oversampling / 2
    for position, tolerance in ((0.0, 1e-3), (0.5 * radius, 1e-3), (-0.85 * radius, 2e-3), (radius, 1.5e-2)):
        taps = np.floor(q)[:, None] + np.arange(-1, 3)
        wave = np.sum(kernel(taps - q[:, None], beta) * np.exp(2j * np.pi * taps * position / GRID), axis=1)
        wave /= np.exp(log_transform(position, beta, GRID)[0])
        error = np.sqrt(np.mean(np.abs(wave - np.exp(2j * np.pi * q * position / GRID)) ** 2))
        assert error < tolerance, position
