"""A molecule of several rigid bodies, each at its own pose in every particle: what one of them leaves of an image."""

import numpy as np

from gmmrefine.alignment.fisher import LOWEST_RING
from gmmrefine.alignment.likelihood import weights_from_sums
from gmmrefine.backend import overlapped


class Scene:
    """Bodies whose projections add up to a particle's image.

    Parameters
    ----------
    bodies : list of tuple
        projector, rotations (N, 3, 3) reference → particle, shifts (N, 2) in Å of every body.
    reliability : (S,) float
        Part of the references that is signal, by ring.
    windows : list of Window, optional
        Through which the first bodies are seen alone, all of one size; whole images by default.
    """

    def __init__(self, bodies, reliability, windows=None):
        self._bodies = bodies
        self._reliability = reliability
        self._windows = windows
        self._scale = self._noise = None

    def learn(self, fits, indices):
        """Learn how strong the bodies are in images, and how much noise is left.

        Parameters
        ----------
        fits : list of ImageFit
        indices : list of (B,) int
            Positions of each batch in the half set.
        """
        disc = self._bodies[0][0].disc
        sums = sum(overlapped(lambda pair: pair[0].sums_of(disc, *_added(self._moved(*pair))), zip(fits, indices)))
        weights = weights_from_sums(sums, self._reliability, LOWEST_RING, disc.radius)
        self._scale = np.where(weights.precision > 0, weights.scale, 0)
        self._noise = np.divide(2, weights.precision, out=np.zeros(disc.radius + 1), where=weights.precision > 0)

    def parts(self, fit, index, count, with_power=True):
        """What the first ``count`` bodies leave of the images at positions ``index`` (B,): one ImageFit each.

        ``with_power`` keeps count of the images' power, which only learning from them needs.
        """
        with_power = with_power and self._windows is None  # whole images have told how much noise there is
        moved = self._moved(fit, index)
        empty = fit.minus(*_added(moved), self._scale, with_power)
        alone = [empty.minus(*body, -self._scale, with_power) for body in moved[:count]]
        if self._windows is None:
            return alone
        ctf2 = fit.averaged_ctf2(self._windows[0])
        return [part.through(window, index, ctf2, self._noise) for part, window in zip(alone, self._windows)]

    def _moved(self, fit, index):
        return [fit.moved(projector, rotations[index], shifts[index]) for projector, rotations, shifts in self._bodies]


def _added(images):
    """The sum of real and of imaginary parts."""
    return tuple(sum(parts[1:], parts[0]) for parts in zip(*images))
