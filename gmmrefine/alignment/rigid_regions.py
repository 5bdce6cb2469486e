"""Which patches of a molecule move rigidly together, judged by how well each is predicted from the others of its region."""
from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.spatial.distance import squareform

from gmmrefine.alignment.motion_prior import MotionPrior, motion_covariance

_SURE = 2.0  # standard errors
_ITERATIONS = 30  # of expectation maximisation: more make small motions smaller, which changes no prediction
_NEARLY_ALL = 0.1  # of the evidence may be missing


@dataclass(frozen=True)
class PatchMotions:
    """What the images of one half set say about the pose of every patch, as Gaussians about the global poses.

    Parameters
    ----------
    pull : (P, N, 5) float
        Information times the most likely change of the pose (rotation vector in rad, shift in Å).
    information : (P, N, 5, 5) float
        Fisher information of the patch alone.
    rotations : (N, 3, 3) float
        Global rotations, reference → particle.
    """

    pull: np.ndarray
    information: np.ndarray
    rotations: np.ndarray

    def __len__(self):
        return len(self.pull)

    def covariance(self, members):
        """Covariance (6, 6) of the motions of some patches, taken as one body."""
        return motion_covariance(
            self.pull[members].sum(axis=0), self.information[members].sum(axis=0), self.rotations, _ITERATIONS)


def log_prediction(pull, information, known_pull, known_information):
    """Logarithm of how probable a patch's images are under a predicted motion, relative to none at all.

    Parameters
    ----------
    pull : (N, 5) float
        Of the patch: its log-likelihood at a change x is pull·x - x·information·x / 2.
    information : (N, 5, 5) float
    known_pull : (N, 5) float
        Of the prediction, a Gaussian in the same form: prior and what other patches say.
    known_information : (N, 5, 5) float
        Positive definite.

    Returns
    -------
    (N,) float
        Natural logarithm.
    """
    def height(a, b):
        return 0.5 * np.einsum("ni,ni->n", a, np.linalg.solve(b, a[..., None])[..., 0]) - 0.5 * np.linalg.slogdet(b)[1]

    return height(known_pull + pull, known_information + information) - height(known_pull, known_information)


def score(motions, regions, covariances):
    """How well every patch is predicted by the rest of its region, summed over the patches.

    Parameters
    ----------
    motions : PatchMotions
    regions : list of list of int
        Patches of every region.
    covariances : list of (6, 6) float
        Of the regions' motions, learned elsewhere: rad and Å.

    Returns
    -------
    (N,) float
        By particle; 0 is as good as no motion.
    """
    total = np.zeros(len(motions.rotations))
    for members, covariance in zip(regions, covariances):
        precision = MotionPrior(covariance).precision_at(motions.rotations)
        for patch in members:
            others = [member for member in members if member != patch]
            total += log_prediction(
                motions.pull[patch], motions.information[patch], motions.pull[others].sum(axis=0),
                precision + motions.information[others].sum(axis=0))
    return total


def affinity(motions):
    """How much two patches help to predict each other, (P, P) float, mean log-probability per particle."""
    count = len(motions)
    precision = [MotionPrior(motions.covariance([patch])).precision_at(motions.rotations) for patch in range(count)]
    gain = np.zeros((count, count))
    for patch in range(count):
        own = motions.pull[patch], motions.information[patch]
        alone = log_prediction(*own, np.zeros_like(own[0]), precision[patch])
        for other in range(count):
            if other != patch:
                together = log_prediction(*own, motions.pull[other], precision[patch] + motions.information[other])
                gain[patch, other] = np.mean(together - alone)
    return 0.5 * (gain + gain.T)


def regions_of(affinities, count):
    """Patches in ``count`` regions by average linkage of their affinities (P, P); list of list of int."""
    if len(affinities) == 1:
        return [[0]]
    distance = affinities.max() - affinities
    np.fill_diagonal(distance, 0)
    labels = cut_tree(linkage(squareform(distance, checks=False), "average"), count).ravel()
    return [np.flatnonzero(labels == label).tolist() for label in np.unique(labels)]


def evidence(halves):
    """Held-out evidence for every number of regions.

    Regions and motions are learned from one half set and judged on the other, both ways.

    Parameters
    ----------
    halves : list of PatchMotions
        Of the same patches.

    Returns
    -------
    tuple
        Mean log-probability per particle of 1 … P regions, (P,) float; its standard error relative to the best number, (P,)
        float; the smallest number that brings nearly all that the best brings over one region or no
        motion; 1 where nothing does.
    """
    count = len(halves[0])
    by_particle = [[] for _ in range(count)]
    for learned, judged in (halves, halves[::-1]):
        affinities, known = affinity(learned), {}
        for number in range(1, count + 1):
            regions = regions_of(affinities, number)
            for members in regions:
                if tuple(members) not in known:
                    known[tuple(members)] = learned.covariance(members)
            by_particle[number - 1].append(score(judged, regions, [known[tuple(members)] for members in regions]))
    scores = np.array([np.concatenate(parts) for parts in by_particle])
    best = np.argmax(scores.mean(axis=1))
    loss = scores[best] - scores
    error = loss.std(axis=1) / np.sqrt(scores.shape[1])
    mean = scores.mean(axis=1)
    brought = mean[best] - max(mean[0], 0)
    if brought <= 0:  # no better than a molecule that does not move: one region
        return mean, error, 1
    # the last tenth comes from small patches that lie across a boundary
    lost = np.maximum(_SURE * error, _NEARLY_ALL * brought)
    return mean, error, 1 + int(np.flatnonzero(mean[best] - mean <= lost)[0])
