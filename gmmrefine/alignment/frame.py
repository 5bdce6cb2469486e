"""Keeps the frame of a half set where it was, so that two halves refined apart do not drift apart."""
import numpy as np

from gmmrefine.geometry.rotations import common_rotation

_FEWEST_PARTICLES = 20  # of fewer, their own errors would be taken for the frame's


def anchored(rotations, shifts, start_rotations, start_shifts):
    """Poses in the frame that best agrees with the start poses.

    A reference turned and moved as a whole, with all poses turned and moved against it, explains the images equally well;
    this chooses the frame for which the mean change from the start is none.

    Parameters
    ----------
    rotations, start_rotations : (N, 3, 3) float
        Reference → particle.
    shifts, start_shifts : (N, 2) float
        Å.

    Returns
    -------
    tuple
        rotations (N, 3, 3), shifts (N, 2) in Å.
    """
    if len(shifts) < _FEWEST_PARTICLES:
        return rotations, shifts
    turned = rotations @ common_rotation(rotations, start_rotations)
    # moving the reference by d moves a particle's image by the first two rows of its rotation times d
    design = turned[:, :2].reshape(-1, 3)
    move = np.linalg.lstsq(design, (shifts - start_shifts).ravel(), rcond=None)[0]
    return turned, shifts - (design @ move).reshape(-1, 2)
