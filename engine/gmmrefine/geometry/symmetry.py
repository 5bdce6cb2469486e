"""Point groups: the rotations that leave a molecule as it is, and what they mean for a grid and for a frame."""
import re

import numpy as np
from scipy.spatial.transform import Rotation

from gmmrefine.errors import InputError

ASYMMETRIC = np.eye(3)[None]  # the operators of C1
_NAME = re.compile(r"[CD][1-9]\d?|[TOI]")
# SciPy has two-fold axes of T along x y z, and those of I as RELION's I1; RELION's T has a three-fold axis along z
_RELION_AXES = {
    "T": Rotation.align_vectors([[0, 0, 1], [0, np.sqrt(2 / 3), np.sqrt(1 / 3)]], [np.full(3, np.sqrt(1 / 3)), [0, 0, 1]])[0],
    "I": Rotation.from_rotvec([0, 0, np.pi / 2])}


def point_group(name):
    """Rotations of a point group, axes as in RELION.

    Parameters
    ----------
    name : str
        Cn, Dn (n up to 99), T, O or I. The n-fold axis of Cn and Dn lies along z and a two-fold axis of Dn along x. T has a
        three-fold axis along z and a two-fold one in the y-z plane; O has its four-fold axes along x, y and z; I has
        two-fold axes along x, y and z and five-fold ones in the x-z plane, which RELION calls I or I2.

    Returns
    -------
    (n, 3, 3) float
        The identity first, then by angle. The molecule at S x is that at x, for column vectors x y z from the box centre.

    Raises
    ------
    InputError
        Not one of these names.
    """
    text = name.strip().upper()
    if not _NAME.fullmatch(text):
        raise InputError(f"--symmetry {name}: not a point group; expected Cn, Dn, T, O or I (RELION's I2), e.g. C3.")
    axes = _RELION_AXES.get(text, Rotation.identity())
    rotations = axes * Rotation.create_group(text, axis="Z") * axes.inv()
    matrices = rotations[np.argsort(np.round(rotations.magnitude(), 6), kind="stable")].as_matrix()
    whole = np.rint(matrices)
    return np.where(np.abs(matrices - whole) < 1e-9, whole, matrices) + 0.0


def free_directions(operators):
    """The part of a vector that all operators leave as it is, as a projection.

    A frame may be turned about such a vector, or moved along it, without taking the symmetry axes with it: any for C1, z for
    Cn, none for the others.

    Parameters
    ----------
    operators : (n, 3, 3) float
        A whole group.

    Returns
    -------
    (3, 3) float
        Multiplies column vectors x y z.
    """
    return operators.mean(axis=0)


def grid_operators(operators):
    """Those operators (m, 3, 3) of a group (n, 3, 3) that take a cubic grid onto itself; a group again."""
    return operators[np.all(operators == np.rint(operators), axis=(1, 2))]


def coset_representatives(operators, subgroup):
    """Operators R, the identity first, for which the products R H with a subgroup's H give each of a group's once.

    Parameters
    ----------
    operators : (n, 3, 3) float
        Group, the identity first.
    subgroup : (m, 3, 3) float

    Returns
    -------
    (n / m, 3, 3) float
    """
    chosen = []
    for operator in operators:
        same = np.swapaxes(operator @ subgroup, 1, 2)  # the inverses of R H
        if not any(np.allclose(earlier @ inverse, np.eye(3), atol=1e-6) for earlier in chosen for inverse in same):
            chosen.append(operator)
    return np.array(chosen)
