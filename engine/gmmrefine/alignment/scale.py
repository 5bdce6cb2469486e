"""How strong each particle's signal is, estimated from the images of one half set."""

import numpy as np

_GROUPS_APART = 0.3  # expected standard deviation of the mean strengths of optics groups
_MOST_ITERATIONS, _CONVERGED = 300, 1e-4
_START_SPREAD = 0.3
_REFERENCE_SPREAD = 0.1  # poses, flexible parts and the reference itself make images of one strength agree more and less
_WEAKEST = 0.1  # a signal that seems absent, or of the other sign, is noise


class Strengths:
    """What images say about the strength of the signal in them.

    The log-likelihood of a signal s times as strong as the reference is s a - s² e / 2, up to a constant: a is how well the
    image agrees with the reference, e the reference's energy over the noise's.

    Parameters
    ----------
    count : int
        Number of images N.
    """

    def __init__(self, count):
        self.agreement, self.energy = np.zeros((2, count))

    def add(self, index, agreement, energy):
        """Keep what ``ImageFit.strength`` found for the images at positions ``index`` (B,)."""
        self.agreement[index], self.energy[index] = agreement, energy

    def most_probable(self, group):
        """``estimate_scales`` of all images; group (N,) int."""
        return estimate_scales(self.agreement, self.energy, group)


def estimate_scales(agreement, energy, group):
    """The most probable strength of each particle's signal, and how widely they spread.

    Strengths are expected to be normally distributed about the mean of their optics group; the width is the one under which
    the images are most probable (expectation maximisation), less what an imperfect reference makes of equal strengths. Where
    an image says little, its strength is that mean.

    Parameters
    ----------
    agreement, energy : (N,) float
        As of ``Strengths``; energy 0 for images that say nothing.
    group : (N,) int
        Optics group of each particle, from 0.

    Returns
    -------
    tuple
        scale (N,) float of mean 1 over the images that say something, 0 for the others; standard deviation within groups.
    """
    tells = energy > 0
    scale = np.zeros(len(energy))
    if not tells.any() or agreement.sum() <= 0:
        return np.where(tells, 1.0, 0.0), 0.0
    mean = agreement.sum() / energy.sum()
    pull, precision, group = agreement[tells] * mean, energy[tells] * mean**2, group[tells]
    expected = _group_means(pull, precision, group)[group]
    variance = _START_SPREAD**2
    for _ in range(_MOST_ITERATIONS):
        before = variance
        posterior = 1 / (precision + 1 / variance)
        best = posterior * (pull + expected / variance)
        variance = np.mean((best - expected) ** 2 + posterior)
        if abs(variance - before) < _CONVERGED * before:
            break
    variance = max(variance - _REFERENCE_SPREAD**2, 0)
    best = (pull * variance + expected) / (precision * variance + 1)
    best = np.maximum(best, _WEAKEST)
    scale[tells] = best / best.mean()
    return scale, float(np.sqrt(variance))


def _group_means(pull, precision, group):
    """Mean strength of each optics group; of small ones it stays near that of all."""
    prior = 1 / _GROUPS_APART**2
    return np.maximum((np.bincount(group, pull) + prior) / (np.bincount(group, precision) + prior), _WEAKEST)
