"""Whether a map shows the molecule of another map as its mirror image, turned, or with exchanged axes.

Both maps are compared in the band in which a fold is recognised and masks and solvent are not seen, on a coarse grid: in the 48
orientations of a box by Fourier correlation, turned by small angles about any axis, and from the best of these on by a search
over rotation and shift.
"""

from dataclasses import dataclass
from itertools import permutations, product
from typing import List, Optional, Tuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft
from scipy.ndimage import affine_transform, gaussian_filter, map_coordinates
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

_COARSE_VOXEL = 2.5  # Å, at least
_MOST_VOXELS = 63  # of the coarse box along an axis
_COARSEST = 15.0, 6.0  # Å, voxels of the coarse grid: the coarser of the two ends the band
_POINTS = 6_000  # voxels that a fine search compares
_SMALL_ANGLE, _LARGEST_ANGLE = 8.0, 16.0  # degrees: step and end of the search over small rotations
_FITS = 0.9  # correlation with which other orientations are not looked for
_CERTAIN = 0.7  # correlation over all shifts of one of the 48 orientations, with which small turns are tried from it alone
_CLEARLY_BETTER, _BETTER = 0.1, 0.003  # correlation of another orientation, of a small turn, above that in place
_EXPLAINED = 0.15  # of what the correlation lacks in place, that a turn has to explain; noise turns maps by a degree
_LEAST = 0.3  # correlation of another orientation that is believed
_TURNED = 0.5  # Å, or voxels where these are larger, that a turn moves the molecule's parts by
_AXES = "xyz"


Axes = Tuple[Tuple[int, int], ...]  # of the other map's x, y, z: axis of this map along it, and 1 or -1 for its direction


@dataclass(frozen=True)
class Orientation:
    """How a map lies to another that shows the same molecule.

    Parameters
    ----------
    axes : Axes
        Of the other map's x, y, z: number of the axis of this map that runs along it, and 1 or -1 for its direction.
    angle : float
        Degrees that the map is turned by besides.
    turn_axis : (3,) float
        x, y, z of length 1.
    correlation, in_place : float
        In that orientation, and in the one of the header.
    is_other : bool
        Whether the map is not as the other one: mirrored, turned, or with exchanged axes.
    """

    axes: Axes
    angle: float
    turn_axis: np.ndarray
    correlation: float
    in_place: float
    is_other: bool

    @property
    def is_mirrored(self) -> bool:
        """Whether the hand differs."""
        order = [axis for axis, _ in self.axes]
        even = sum(order[one] > order[two] for one in range(3) for two in range(one + 1, 3)) % 2 == 0
        return (np.prod([sign for _, sign in self.axes]) > 0) != even

    def __str__(self) -> str:
        order = [axis for axis, _ in self.axes]
        flipped = [_AXES[axis] for axis, sign in self.axes if sign < 0]
        parts = []
        if order != [0, 1, 2]:
            parts.append(f"with its axes exchanged ({' '.join(_AXES[axis] for axis in order)} for x y z)")
        if flipped:
            parts.append(f"flipped along {' and '.join(sorted(flipped))}")
        if self.angle:
            about = " ".join(f"{part:.2f}" for part in self.turn_axis.round(2) + 0.0)
            parts.append(f"turned by {self.angle:.1f}° about {about} (x y z)")
        return ("of the other hand: " if self.is_mirrored else "") + " and ".join(parts)


