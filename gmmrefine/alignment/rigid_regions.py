"""Which patches of a molecule move rigidly together, judged by how probable it makes the images of the other half set."""
from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.spatial.distance import squareform

from gmmrefine.alignment.motion_prior import most_probable_covariance, wide_covariance

_SURE = 2.0  # standard errors
_ITERATIONS = 20  # of expectation maximisation: more make small motions smaller, which changes little
_MOST_REGIONS = 8  # the cost grows with their cube


@dataclass(frozen=True)
class PatchMotions:
    """What the images of one half set say about the motions of all patches together, to second order at the global poses.

    The log-likelihood of motions x, relative to none, is pull·x - x·information·x / 2. A motion is a rotation vector in rad and a
    move in Å in the frame of the molecule.

    Parameters
    ----------
    pull : (N, P, 6) float
    information : (N, P, 6, P, 6) float
        Between patches too: neighbours change the same samples of an image.
    """

    pull: np.ndarray
    information: np.ndarray

    def of_regions(self, regions):
        """The same of patches that move as one: pull (N, 6 R), information (N, 6 R, 6 R).

        Parameters
        ----------
        regions : list of list of int
            Patches of the R regions.
        """
        size = 6 * len(regions)
        pull = np.stack([self.pull[:, members].sum(axis=1) for members in regions], axis=1)
        rows = np.stack([self.information[:, members].sum(axis=1) for members in regions], axis=1)
        information = np.stack([rows[:, :, :, members].sum(axis=3) for members in regions], axis=3)
        return pull.reshape(-1, size), information.reshape(-1, size, size)


def log_probability(pull, information, covariance):
    """How much more probable images are with motions of some covariance than with none.

    Parameters
    ----------
    pull : (N, D) float
    information : (N, D, D) float
    covariance : (D, D) float
        Positive definite.

    Returns
    -------
    (N,) float
        Natural logarithm, by particle.
    """
    precision = np.linalg.inv(covariance)
    known = information + precision
    fit = 0.5 * np.einsum("ni,ni->n", pull, np.linalg.solve(known, pull[..., None])[..., 0])
    return fit - 0.5 * np.linalg.slogdet(known)[1] + 0.5 * np.linalg.slogdet(precision)[1]


def relative_displacement(covariance, shapes):
    """Mean square distance by which two patches move against each other, (P, P) in Å².

    Parameters
    ----------
    covariance : (6 P, 6 P) float
        Of the patches' motions.
    shapes : list of (n, 3) float
        Points of every patch, Å from the box centre; the mean is over those of both.
    """
    count = len(shapes)
    motions = covariance.reshape(count, 6, count, 6)
    moments = [_moment(points) for points in shapes]
    squares = np.zeros((count, count))
    for one in range(count):
        for other in range(one):
            apart = (
                motions[one, :, one] + motions[other, :, other] - motions[one, :, other] - motions[other, :, one])
            squares[one, other] = squares[other, one] = np.sum(apart * (moments[one] + moments[other])) / 2
    return squares


def _moment(points):
    """Mean of D·D (6, 6) over points (n, 3), D the displacement of a point by a motion."""
    turned = np.cross(np.eye(3)[:, None], points)  # (3, n, 3): by a turn about x, y, z
    displacement = np.concatenate([turned, np.repeat(np.eye(3)[:, None], len(points), axis=1)])
    return np.einsum("inx,jnx->ij", displacement, displacement) / len(points)


def regions_of(squares, count):
    """Patches in ``count`` regions by average linkage of their relative displacements (P, P); list of list of int."""
    if len(squares) == 1:
        return [[0]]
    labels = cut_tree(linkage(squareform(squares, checks=False), "average"), count).ravel()
    return [np.flatnonzero(labels == label).tolist() for label in np.unique(labels)]


def patch_covariance(motions):
    """Covariance (6 P, 6 P) of the motions of all patches, each its own region."""
    count = motions.pull.shape[1]
    each = [[patch] for patch in range(count)]
    return most_probable_covariance(*motions.of_regions(each), wide_covariance(count), _ITERATIONS)


def region_covariance(motions, regions, of_patches):
    """Covariance (6 R, 6 R) of the motions of regions, searched from what that (6 P, 6 P) of their patches says."""
    mean = np.zeros((len(regions), motions.pull.shape[1]))
    for region, members in enumerate(regions):
        mean[region, members] = 1 / len(members)
    mean = np.kron(mean, np.eye(6))
    return most_probable_covariance(*motions.of_regions(regions), mean @ of_patches @ mean.T, _ITERATIONS)


def evidence(halves, shapes):
    """Held-out evidence for every number of regions.

    Regions and motions are learned from one half set and judged on the other, both ways.

    Parameters
    ----------
    halves : list of PatchMotions
        Of the same patches.
    shapes : list of (n, 3) float
        Points of every patch, Å from the box centre.

    Returns
    -------
    tuple
        Mean log-probability per particle of 1, 2, … regions, at most 8 and one per patch, (R,) float, 0 is as good as no motion;
        its standard error relative to the best number, (R,) float; the regions found in both halves together, list of list of
        int: the smallest number that is as good as the best; one region where nothing is better than no motion.
    """
    count = min(len(shapes), _MOST_REGIONS)
    covariances = [patch_covariance(half) for half in halves]
    squares = [relative_displacement(covariance, shapes) for covariance in covariances]
    scores = np.array([
        np.concatenate([
            _score(halves[judge], halves[learned], regions_of(squares[learned], number), covariances[learned])
            for learned, judge in ((0, 1), (1, 0))])
        for number in range(1, count + 1)])
    mean = scores.mean(axis=1)
    best = np.argmax(mean)
    loss = scores[best] - scores
    error = loss.std(axis=1) / np.sqrt(scores.shape[1])
    chosen = 1 + int(np.flatnonzero(loss.mean(axis=1) <= _SURE * error)[0]) if mean[best] > 0 else 1
    return mean, error, regions_of(sum(squares), chosen)


def _score(judged, learned, regions, of_patches):
    return log_probability(*judged.of_regions(regions), region_covariance(learned, regions, of_patches))
