"""How well a pose is known: the covariance of its three angles and two shifts, by the noise of image and reference."""

import numpy as np

_UPPER = np.triu_indices(5)


def posterior_covariance(information, scores, precision):
    """Covariance (B, 5, 5) of the errors of poses found under a prior.

    The pose with the largest posterior follows the slope of the log-likelihood, whose spread is its curvature when the
    reference is exact and more when it is not (the sandwich formula, Huber 1967); the start errors follow the prior.

    Parameters
    ----------
    information : (B, 5, 5) float
        Fisher information of the likelihood, in rad and Å.
    scores : (B, 5, 5) float
        Covariance of its slope at the true pose.
    precision : (B, 5, 5) float
        Of the prior.
    """
    inverse = np.linalg.inv(information + precision)
    return inverse @ (scores + precision) @ inverse


def errors_of(covariance):
    """Expected errors (N, 2) of poses with covariances (N, 5, 5) in rad and Å: rms angle in degrees, rms shift length in Å."""
    variance = np.einsum("bii->bi", covariance)
    return np.sqrt(np.stack([variance[:, :3].sum(axis=1) * (180 / np.pi) ** 2, variance[:, 3:].sum(axis=1)], axis=1))


def upper_triangle(covariance):
    """The 15 numbers (N, 15) of covariances (N, 5, 5), row by row; rad and Å become degrees and Å."""
    unit = np.array([180 / np.pi] * 3 + [1, 1])
    return (covariance * unit[:, None] * unit)[:, _UPPER[0], _UPPER[1]]


def from_upper_triangle(numbers):
    """The inverse of ``upper_triangle``; numbers (N, 15)."""
    unit = np.array([np.pi / 180] * 3 + [1, 1])
    covariance = np.zeros((len(numbers), 5, 5))
    covariance[:, _UPPER[0], _UPPER[1]] = covariance[:, _UPPER[1], _UPPER[0]] = numbers
    return covariance * unit[:, None] * unit


def about_another_point(covariance, displacement):
    """Covariances (N, 5, 5) of poses whose shift is that of another point.

    Parameters
    ----------
    covariance : (N, 5, 5) float
        In rad and Å.
    displacement : (N, 3) float
        In the particle's frame (Å), from the point the shifts were of to the one they are wanted of: turning by ω moves the
        image of the second against the first by (ω × d)_xy, which shifts it by as much the other way.
    """
    x, y, z = displacement.T
    change = np.tile(np.eye(5), (len(covariance), 1, 1))
    change[:, 3, 1], change[:, 3, 2] = -z, y
    change[:, 4, 0], change[:, 4, 2] = z, -x
    return change @ covariance @ np.swapaxes(change, 1, 2)
