"""Which patches of a molecule move rigidly together, judged by how probable it makes the images of the other half set."""
from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.optimize import nnls
from scipy.spatial.distance import squareform

from gmmrefine.alignment.motion_prior import most_probable_covariance, wide_covariance

_SURE = 2.0  # standard errors
# Per particle. One direction of a motion known to √5 times its size brings as much, and refining a region by itself then gains
# next to nothing; faint misfits of neighbours bring less.
_LEAST_OF_A_REGION = 0.1
_ITERATIONS = 20  # of expectation maximisation: more make small motions smaller, which changes little
_ROUNDS, _ITERATIONS_PER_ROUND = 3, 8  # of shares and covariance in turn
_SWEEPS = 3  # over the patches, whose shares depend on each other
_SUM_WEIGHT = 100.0  # how firmly shares add up to one, relative to what the images say
_MOST_REGIONS = 8  # the cost grows with their cube


@dataclass(frozen=True)
class PatchMotions:
    """What the images of one half set say about the motions of all patches together, to second order at the global poses.

    The log-likelihood of motions x, relative to none, is pull·x - x·information·x / 2. A motion is a rotation vector in rad and
    a move in Å in the frame of the molecule.

    Parameters
    ----------
    pull : (N, P, 6) float
    information : (N, P, 6, P, 6) float
        Between patches too: neighbours change the same samples of an image.
    """

    pull: np.ndarray
    information: np.ndarray

    def of_regions(self, shares):
        """The same of regions, pull (N, 6 R), information (N, 6 R, 6 R).

        Parameters
        ----------
        shares : (P, R) float
            How much of each region's motion each patch makes; rows add up to 1.
        """
        size = 6 * shares.shape[1]
        pull = np.einsum("pr,npi->nri", shares, self.pull)
        columns = np.tensordot(self.information, shares, axes=(3, 0))
        information = np.einsum("pr,npijs->nrisj", shares, columns, optimize=True)
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


def whole_shares(regions):
    """Shares (P, R) of patches that belong to one region each."""
    shares = np.zeros((sum(map(len, regions)), len(regions)))
    for region, members in enumerate(regions):
        shares[members, region] = 1
    return shares


def patch_covariance(motions):
    """Covariance (6 P, 6 P) of the motions of all patches, each its own region."""
    count = motions.pull.shape[1]
    return most_probable_covariance(*motions.of_regions(np.eye(count)), wide_covariance(count), _ITERATIONS)


def learned_regions(motions, regions, of_patches):
    """How patches share in the motions of regions, and the covariance of these motions.

    A patch across a border is not a region of its own: it makes part of the motion of each region that it has a part of.

    Parameters
    ----------
    motions : PatchMotions
    regions : list of list of int
        Where the search begins.
    of_patches : (6 P, 6 P) float
        Covariance of the patches' motions.

    Returns
    -------
    tuple
        shares (P, R), covariance (6 R, 6 R).
    """
    shares = whole_shares(regions)
    mean = np.kron((shares / shares.sum(axis=0)).T, np.eye(6))
    covariance = most_probable_covariance(*motions.of_regions(shares), mean @ of_patches @ mean.T, _ITERATIONS)
    for _ in range(_ROUNDS):
        shares = most_probable_shares(motions, shares, covariance)
        covariance = most_probable_covariance(*motions.of_regions(shares), covariance, _ITERATIONS_PER_ROUND)
    return shares, covariance


