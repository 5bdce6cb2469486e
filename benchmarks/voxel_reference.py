"""A map as the reference of poses, voxel by voxel: its slices are cut as those of a GMM are."""
import numpy as np

from gmmrefine.fourier.kernel import WIDTH, kernel_beta, log_transform
from gmmrefine.gmm.project import SliceProjector
from gmmrefine.gmm.render import FourierVolume, slice_step

_LEAST = 1e-3  # of the largest density; what is weaker may lie beyond the reach for which the kernel is made


class VoxelProjector(SliceProjector):
    """Slices of a masked map (Z, Y, X), on a HalfDisc."""

    def __init__(self, volume, disc):
        self._cut_from(map_volume(volume, disc.box_size, disc.radius), disc)


def map_volume(volume, box_size, radius):
    """The transform of a masked map prepared for ``SliceProjector``, with its moments.

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
    plain, weighted = waves.astype(np.complex64), (waves * place).astype(np.complex64)
    along_x = [volume.astype(np.complex64) @ wave[half:].T for wave in (plain, weighted)]  # z y kx, kx >= 0
    along_xy = [wave @ part for part, wave in ((along_x[0], plain), (along_x[1], plain), (along_x[0], weighted))]
    moments = [(0, plain), (1, plain), (2, plain), (0, weighted)]  # none, x, y, z
    upper = np.stack([np.tensordot(wave, along_xy[part], 1) for part, wave in moments])
    values = np.concatenate([np.conj(upper[:, ::-1, ::-1, :0:-1]), upper], axis=3)
    return FourierVolume(values, half, float(step), float(beta))


def _diameter(volume):
    """Diameter in px of the sphere about the box centre that holds what is dense, at most that of the box."""
    size = np.abs(volume)
    apart = np.argwhere(size > _LEAST * size.max()) - len(volume) // 2
    return min(len(volume), 2 * float(np.sqrt((apart**2).sum(axis=1).max(initial=1))))
