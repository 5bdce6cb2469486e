"""The interpolation kernel of Fourier slices, exp(β(√(1 − (2u/w)²) − 1)), and its transform (Barnett et al. 2019, FINUFFT)."""

from typing import Tuple

import numpy as np
from numpy.typing import ArrayLike

WIDTH = 4
_DEGREE = 7  # errors of 1e-6
_SMALLEST = 3.0  # oversampling; slopes of smaller objects are no better


def kernel_beta(oversampling: float, width: int = WIDTH) -> float:
    """Shape parameter for a grid that is ``oversampling`` times finer than the object needs.

    Parameters
    ----------
    oversampling : float
    width : int
        Grid values per axis that the kernel reaches.
    """
    return 0.97 * np.pi * width * (1 - 1 / (2 * min(oversampling, 2.2)))


def log_transform(
    position: ArrayLike, beta: float, grid_size: float, width: int = WIDTH
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logarithm of the kernel's transform and its first two derivatives.

    Parameters
    ----------
    position : (...,) float
        Real-space coordinate in px from the centre.
    grid_size : float
        Px in one period: the Fourier grid step is 1 / grid_size cycles per px.
    beta : float
        Of ``kernel_beta``.
    width : int
        Grid values per axis that the kernel reaches.

    Returns
    -------
    tuple of three (...,) float
        ln φ, its slope per px and its curvature per px².
    """
    nodes, weights = (part[32:] for part in np.polynomial.legendre.leggauss(64))  # the kernel is even
    u = nodes * width / 2
    weights = weights * width * np.exp(beta * (np.sqrt(1 - nodes**2) - 1))
    a = 2 * np.pi * u / grid_size
    phase = np.multiply.outer(np.asarray(position, float), a)
    value = np.cos(phase) @ weights
    slope = -np.sin(phase) @ (weights * a) / value
    curvature = -np.cos(phase) @ (weights * a**2) / value - slope**2
    return np.log(value), slope, curvature


def slope_polynomials(beta: float, oversampling: float, width: int = WIDTH) -> np.ndarray:
    """Weights of the cells about a sample that give the slope of a slice, by least squares over the object.

    The slope of the kernel itself would do, but it has no end at the last cell and leaves a larger error.

    Parameters
    ----------
    beta : float
        Of the kernel that the grid's values were divided by.
    oversampling : float
        How many times the object fits into a period of the grid.

    Returns
    -------
    (width, 8) float
        For every cell the coefficients of 1, t, … t⁷; t from -1 to 1 on the way from the cell before the sample to that after.
    """
    nodes, weights = np.polynomial.legendre.leggauss(48)
    position = nodes / (2 * min(oversampling, _SMALLEST))  # periods; a ball's points lie mostly near its middle
    root = np.sqrt(weights * (1 - nodes**2))
    way = np.cos(np.pi * (np.arange(24) + 0.5) / 24)
    divided = root / np.exp(log_transform(position, beta, 1.0)[0])
    goal = np.concatenate([np.zeros(len(nodes)), -2 * np.pi * position * root])
    found = []
    for part in (way + 1) / 2:
        angle = 2 * np.pi * np.multiply.outer(position, np.arange(width) - (width // 2 - 1) - part)
        waves = np.concatenate([divided[:, None] * np.cos(angle), -divided[:, None] * np.sin(angle)])
        found.append(np.linalg.lstsq(waves, goal, rcond=None)[0])
    return np.polynomial.polynomial.polyfit(way, np.array(found), _DEGREE).T
