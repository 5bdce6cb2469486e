"""A map as the reference of poses, voxel by voxel: its slices are cut as those of a GMM are."""

import numpy as np

from gmmrefine.fourier.kernel import WIDTH, kernel_beta, log_transform, slope_polynomials
from gmmrefine.gmm.project import SliceProjector, SliceTable
from gmmrefine.gmm.render import FourierVolume, slice_step

_LEAST = 1e-3  # of the largest density; what is weaker may lie beyond the reach for which the kernel is made


class VoxelProjector(SliceProjector):
    """Slices of a masked map (Z, Y, X), on a HalfDisc."""

    def __init__(self, volume, disc):
        self.table = SliceTable(map_volume(volume, disc.box_size, disc.radius))
        self._set_disc(disc)


def map_volume(volume, box_size, radius):
    """The transform of a masked map prepared for ``SliceProjector``.

    Each voxel is divided by the kernel's transform at its place. Slices are then exact to the same tolerance as those of a GMM.

    Parameters
    ----------
    volume : (Z, Y, X) float
        Its centre is voxel n // 2; masked, so that it is 0 far from the molecule.
    box_size : int
        Image side in px, that of the map.
    radius : int
        Largest ring of the slices.

    Returns
    -------
    FourierVolume
        In units of the map: a projection is the sum over its voxels.
    """
    diameter = _diameter(volume)
    step = slice_step(diameter, box_size)
    period = box_size * step
    beta = kernel_beta(period / diameter)
    half = int(np.ceil(radius * step)) + WIDTH // 2 + 1
    place = np.arange(box_size) - box_size // 2
    log_value, _, _ = log_transform(place, beta, period)
    waves = np.exp(-2j * np.pi / period * np.outer(np.arange(-half, half + 1), place) - log_value)
    waves = waves.astype(np.complex64)
    along_xy = waves @ (volume.astype(np.complex64) @ waves[half:].T)  # z ky kx, kx >= 0
    upper = np.tensordot(waves, along_xy, 1)
    values = np.concatenate([np.conj(upper[::-1, ::-1, :0:-1]), upper], axis=2)
    return FourierVolume(values, half, float(step), float(beta), slope_polynomials(beta, period / diameter))


def _diameter(volume):
    """Diameter in px of the sphere about the box centre that holds what is dense, at most that of the box."""
    size = np.abs(volume)
    apart = np.argwhere(size > _LEAST * size.max()) - len(volume) // 2
    return min(len(volume), 2 * float(np.sqrt((apart**2).sum(axis=1).max(initial=1))))
