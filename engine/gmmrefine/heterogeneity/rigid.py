"""The rigid motion nearest to what a region does."""

import numpy as np

from gmmrefine.geometry.rotations import rotations_from_vectors

_STEPS = 3
_LEAST_TURN = 1e-9  # keeps a region of one point from being singular


def rigid_motions(points, displacements, weights):
    """Weighted Procrustes: rotations and moves x → S x + t that bring points nearest to where they were displaced.

    Parameters
    ----------
    points : (G, 3) float
        Å.
    displacements : (B, G, 3) float
        Å.
    weights : (G,) float

    Returns
    -------
    tuple
        rotations (B, 3, 3), moves (B, 3) in Å.
    """
    weights = weights / weights.sum()
    middle, mean = weights @ points, np.einsum("g,bgi->bi", weights, displacements)
    centered = points - middle
    covariance = np.einsum("g,bgi,gj->bij", weights, centered + displacements - mean[:, None], centered)
    left, _, right = np.linalg.svd(covariance)
    left[:, :, 2] *= np.sign(np.linalg.det(left @ right))[:, None]
    turn = left @ right
    return turn, middle + mean - turn @ middle


def poses_of_motions(rotations, shifts, turns, moves):
    """Poses that put the resting region where a pose puts the moved one: R S, s - (R t)[:2].

    Parameters
    ----------
    rotations : (B, 3, 3) float
        Reference → particle.
    shifts : (B, 2) float
        Å.
    turns : (B, 3, 3) float
    moves : (B, 3) float
        Å.
    """
    return rotations @ turns, shifts - np.einsum("bij,bj->bi", rotations[:, :2], moves)


def nearest_in_projection(points, displacements, weights, rotations, shifts, start_rotations, start_shifts):
    """Poses that bring the projected resting region nearest to the projection of the displaced one, and the rms distance.

    Gauss-Newton from start poses. Chen et al. 2023, "Conformation to pose conversion", with the neutral GMM at the new pose and
    the conformation at the present one, as their program has it.

    Parameters
    ----------
    points : (G, 3) float
        Å, neutral.
    displacements : (B, G, 3) float
        Å.
    weights : (G,) float
    rotations : (B, 3, 3) float
        Present poses, reference → particle.
    shifts : (B, 2) float
        Present shifts, Å.
    start_rotations, start_shifts : (B, 3, 3), (B, 2) float
        Where to begin.

    Returns
    -------
    tuple
        rotations (B, 3, 3), shifts (B, 2) in Å, rms distance (B,) in Å.
    """
    weights = weights / weights.sum()
    wanted = np.einsum("bij,bgj->bgi", rotations[:, :2], points + displacements) - shifts[:, None]
    found, moved = start_rotations.copy(), start_shifts.copy()
    for _ in range(_STEPS):
        x, y, z = np.moveaxis(np.einsum("bij,gj->bgi", found, points), 2, 0)
        zero, one = np.zeros_like(x), np.ones_like(x)
        # slopes of the projected place in a turn of the image frame and in the shift
        slopes = np.stack(
            [np.stack([zero, z, -y, -one, zero], axis=2), np.stack([-z, zero, x, zero, -one], axis=2)], axis=2
        )  # (B, G, 2, 5)
        residual = wanted - (np.stack([x, y], axis=2) - moved[:, None])
        normal = np.einsum("g,bgai,bgaj->bij", weights, slopes, slopes) + _LEAST_TURN * np.eye(5)
        step = np.linalg.solve(normal, np.einsum("g,bgai,bga->bi", weights, slopes, residual)[..., None])[..., 0]
        found, moved = rotations_from_vectors(step[:, :3]) @ found, moved + step[:, 3:]
    left = wanted - (np.einsum("bij,gj->bgi", found[:, :2], points) - moved[:, None])
    return found, moved, np.sqrt(np.einsum("g,bga,bga->b", weights, left, left))
