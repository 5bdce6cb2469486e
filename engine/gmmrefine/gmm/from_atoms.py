"""A GMM with one Gaussian per atom."""

import numpy as np

from gmmrefine.gmm.model import Gmm

_ELECTRON_CLOUD = 0.35  # Å; keeps atoms without B factor from being points


def gmm_from_atoms(positions, atomic_numbers, b_factors):
    """Atoms as Gaussians, mass proportional to the atomic number and width from the B factor.

    Parameters
    ----------
    positions : (A, 3) float
        Å, x y z from the box centre.
    atomic_numbers : (A,) int
    b_factors : (A,) float
        Å²; σ² = B / 8π² is added to the size of the atom's own cloud.
    """
    widths = np.sqrt(_ELECTRON_CLOUD**2 + np.maximum(b_factors, 0) / (8 * np.pi**2))
    masses = np.asarray(atomic_numbers, float)
    return Gmm(np.asarray(positions, float), masses / (widths * np.sqrt(2 * np.pi)) ** 3, widths)


def randomised(gmm, distance, rng):
    """The same Gaussians, each centre moved in a random direction by a Gaussian distance of rms ``distance`` Å."""
    moves = rng.normal(0, distance / np.sqrt(3), gmm.centers.shape)
    return Gmm(gmm.centers + moves, gmm.amplitudes, gmm.widths)
