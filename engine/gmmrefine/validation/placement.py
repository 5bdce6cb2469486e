"""Whether the atoms of a model lie in the density of a map, whatever was done to the map.

An atom lies in empty density where the map, smoothed, does not stand out of the solvent: by three deviations of the smoothed
solvent, and by a part of what a molecule of that size has. A fine smoothing shows weak parts of a clear map, a coarse one the
molecule in a map that is noise at first sight. The solvent is what most voxels have, be it noise, a level, or the zeros around
a mask; the side that the molecule is on is found, so that an inverted map is no other.
"""

from dataclasses import dataclass
from typing import List, Tuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import cKDTree

_SCALES = (3.5, 0.05), (7.0, 0.3), (12.0, 0.5)  # standard deviation in Å, part of the molecule's density that an atom needs
_COARSE_VOXEL = 0.85  # standard deviations at most; shows what smoothing leaves
_REACH = 3.0  # deviations
_DEVIATIONS = 3.0  # of the solvent, that an atom needs
_ATOM_VOLUME = 20.0  # Å³ that a non-hydrogen atom of a protein fills
_SOLVENT = 0.25  # of the voxels, at least; their values are the closest together
_SAMPLE = 500_000  # voxels that tell solvent and molecule
_NEAR = 8.0  # Å; density farther from all atoms is not theirs
_MOVES, _MOVE_RANGE, _MOST_MOVED = 40, (8.0, 14.0), 20_000  # of the model: number, Å, atoms


@dataclass(frozen=True)
class Look:
    """Where the atoms of a model lie in a map.

    Parameters
    ----------
    outside, empty : (A,) bool
        Outside the box; inside it, in empty density.
    contrast : int
        1 where the molecule is bright, -1 where it is dark.
    coarse_fit, fine_fit : float
        Mean density of the atoms above the solvent's, 0 for those outside, in the smoothed map and in the map as it is.
    """

    outside: np.ndarray
    empty: np.ndarray
    contrast: int
    coarse_fit: float
    fine_fit: float

    @property
    def off(self) -> float:
        """The part of the atoms that lies outside or in empty density."""
        return float(np.mean(self.outside | self.empty))


class DensityOfAtoms:
    """A map in which a model is looked for.

    Parameters
    ----------
    data : (Z, Y, X) float
        Map units.
    voxel_sizes : (3,) float
        x, y, z in Å.
    atoms : int
        Number of non-hydrogen atoms, which says how much of the map the molecule fills.
    """

    def __init__(self, data: np.ndarray, voxel_sizes: ArrayLike, atoms: int) -> None:
        self._data, self._sizes = data, np.asarray(voxel_sizes, float)
        self._scales = [_Smoothed(data, self._sizes, *scale, atoms * _ATOM_VOLUME) for scale in _SCALES]
        self._smooth = self._scales[0]

    def look(self, points: np.ndarray) -> Look:
        """See where atoms lie, points (A, 3) in Å from the first voxel; gives a Look."""
        end = (np.array(self._data.shape[::-1]) - 1) * self._sizes
        outside = np.any((points < -0.5 * self._sizes) | (points > end + 0.5 * self._sizes), axis=1)
        contrast, empty = min(
            ((sign, ~outside & ~self._stand_out(points, sign)) for sign in (1, -1)), key=lambda pair: pair[1].sum()
        )
        fits = self._smooth.values(points) - self._smooth.level, self._values(points) - self._smooth.level
        return Look(outside, empty, contrast, *(abs(float(np.mean(~outside * each))) for each in fits))

    def explained(self, points: np.ndarray, contrast: int) -> float:
        """The part of the density that is not in empty places which lies near atoms, points (A, 3) in Å.

        Parameters
        ----------
        points : (A, 3) float
            x, y, z in Å from the first voxel.
        contrast : int
            As of ``Look``.
        """
        places, density = self._smooth.dense(contrast)
        if len(places) == 0:
            return 0.0
        near = np.isfinite(cKDTree(points).query(places, distance_upper_bound=_NEAR)[0])
        return float(density[near].sum() / density.sum())

    def peaks(self, points: np.ndarray, contrast: int) -> float:
        """By how many deviations atoms lie higher than when moved by 8 to 14 Å as a whole, in what smoothing takes out.

        At most 3 or 4 for a model that does not fit, 5 for one that fits a map of 15 Å, 20 to 50 for one of 3 to 4 Å.

        Parameters
        ----------
        points : (A, 3) float
            x, y, z in Å from the first voxel.
        contrast : int
            As of ``Look``.
        """
        rng = np.random.default_rng(0)
        if len(points) > _MOST_MOVED:
            points = points[rng.choice(len(points), _MOST_MOVED, replace=False)]
        moves = rng.normal(size=(_MOVES, 3))
        moves *= rng.uniform(*_MOVE_RANGE, (_MOVES, 1)) / np.linalg.norm(moves, axis=1, keepdims=True)
        moved = np.array([self._detail(points + move) for move in moves])
        return float(contrast * (self._detail(points) - moved.mean()) / (moved.std() or 1.0))

    def _stand_out(self, points: np.ndarray, sign: int) -> np.ndarray:
        return np.any([scale.stand_out(points, sign) for scale in self._scales], axis=0)

    def _detail(self, points: np.ndarray) -> float:
        return float(np.mean(self._values(points) - self._scales[1].values(points)))

    def _values(self, points: np.ndarray) -> np.ndarray:
        return _interpolated(self._data, points / self._sizes)


