"""The three planes through one voxel that figures show of a volume."""

from typing import Iterable, Tuple

import numpy as np

PLANES = ("yz", "xz", "xy")  # horizontal and vertical axis


def central_voxel(volume: np.ndarray) -> Tuple[int, ...]:
    """The middle voxel of a volume (Z, Y, X): z, y, x."""
    return tuple(size // 2 for size in volume.shape)


def middle_of_known(values: np.ndarray) -> Tuple[int, ...]:
    """The voxel z, y, x on each side of which half of what is known (not 0) of a volume (Z, Y, X) lies.

    Each of the three planes through it holds something known, however the rest is spread.
    """
    known = values != 0
    by_plane = [known.sum(axis=others) for others in ((1, 2), (0, 2), (0, 1))]
    return tuple(int(np.searchsorted(np.cumsum(count), 0.5 * count.sum())) for count in by_plane)


def slices_through(volume: np.ndarray, place: Iterable[int]) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The planes of a volume (Z, Y, X) through a voxel z, y, x that ``PLANES`` names, rows vertical.

    Parameters
    ----------
    place : iterable of int
        z, y, x of the voxel.
    """
    z, y, x = place
    return volume[:, :, x], volume[:, y], volume[z]
