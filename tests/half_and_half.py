"""Half maps of even noise in which each side of the molecule has a resolution of its own, made in memory."""

import numpy as np

from gmmrefine.fourier.shells import shell_sums
from gmmrefine.maps.filter import scale_shells

_STEEPNESS = 8  # of the fall of signal over noise with frequency
_HIGHEST_SNR = 50.0


def globule(box_size, pixel_size, rng, radius=0.36):
    """Atoms scattered in a ball and the soft mask around it, (Z, Y, X) float32 each; ``radius`` in box sides."""
    axis = (np.arange(box_size) - box_size // 2) * pixel_size
    distance = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    reach = radius * box_size * pixel_size
    atoms = (rng.random((box_size,) * 3) < 0.02 * pixel_size**3) & (distance < reach)
    return atoms.astype(np.float32), np.clip((reach + 6 - distance) / 6, 0, 1).astype(np.float32)


def signal_of_resolution(molecule, mask, pixel_size, resolution, threshold=0.143):
    """A molecule (Z, Y, X) so filtered that half maps with noise of variance 1 have FSC ``threshold`` at ``resolution`` Å.

    The FSC is SNR / (1 + SNR), the SNR inside the mask proportional to frequency to the power -8.
    """
    n = len(molecule)
    count = shell_sums(np.ones((n, n, n // 2 + 1)), n)
    power = shell_sums(np.abs(np.fft.rfftn(molecule)) ** 2, n) / count / np.mean(mask)  # as if it filled the box
    frequency = np.maximum(np.arange(n // 2 + 1), 1) / (n * pixel_size)
    snr = np.minimum(threshold / (1 - threshold) * (frequency * resolution) ** -_STEEPNESS, _HIGHEST_SNR)
    return scale_shells(molecule, np.sqrt(snr * n**3 / power))


def half_and_half(molecule, mask, pixel_size, resolutions, rng, soft=6.0):
    """Two half maps (Z, Y, X) with one resolution (Å) where x is below the middle, and another where it is above.

    Parameters
    ----------
    soft : float
        Å between the sides.
    """
    x = (np.arange(len(molecule)) - len(molecule) // 2) * pixel_size
    right = np.clip(x / soft + 0.5, 0, 1).astype(np.float32)
    one, other = (signal_of_resolution(molecule, mask, pixel_size, each) for each in resolutions)
    signal = (1 - right) * one + right * other
    return [signal + rng.standard_normal(signal.shape, np.float32) for _ in range(2)]
