"""Anchors: a few points of a molecule whose rigid motions move everything around them."""

from dataclasses import dataclass

import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.spatial import cKDTree

from gmmrefine.backend import tf

_REACH = 0.35  # of the distance between neighbouring anchors: each point follows one or two of them
_STARTS = 5


@dataclass(frozen=True)
class Anchors:
    """Where the anchors are, and how far each one reaches.

    Parameters
    ----------
    centers : (A, 3) float
        x, y, z in Å from the box centre.
    reach : float
        Standard deviation in Å of the Gaussian by which an anchor's influence falls off.
    """

    centers: np.ndarray
    reach: float

    def __len__(self):
        return len(self.centers)

    def influence(self, points):
        """Share (n, A) of every anchor in the motion of points (n, 3) in Å; each row adds up to 1."""
        nearness = -0.5 * ((points[:, None] - self.centers) ** 2).sum(axis=2) / self.reach**2
        share = np.exp(nearness - nearness.max(axis=1, keepdims=True))
        return share / share.sum(axis=1, keepdims=True)


def place_anchors(centers, count, seed):
    """Anchors in the middle of K-means clusters.

    Parameters
    ----------
    centers : (G, 3) float
        Of the Gaussians that may move, Å from the box centre.
    count : int
        At most one per Gaussian.
    seed : int

    Returns
    -------
    Anchors
    """
    best, least = None, np.inf
    for start in range(_STARTS):
        means, labels = kmeans2(centers, count, minit="++", seed=np.random.RandomState(seed * _STARTS + start))
        spread = np.sum((centers - means[labels]) ** 2)
        if spread < least:
            best, least = means[np.unique(labels)], spread
    if len(best) == 1:
        return Anchors(best, float(np.sqrt(least / len(centers))))
    return Anchors(best, float(_REACH * cKDTree(best).query(best, k=2)[0][:, 1].mean()))


class Field:
    """How anchors move points: x → x + m(x) Σ_a w_a(x) (exp(ω_a) (x - c_a) + c_a + t_a - x), m = 1 where points may move.

    Anchors turn as well as move, so that anchors that share a rigid motion move what is around them rigidly, however few they
    are. Mixing displacements alone, as Chen et al. (2023, JMB) do, shrinks what lies between two anchors.

    Parameters
    ----------
    anchors : Anchors
    points : (G, 3) float
        Å from the box centre, where the influence of the anchors is taken.
    """

    def __init__(self, anchors, points):
        self._influence = tf.constant(anchors.influence(points), tf.float32)
        self._anchors = tf.constant(anchors.centers, tf.float32)

    def displacements(self, motions, points, mobility):
        """Displacements (B, G, 3) in Å of points (G, 3) of mobility m (G,), 0 to 1, under motions (B, A, 6).

        Motions are rotation vectors in radians and moves in Å.
        """
        turn = rotation_matrices(motions[..., :3])  # (B, A, 3, 3)
        move = self._anchors + motions[..., 3:] - tf.einsum("baij,aj->bai", turn, self._anchors)
        count = tf.shape(motions)[0]
        affine = tf.concat([tf.reshape(turn, [count, -1, 9]), move], axis=2)
        blended = tf.einsum("ga,bac->bgc", self._influence, affine)  # (B, G, 12)
        matrix = tf.reshape(blended[..., :9], [count, -1, 3, 3])
        return (tf.einsum("bgij,gj->bgi", matrix, points) + blended[..., 9:] - points) * mobility[:, None]


def rotation_matrices(vectors):
    """Rotation matrices (…, 3, 3) of rotation vectors (…, 3) in radians, differentiable at 0 (Rodrigues' formula)."""
    angle = tf.sqrt(tf.reduce_sum(vectors**2, axis=-1) + 1e-12)[..., None, None]
    x, y, z = tf.unstack(vectors, axis=-1)
    zero = tf.zeros_like(x)
    cross = tf.stack(
        [tf.stack([zero, -z, y], axis=-1), tf.stack([z, zero, -x], axis=-1), tf.stack([-y, x, zero], axis=-1)], axis=-2
    )
    return tf.eye(3) + tf.sin(angle) / angle * cross + 2 * (tf.sin(angle / 2) / angle) ** 2 * tf.matmul(cross, cross)
