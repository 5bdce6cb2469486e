# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Poses of single particles: Scipion's projection transform and RELION's angles and origins."""

import numpy as np
from pwem.convert.transformations import euler_from_matrix, euler_matrix


def transformFromRelion(rot, tilt, psi, originX, originY):
    """Scipion's transform of a particle with projection alignment.

    Parameters
    ----------
    rot, tilt, psi : float
        RELION's ZYZ angles in degrees.
    originX, originY : float
        RELION's rlnOrigin in px (Å divided by the sampling rate).

    Returns
    -------
    (4, 4) float
        Inverse of [A | -origin], where A maps centred volume voxels x y z to image pixels.
    """
    matrix = euler_matrix(*-np.radians([rot, tilt, psi]), "szyz")
    matrix[:2, 3] = -originX, -originY
    return np.linalg.inv(matrix)


def relionFromTransform(matrix):
    """RELION's angles and origin of a particle with projection alignment.

    Parameters
    ----------
    matrix : (4, 4) float
        Scipion's transform.

    Returns
    -------
    tuple of float
        rot, tilt, psi in degrees; x, y of rlnOrigin in px.
    """
    inverse = np.linalg.inv(matrix)
    rot, tilt, psi = -np.degrees(euler_from_matrix(inverse, "szyz"))
    return rot, tilt, psi, -inverse[0, 3], -inverse[1, 3]
