"""What images say about slices, by compiled loops instead of TensorFlow: the same numbers in a third of the time.

``likelihood`` computes the same by TensorFlow, on a GPU, for other projectors, and where numba is not installed.
"""

import numpy as np

from gmmrefine.backend import on_cpu
from gmmrefine.gmm.project import SliceProjector
from gmmrefine.native import is_native, loops


def is_fused(projector):
    """Whether the compiled loops serve a projector here."""
    return isinstance(projector, SliceProjector) and is_native() and on_cpu()


def normal_equations(projector, weights, poses, images):
    """Log-likelihood (B,), its gradient (B, 5) and its Fisher information (B, 5, 5), per radian and px.

    Parameters
    ----------
    projector : SliceProjector
    weights : ShellWeights
    poses : tuple
        Rotations (B, 3, 3), reference → particle, and shifts (B, 2) in px.
    images : tuple of three (B, K) float32
        Real and imaginary part of images times their CTF, and CTF².
    """
    count = len(poses[0])
    found = np.empty(count), np.empty((count, 5)), np.empty((count, 5, 5))
    _loops().normal_equations(*_operands(projector, weights, poses, images), projector.table.slopes, *found)
    return found


def agreement_and_energy(projector, weights, poses, images):
    """Agreement (B,) of images with slices and the slices' energy (B,); log-likelihood is the first less half the second."""
    found = np.empty(len(poses[0])), np.empty(len(poses[0]))
    _loops().agreement_and_energy(*_operands(projector, weights, poses, images), *found)
    return found


def ring_sums(projector, poses, images, gain):
    """Σ g Re(C D* F) and Σ g C² |F|² by ring, (2, S), with the noise's gain g (B, K) float32."""
    disc = projector.disc
    sums = np.zeros((2, disc.radius + 1))
    everywhere = np.arange(len(disc.ring))
    _loops().ring_sums(
        *_table(projector),
        *_places(disc, everywhere),
        *_single(poses),
        *images,
        np.ascontiguousarray(gain, np.float32),
        disc.ring.astype(np.int64),
        sums,
    )
    return sums


def _loops():
    return loops("gmmrefine.alignment.slice_loops")


def _operands(projector, weights, poses, images):
    scale, precision = weights.at(projector.disc)
    used = np.flatnonzero(precision)
    return (
        *_table(projector),
        *_places(projector.disc, used),
        *_single(poses),
        *images,
        scale[used].astype(np.float32),
        precision[used].astype(np.float32),
    )


def _table(projector):
    table = projector.table
    return table.values, table.side, table.geometry, np.float32(2 * np.pi / projector.disc.box_size)


def _places(disc, used):
    return disc.kx[used].astype(np.float32), disc.ky[used].astype(np.float32), used


def _single(poses):
    return tuple(np.ascontiguousarray(part, np.float32) for part in poses)