def find_orientation(data: np.ndarray, reference: np.ndarray, voxel_sizes: ArrayLike) -> Orientation:
    """How a map lies to another on the same grid.

    Parameters
    ----------
    data, reference : (Z, Y, X) float
    voxel_sizes : (3,) float
        x, y, z in Å.

    Returns
    -------
    Orientation
    """
    coarse = _CoarsePair(data, reference, np.asarray(voxel_sizes, float))
    least_move = _TURNED * max(1.0, float(np.max(voxel_sizes)))
    as_is = coarse.fine(coarse.data, np.zeros(3))
    axes: Axes = ((0, 1), (1, 1), (2, 1))
    in_place, best = coarse.unturned, as_is
    if as_is[0] < _FITS:
        others = [(coarse.best_shift(coarse.oriented(other)), other) for other in _orientations()]
        (likeness, _), highest = max(others, key=lambda each: each[0][0])
        for candidate in [highest] if likeness > _CERTAIN else dict.fromkeys([axes, highest]):
            found = coarse.search(coarse.oriented(candidate))
            if found[0] > max(_LEAST, best[0] + _CLEARLY_BETTER):
                best, axes = found, candidate
    angle = float(np.degrees(np.linalg.norm(best[1])))
    move = np.radians(angle) * coarse.radius
    gain = best[0] - in_place
    turned = move >= least_move and gain >= max(_BETTER, _EXPLAINED * (1 - in_place)) and best[0] >= _LEAST
    moved_axes = axes != ((0, 1), (1, 1), (2, 1))
    axis = best[1] / max(np.linalg.norm(best[1]), 1e-9)
    return Orientation(axes, angle if turned else 0.0, axis, float(best[0]), float(in_place), bool(turned or moved_axes))


def _orientations() -> List[Axes]:
    """The 48 ways that the axes of a box can lie, as in ``Orientation.axes``."""
    return [tuple(zip(order, signs)) for order in permutations(range(3)) for signs in product((1, -1), repeat=3)]


