"""Optics groups: the grid that images were recorded on, the aberrations they were recorded with, and one grid for all."""

from dataclasses import dataclass, replace
from typing import List, Sequence, Tuple, Union

import numpy as np

from gmmrefine.settings import is_beyond_nyquist

SAME_SIZE = 1e-4  # relative difference of two lengths that are one
_SPARE = 0.01  # px of the longest box that a common box may cut off
NO_DISTORTION = (1.0, 0.0, 0.0, 1.0)


Index = Union[np.ndarray, Sequence[int], slice]  # of some of N: their numbers, or a mask (N,) bool


@dataclass(frozen=True)
class OpticsGroup:
    """What is common to the images of an optics group and differs between groups, but for the CTF of single particles.

    Parameters
    ----------
    box_size : int
        Image side in px, even or odd.
    pixel_size : float
        Å/px.
    odd, even : tuple of float
        RELION's Zernike coefficients (``aberrations``), beam tilt among the odd ones.
    magnification : tuple of float
        RELION's rlnMagMat 00, 01, 10, 11: M of k' = M k, from frequencies of the image to those of the object.
    """

    box_size: int
    pixel_size: float
    odd: Tuple[float, ...] = ()
    even: Tuple[float, ...] = ()
    magnification: Tuple[float, ...] = NO_DISTORTION

    @property
    def matrix(self) -> np.ndarray:
        """The magnification matrix M, (2, 2)."""
        return np.reshape(self.magnification, (2, 2))

    @property
    def object_pixel(self) -> float:
        """Å per px in the object: the pixel size over the isotropic part of the magnification."""
        return self.pixel_size / np.sqrt(np.linalg.det(self.matrix))

    @property
    def length(self) -> float:
        """Side of the box, Å."""
        return self.box_size * self.pixel_size

    @property
    def center(self) -> int:
        """Pixel of the image's centre, from 0: n / 2 of an even box, (n + 1) / 2 of an odd one, as RELION has it."""
        return (self.box_size + 1) // 2

    def is_on(self, box_size: int, pixel_size: float) -> bool:
        """Whether images have this box (px) and pixel size (Å/px) and no distortion."""
        return self.box_size == box_size and self.has_pixel(pixel_size) and self.magnification == NO_DISTORTION

    def has_pixel(self, pixel_size: float) -> bool:
        """Whether this is the pixel size, Å/px."""
        return abs(self.pixel_size - pixel_size) <= SAME_SIZE * pixel_size

    def without_aberrations(self) -> "OpticsGroup":
        """The group's grid alone."""
        return replace(self, odd=(), even=())


@dataclass(frozen=True)
class Optics:
    """The optics group of every particle.

    Parameters
    ----------
    groups : tuple of OpticsGroup
        No two alike.
    index : (N,) int
        Which of ``groups``.
    """

    groups: Tuple[OpticsGroup, ...]
    index: np.ndarray

    def subset(self, index: Index) -> "Optics":
        """The groups of some particles, by index or mask."""
        return replace(self, index=self.index[index])

    def used(self) -> List[OpticsGroup]:
        """The groups that have particles, list of OpticsGroup."""
        return [self.groups[number] for number in np.unique(self.index)]

    def grids(self) -> List[Tuple[int, float]]:
        """Boxes in px and pixel sizes in Å/px of the groups that have particles, sorted, each once."""
        return sorted({(group.box_size, group.pixel_size) for group in self.used()})

    def grids_text(self) -> str:
        """``grids`` in words."""
        return ", ".join(f"{box} px of {size:g} Å" for box, size in self.grids())

    @property
    def narrowest(self) -> float:
        """Side in Å of the smallest box of all groups."""
        return min(group.length for group in self.groups)

    def values(self, name: str) -> np.ndarray:
        """An attribute of the group of every particle, (N, …).

        Parameters
        ----------
        name : str
            Of an attribute of ``OpticsGroup``.
        """
        return np.array([getattr(group, name) for group in self.groups])[self.index]


def common_grid(groups: Sequence[OpticsGroup], resolution: float = 0.0) -> Tuple[int, float]:
    """The coarsest grid of several groups that holds a resolution: box size in px and pixel size in Å/px.

    Parameters
    ----------
    groups : sequence of OpticsGroup
    resolution : float
        Å; 0 for none. The finest grid where none holds it.

    Returns
    -------
    tuple
        The box is that of all groups, where they have one; else it is even and as wide as the widest.
    """
    first = groups[0]
    are_one = all(first.box_size == group.box_size and group.has_pixel(first.pixel_size) for group in groups)
    if are_one and first.box_size % 2 == 0:
        return first.box_size, first.pixel_size
    sizes = sorted({group.pixel_size for group in groups})
    pixel_size = max((size for size in sizes if not is_beyond_nyquist(resolution, size)), default=sizes[0])
    return common_box(groups, pixel_size), pixel_size


def common_box(groups: Sequence[OpticsGroup], pixel_size: float) -> int:
    """The smallest even box in px that is as wide as the widest of the groups, at a pixel size in Å/px."""
    longest = max(group.length for group in groups) / pixel_size
    return 2 * int(np.ceil((longest - _SPARE) / 2))
