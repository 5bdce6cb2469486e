"""Contrast transfer function of every particle on a half disc, with RELION's constants and signs."""

from functools import lru_cache
from typing import Tuple, Union, overload

import numpy as np

from gmmrefine.fourier.half_disc import HalfDisc
from gmmrefine.native import is_native, loops
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
    ctf: CtfParameters, disc: HalfDisc, pixel_size: float, even_phase: Union[float, np.ndarray] = 0.0
) -> np.ndarray:
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
    k2, cosine, sine = _places(disc, float(pixel_size))
    wavelength = electron_wavelength(ctf.voltage_kv)
    mean, astigmatism = 0.5 * (ctf.defocus_u + ctf.defocus_v), 0.5 * (ctf.defocus_u - ctf.defocus_v)
    angle = 2 * np.radians(ctf.defocus_angle)
    constant = np.radians(ctf.phase_shift_deg) + np.arcsin(ctf.amplitude_contrast)
    # radians: k² (a + b cos 2θ + c sin 2θ + d k²) + e
    terms = np.stack(
        np.broadcast_arrays(
            np.pi * wavelength * mean,
            np.pi * wavelength * astigmatism * np.cos(angle),
            np.pi * wavelength * astigmatism * np.sin(angle),
            -0.5e7 * np.pi * ctf.cs_mm * wavelength**3,
            constant,
        ),
        axis=1,
    )
    if is_native():
        found = np.empty((len(terms), len(k2)), np.float32)
        offset = np.broadcast_to(even_phase, k2.shape) / (2 * np.pi)
        loops("gmmrefine.particles.ctf_loops").sines(k2, cosine, sine, offset, terms / (2 * np.pi), found)
        return found
    a, b, c, d, e = terms.T[:, :, None]
    return np.sin(k2 * (a + b * cosine + c * sine + d * k2) + e - even_phase).astype(np.float32)


@lru_cache(maxsize=16)
def _places(disc: HalfDisc, pixel_size: float) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """k² in 1/Å² of a disc's samples, and cosine and sine of twice their direction, (K,) each."""
    k2 = (disc.kx**2 + disc.ky**2) / (disc.box_size * pixel_size) ** 2
    theta = 2 * np.arctan2(disc.ky, disc.kx)
    return k2, np.cos(theta), np.sin(theta)