class _CoarsePair:
    """Two maps on one coarse cubic grid, in the band that is compared.

    Parameters
    ----------
    data, reference : (Z, Y, X) float
    voxel_sizes : (3,) float
    """

    def __init__(self, data: np.ndarray, reference: np.ndarray, voxel_sizes: np.ndarray) -> None:
        extent = float(np.max(np.array(data.shape[::-1]) * voxel_sizes))
        self._voxel = max(_COARSE_VOXEL, extent / _MOST_VOXELS)
        count = int(np.ceil(extent / self._voxel)) // 2 * 2 + 1
        self._center = np.full(3, count // 2, float)
        self.data, self._reference = (self._band(_coarse(each, voxel_sizes, self._voxel, count)) for each in (data, reference))
        size = np.abs(self._reference)
        chosen = np.argpartition(size.ravel(), -min(_POINTS, size.size))[-_POINTS:]
        self._points = np.stack(np.unravel_index(chosen, size.shape), axis=1) - self._center
        self._values = self._reference.ravel()[chosen]
        self._molecule = np.average(self._points, axis=0, weights=np.abs(self._values))  # turns are about its middle
        self.radius = self._voxel * np.sqrt(
            np.average(np.sum((self._points - self._molecule) ** 2, axis=1), weights=np.abs(self._values))
        )
        self._transform = fft.rfftn(self._reference)
        self.unturned = self._unturned()

    def _unturned(self) -> float:
        """Correlation at the best place within a voxel without a turn."""
        found = minimize(
            lambda move: -self._correlation(self.data, np.r_[0, 0, 0, move]),
            np.zeros(3),
            method="Powell",
            bounds=[(-1, 1)] * 3,
            options={"xtol": 0.02, "ftol": 1e-4, "maxiter": 3},
        )
        return -float(found.fun)

    def _band(self, data: np.ndarray) -> np.ndarray:
        """Without what is coarser than the band, at a deviation of 1."""
        coarsest = max(_COARSEST[0], _COARSEST[1] * self._voxel)
        axes = [fft.fftfreq(size, self._voxel) for size in data.shape[:2]] + [fft.rfftfreq(data.shape[2], self._voxel)]
        k2 = axes[0][:, None, None] ** 2 + axes[1][:, None] ** 2 + axes[2] ** 2
        found = fft.irfftn(fft.rfftn(data) * (k2 >= 1 / coarsest**2) * (k2 <= (0.5 / self._voxel) ** 2), data.shape)
        return found / max(found.std(), 1e-30)

    def oriented(self, axes: Axes) -> np.ndarray:
        """The map with its axes as in ``Orientation.axes``."""
        order = [2 - axes[place][0] for place in (2, 1, 0)]
        flips = tuple(axis for axis, place in enumerate((2, 1, 0)) if axes[place][1] < 0)
        return np.flip(self.data.transpose(order), flips)

    def best_shift(self, data: np.ndarray) -> Tuple[float, np.ndarray]:
        """Highest correlation over all shifts and the shift z, y, x in voxels that a point of the reference is found at."""
        product_ = fft.irfftn(fft.rfftn(data) * self._transform.conj(), data.shape)
        place = np.array(np.unravel_index(int(np.argmax(product_)), data.shape))
        norm = np.sqrt(np.sum(data**2) * np.sum(self._reference**2))
        shift = np.where(place > np.array(data.shape) // 2, place - data.shape, place)
        return float(product_.max() / max(norm, 1e-30)), shift

    def search(self, data: np.ndarray) -> Tuple[float, np.ndarray, np.ndarray]:
        """The best turn from a grid of small rotations on; as ``fine``."""
        unturned = self.fine(data, np.zeros(3))
        if unturned[0] > _FITS:
            return unturned
        steps = np.arange(-_LARGEST_ANGLE, _LARGEST_ANGLE + 1, _SMALL_ANGLE)
        starts = [vector for vector in product(steps, repeat=3) if np.linalg.norm(vector) <= _LARGEST_ANGLE]
        found = []
        for vector in starts:
            turned = _turned(data, Rotation.from_rotvec(np.radians(vector)).as_matrix(), self._center)
            correlation, shift = self.best_shift(turned)
            found.append((correlation, np.radians(vector), shift))
        found.sort(key=lambda each: -each[0])
        return max([unturned, *(self.fine(data, *each[1:]) for each in found[:2])], key=lambda each: each[0])

    def fine(
        self, data: np.ndarray, vector: np.ndarray, shift: Optional[np.ndarray] = None
    ) -> Tuple[float, np.ndarray, np.ndarray]:
        """Correlation, rotation vector (x y z, radians) of the map against the reference, and shift (z y x), at the best."""
        turn = Rotation.from_rotvec(vector).as_matrix()[::-1, ::-1]
        if shift is None:
            shift = self.best_shift(data)[1]
            shift = shift if np.abs(shift).max() <= 3 else np.zeros(3)
        middle = turn @ (self._molecule + shift) - self._molecule
        scale = 0.5 / max(self.radius / self._voxel, 1.0)  # of a radian, so that all six steps move parts alike
        start = np.r_[vector / scale, middle]
        found = minimize(
            lambda six: -self._correlation(data, np.r_[six[:3] * scale, six[3:]]),
            start,
            method="Powell",
            options={"xtol": 0.02, "ftol": 1e-5, "maxiter": 12},
        )
        return -float(found.fun), found.x[:3] * scale, found.x[3:]

    def _correlation(self, data: np.ndarray, six: np.ndarray) -> float:
        """Of the reference with the map turned by a rotation vector (x y z) and moved, at the chosen voxels."""
        turn = Rotation.from_rotvec(six[:3]).as_matrix()[::-1, ::-1]
        places = (self._points - self._molecule) @ turn.T + self._molecule + six[3:] + self._center
        values = map_coordinates(data, places.T, order=1, mode="constant")
        values = values - values.mean()
        ours = self._values - self._values.mean()
        return float(values @ ours / max(np.sqrt((values @ values) * (ours @ ours)), 1e-30))


def _coarse(data: np.ndarray, voxel_sizes: np.ndarray, voxel: float, count: int) -> np.ndarray:
    """A map (Z, Y, X) on a cubic grid of so many voxels about its middle."""
    steps = voxel / voxel_sizes[::-1]
    smooth = gaussian_filter(np.asarray(data, np.float32), 0.4 * np.maximum(steps - 1, 0), mode="nearest")
    middle = 0.5 * (np.array(data.shape) - 1)
    offset = middle - steps * (count // 2)
    level = float(np.median(smooth[:: max(1, len(smooth) // 32)]))
    return affine_transform(smooth - level, np.diag(steps), offset, (count,) * 3, np.float32, order=1, mode="constant")


def _turned(data: np.ndarray, matrix: np.ndarray, center: np.ndarray) -> np.ndarray:
    """The map at places turned by a rotation matrix (x y z) about the middle of the box."""
    turn = matrix[::-1, ::-1]
    return affine_transform(data, turn, center - turn @ center, order=1, mode="constant")
