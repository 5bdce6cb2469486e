"""Low-pass filters of maps."""

import numpy as np
from scipy import fft

from gmmrefine.fourier.shells import shell_index
from gmmrefine.threads import thread_count

_SOFT_SHELLS = 2


def low_pass(volume: np.ndarray, radius: float) -> np.ndarray:
    """A map without signal beyond a shell, with a short cosine fall-off so that nothing rings.

    Parameters
    ----------
    volume : (Z, Y, X) float
    radius : float
        Shell index of half height.

    Returns
    -------
    (Z, Y, X) float32
    """
    return scale_shells(volume, fall_off(shell_index(len(volume)), radius))


def fall_off(shells: np.ndarray, radius: float) -> np.ndarray:
    """What ``low_pass`` multiplies shells (...,) by: 1 below ``radius``, half at it, 0 beyond."""
    ramp = np.clip((shells - radius) / (2 * _SOFT_SHELLS) + 0.5, 0, 1)
    return 0.5 + 0.5 * np.cos(np.pi * ramp)


def scale_shells(volume: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """A map whose transform is multiplied by ``factor``, (S,) by shell or (Z, Y, F) by voxel; (Z, Y, X) float32."""
    if factor.ndim == 1:
        factor = factor[np.minimum(shell_index(len(volume)), len(factor) - 1)]
    spectrum = fft.rfftn(volume, workers=thread_count()) * factor
    return fft.irfftn(spectrum, s=volume.shape, workers=thread_count()).astype(np.float32)


def randomise_phases(volume: np.ndarray, radius: int, rng: np.random.Generator) -> np.ndarray:
    """A map with the amplitudes of another and random phases beyond a shell (Chen et al. 2013, Ultramicroscopy 135, 24).

    Parameters
    ----------
    volume : (Z, Y, X) float
    radius : int
        Last shell that keeps its phases.
    rng : numpy.random.Generator

    Returns
    -------
    (Z, Y, X) float32
    """
    spectrum = fft.rfftn(volume, workers=thread_count())
    # phases of white noise have the symmetry of a real map
    noise = fft.rfftn(rng.standard_normal(volume.shape, np.float32), workers=thread_count())
    random = np.abs(spectrum) * np.exp(1j * np.angle(noise))
    spectrum = np.where(shell_index(len(volume)) > radius, random, spectrum)
    return fft.irfftn(spectrum, s=volume.shape, workers=thread_count()).astype(np.float32)
