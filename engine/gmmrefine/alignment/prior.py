"""How far the start poses are expected to be from the truth, estimated from the particles of one half set."""

from dataclasses import dataclass

import numpy as np

_MOST_ITERATIONS = 300
_CONVERGED = 1e-4
_WEAK_INFORMATION = 0.25  # of the prior's variance left over by the images


@dataclass(frozen=True)
class PosePrior:
    """Gaussian prior on the change of a pose from its start.

    Parameters
    ----------
    rotation : float
        Standard deviation of each component of the rotation vector, radians.
    shift : float
        Standard deviation of each component of the shift, Å.
    """

    rotation: float
    shift: float

    @classmethod
    def from_rms(cls, rotation_deg, shift):
        """Prior of an expected rms rotation angle (degrees) and rms shift length (Å)."""
        return cls(np.radians(rotation_deg) / np.sqrt(3), shift / np.sqrt(2))

    @property
    def rotation_rms_deg(self):
        """Expected rms rotation angle in degrees."""
        return float(np.degrees(self.rotation) * np.sqrt(3))

    @property
    def shift_rms(self):
        """Expected rms shift length in Å."""
        return float(self.shift * np.sqrt(2))

    @property
    def precision(self):
        """Inverse variances (5,) of the pose change."""
        return np.array([self.rotation**-2] * 3 + [self.shift**-2] * 2)

    def precision_at(self, rotations):
        """Inverse covariances (B, 5, 5) of the change of poses at rotations (B, 3, 3)."""
        return np.broadcast_to(np.diag(self.precision), (len(rotations), 5, 5))

    def narrowed(self, rotation=1.0, shift=1.0):
        """The same prior with widths times these factors."""
        return PosePrior(self.rotation * rotation, self.shift * shift)


def outweighs(prior, information, rotations):
    """Whether the images of a sample (B, 5, 5) say little more than the prior about its rotations (B, 3, 3)."""
    covariance = np.linalg.inv(information + prior.precision_at(rotations))
    left = np.einsum("bii->bi", covariance)[:, :3].mean() / (np.radians(prior.rotation_rms_deg) ** 2 / 3)
    return bool(left > _WEAK_INFORMATION)


def estimate_prior(change, information, prior):
    """Width of the start errors by expectation maximisation over a sample of particles.

    Each particle's likelihood is taken as Gaussian about its best pose, the start errors as Gaussian with unknown width;
    the width is the one under which the sample is most probable. Noise-dominated particles pull it nowhere.

    Parameters
    ----------
    change : (B, 5) float
        Change from the start to the best pose found under ``prior``.
    information : (B, 5, 5) float
        Fisher information of the likelihood there, without the prior.
    prior : PosePrior
        Prior under which the poses were found.

    Returns
    -------
    PosePrior
    """
    pull = np.einsum("bij,bj->bi", information + np.diag(prior.precision), change)
    for _ in range(_MOST_ITERATIONS):
        before = prior
        covariance = np.linalg.inv(information + np.diag(prior.precision))
        mean = np.einsum("bij,bj->bi", covariance, pull)
        second_moment = mean**2 + np.einsum("bii->bi", covariance)
        prior = PosePrior(np.sqrt(second_moment[:, :3].mean()), np.sqrt(second_moment[:, 3:].mean()))
        if np.allclose(prior.precision, before.precision, rtol=_CONVERGED):
            break
    return prior
