"""Aberrations beyond defocus and Cs as phases over spatial frequency, in RELION's polynomials and signs.

Odd ones are phases of the image, even ones belong to the CTF (Zivanov, Nakane & Scheres, IUCrJ 7, 253 (2020)).
"""

from math import factorial, isqrt
from typing import Callable, Sequence, Tuple

import numpy as np

from gmmrefine.particles.ctf import electron_wavelength


def odd_order(index: int) -> Tuple[int, int]:
    """Order m and degree n of RELION's odd Zernike coefficient number ``index``, from 0: (−1, 1), (1, 1), (−3, 3), …"""
    level = (isqrt(1 + 4 * index) - 1) // 2
    return 2 * (index - level * (level + 1)) - (2 * level + 1), 2 * level + 1


def even_order(index: int) -> Tuple[int, int]:
    """Order m and degree n of RELION's even Zernike coefficient number ``index``, from 0: (0, 0), (−2, 2), (0, 2), …"""
    level = isqrt(index)
    return 2 * (index - level * level - level), 2 * level


def zernike(order: int, degree: int, kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
    """Zernike polynomial R(|k|) cos mφ, or R(|k|) sin |m|φ for m < 0, not normalised; |k| need not be below 1.

    Parameters
    ----------
    order, degree : int
        m and n.
    kx, ky : (K,) float
        1/Å.
    """
    m, radius, angle = abs(order), np.hypot(kx, ky), np.arctan2(ky, kx)
    radial = sum(
        (-1) ** k
        * factorial(degree - k)
        / (factorial(k) * factorial((degree + m) // 2 - k) * factorial((degree - m) // 2 - k))
        * radius ** (degree - 2 * k)
        for k in range((degree - m) // 2 + 1)
    )
    return radial * (np.cos(m * angle) if order >= 0 else np.sin(m * angle))


def odd_phase(coefficients: Sequence[float], kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
    """Phase (K,) in radians that odd aberrations give to an image: it is multiplied by exp(i phase).

    Parameters
    ----------
    coefficients : sequence of float
        Of RELION's odd Zernike polynomials, beam tilt among them (``with_beam_tilt``).
    kx, ky : (K,) float
        1/Å.
    """
    return _sum(coefficients, odd_order, kx, ky)


def even_phase(coefficients: Sequence[float], kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
    """Phase (K,) in radians that even aberrations take from that of the CTF.

    Parameters
    ----------
    coefficients : sequence of float
        Of RELION's even Zernike polynomials.
    kx, ky : (K,) float
        1/Å.
    """
    return _sum(coefficients, even_order, kx, ky)


def with_beam_tilt(
    coefficients: Sequence[float], tilt_x_mrad: float, tilt_y_mrad: float, cs_mm: float, voltage_kv: float
) -> Tuple[float, ...]:
    """Odd coefficients with those of a beam tilt t added, whose phase is −2π Cs λ² k² (t·k).

    Parameters
    ----------
    coefficients : sequence of float
    tilt_x_mrad, tilt_y_mrad, cs_mm, voltage_kv : float
    """
    if tilt_x_mrad == tilt_y_mrad == 0:
        return tuple(coefficients)
    values = np.zeros(max(6, len(coefficients)))
    values[: len(coefficients)] = coefficients
    scale = -2 * np.pi * cs_mm * 1e7 * electron_wavelength(voltage_kv) ** 2 * 1e-3
    # k³ cos φ is a third of the polynomial (1, 3) and two thirds of (1, 1)
    for tilt, linear, cubic in ((tilt_x_mrad, 1, 4), (tilt_y_mrad, 0, 3)):
        values[linear] += scale * tilt * 2 / 3
        values[cubic] += scale * tilt / 3
    return tuple(values.tolist())


def _sum(
    coefficients: Sequence[float], order_of: Callable[[int], Tuple[int, int]], kx: np.ndarray, ky: np.ndarray
) -> np.ndarray:
    return sum(
        (value * zernike(*order_of(index), kx, ky) for index, value in enumerate(coefficients) if value), np.zeros(len(kx))
    )
