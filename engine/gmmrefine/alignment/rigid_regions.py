"""Which patches of a molecule move rigidly together, judged by how probable it makes the images of the other half set."""

from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.optimize import nnls
from scipy.spatial.distance import squareform

from gmmrefine.alignment.motion_prior import most_probable_covariance, wide_covariance
from gmmrefine.particles.symmetry import mean_by_particle

_SURE = 3.0  # standard errors; the best of eight numbers is a little lucky
_ITERATIONS_APART = 10  # of expectation maximisation; all patches apart are only where the search begins
_ITERATIONS = 8
_ITERATIONS_OF_TRIAL = 3
_TRIALS = 5  # pairs of regions
_SWEEPS = 10  # over the patches, whose shares depend on each other
_SUM_WEIGHT = 100.0  # how firmly shares add up to one, relative to what the images say
_LEAST_SHARE = 1e-3  # of a motion that no patch shares in, images would say nothing at all
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
    parent : (N,) int
        The particle that each image shows; symmetry copies share theirs.
    """

    pull: np.ndarray
    information: np.ndarray
    parent: np.ndarray

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


@dataclass(frozen=True)
class Regions:
    """Regions of patches that move together, and how they move.

    A patch across a border is not a region of its own: it makes part of the motion of each region that it has a part of.

    Parameters
    ----------
    shares : (P, R) float
        How much of each region's motion each patch makes; rows add up to 1.
    covariance : (6 R, 6 R) float
        Of the regions' motions.
    """

    shares: np.ndarray
    covariance: np.ndarray

    def members(self):
        """Patches of each region, every one in the region that it shares most in; list of list of int."""
        owner = self.shares.argmax(axis=1)
        return [np.flatnonzero(owner == region).tolist() for region in np.unique(owner)]

    def joined(self, sums, information):
        """The same with regions put together; the common motion of some is the one that the images like best.

        Parameters
        ----------
        sums : (R, S) float
            1 where a region becomes part of another.
        information : (P, 6, P, 6) float
            Mean over the particles.
        """
        before, after = (np.kron(shares, np.eye(6)) for shares in (self.shares, self.shares @ sums))
        information = information.reshape(len(before), len(before))
        common = np.linalg.solve(after.T @ information @ after, after.T @ information @ before)
        return Regions(self.shares @ sums, common @ self.covariance @ common.T)

    def log_probability(self, motions):
        """How much more probable PatchMotions are with these regions than without any motion, (N,) float."""
        return log_probability(*motions.of_regions(self.shares), self.covariance)


def displacement_moment(points):
    """Mean of D·D (6, 6) over points (n, 3) in Å from the box centre, D the displacement of a point by a motion."""
    turned = np.cross(np.eye(3)[:, None], points)  # (3, n, 3): by a turn about x, y, z
    displacement = np.concatenate([turned, np.repeat(np.eye(3)[:, None], len(points), axis=1)])
    return np.einsum("inx,jnx->ij", displacement, displacement) / len(points)


def relative_displacement(covariance, moments):
    """Mean square distance by which two regions move against each other, (R, R) in Å².

    Parameters
    ----------
    covariance : (6 R, 6 R) float
        Of the regions' motions.
    moments : (R, 6, 6) float
        Displacement moments of the regions; the distance is over the points of both.
    """
    count = len(moments)
    motions = covariance.reshape(count, 6, count, 6)
    own = np.einsum("ripj,rp->rij", motions, np.eye(count))
    across = np.einsum("risj->rsij", motions)
    apart = own[:, None] + own - across - np.swapaxes(across, 0, 1)
    return np.einsum("rsij,rsij->rs", apart, moments[:, None] + moments) / 2


def close_patches(squares, count):
    """Patches in ``count`` regions by average linkage of their relative displacements (P, P), as shares (P, R) of 0 or 1."""
    return np.eye(count)[cut_tree(linkage(squareform(squares, checks=False), "average"), count).ravel()]


def learned(motions, regions):
    """Covariance and shares under which the images of PatchMotions are more probable than under those of given Regions."""
    covariance = most_probable_covariance(*motions.of_regions(regions.shares), regions.covariance, _ITERATIONS)
    shares = most_probable_shares(motions, regions.shares, covariance)
    return Regions(shares, most_probable_covariance(*motions.of_regions(shares), covariance, _ITERATIONS))


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
        motions.information, squares.reshape(-1, count, 6, count, 6), axes=((0, 2, 4), (0, 2, 4))
    )  # (P, P, R, R)
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
    found = np.maximum(found, _LEAST_SHARE)
    return found / found.sum()


def two_joined(motions, regions, moments):
    """Regions with those two joined whose joining costs the images the least probability.

    Parameters
    ----------
    motions : PatchMotions
    regions : Regions
        Two or more.
    moments : (P, 6, 6) float
        Displacement moments of the patches. Only the pairs that move least against each other are tried.
    """
    pull, information = motions.of_regions(regions.shares)
    count = regions.shares.shape[1]
    apart = Regions(np.eye(count), regions.covariance)
    as_patches = PatchMotions(pull.reshape(-1, count, 6), information.reshape(-1, count, 6, count, 6), motions.parent)
    mean = as_patches.information.mean(axis=0)
    squares = relative_displacement(
        regions.covariance, np.einsum("pr,pij->rij", regions.shares / regions.shares.sum(axis=0), moments)
    )
    pairs = np.argwhere(np.tri(count, k=-1))
    trials = []
    for one, other in pairs[np.argsort(squares[tuple(pairs.T)])[:_TRIALS]]:
        owner = np.where(np.arange(count) == one, other, np.arange(count))
        joined = apart.joined(np.eye(count)[owner][:, np.unique(owner)], mean)
        reduced = as_patches.of_regions(joined.shares)
        covariance = most_probable_covariance(*reduced, joined.covariance, _ITERATIONS_OF_TRIAL)
        trials.append((log_probability(*reduced, covariance).mean(), joined.shares, covariance))
    _, sums, covariance = max(trials, key=lambda trial: trial[0])
    return Regions(regions.shares @ sums, covariance)


def joined_step_by_step(motions, shapes):
    """Regions of patches, from at most eight to one: each time those two are joined whose joining costs the least probability.

    Parameters
    ----------
    motions : PatchMotions
    shapes : list of (n, 3) float
        Points of every patch, Å from the box centre.

    Returns
    -------
    list of Regions
        One region first.
    """
    count = len(shapes)
    apart = Regions(
        np.eye(count), most_probable_covariance(*motions.of_regions(np.eye(count)), wide_covariance(count), _ITERATIONS_APART)
    )
    if count == 1:
        return [learned(motions, apart)]
    moments = np.array([displacement_moment(points) for points in shapes])
    close = close_patches(relative_displacement(apart.covariance, moments), min(count, _MOST_REGIONS))
    found = [learned(motions, apart.joined(close, motions.information.mean(axis=0)))]
    while found[0].shares.shape[1] > 1:
        found.insert(0, learned(motions, two_joined(motions, found[0], moments)))
    return found


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
        list of int: the smallest number that is as good as the best; one region where nothing is better than no motion.
    """
    found = [joined_step_by_step(half, shapes) for half in halves]
    scores = np.array(
        [
            np.concatenate(
                [
                    mean_by_particle(regions.log_probability(judge), judge.parent)
                    for regions, judge in zip(same_number, halves[::-1])
                ]
            )
            for same_number in zip(*found)
        ]
    )
    mean = scores.mean(axis=1)
    best = np.argmax(mean)
    loss = scores[best] - scores
    error = loss.std(axis=1) / np.sqrt(scores.shape[1])
    chosen = np.flatnonzero(loss.mean(axis=1) <= _SURE * error)[0] if mean[best] > 0 else 0
    both = PatchMotions(
        *(np.concatenate([getattr(half, part) for half in halves]) for part in ("pull", "information", "parent"))
    )
    return mean, error, joined_step_by_step(both, shapes)[chosen].members()
