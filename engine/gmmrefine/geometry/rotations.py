"""Rotations in RELION's convention, and distances between them."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation


def rotations_from_euler(euler_deg: ArrayLike) -> np.ndarray:
    """Rotation matrices of RELION Euler angles.

    Parameters
    ----------
    euler_deg : (N, 3) float
        rlnAngleRot, rlnAngleTilt, rlnAnglePsi in degrees (ZYZ).

    Returns
    -------
    (N, 3, 3) float
        Reference → particle; equal to ``scipy Rotation.from_euler('ZYZ', …).inv()``.
    """
    rot, tilt, psi = np.radians(np.asarray(euler_deg, float)).T
    ca, sa, cb, sb, cg, sg = np.cos(rot), np.sin(rot), np.cos(tilt), np.sin(tilt), np.cos(psi), np.sin(psi)
    rows = [
        [cg * cb * ca - sg * sa, cg * cb * sa + sg * ca, -cg * sb],
        [-sg * cb * ca - cg * sa, -sg * cb * sa + cg * ca, sg * sb],
        [sb * ca, sb * sa, cb],
    ]
    return np.moveaxis(np.array(rows), -1, 0)


def euler_from_rotations(rotations: ArrayLike) -> np.ndarray:
    """RELION Euler angles (rot, tilt, psi) of rotation matrices.

    Parameters
    ----------
    rotations : (N, 3, 3) float
        Reference → particle.

    Returns
    -------
    (N, 3) float
        Degrees; rot and psi in (-180, 180], tilt in [0, 180]. Where tilt is 0 or 180 only psi ± rot is defined and rot is 0.
    """
    a = np.asarray(rotations, float)
    sin_tilt = np.hypot(a[:, 2, 0], a[:, 2, 1])
    tilt = np.arctan2(sin_tilt, a[:, 2, 2])
    pole = sin_tilt < 1e-9
    rot = np.where(pole, 0.0, np.arctan2(a[:, 2, 1], a[:, 2, 0]))
    psi_at_pole = np.arctan2(-a[:, 1, 0] * np.sign(a[:, 2, 2]), a[:, 0, 0] * np.sign(a[:, 2, 2]))
    psi = np.where(pole, psi_at_pole, np.arctan2(a[:, 1, 2], -a[:, 0, 2]))
    return np.degrees(np.stack([rot, tilt, psi], axis=1))


def rotations_from_vectors(vectors: np.ndarray) -> np.ndarray:
    """Rotation matrices (N, 3, 3) of rotation vectors (N, 3) in radians."""
    return Rotation.from_rotvec(vectors).as_matrix()


def rotation_vectors(rotations: np.ndarray) -> np.ndarray:
    """Rotation vectors (N, 3) in radians of rotation matrices (N, 3, 3)."""
    return Rotation.from_matrix(rotations).as_rotvec()


def angular_distance_deg(rotations_a: np.ndarray, rotations_b: np.ndarray) -> np.ndarray:
    """Angle in degrees (N,) between two sets of rotations (N, 3, 3)."""
    relative = np.einsum("nij,nkj->nik", rotations_a, rotations_b)
    return np.degrees(np.linalg.norm(rotation_vectors(relative), axis=1))


def random_rotations(count: int, rng: np.random.Generator) -> np.ndarray:
    """Uniformly distributed rotation matrices (count, 3, 3) from a NumPy generator."""
    return Rotation.random(count, random_state=np.random.RandomState(rng.integers(2**31))).as_matrix()


def common_rotation(rotations_from: np.ndarray, rotations_to: np.ndarray) -> np.ndarray:
    """The one frame rotation that best maps a set of orientations onto another.

    Parameters
    ----------
    rotations_from, rotations_to : (N, 3, 3) float
        Reference → particle.

    Returns
    -------
    (3, 3) float
        G for which ``rotations_from @ G`` is closest to ``rotations_to`` in the least-squares sense (orthogonal Procrustes).
    """
    u, _, vt = np.linalg.svd(np.einsum("nji,njk->ik", rotations_from, rotations_to))
    return u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
