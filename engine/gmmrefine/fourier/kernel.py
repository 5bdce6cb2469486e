"""The interpolation kernel of Fourier slices, exp(β(√(1 − (2u/w)²) − 1)), and its transform (Barnett et al. 2019, FINUFFT)."""
from typing import Tuple

import numpy as np
from numpy.typing import ArrayLike

WIDTH = 4


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
        position: ArrayLike, beta: float, grid_size: float, width: int = WIDTH) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
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
    nodes, weights = np.polynomial.legendre.leggauss(64)
    u = nodes * width / 2
    weights = weights * width / 2 * np.exp(beta * (np.sqrt(1 - nodes**2) - 1))
    a = 2 * np.pi * u / grid_size
    phase = np.multiply.outer(np.asarray(position, float), a)
    value = np.cos(phase) @ weights
    slope = -np.sin(phase) @ (weights * a) / value
    curvature = -np.cos(phase) @ (weights * a**2) / value - slope**2
    return np.log(value), slope, curvature
