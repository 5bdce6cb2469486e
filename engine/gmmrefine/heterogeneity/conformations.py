"""Single conformations of a learned motion: where to look in the latent space, what is there, and who is near."""

import numpy as np

from gmmrefine.backend import tf
from gmmrefine.gmm.model import Gmm

_ENDS = (5, 95)  # percentiles; beyond are few particles, and the decoder guesses
_ROUNDING = 1e-4  # Å; displacements below are those of single precision
_AT_A_TIME = 200  # particles
_POINTS_AT_A_TIME = 20000


def axis_path(latent, axis, frames):
    """Latents (F, D) evenly along one axis, from the 5th to the 95th percentile of the particles, the other axes at 0.

    Parameters
    ----------
    latent : (N, D) float
    axis : int
        From 1.
    frames : int
        F
    """
    path = np.zeros((frames, latent.shape[1]))
    path[:, axis - 1] = np.linspace(*np.percentile(latent[:, axis - 1], _ENDS), frames)
    return path


def line_through(points, frames):
    """Latents (F, D) at even distances along the line through points (P, D), ends included; one point gives itself alone."""
    if len(points) == 1:
        return points.copy()
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    places = np.linspace(0, along[-1], frames)
    return np.column_stack([np.interp(places, along, values) for values in points.T])


def conformation(motion, latent):
    """The GMM of a Motion at a latent (D,)."""
    neutral = motion.gmm()
    moved = motion.displacements(tf.constant(latent[None], tf.float32))[0].numpy()
    return Gmm(neutral.centers + moved, neutral.amplitudes, neutral.widths)


def moved_points(motion, points, mobility, latent):
    """Where points of the neutral state lie at latents.

    Parameters
    ----------
    motion : Motion
    points : (P, 3) float
        Å from the box centre.
    mobility : (P,) float
        0 to 1; those of 0 stay exactly where they are.
    latent : (F, D) float

    Returns
    -------
    (F, P, 3) float
        Å from the box centre.
    """
    parts = [slice(start, start + _POINTS_AT_A_TIME) for start in range(0, len(points), _POINTS_AT_A_TIME)]
    return points + np.concatenate(
        [motion.displacements_of(points[part], mobility[part], latent).astype(float) for part in parts], axis=1
    )


def motion_sizes(motion, latent):
    """How far particles are from the neutral state: rms displacement (N,) in Å, by mass, of all and of what may move.

    Parameters
    ----------
    motion : Motion
    latent : (N, D) float
    """
    mass = np.maximum(motion.gmm().masses, 0)
    weights = np.stack([mass, mass * motion.mobility], axis=1)
    sizes = [
        (motion.displacements(tf.constant(latent[start : start + _AT_A_TIME], tf.float32)).numpy() ** 2).sum(axis=2) @ weights
        for start in range(0, len(latent), _AT_A_TIME)
    ]
    return tuple(np.sqrt(np.concatenate(sizes) / weights.sum(axis=0)).T)


def direction_cosine(motions, paths):
    """Cosine between what two motions do from the first to the last latent of their paths (F, D); 0 where one does nothing.

    Latents of two half sets are measured each in its own way: an axis may run the other way, or be another motion.
    """
    points, mobility = motions[0].gmm().centers, motions[0].mobility
    changes = []
    for motion, path in zip(motions, paths):
        start, end = motion.displacements_of(points, mobility, path[[0, -1]])
        changes.append((end - start).ravel().astype(float))
    sizes = np.linalg.norm(changes, axis=1)
    moves = sizes > _ROUNDING * np.sqrt(len(points))
    return float(changes[0] @ changes[1] / sizes.prod()) if moves.all() else 0.0


def equal_classes(values, count):
    """Members of each class, a list of index arrays (M,) in order, when values (N,) are cut into classes of equal size."""
    return [np.sort(members) for members in np.array_split(np.argsort(values, kind="stable"), count)]
