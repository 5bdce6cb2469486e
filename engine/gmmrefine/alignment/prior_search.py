"""How narrow a prior may be: as long as poses found on some Fourier samples agree with the other samples as well as any."""

import numpy as np

from gmmrefine.alignment.fisher import climb
from gmmrefine.backend import overlapped
from gmmrefine.particles.symmetry import mean_by_particle

_INFORMATION = 0.99  # of what the images say about rotations lies within the rings that are looked at
_STEPS = 1  # from the poses under one prior to those under the next
_SETTLING = 3  # for the widest, or the next ones would agree better only as they are nearer to their goal
_CLEARLY_WORSE = 2.0  # standard errors; the search ends after two such priors


class HeldOutSearch:
    """Priors of falling width, tried on one sample of images.

    The poses under a prior are begun at those under the one before: a narrower prior only draws them back towards the expected
    ones, and the march from low to high frequency need not be taken again.

    Parameters
    ----------
    fits : list of ImageFit
    projector : ExactProjector or SliceProjector
    weights : tuple of two ShellWeights
        Of the samples that poses are found on, and of the others.
    poses : list of Pose
        Found under the widest prior; changed to those under the one that is chosen.
    parent : (N,) int
        The particle that each image shows.
    """

    def __init__(self, fits, projector, weights, poses, parent):
        self._fits, self._projector = fits, projector
        self._seen, self._unseen = weights
        self._poses, self._parent = poses, parent

    def narrowest(self, candidates):
        """The last of the candidates, wide to narrow, that fits the particles as well as the best to a standard error.

        Parameters
        ----------
        candidates : list of PosePrior or MotionPrior
            The first is that of the poses.
        """
        tried, agreement = [], []
        for candidate in candidates:
            steps = _STEPS if tried else _SETTLING
            tried.append(self._drawn_in((tried or [self._poses])[-1], candidate, steps))
            agreement.append(self._held_out(tried[-1]))
            if _is_over(agreement):
                break
        chosen = np.flatnonzero(_as_good(agreement))[-1]
        self._poses = tried[chosen]
        return candidates[chosen]

    def _drawn_in(self, poses, prior, steps):
        poses = [pose.copy() for pose in poses]
        list(
            overlapped(lambda pair: climb(pair[0], self._projector, self._seen, prior, pair[1], steps), zip(self._fits, poses))
        )
        return poses

    def _held_out(self, poses):
        """Log-likelihood (particles,) of the samples that the poses were not found on."""
        values = overlapped(
            lambda pair: pair[0].value(self._projector, self._unseen, pair[1].rotations, pair[1].shifts), zip(self._fits, poses)
        )
        return mean_by_particle(np.concatenate(list(values)), self._parent)


def informative_radius(ring_sums, weights):
    """Ring within which nearly all lies that images say about rotations.

    Parameters
    ----------
    ring_sums : (4, S) float
        ``ImageFit.ring_sums``, added up.
    weights : ShellWeights
        Learned from them.
    """
    ring = np.arange(len(weights.scale))
    told = np.cumsum(weights.precision * weights.scale**2 * ring_sums[1] * ring**2)
    return int(np.searchsorted(told, _INFORMATION * told[-1]))


def _losses(agreement):
    """Mean loss of every candidate to the best, and its standard error; agreement: list of (particles,)."""
    fits = np.array(agreement)
    loss = fits[np.argmax(fits.sum(axis=1))] - fits
    return loss.mean(axis=1), loss.std(axis=1) / np.sqrt(loss.shape[1])


def _as_good(agreement):
    loss, error = _losses(agreement)
    return loss <= error


def _is_over(agreement):
    loss, error = _losses(agreement)
    return bool(len(loss) > 2 and np.all(loss[-2:] > _CLEARLY_WORSE * error[-2:]))
