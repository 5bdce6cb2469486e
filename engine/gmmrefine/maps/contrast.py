"""Is the molecule bright or dark in a map? Told by the map itself, without a mask, which would look for something bright."""

from typing import Tuple

import numpy as np
from scipy import fft

from gmmrefine.fourier.shells import shell_index
from gmmrefine.threads import thread_count

_FINEST = 20.0  # Å; coarser than secondary structure, where signal outweighs noise
_MOST_SHELLS = 32
_TRIALS = 40  # maps of the same spectrum without any molecule


def contrast(volume: np.ndarray, pixel_size: float, rng: np.random.Generator) -> float:
    """How clearly a molecule in a map is bright (positive) or dark (negative), in standard deviations of maps without any.

    A molecule is compact and stands out from the solvent: the third moment of the low-passed density about the level in the
    corners of the box has its sign, however large the molecule is and whatever surrounds it less strongly (a micelle, the halo
    of missing low frequencies), and that of noise is 0 on average. Its deviation is measured on maps of the same power
    spectrum, sample by sample, and random phases.

    Parameters
    ----------
    volume : (Z, Y, X) float
        Unfiltered.
    pixel_size : float
        Å/px.
    rng : numpy.random.Generator
    """
    transform, grid = _coarse(volume, pixel_size)
    axis = np.arange(grid) - grid // 2
    radius = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2) / (grid / 2)
    sphere, corners = radius < 1, radius > 1
    amplitudes, found = np.abs(transform), _asymmetry(transform, sphere, corners)
    without = np.array(
        [_asymmetry(amplitudes * _phases(fft.rfftn(rng.normal(size=(grid,) * 3))), sphere, corners) for _ in range(_TRIALS)]
    )
    deviation = np.sqrt(np.mean(without**2))
    return float(found / deviation) if deviation > 0 else 0.0


def _coarse(volume: np.ndarray, pixel_size: float) -> Tuple[np.ndarray, int]:
    """Transform (Z, Y, F) of a map to a few shells, on a grid three times as fine, and the side of that grid."""
    n = len(volume)
    shells = int(min(n * pixel_size / _FINEST, _MOST_SHELLS, n // 2 - 1))
    grid = min(n, max(16, 2 * fft.next_fast_len(int(np.ceil(1.5 * shells)), real=True)))
    index = np.fft.fftfreq(grid, 1 / grid).astype(int) % n
    # the molecule stays in the middle of the box: its phase origin moves with the grid
    transform = fft.rfftn(fft.ifftshift(volume), workers=thread_count())[np.ix_(index, index, np.arange(grid // 2 + 1))]
    shell = shell_index(grid)
    transform[shell > shells] = 0
    # by the root of the frequency: the lowest shells, which are strongest, do not outweigh all others
    return transform * np.sqrt(shell), grid


def _asymmetry(transform: np.ndarray, sphere: np.ndarray, corners: np.ndarray) -> float:
    """Third moment over the second to the power 3/2, about the solvent's level, within a sphere."""
    volume = fft.fftshift(fft.irfftn(transform, s=sphere.shape, workers=thread_count()))
    apart = volume[sphere] - np.median(volume[corners])
    power = np.mean(apart**2)
    return np.mean(apart**3) / power**1.5 if power > 0 else 0.0


def _phases(transform: np.ndarray) -> np.ndarray:
    return transform / np.maximum(np.abs(transform), 1e-20)
