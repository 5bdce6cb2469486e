"""Keeps the frame of a half set where it was, so that two halves refined apart do not drift apart."""
import numpy as np

from gmmrefine.geometry.rotations import common_rotation, rotation_vectors, rotations_from_vectors
from gmmrefine.geometry.symmetry import free_directions

_FEWEST_PARTICLES = 20  # of fewer, their own errors would be taken for the frame's
_ASYMMETRIC = np.eye(3)[None]


def anchored(rotations, shifts, start_rotations, start_shifts, operators=_ASYMMETRIC):
    """Poses in the frame that best agrees with the start poses.

    A reference turned and moved as a whole, with all poses turned and moved against it, explains the images equally well;
    this chooses the frame for which the mean change from the start is none.

    Parameters
    ----------
    rotations, start_rotations : (N, 3, 3) float
        Reference → particle.
    shifts, start_shifts : (N, 2) float
        Å.
    operators : (n, 3, 3) float
        Point group of the reference. Its axes stay where they are: the frame of Cn turns about z and moves along z only, that
        of the higher groups not at all.

    Returns
    -------
    tuple
        rotations (N, 3, 3), shifts (N, 2) in Å.
    """
    if len(shifts) < _FEWEST_PARTICLES:
        return rotations, shifts
    free = free_directions(operators)
    turn = rotation_vectors(common_rotation(rotations, start_rotations)[None])
    turned = rotations @ rotations_from_vectors(turn @ free)
    # moving the reference by d moves a particle's image by the first two rows of its rotation times d
    design = turned[:, :2].reshape(-1, 3) @ free
    move = np.linalg.lstsq(design, (shifts - start_shifts).ravel(), rcond=None)[0]
    return turned, shifts - (design @ move).reshape(-1, 2)


def left_free(frame, operators):
    """The part of a change of frame that takes no symmetry axis with it.

    Parameters
    ----------
    frame : (6,) float
        Rotation vector in radians, x y z, and move in Å, x y z.
    operators : (n, 3, 3) float
        Point group of the reference.

    Returns
    -------
    (6,) float
        All of it for C1, the parts about and along z for Cn, nothing for the higher groups.
    """
    return (frame.reshape(2, 3) @ free_directions(operators)).ravel()
