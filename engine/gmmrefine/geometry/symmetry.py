"""Point groups: the rotations that leave a molecule as it is, and what they mean for a grid and for a frame."""

import re
from typing import List

import numpy as np
from scipy.spatial.transform import Rotation

from gmmrefine.errors import InputError
from gmmrefine.settings import POINT_GROUP

ASYMMETRIC = np.eye(3)[None]  # the operators of C1
_NAME = re.compile(POINT_GROUP)
_GOLDEN = (1 + np.sqrt(5)) / 2
_FIVEFOLD, _THREEFOLD = np.degrees(np.arctan([1 / _GOLDEN, 1 / _GOLDEN**2]))  # from a two-fold axis of I to axes beside it


def _about(axis: str, degrees: float) -> Rotation:
    return Rotation.from_euler(axis, degrees, degrees=True)


# What turns SciPy's groups into the named frames. SciPy has two-fold axes of T and I along x y z, and its I is RELION's I1.
_T = Rotation.align_vectors([[0, 0, 1], [0, 2**0.5, 1]], [[1, 1, 1], [0, 0, 3**0.5]])[0]  # a three-fold axis to z
_I1, _I2 = Rotation.identity(), _about("z", 90)
_FRAMES = {
    "T": _T,
    "TZ3": _T,
    "TZ3R": _about("z", 180) * _T,
    "T222": Rotation.identity(),
    "I": _I2,
    "I1": _I1,
    "I2": _I2,
    "I3": _about("y", -_FIVEFOLD) * _I2,
    "I4": _about("y", _FIVEFOLD) * _I2,
    "I222": _I1,
    "I222R": _I2,
    "IN25": _about("y", -_FIVEFOLD) * _I2,
    "IN25R": _about("y", _FIVEFOLD) * _I2,
    "I2N5": _about("x", -_FIVEFOLD) * _I1,
    "I2N5R": _about("x", _FIVEFOLD) * _I1,
    "I2N3": _about("x", _THREEFOLD) * _I2,
    "I2N3R": _about("x", -_THREEFOLD) * _I2,
}


def point_group(name: str) -> np.ndarray:
    """Rotations of a point group in the frame that its name tells.

    Parameters
    ----------
    name : str
        Cn, Dn (n up to 99), T, O or I as in RELION. The n-fold axis of Cn and Dn lies along z and a two-fold axis of Dn along
        x. T has a three-fold axis along z and a two-fold one in the y-z plane; O has its four-fold axes along x, y and z; I has
        two-fold axes along x, y and z and five-fold ones in the x-z plane, which RELION calls I or I2. Other frames: RELION's
        I1, I3 and I4; DYn with a two-fold axis along y, cryoSPARC's Dn; and Scipion's names (CONVENTIONS.md, "Symmetry").

    Returns
    -------
    (n, 3, 3) float
        The identity first, then by angle. The molecule at S x is that at x, for column vectors x y z from the box centre.

    Raises
    ------
    InputError
        Not one of these names.
    """
    text = point_group_name(name)
    axes = _about("z", 90) if text.startswith("DY") else _FRAMES.get(text, Rotation.identity())
    kind = text.replace("Y", "") if text[0] in "CD" else text[0]
    rotations = axes * Rotation.create_group(kind, axis="Z") * axes.inv()
    matrices = rotations[np.argsort(np.round(rotations.magnitude(), 6), kind="stable")].as_matrix()
    whole = np.rint(matrices)
    return np.where(np.abs(matrices - whole) < 1e-9, whole, matrices) + 0.0


def point_group_name(name: str) -> str:
    """The name of a point group in capitals, DXn as Dn, which it is.

    Raises
    ------
    InputError
        Not the name of one.
    """
    text = name.strip().upper()
    if not _NAME.fullmatch(text):
        raise InputError(
            f"--symmetry {name}: not a point group; expected Cn, Dn, T, O or I (RELION's I2), e.g. C3. RELION's I1 to "
            "I4, cryoSPARC's Dyn and Scipion's names are known too."
        )
    return text.replace("X", "")


def cryosparc_name(name: str) -> str:
    """The name here of what cryoSPARC calls ``name``: its Dn has a two-fold axis along y, which differs where n is odd.

    RELION and cryoSPARC agree on Cn, T, O, I1 and I2.
    """
    text = name.strip().upper()
    order = text[1:]
    return f"DY{order}" if text[:1] == "D" and order.isdecimal() and int(order) % 2 else text


def free_directions(operators: np.ndarray) -> np.ndarray:
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


def grid_operators(operators: np.ndarray) -> np.ndarray:
    """Those operators (m, 3, 3) of a group (n, 3, 3) that take a cubic grid onto itself; a group again."""
    return operators[np.all(operators == np.rint(operators), axis=(1, 2))]


def coset_representatives(operators: np.ndarray, subgroup: np.ndarray) -> np.ndarray:
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
    chosen: List[np.ndarray] = []
    for operator in operators:
        same = np.swapaxes(operator @ subgroup, 1, 2)  # the inverses of R H
        if not any(np.allclose(earlier @ inverse, np.eye(3), atol=1e-6) for earlier in chosen for inverse in same):
            chosen.append(operator)
    return np.array(chosen)
