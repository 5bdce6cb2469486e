"""Aberrations against the polynomials written out, and what they do to amplitudes when nobody corrects them."""

from dataclasses import replace

import numpy as np
import pytest
from molecules import ctf_parameters
from scipy.special import j0

from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.particles.aberrations import even_order, even_phase, odd_order, odd_phase, with_beam_tilt
from gmmrefine.particles.ctf import ctf_on_disc, electron_wavelength

# RELION's order of the coefficients
ODD = [(-1, 1), (1, 1), (-3, 3), (-1, 3), (1, 3), (3, 3), (-5, 5), (-3, 5), (-1, 5), (1, 5), (3, 5), (5, 5), (-7, 7)]
EVEN = [(0, 0), (-2, 2), (0, 2), (2, 2), (-4, 4), (-2, 4), (0, 4), (2, 4), (4, 4), (-6, 6), (-4, 6)]


@pytest.fixture
def frequency(rng):
    return rng.uniform(-0.5, 0.5, (2, 50))


def test_order_of_the_coefficients():
    assert [odd_order(index) for index in range(len(ODD))] == ODD
    assert [even_order(index) for index in range(len(EVEN))] == EVEN


def test_odd_polynomials(frequency):
    x, y = frequency
    r2 = x**2 + y**2
    written_out = {
        0: y,
        1: x,
        2: 3 * x**2 * y - y**3,
        3: (3 * r2 - 2) * y,
        4: (3 * r2 - 2) * x,
        5: x**3 - 3 * x * y**2,
        9: (10 * r2**2 - 12 * r2 + 3) * x,
    }
    for index, expected in written_out.items():
        coefficients = [0.0] * index + [2.5]
        assert odd_phase(coefficients, x, y) == pytest.approx(2.5 * expected, abs=1e-12), index
        assert odd_phase(coefficients, -x, -y) == pytest.approx(-2.5 * expected, abs=1e-12), index


def test_even_polynomials(frequency):
    x, y = frequency
    r2 = x**2 + y**2
    written_out = {
        0: 1 + 0 * x,
        1: 2 * x * y,
        2: 2 * r2 - 1,
        3: x**2 - y**2,
        4: 4 * (x**3 * y - x * y**3),
        6: 6 * r2**2 - 6 * r2 + 1,
        8: x**4 - 6 * x**2 * y**2 + y**4,
    }
    for index, expected in written_out.items():
        coefficients = [0.0] * index + [-1.5]
        assert even_phase(coefficients, x, y) == pytest.approx(-1.5 * expected, abs=1e-12), index
        assert even_phase(coefficients, -x, -y) == pytest.approx(-1.5 * expected, abs=1e-12), index


def test_beam_tilt_is_a_phase_of_third_order_without_a_shift(frequency):
    x, y = frequency
    coefficients = with_beam_tilt((), 0.3, -0.2, 2.7, 300.0)
    wavelength = electron_wavelength(300.0)
    expected = -2 * np.pi * 2.7e7 * wavelength**2 * (x**2 + y**2) * (0.3e-3 * x - 0.2e-3 * y)
    assert odd_phase(coefficients, x, y) == pytest.approx(expected, abs=1e-9)
    more = with_beam_tilt((1.0, 0, 5), 0.3, -0.2, 2.7, 300.0)
    assert np.subtract(more, coefficients) == pytest.approx([1, 0, 5, 0, 0, 0])
    assert with_beam_tilt((1.0, 2.0), 0, 0, 2.7, 300.0) == (1.0, 2.0)


@pytest.mark.parametrize("resolution, left", ((3.5, 0.95), (3.0, 0.87), (2.5, 0.64), (2.0, -0.03)))
def test_what_a_tilt_of_0_3_mrad_leaves_of_the_amplitudes_when_it_is_ignored(resolution, left):
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    phase = odd_phase(with_beam_tilt((), 0.3, 0, 2.7, 300.0), np.cos(angle) / resolution, np.sin(angle) / resolution)
    assert np.cos(phase).mean() == pytest.approx(left, abs=0.01)
    assert np.cos(phase).mean() == pytest.approx(j0(np.abs(phase).max()), abs=1e-3)


def test_even_aberrations_are_taken_from_the_phase_of_the_ctf(rng):
    """Defocus is the even polynomial (0, 2): with its coefficient the CTF is that of another defocus."""
    disc, ctf = half_disc(32, 12), ctf_parameters(2, rng)
    more = replace(ctf, defocus_u=ctf.defocus_u + 1000, defocus_v=ctf.defocus_v + 1000)
    coefficient = -np.pi * electron_wavelength(300.0) * 1000 / 2
    phase = even_phase([coefficient, 0.0, coefficient], disc.kx / 64, disc.ky / 64)  # of 2 k²
    assert ctf_on_disc(ctf, disc, 2.0, phase) == pytest.approx(ctf_on_disc(more, disc, 2.0), abs=1e-5)