class _Smoothed:
    """A smoothed map and what its solvent and its molecule are like.

    Parameters
    ----------
    data : (Z, Y, X) float
        Before smoothing.
    voxel_sizes : (3,) float
        Å.
    deviation : float
        Of the Gaussian, Å.
    part : float
        Of the molecule's density, that is not empty.
    volume : float
        Å³ of the molecule.
    """

    def __init__(self, data: np.ndarray, voxel_sizes: np.ndarray, deviation: float, part: float, volume: float) -> None:
        factor = np.maximum(1, (_COARSE_VOXEL * deviation / voxel_sizes).astype(int))
        self._sizes, self._first = voxel_sizes * factor, 0.5 * (factor - 1) * voxel_sizes
        self._data = gaussian_filter(
            _block_means(data, factor), (deviation / self._sizes)[::-1], mode="nearest", truncate=_REACH
        )
        values = np.sort(self._data.ravel()[:: 1 + self._data.size // _SAMPLE])
        self.level = _solvent_level(values)
        filled = volume / np.prod(self._sizes) / self._data.size
        self._least = dict(zip((1, -1), _thresholds(values - self.level, part, filled)))

    def values(self, points: np.ndarray) -> np.ndarray:
        """The smoothed map (A,) at points (A, 3) in Å."""
        return _interpolated(self._data, (points - self._first) / self._sizes)

    def stand_out(self, points: np.ndarray, sign: int) -> np.ndarray:
        """Which points (A, 3) in Å are not in empty density, where the molecule is bright (1) or dark (-1), (A,) bool."""
        return sign * (self.values(points) - self.level) > self._least[sign]

    def dense(self, sign: int) -> Tuple[np.ndarray, np.ndarray]:
        """Places (V, 3) in Å of the voxels that are not in empty density, and their density (V,) above the solvent's."""
        above = sign * (self._data - self.level)
        voxels = above > self._least[sign]
        return np.argwhere(voxels)[:, ::-1] * self._sizes + self._first, above[voxels]


def _block_means(data: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Means over blocks of ``factor`` (x, y, z) voxels; what is left over at the end is cut off."""
    factor = factor[::-1]
    whole = data[tuple(slice(0, size // step * step) for size, step in zip(data.shape, factor))]
    blocks = [part for size, step in zip(whole.shape, factor) for part in (size // step, step)]
    return whole.reshape(blocks).mean(axis=(1, 3, 5), dtype=np.float32)


def _solvent_level(values: np.ndarray) -> float:
    """The value around which most of them lie, in rising order (K,): the middle of the shortest interval with a quarter."""
    count = max(2, int(_SOLVENT * len(values)))
    first = int(np.argmin(values[count - 1 :] - values[: len(values) - count + 1]))
    return float(np.median(values[first : first + count]))


def _thresholds(above: np.ndarray, part: float, filled: float) -> List[float]:
    """How far from the solvent density begins, of a bright and of a dark molecule.

    Parameters
    ----------
    above : (K,) float
        Values above the solvent's level, in rising order.
    part : float
        Of the molecule's density, that is not empty.
    filled : float
        The part of the box that the molecule fills.
    """
    half_filled = int(np.clip(0.5 * filled * len(above), 1, len(above) // 2))
    molecule = max(above[-half_filled], -above[half_filled - 1])
    first = np.searchsorted(above, 0)
    of_solvent = -above[:first], above[first:]  # the side that has no molecule
    deviations = [np.median(side) / 0.6745 if len(side) else 0.0 for side in of_solvent]
    return [max(_DEVIATIONS * deviation, part * molecule) for deviation in deviations]


def _interpolated(data: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Trilinear interpolation (A,) of a map (Z, Y, X) at voxels (A, 3), x y z; the nearest voxel's value outside."""
    return map_coordinates(data, index.T[::-1], float, order=1, mode="nearest")
