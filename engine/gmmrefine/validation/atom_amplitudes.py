"""How much density of its own each atom has in a map, besides what its neighbours lend it."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.linalg import lsqr
from scipy.spatial import cKDTree

_WIDTHS = 0.6, 2.5  # Å that an atom's density may have
_FARTHEST = 3.0  # widths within which neighbours count
_PRIOR = 0.15  # of the density of one atom, deviation with which densities are believed
_MOST_FITTED = 3000  # atoms that tell the width


def atom_amplitudes(positions: np.ndarray, atomic_numbers: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Amplitude of every atom, about 1 where the map shows it as the others and 0 where it is gone.

    The density at the atoms is taken for a sum of Gaussians of one width at them, with heights by atomic number. The width is
    the one that fits best with amplitudes of 1; then the amplitudes follow by least squares, held to 1 where the map does not
    tell.

    Parameters
    ----------
    positions : (A, 3) float
        Å.
    atomic_numbers : (A,) int
    density : (A,) float
        At the atoms, above the solvent's; NaN for those that are not in the map.

    Returns
    -------
    (A,) float
        NaN where the density is.
    """
    known = np.flatnonzero(~np.isnan(density))
    found = np.full(len(positions), np.nan)
    if len(known) < 2:
        return found
    points, numbers, values = positions[known], atomic_numbers[known] / np.mean(atomic_numbers[known]), density[known]
    some = np.linspace(0, len(points) - 1, min(len(points), _MOST_FITTED)).astype(int)

    def misfit(width: float) -> float:
        expected = _overlaps(points, numbers, width)[some] @ np.ones(len(points))
        scale = expected @ values[some] / (expected @ expected)
        return np.median(np.abs(values[some] - scale * expected))

    width = minimize_scalar(misfit, bounds=_WIDTHS, method="bounded", options={"xatol": 0.05}).x
    overlaps = _overlaps(points, numbers, width)
    expected = overlaps @ np.ones(len(points))
    scale = np.median(values / expected)
    if scale <= 0:
        return found
    found[known] = 1 + lsqr(overlaps, values / scale - expected, damp=_PRIOR, iter_lim=100)[0]
    return found


def _overlaps(points: np.ndarray, numbers: np.ndarray, width: float) -> csr_matrix:
    """What each atom has of each other's density, (A, A) sparse."""
    pairs = cKDTree(points).query_pairs(_FARTHEST * width, output_type="ndarray")
    near = np.exp(-0.5 * np.sum((points[pairs[:, 0]] - points[pairs[:, 1]]) ** 2, axis=1) / width**2)
    rows, columns = (
        np.r_[pairs[:, 0], pairs[:, 1], np.arange(len(points))],
        np.r_[pairs[:, 1], pairs[:, 0], np.arange(len(points))],
    )
    values = np.r_[near, near, np.ones(len(points))] * numbers[columns]
    return coo_matrix((values, (rows, columns)), (len(points), len(points))).tocsr()
