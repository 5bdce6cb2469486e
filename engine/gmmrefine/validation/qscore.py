"""Q-scores: how well the density around each atom follows a Gaussian (Pintilie et al. 2020, doi 10.1038/s41592-020-0731-1).

The definition of the original program, MapQ: 8 values at the atom and at least 8 points on every sphere of radius 0.1,
0.2 … 2.0 Å around it that are not nearer than 0.9 radii to another atom; Q is the correlation about the mean of the
map at these points with exp(−r² / 2σ²).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Tuple

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from gmmrefine.io.mrc import MapGrid

REACH = 2.0  # Å, radius of the outermost sphere
_RADII = np.arange(1, 21) * 0.1
_POINTS = 8
_TRIES = 50  # each with two points more on the sphere; a sphere still too crowded then is left out
_CROWDED = 0.9  # part of the radius within which another atom takes the point
_ATOMS_AT_A_TIME = 4000
_FLAT = 1e-6  # part of the map's deviation


@dataclass(frozen=True)
class QScores:
    """Q-score of every atom.

    Parameters
    ----------
    values : (A,) float
        At most 1; NaN outside the map.
    outside : (A,) bool
        The atom, or a part of the 2 Å around it, lies outside the map.
    flat : (A,) bool
        The map is constant around the atom; Q is 0 there, as there is no peak.
    """

    values: np.ndarray
    outside: np.ndarray
    flat: np.ndarray


def q_scores(
    positions: np.ndarray, grid: MapGrid, sigma: float = 0.6, report: Callable[[int], Any] = lambda done: None
) -> QScores:
    """Q-score of every atom of a model in a map.

    Parameters
    ----------
    positions : (A, 3) float
        x, y, z of all non-hydrogen atoms in Å, in the frame of the map.
    grid : MapGrid
    sigma : float
        Width of the reference Gaussian in Å; 0.6 in the paper, 0.4 in the validation reports of EMDB and wwPDB.
    report : callable
        Told the number of atoms done.

    Returns
    -------
    QScores
    """
    outside = beyond_reach(positions, grid)
    values, flat = np.full(len(positions), np.nan), np.zeros(len(positions), bool)
    tree, inside = cKDTree(positions), np.flatnonzero(~outside)
    smallest_variance = (_FLAT * float(grid.data.std(dtype=float))) ** 2
    for start in range(0, len(inside), _ATOMS_AT_A_TIME):
        index = inside[start : start + _ATOMS_AT_A_TIME]
        sums = _CorrelationSums(positions[index], grid)
        neighbours = _Neighbours(tree, positions[index])
        for radius in _RADII:
            _add_sphere(sums, neighbours, radius, np.exp(-0.5 * (radius / sigma) ** 2))
        values[index], flat[index] = sums.correlation(smallest_variance)
        report(start + len(index))
    return QScores(values, outside, flat)


def beyond_reach(positions: np.ndarray, grid: MapGrid) -> np.ndarray:
    """Which of the positions (A, 3) in Å lie outside a MapGrid, or with a part of the 2 Å around them, (A,) bool."""
    return np.any((positions < grid.origin + REACH) | (positions > grid.last - REACH), axis=1)


def sphere_points(count: int) -> np.ndarray:
    """Unit vectors (count, 3) spread over the sphere on a spiral from pole to pole (Saff and Kuijlaars 1997)."""
    height = np.linspace(-1, 1, count)
    steps = 3.6 / np.sqrt(count * (1 - height[1:-1] ** 2))
    angle = np.concatenate([[0], np.cumsum(steps), [0]])
    across = np.sqrt(1 - height**2)
    return np.stack([across * np.cos(angle), across * np.sin(angle), height], axis=1)


_SPHERES = [sphere_points(_POINTS + 2 * number) for number in range(_TRIES)]


def _add_sphere(sums: "_CorrelationSums", neighbours: "_Neighbours", radius: float, gaussian: float) -> None:
    """Add the points of one sphere to the sums: of each atom the first set of which enough are free."""
    waiting = np.arange(len(sums.positions))
    for directions in _SPHERES:
        free = neighbours.free(waiting, directions, radius)
        done = free.sum(axis=1) >= _POINTS
        sums.add(waiting[done], radius * directions, free[done], gaussian)
        waiting = waiting[~done]
        if len(waiting) == 0:
            break


class _Neighbours:
    """The atoms around each of some atoms, nearest first.

    A point at radius R in direction u is nearer than 0.9 R to an atom at d when |R u − d|² < 0.81 R², that is
    u·d − |d|² / 2R > 0.095 R.
    """

    def __init__(self, tree: cKDTree, positions: np.ndarray) -> None:
        reach = REACH * (1 + _CROWDED)
        most = int(tree.query_ball_point(positions, reach, return_length=True).max())
        self._distance, index = tree.query(positions, k=np.arange(1, most + 1), distance_upper_bound=reach)
        exists = np.isfinite(self._distance)
        padded = np.concatenate([tree.data, np.zeros((1, 3))])
        self._vectors = np.where(exists[..., None], padded[index] - positions[:, None], 0)
        self._half_squares = np.where(exists, 0.5 * self._distance**2, np.inf)

    def free(self, atoms: np.ndarray, directions: np.ndarray, radius: float) -> np.ndarray:
        """Whether each direction (P, 3) from each of the atoms (N,) is nearer to no other atom, (N, P) bool."""
        count = (self._distance[atoms] < (1 + _CROWDED) * radius).sum(axis=1).max()
        depth = self._vectors[atoms, :count] @ directions.T
        depth -= self._half_squares[atoms, :count, None] / radius
        return depth.max(axis=1) <= 0.5 * (1 - _CROWDED**2) * radius


class _CorrelationSums:
    """Running sums of the correlation of map values with the Gaussian, atom by atom.

    Map values are taken relative to that at the atom, so that rounding does not matter.
    """

    def __init__(self, positions: np.ndarray, grid: MapGrid) -> None:
        self.positions, self._grid = positions, grid
        self._center = self._map_values(positions)
        self._count, self._gaussian, self._gaussian2 = np.full((3, len(positions)), float(_POINTS))
        self._value, self._value2, self._product = np.zeros((3, len(positions)))

    def add(self, atoms: np.ndarray, offsets: np.ndarray, free: np.ndarray, gaussian: float) -> None:
        """Add the points at offsets (P, 3) Å from the atoms (N,) where ``free`` (N, P); the Gaussian is one number."""
        values = self._map_values(self.positions[atoms, None] + offsets) - self._center[atoms, None]
        values[~free] = 0
        count, total = free.sum(axis=1), values.sum(axis=1)
        self._count[atoms] += count
        self._gaussian[atoms] += gaussian * count
        self._gaussian2[atoms] += gaussian**2 * count
        self._value[atoms] += total
        self._value2[atoms] += (values**2).sum(axis=1)
        self._product[atoms] += gaussian * total

    def correlation(self, smallest_variance: float) -> Tuple[np.ndarray, np.ndarray]:
        """Correlation about the mean (N,), and whether the map's variance (N,) is below the smallest that counts."""
        covariance = self._product - self._gaussian * self._value / self._count
        variance = self._value2 - self._value**2 / self._count
        reference = self._gaussian2 - self._gaussian**2 / self._count
        flat = variance <= smallest_variance * self._count
        return np.where(flat, 0, covariance / np.sqrt(np.where(flat, 1, variance) * reference)), flat

    def _map_values(self, positions: np.ndarray) -> np.ndarray:
        """Trilinear interpolation at positions (..., 3) Å."""
        index = (positions - self._grid.origin) / self._grid.voxel_sizes
        coordinates = index[..., ::-1].reshape(-1, 3).T
        return map_coordinates(self._grid.data, coordinates, float, order=1, mode="nearest").reshape(positions.shape[:-1])