def most_probable_shares(motions, shares, covariance):
    """Shares (P, R) under which images are most probable, given what present ones say about the motions of the regions.

    The step for the shares of expectation maximisation: a quadratic problem for each patch.

    Parameters
    ----------
    motions : PatchMotions
    shares : (P, R) float
        Present ones.
    covariance : (6 R, 6 R) float
    """
    pull, information = motions.of_regions(shares)
    left = np.linalg.inv(information + np.linalg.inv(covariance))
    mean = np.einsum("nij,nj->ni", left, pull)
    squares = left + mean[:, :, None] * mean[:, None]
    count = shares.shape[1]
    slope = np.einsum("npi,nri->pr", motions.pull, mean.reshape(-1, count, 6), optimize=True)
    curvature = np.tensordot(
        motions.information, squares.reshape(-1, count, 6, count, 6), axes=((0, 2, 4), (0, 2, 4)))  # (P, P, R, R)
    found = shares.copy()
    for _ in range(_SWEEPS):
        for patch in range(len(found)):
            own = curvature[patch, patch]
            others = np.einsum("qrs,qs->r", curvature[patch], found) - own @ found[patch]
            found[patch] = _best_shares(slope[patch] - others, own)
    return found


def _best_shares(slope, curvature):
    """What makes slope·w - w·curvature·w / 2 largest, w (R,) positive with sum 1."""
    root = np.linalg.cholesky(curvature)
    firm = _SUM_WEIGHT * np.sqrt(np.trace(curvature) / len(slope))
    found, _ = nnls(np.vstack([root.T, np.full(len(slope), firm)]), np.append(np.linalg.solve(root, slope), firm))
    return found / found.sum()


def joined_step_by_step(motions, shapes):
    """Regions of patches, from many to one: each time the two are joined that move least against each other.

    Parameters
    ----------
    motions : PatchMotions
    shapes : list of (n, 3) float
        Points of every patch, Å from the box centre.

    Returns
    -------
    dict
        For every number of regions, list of list of int, shares (P, R) and covariance (6 R, 6 R).
    """
    of_patches, found = patch_covariance(motions), {}
    regions = regions_of(relative_displacement(of_patches, shapes), min(len(shapes), _MOST_REGIONS))
    while True:
        shares, covariance = learned_regions(motions, regions, of_patches)
        found[len(regions)] = regions, shares, covariance
        if len(regions) == 1:
            return found
        squares = relative_displacement(covariance, [np.concatenate([shapes[patch] for patch in part]) for part in regions])
        np.fill_diagonal(squares, np.inf)
        one, other = np.unravel_index(np.argmin(squares), squares.shape)
        rest = [part for number, part in enumerate(regions) if number not in (one, other)]
        regions = rest + [sorted(regions[one] + regions[other])]


def evidence(halves, shapes):
    """Held-out evidence for every number of regions.

    Regions, shares and motions are learned from one half set and judged on the other, both ways.

    Parameters
    ----------
    halves : list of PatchMotions
        Of the same patches.
    shapes : list of (n, 3) float
        Points of every patch, Å from the box centre.

    Returns
    -------
    tuple
        Mean log-probability per particle of 1, 2, … regions, at most 8 and one per patch, (R,) float, 0 is as good as no
        motion; its standard error relative to the best number, (R,) float; the regions found in both halves together, list of
        list of int: the smallest number that is as good as the best when each region has to bring 0.1; one region where nothing
        is better than no motion.
    """
    learned = [joined_step_by_step(half, shapes) for half in halves]
    count = len(learned[0])

    def judged(judge, number):
        _, shares, covariance = learned[1 - judge][number]
        return log_probability(*halves[judge].of_regions(shares), covariance)

    scores = np.array([np.concatenate([judged(judge, number) for judge in (0, 1)]) for number in range(1, count + 1)])
    mean = scores.mean(axis=1)
    worth = mean - _LEAST_OF_A_REGION * np.arange(count)
    best = np.argmax(worth)
    error = (scores[best] - scores).std(axis=1) / np.sqrt(scores.shape[1])
    chosen = 1 + int(np.flatnonzero(worth[best] - worth <= _SURE * error)[0]) if mean[best] > 0 else 1
    both = PatchMotions(*(np.concatenate([getattr(half, part) for half in halves]) for part in ("pull", "information")))
    return mean, error, joined_step_by_step(both, shapes)[chosen][0]
