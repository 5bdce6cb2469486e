"""Damped Gauss-Newton steps (Fisher scoring) of poses, and the stages of a frequency march."""

from dataclasses import dataclass

import numpy as np

from gmmrefine.geometry.rotations import rotation_vectors, rotations_from_vectors

LOWEST_RING = 2
_LONGEST_STEP = np.radians(5.0), 4.0  # rad and Å: beyond, the quadratic picture does not hold


@dataclass(frozen=True)
class Stage:
    """One part of the march: all rings up to ``radius``, ``steps`` accepted-or-rejected steps."""

    radius: int
    steps: int


def march(top_radius, fractions):
    """Stages of a frequency march.

    Parameters
    ----------
    top_radius : int
        Ring of the resolution reached.
    fractions : sequence of float
        Radii as fractions of it; a fraction named twice takes two steps.

    Returns
    -------
    list of Stage
    """
    radii = [max(LOWEST_RING + 2, int(round(top_radius * fraction))) for fraction in fractions]
    return [Stage(radius, radii.count(radius)) for radius in sorted(set(radii))]


class Pose:
    """Poses of a batch on their way.

    Parameters
    ----------
    expected : tuple
        Rotations (B, 3, 3) and shifts (B, 2) in Å about which the prior is centred.
    current : tuple
        Rotations and shifts to improve.
    """

    def __init__(self, expected, current):
        self.expected_rotations, self.expected_shifts = expected
        self.rotations, self.shifts = (part.copy() for part in current)

    def copy(self):
        """The same poses, to be changed apart."""
        return Pose((self.expected_rotations, self.expected_shifts), (self.rotations, self.shifts))

    def change(self, rotations=None, shifts=None):
        """Rotation vector (radians) and shift (Å) from the expected to these or the current poses, (B, 5)."""
        rotations = self.rotations if rotations is None else rotations
        shifts = self.shifts if shifts is None else shifts
        turned = np.einsum("bij,bkj->bik", rotations, self.expected_rotations)
        return np.concatenate([rotation_vectors(turned), shifts - self.expected_shifts], axis=1)

    def moved(self, step):
        """Rotations and shifts after steps (B, 5)."""
        return np.einsum("bij,bjk->bik", rotations_from_vectors(step[:, :3]), self.rotations), self.shifts + step[:, 3:]

    def accept(self, better, rotations, shifts):
        """Take new poses where they are better.

        Parameters
        ----------
        better : (B,) bool
        rotations : (B, 3, 3) float
            Reference → particle.
        shifts : (B, 2) float
            Å.
        """
        self.rotations[better], self.shifts[better] = rotations[better], shifts[better]


def climb(fit, projector, weights, prior, pose, steps):
    """Improve a batch of poses by Gauss-Newton steps; a step that does not improve the posterior is undone and damped.

    Parameters
    ----------
    fit : ImageFit
    projector : ExactProjector or SliceProjector
        Its disc is the one used.
    weights : ShellWeights
    prior : PosePrior or MotionPrior
    pose : Pose
        Changed in place.
    steps : int

    Returns
    -------
    (B, 5, 5) float
        Fisher information of the likelihood at the last point of expansion.
    """
    damping = np.full(len(pose.shifts), 1e-2)
    precision = prior.precision_at(pose.expected_rotations)

    def log_prior(change):
        return -0.5 * np.einsum("bi,bij,bj->b", change, precision, change)

    for _ in range(steps):
        change = pose.change()
        value, gradient, information = fit.normal_equations(projector, weights, pose.rotations, pose.shifts)
        posterior = value + log_prior(change)
        slope = gradient - np.einsum("bij,bj->bi", precision, change)
        curvature = information + precision
        diagonal = np.einsum("bii->bi", curvature)
        damped = curvature + np.einsum("bi,ij->bij", diagonal * damping[:, None], np.eye(5))
        step = _shortened(np.linalg.solve(damped, slope[..., None])[..., 0])
        rotations, shifts = pose.moved(step)
        new_posterior = fit.value(projector, weights, rotations, shifts) + log_prior(pose.change(rotations, shifts))
        better = new_posterior > posterior
        pose.accept(better, rotations, shifts)
        damping = np.where(better, damping / 4, damping * 16)
    return information


def _shortened(step):
    """Steps (B, 5) cut to the length over which the quadratic picture holds."""
    cut = step.copy()
    for part, longest in ((slice(0, 3), _LONGEST_STEP[0]), (slice(3, 5), _LONGEST_STEP[1])):
        length = np.linalg.norm(step[:, part], axis=1, keepdims=True)
        cut[:, part] *= np.minimum(1, longest / np.maximum(length, 1e-12))
    return cut
