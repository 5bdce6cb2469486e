"""The CTF against a formula written for one sample at a time."""

import numpy as np
import pytest
from molecules import ctf_parameters, ctf_table
from scipy import constants

from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.native import is_native
from gmmrefine.particles import ctf as ctf_module
from gmmrefine.particles.ctf import ctf_on_disc, electron_wavelength


@pytest.fixture(scope="module")
def disc():
    return half_disc(32, 12)


def one_ctf(defocus_u=10000, defocus_v=10000, defocus_angle=0, phase_shift_deg=0):
    """The CTF of one image at 300 kV, Cs 2.7 mm and 10 % amplitude contrast."""
    u, v, angle, phase = (np.array([float(value)]) for value in (defocus_u, defocus_v, defocus_angle, phase_shift_deg))
    return ctf_parameters(1, np.random.default_rng(0), defocus_u=u, defocus_v=v, defocus_angle=angle, phase_shift_deg=phase)


def at(disc, values, kx, ky):
    return values[0, (disc.kx == kx) & (disc.ky == ky)][0]


def test_every_sample_of_mixed_particles_equals_the_scalar_formula(disc, rng):
    ctf = ctf_parameters(
        6,
        rng,
        voltage_kv=np.array([300.0, 200, 120, 80, 300, 300]),
        cs_mm=np.array([2.7, 0.01, 2, 2.7, 0, 5]),
        amplitude_contrast=np.array([0.1, 0.07, 0.0, 0.2, 1.0, 0.1]),
        phase_shift_deg=np.array([0.0, 90, 30, -15, 0, 180]),
    )
    found = ctf_on_disc(ctf, disc, 1.7)
    assert found.dtype == np.float32 and found.shape == (6, len(disc.kx))
    assert found == pytest.approx(ctf_table(ctf, disc, 1.7), abs=1e-6)


def test_wavelength_is_that_of_relativistic_electrons():
    volts = np.array([80e3, 120e3, 200e3, 300e3])
    energy = constants.e * volts
    momentum = np.sqrt(2 * constants.m_e * energy * (1 + energy / (2 * constants.m_e * constants.c**2)))
    assert electron_wavelength(volts / 1e3) == pytest.approx(constants.h / momentum * 1e10, rel=2e-4)


def test_molecule_is_white_at_low_frequency(disc):
    """Underfocus: the CTF starts at the amplitude contrast and rises."""
    values = ctf_on_disc(one_ctf(), disc, 2.0)
    assert at(disc, values, 0, 0) == pytest.approx(0.1, abs=1e-7)
    assert 0.1 < at(disc, values, 1, 0) < at(disc, values, 2, 0)
    overfocused = ctf_on_disc(one_ctf(defocus_u=-10000, defocus_v=-10000), disc, 2.0)
    assert at(disc, overfocused, 2, 0) < 0


def test_astigmatism_has_defocus_u_along_its_angle(disc):
    along_y = ctf_on_disc(one_ctf(defocus_u=12000, defocus_v=8000, defocus_angle=90), disc, 2.0)
    u, v = (ctf_on_disc(one_ctf(defocus_u=value, defocus_v=value), disc, 2.0) for value in (12000, 8000))
    for k in (5, 9):
        assert at(disc, along_y, 0, k) == pytest.approx(at(disc, u, 0, k), abs=1e-6)
        assert at(disc, along_y, k, 0) == pytest.approx(at(disc, v, k, 0), abs=1e-6)
    diagonal = ctf_on_disc(one_ctf(defocus_u=12000, defocus_v=8000, defocus_angle=45), disc, 2.0)
    assert at(disc, diagonal, 6, 6) == pytest.approx(at(disc, u, 6, 6), abs=1e-6)
    assert at(disc, diagonal, 6, -6) == pytest.approx(at(disc, v, 6, -6), abs=1e-6)


def test_phase_plate(disc):
    """A quarter turn makes a sine of the aberration a cosine; half a turn inverts the contrast."""
    plain, quarter, half = (ctf_on_disc(one_ctf(phase_shift_deg=angle), disc, 2.0) for angle in (0, 90, 180))
    assert at(disc, quarter, 0, 0) == pytest.approx(np.sqrt(1 - 0.1**2), abs=1e-6)
    assert half == pytest.approx(-plain, abs=2e-6)
    assert quarter**2 + plain**2 == pytest.approx(1, abs=2e-6)


def test_ctf_belongs_to_the_frequency_in_angstrom(disc):
    """Twice the box with the same pixel has the same CTF at twice the index."""
    fine = half_disc(64, 24)
    coarse_values, fine_values = ctf_on_disc(one_ctf(), disc, 2.0), ctf_on_disc(one_ctf(), fine, 2.0)
    for kx, ky in ((3, 0), (5, -7), (0, 12)):
        assert at(disc, coarse_values, kx, ky) == pytest.approx(at(fine, fine_values, 2 * kx, 2 * ky), abs=1e-6)
    half_pixel = ctf_on_disc(one_ctf(), fine, 1.0)
    assert at(fine, half_pixel, 3, 4) == pytest.approx(at(disc, coarse_values, 3, 4), abs=1e-6)


@pytest.mark.skipif(not is_native(), reason="numba is not installed")
def test_compiled_loop_and_numpy_give_the_same(disc, rng, monkeypatch):
    ctf = ctf_parameters(4, rng, phase_shift_deg=np.array([0.0, 90, 30, -15]))
    even = rng.normal(0, 3, len(disc.kx))
    found = ctf_on_disc(ctf, disc, 1.7, even)
    monkeypatch.setattr(ctf_module, "is_native", lambda: False)
    assert found == pytest.approx(ctf_on_disc(ctf, disc, 1.7, even), abs=5e-7)
