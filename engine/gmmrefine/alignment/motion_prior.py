"""How a part of a molecule is expected to move against the rest: one covariance of rigid motions, learned from a half set."""

from dataclasses import dataclass

import numpy as np

_MOST_ITERATIONS = 100
_CONVERGED = 3e-3  # relative change of the widths
_WIDE_ROTATION, _WIDE_MOVE = np.radians(12) / np.sqrt(3), 6 / np.sqrt(2)  # rad and Å, where the search for a covariance begins
_LEAST_ROTATION, _LEAST_MOVE = np.radians(0.02), 0.01  # rad and Å: keeps directions in which nothing moves from being singular


@dataclass(frozen=True)
class MotionPrior:
    """Gaussian prior on rigid motions in the frame of the molecule.

    A domain on a hinge turns about one axis and through one point. Seen from the box centre its turn and its move are then
    bound to each other, which no prior with one width for turns and one for moves can say.

    Parameters
    ----------
    covariance : (6, 6) float
        Of the rotation vector (radians) and the move (Å), x y z of the molecule: a point x goes to exp(ω) x + t.
    """

    covariance: np.ndarray

    @property
    def rotation_rms_deg(self):
        """Expected rms rotation angle in degrees."""
        return float(np.degrees(np.sqrt(np.trace(self.covariance[:3, :3]))))

    @property
    def shift_rms(self):
        """Expected rms shift length in Å, of a move seen in projection."""
        return float(np.sqrt(2 / 3 * np.trace(self.covariance[3:, 3:])))

    def precision_at(self, rotations):
        """Inverse covariances (B, 5, 5) of the change of poses at rotations (B, 3, 3)."""
        seen = pose_change_of_motion(rotations)
        return np.linalg.inv(seen @ self.covariance @ np.swapaxes(seen, 1, 2))

    def narrowed(self, rotation=1.0, shift=1.0):
        """The same prior with widths times these factors."""
        factor = np.array([rotation] * 3 + [shift] * 3)
        return MotionPrior(factor[:, None] * self.covariance * factor)


def pose_change_of_motion(rotations):
    """Matrices (B, 5, 6) from a rigid motion in the molecule's frame to the change of poses at rotations (B, 3, 3).

    The part seen by the pose (A, s) at exp(ω) x + t has the pose (A exp(ω), s - (A t)[:2]), and A exp(ω) = exp(A ω) A; the move
    along the beam is not seen.
    """
    matrix = np.zeros((len(rotations), 5, 6))
    matrix[:, :3, :3] = rotations
    matrix[:, 3:, 3:] = -rotations[:, :2]
    return matrix


def estimate_motion_prior(change, information, rotations, prior):
    """Covariance of the motions by expectation maximisation over a sample of particles.

    Parameters
    ----------
    change : (B, 5) float
        Change from the expected to the best pose found under ``prior``.
    information : (B, 5, 5) float
        Fisher information of the likelihood there, without the prior.
    rotations : (B, 3, 3) float
        Expected rotations, reference → particle.
    prior : PosePrior
        Prior under which the poses were found.

    Returns
    -------
    MotionPrior
    """
    pull = np.einsum("bij,bj->bi", information + prior.precision_at(rotations), change)
    return MotionPrior(most_probable_covariance(*in_molecule_frame(pull, information, rotations), wide_covariance(1)))


def in_molecule_frame(pull, information, rotations):
    """Slopes and curvatures in changes of poses, as those in rigid motions in the frame of the molecule.

    Parameters
    ----------
    pull : (B, 5 P) float
        Of the poses of P bodies, rad and Å.
    information : (B, 5 P, 5 P) float
    rotations : (B, 3, 3) float
        Reference → particle, of all bodies.

    Returns
    -------
    tuple
        (B, 6 P), (B, 6 P, 6 P) float.
    """
    seen, bodies = pose_change_of_motion(rotations), pull.shape[1] // 5
    pull = pull.reshape(-1, bodies, 5) @ seen
    information = information.reshape(-1, bodies, 5, bodies, 5)
    information = np.einsum("bki,bpkql,blj->bpiqj", seen, information, seen, optimize=True)
    return pull.reshape(-1, 6 * bodies), information.reshape(-1, 6 * bodies, 6 * bodies)


def wide_covariance(bodies):
    """Covariance (6 P, 6 P) of bodies that may move far and apart, from where the search for a covariance begins."""
    return np.diag(([_WIDE_ROTATION**2] * 3 + [_WIDE_MOVE**2] * 3) * bodies)


def most_probable_covariance(pull, information, start, iterations=_MOST_ITERATIONS):
    """Covariance of rigid motions under which what the images say is most probable, by expectation maximisation.

    Parameters
    ----------
    pull : (B, 6 P) float
        Of P bodies: the log-likelihood of motions x (rad, Å) is pull·x - x·information·x / 2.
    information : (B, 6 P, 6 P) float
    start : (6 P, 6 P) float
        Where to begin.
    iterations : int
        At most so many.

    Returns
    -------
    (6 P, 6 P) float
    """
    floor = np.diag(([_LEAST_ROTATION**2] * 3 + [_LEAST_MOVE**2] * 3) * (len(start) // 6))
    covariance = start
    for _ in range(iterations):
        before = covariance
        left = np.linalg.inv(information + np.linalg.inv(covariance))
        mean = np.einsum("bij,bj->bi", left, pull)
        covariance = mean.T @ mean / len(mean) + left.mean(axis=0) + floor
        if np.allclose(np.diag(covariance), np.diag(before), rtol=_CONVERGED, atol=0):
            break
    return covariance
