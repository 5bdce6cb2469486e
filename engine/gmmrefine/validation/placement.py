"""Whether the atoms of a model lie in the density of a map, whatever was done to the map.

An atom lies in empty density where the map, smoothed, does not stand out of the solvent: neither by three deviations of the
smoothed solvent nor by a twentieth of what a molecule of that size has. Smoothing leaves the molecule of a noisy or sharpened
map and little of its noise; the solvent is what most voxels have, be it noise, a level, or the zeros around a mask; the side
that the molecule is on is found, so that an inverted map is no other.
"""
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import cKDTree

_SMOOTH, _COARSE_VOXEL = 3.5, 3.0  # Å: standard deviation, and voxels that suffice to show what is left
_DEVIATIONS, _LEAST_DENSITY = 3.0, 0.05  # of the solvent; of the molecule's density
_ATOM_VOLUME = 20.0  # Å³ that a non-hydrogen atom of a protein fills
_SOLVENT = 0.25  # of the voxels, at least; their values are the closest together
_SAMPLE = 200_000  # voxels that tell the solvent
_NEAR = 8.0  # Å; density farther from all atoms is not theirs
_SHIFTS, _SHIFT_RANGE, _MOST_SHIFTED = 40, (4.0, 7.0), 20_000  # moves of the model, Å, atoms


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
    def off(self):
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

    def __init__(self, data, voxel_sizes, atoms):
        self._data, self._sizes = data, np.asarray(voxel_sizes, float)
        self._factor = np.maximum(1, (_COARSE_VOXEL / self._sizes).astype(int))
        self._coarse_sizes = self._sizes * self._factor
        coarse = _block_means(data, self._factor)
        self._smooth = gaussian_filter(coarse, (_SMOOTH / self._coarse_sizes)[::-1], mode="nearest")
        self._level = _solvent_level(self._smooth.ravel())
        filled = int(0.5 * atoms * _ATOM_VOLUME / np.prod(self._coarse_sizes))
        self._filled = min(max(filled, 1), self._smooth.size // 2)

    def look(self, points):
        """See where atoms lie, points (A, 3) in Å from the first voxel; gives a Look."""
        end = (np.array(self._data.shape[::-1]) - 1) * self._sizes
        outside = np.any((points < -0.5 * self._sizes) | (points > end + 0.5 * self._sizes), axis=1)
        above = self._smooth_values(points) - self._level
        contrast, empty = min(
            ((sign, ~outside & ~(sign * above > self._threshold(sign))) for sign in (1, -1)), key=lambda pair: pair[1].sum())
        fine = self._values(points) - self._level
        return Look(outside, empty, contrast, *(abs(float(np.mean(~outside * each))) for each in (above, fine)))

    def explained(self, points, contrast):
        """The part of the density that is not in empty places which lies near atoms, points (A, 3) in Å."""
        above = contrast * (self._smooth - self._level)
        dense = above > self._threshold(contrast)
        if not dense.any():
            return 0.0
        places = np.argwhere(dense)[:, ::-1] * self._coarse_sizes + 0.5 * (self._factor - 1) * self._sizes
        near = np.isfinite(cKDTree(points).query(places, distance_upper_bound=_NEAR)[0])
        return float(above[dense][near].sum() / above[dense].sum())

    def peaks(self, points, contrast):
        """By how many deviations atoms lie higher than when they are moved by 4 to 7 Å as a whole, in what smoothing takes away.

        About 0 for a model that does not fit, 10 to 50 for one that fits a map of 3 to 4 Å.
        """
        rng = np.random.default_rng(0)
        if len(points) > _MOST_SHIFTED:
            points = points[rng.choice(len(points), _MOST_SHIFTED, replace=False)]
        moves = rng.normal(size=(_SHIFTS, 3))
        moves *= rng.uniform(*_SHIFT_RANGE, (_SHIFTS, 1)) / np.linalg.norm(moves, axis=1, keepdims=True)
        moved = np.array([self._detail(points + move) for move in moves])
        return float(contrast * (self._detail(points) - moved.mean()) / max(moved.std(), 1e-30))

    def _detail(self, points):
        return float(np.mean(self._values(points) - self._smooth_values(points)))

    def _threshold(self, sign):
        """How far from the solvent's level a molecule begins that is bright (1) or dark (-1), smoothed map."""
        above = sign * (self._smooth.ravel() - self._level)
        below = -above[above < 0]
        deviation = np.median(below) / 0.6745 if len(below) else 0.0  # the other side is solvent only
        molecule = np.partition(above, len(above) - self._filled)[len(above) - self._filled]
        return max(_DEVIATIONS * deviation, _LEAST_DENSITY * molecule)

    def _values(self, points):
        return _interpolated(self._data, points / self._sizes)

    def _smooth_values(self, points):
        return _interpolated(self._smooth, (points / self._sizes - 0.5 * (self._factor - 1)) / self._factor)


def _block_means(data, factor):
    """Means over blocks of ``factor`` (x, y, z) voxels; what is left over at the end is cut off."""
    factor = factor[::-1]
    whole = data[tuple(slice(0, size // step * step) for size, step in zip(data.shape, factor))]
    blocks = [part for size, step in zip(whole.shape, factor) for part in (size // step, step)]
    return whole.reshape(blocks).mean(axis=(1, 3, 5), dtype=np.float32)


def _solvent_level(values):
    """The value (of all, (K,)) around which most lie: the middle of the shortest interval that holds a quarter of them."""
    ordered = np.sort(values[:: max(1, len(values) // _SAMPLE)])
    count = max(2, int(_SOLVENT * len(ordered)))
    first = int(np.argmin(ordered[count - 1 :] - ordered[: len(ordered) - count + 1]))
    return float(np.median(ordered[first : first + count]))


def _interpolated(data, index):
    """Trilinear interpolation (A,) of a map (Z, Y, X) at voxels (A, 3), x y z; the nearest voxel's value outside."""
    return map_coordinates(data, index.T[::-1], float, order=1, mode="nearest")
