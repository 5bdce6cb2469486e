"""Contrast transfer function of every particle on a half disc, with RELION's constants and signs."""
from typing import Union, overload

import numpy as np

from gmmrefine.fourier.half_disc import HalfDisc
from gmmrefine.particles.particle_set import CtfParameters


@overload
def electron_wavelength(voltage_kv: float) -> float: ...


@overload
def electron_wavelength(voltage_kv: np.ndarray) -> np.ndarray: ...


def electron_wavelength(voltage_kv: Union[float, np.ndarray]) -> Union[float, np.ndarray]:
    """Relativistic wavelength in Å of electrons at a voltage in kV (RELION's constants).

    Parameters
    ----------
    voltage_kv : float or (...,) float
        kV.
    """
    volts = np.asarray(voltage_kv, float) * 1e3
    return 12.2643247 / np.sqrt(volts * (1.0 + volts * 0.978466e-6))


def ctf_on_disc(
        ctf: CtfParameters, disc: HalfDisc, pixel_size: float, even_phase: Union[float, np.ndarray] = 0.0) -> np.ndarray:
    """CTF values; positive at low frequency for RELION's white particles.

    CTF = sin(π λ Δf k² − π/2 Cs λ³ k⁴ + φ + asin Q − E), Δf(θ) = (U+V)/2 + (U−V)/2 cos 2(θ − angle).

    Parameters
    ----------
    ctf : CtfParameters
        Of B particles.
    disc : HalfDisc
        K samples.
    pixel_size : float
        Å/px.
    even_phase : (K,) float
        E of even aberrations beyond defocus and Cs, radians (``aberrations.even_phase``).

    Returns
    -------
    (B, K) float32
    """
    k2 = (disc.kx**2 + disc.ky**2) / (disc.box_size * pixel_size) ** 2
    theta = np.arctan2(disc.ky, disc.kx)
    wavelength = electron_wavelength(ctf.voltage_kv)[:, None]
    mean = 0.5 * (ctf.defocus_u + ctf.defocus_v)[:, None]
    astigmatism = 0.5 * (ctf.defocus_u - ctf.defocus_v)[:, None]
    defocus = mean + astigmatism * np.cos(2 * (theta - np.radians(ctf.defocus_angle)[:, None]))
    constant = np.radians(ctf.phase_shift_deg) + np.arcsin(ctf.amplitude_contrast)
    phase = np.pi * wavelength * k2 * (defocus - 0.5e7 * ctf.cs_mm[:, None] * wavelength**2 * k2) + constant[:, None]
    return np.sin(phase - even_phase).astype(np.float32)
