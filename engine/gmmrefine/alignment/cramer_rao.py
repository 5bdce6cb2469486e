"""The smallest pose error that images of known signal and noise allow."""

import numpy as np


def cramer_rao_bound(information):
    """Rms bounds of rotation and shift over a set of particles.

    Parameters
    ----------
    information : (N, 5, 5) float
        Fisher information at the true poses, of the true model, in rad and Å.

    Returns
    -------
    tuple of float
        Rms rotation angle in degrees, rms shift length in Å, of an efficient unbiased estimator (Cramér 1946, Rao 1945).
    """
    variance = np.einsum("nii->ni", np.linalg.inv(information)).mean(axis=0)
    return float(np.degrees(np.sqrt(variance[:3].sum()))), float(np.sqrt(variance[3:].sum()))
