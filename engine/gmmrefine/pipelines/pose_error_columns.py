"""Columns of a particle file that tell how well each pose is known, and which poses ran away."""

import numpy as np
from scipy.stats import chi2

from gmmrefine.alignment.pose_covariance import errors_of, from_upper_triangle, upper_triangle
from gmmrefine.geometry.rotations import rotation_vectors
from gmmrefine.io.pose_error_labels import COVARIANCE, ERRORS, RAN_AWAY

_RARE = 1e-6  # one particle in a million would go so far by chance


def covariance_columns(covariance):
    """The columns of covariances (N, 5, 5) in rad and Å, dict of label to (N,)."""
    return {**dict(zip(ERRORS, errors_of(covariance).T)), **dict(zip(COVARIANCE, upper_triangle(covariance).T))}


def covariance_of(particles):
    """Covariances (N, 5, 5) in rad and Å that the table of a particle set has; None where it has none."""
    table = particles.table
    if table is None or any(label not in table.particles for label in COVARIANCE):
        return None
    block = table.particles
    numbers = np.stack([block.numbers(label)[particles.row] for label in COVARIANCE], axis=1)
    return from_upper_triangle(numbers)


def pose_changes(poses, starts):
    """Rotation vectors (rad) and shifts (Å), together (N, 5), from start poses to poses: pairs of (N, 3, 3) and (N, 2)."""
    turned = np.einsum("bij,bkj->bik", poses[0], starts[0])
    return np.concatenate([rotation_vectors(turned), poses[1] - starts[1]], axis=1)


def ran_away(changes, covariance):
    """Which poses went farther than those of other particles and their own error let expect.

    Parameters
    ----------
    changes : (N, 5) float
        From the start, of one half set, rad and Å.
    covariance : (N, 5, 5) float
        Of the errors of the poses.

    Returns
    -------
    (N,) bool
    """
    found = np.zeros(len(changes), bool)
    for part in (slice(0, 3), slice(3, 5)):
        change = changes[:, part]
        size = change.shape[1]
        # most particles tell how far is usual, however far a few went
        usual = np.median(np.sum(change**2, axis=1)) / chi2.median(size)
        expected = covariance[:, part, part] + (usual + np.finfo(float).tiny) * np.eye(size)
        distance = np.einsum("bi,bi->b", change, np.linalg.solve(expected, change[..., None])[..., 0])
        found |= distance > chi2.isf(_RARE, size)
    return found


def far_from_start(half, start):
    """``ran_away`` of one half set, a HalfState, that began at the poses of ``start``, a ParticleSet; (N,) bool."""
    poses = half.particles.rotations, half.particles.shifts
    return ran_away(pose_changes(poses, (start.rotations, start.shifts)), half.covariance)


def error_summary(columns, progress):
    """Rms errors of poses for run.json, by their columns, and how many ran away, which is said; empty without errors."""
    if RAN_AWAY not in columns:
        return {}
    rotation, shift = (round(float(np.sqrt(np.mean(columns[label] ** 2))), 4) for label in ERRORS)
    count, of = int(columns[RAN_AWAY].sum()), len(columns[RAN_AWAY])
    if count:
        progress.note(
            "ran away",
            f"{count} of {of} poses ({100 * count / of:.2g} %) went farther from their start than the others and "
            f"their own errors let expect (column {RAN_AWAY}). Look at these images, or leave them out",
        )
    return {"pose_errors": {"rotation_rms_deg": rotation, "shift_rms": shift, "ran_away": count}}
