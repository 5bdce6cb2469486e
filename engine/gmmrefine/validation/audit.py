"""What a modified map did to each part of a molecule, compared with the unmodified one.

The question of Berkeley, Cook and Herzik 2024 (doi 10.3389/fmolb.2024.1404885): map modification that helps protein can erase
ligands, ions, waters and lipids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional, Tuple

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from gmmrefine.validation.component_class import (
    NUCLEIC_BACKBONE,
    NUCLEOBASE,
    PROTEIN_BACKBONE,
    PROTEIN_SIDE_CHAIN,
    is_modified,
)

if TYPE_CHECKING:
    from gmmrefine.io.mrc import MapGrid

KEPT, WEAKENED, LOST, UNJUDGED = "kept", "weakened", "lost", "unjudged"
STATUSES = (KEPT, WEAKENED, LOST, UNJUDGED)
_POLYMER = (PROTEIN_BACKBONE, PROTEIN_SIDE_CHAIN, NUCLEIC_BACKBONE, NUCLEOBASE)

# The rule, calibrated on maps of 6MSM with and without deletions (benchmarks/audit.py).
RESOLVED_Q, RESOLVED_DENSITY = 0.2, 0.1  # less in the reference map is not there to be lost
LOST_Q, LOST_DENSITY = 1 / 3, 1 / 4  # part of the reference's that is left
WEAKENED_Q, WEAKENED_DENSITY = 0.1, 0.6  # fall of Q beyond that of the polymer, at least; part of the density that is left
_DEVIATIONS = 3.0  # of the polymer's own changes of Q
POLYMER_FELL, POLYMER_FELL_PART = 0.2, 1 / 3  # fall of the polymer's Q, and part of it, with which nothing else is judged

_SOLVENT_DISTANCE = 4.0  # Å from every atom
_SOLVENT_VOXELS = 100_000
_FEWEST_VOXELS = 100
_RESAMPLINGS = 2000

Pair = Tuple[np.ndarray, np.ndarray]  # of what atoms have in the reference and in the modified map


@dataclass(frozen=True)
class Copies:
    """What is judged residue by residue: ligands, ions, waters, lipids, sugars, and modified residues of chains.

    Parameters
    ----------
    first_atom : (M,) int
    group : (A,) int
        Number of the copy each atom belongs to, -1 for none.
    """

    first_atom: np.ndarray
    group: np.ndarray

    def __len__(self) -> int:
        return len(self.first_atom)

    @property
    def sizes(self) -> np.ndarray:
        """Number of atoms of each copy, (M,) int."""
        return np.bincount(self.group[self.group >= 0], minlength=len(self))

    def means(self, values: np.ndarray) -> np.ndarray:
        """Mean of the values (A,) of each copy, (M,); NaN where one is NaN."""
        members = self.group >= 0
        total = np.bincount(self.group[members], values[members], minlength=len(self))
        return total / self.sizes


def find_copies(classes: np.ndarray, residue_index: np.ndarray, residue_names: Optional[np.ndarray] = None) -> Copies:
    """The copies of a model, one per residue.

    Parameters
    ----------
    classes : (A,) str
    residue_index : (A,) int
    residue_names : (A,) str, optional
        With these, the modified residues of protein and nucleic acid are among the copies.

    Returns
    -------
    Copies
    """
    chosen = ~np.isin(classes, _POLYMER)
    if residue_names is not None:
        chosen |= is_modified(residue_names)
    members = np.flatnonzero(chosen)
    _, first, number = np.unique(residue_index[members], return_index=True, return_inverse=True)
    group = np.full(len(classes), -1)
    group[members] = number
    return Copies(members[first], group)


def densities(positions: np.ndarray, grid: MapGrid, rng: np.random.Generator) -> np.ndarray:
    """Density at each atom above the solvent's.

    Parameters
    ----------
    positions : (A, 3) float
        Å, frame of the map.
    grid : MapGrid
    rng : numpy.random.Generator
        Draws the voxels that the solvent is measured from.

    Returns
    -------
    (A,) float
        Map units.
    """
    index = ((positions - grid.origin) / grid.voxel_sizes)[:, ::-1]
    values = map_coordinates(grid.data, index.T, float, order=1, mode="nearest")
    voxels = rng.integers(0, grid.data.shape, (_SOLVENT_VOXELS, 3))
    places = grid.origin + voxels[:, ::-1] * grid.voxel_sizes
    far = cKDTree(positions).query(places, distance_upper_bound=_SOLVENT_DISTANCE)[0] == np.inf
    chosen = voxels[far] if far.sum() >= _FEWEST_VOXELS else voxels
    return values - np.median(grid.data[tuple(chosen.T)])


def relative_to_polymer(density: np.ndarray, scored: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Densities (A,) in units of the median of the polymer's scored atoms (A,) bool; NaN where that is not above 0.

    Parameters
    ----------
    density : (A,) float
        Above the solvent's, map units.
    scored : (A,) bool
        Atoms with a Q-score.
    classes : (A,) str
    """
    unit = np.median(density[_polymer_or_all(classes) & scored]) if scored.any() else 0
    return density / unit if unit > 0 else np.full(len(density), np.nan)


def judge(copies: Copies, scores: Pair, levels: Pair, classes: np.ndarray, residue_index: np.ndarray) -> np.ndarray:
    """What became of every copy.

    Weakened: Q fell further than the polymer's did, by 0.1 and by three deviations of the polymer's own changes (of atoms for
    copies of one atom, else of residues' means), or Q is now below 0.2, or the density is below 0.6 of the reference's. Lost:
    Q fell so, to less than a third of the reference's, or the density is below a quarter of it. Unjudged: no Q, or Q below 0.2
    or density below 0.1 in the reference map.

    Parameters
    ----------
    copies : Copies
    scores, levels : pair of (A,) float
        Q, NaN outside, and density in units of the polymer's: in the reference and in the modified map.
    classes : (A,) str
    residue_index : (A,) int

    Returns
    -------
    (M,) str
    """
    before, after, level_before, level_after = (copies.means(values) for values in (*scores, *levels))
    limit = _least_expected_change(copies, scores[1] - scores[0], classes, residue_index)
    with np.errstate(invalid="ignore", divide="ignore"):
        left = level_after / level_before
        fell = after - before < limit
        lost = (fell & (after < LOST_Q * before)) | (left < LOST_DENSITY)
        weakened = fell | (left < WEAKENED_DENSITY) | (after < RESOLVED_Q)
        resolved = (before >= RESOLVED_Q) & (level_before >= RESOLVED_DENSITY) & ~np.isnan(after + left)
    return np.select([~resolved, lost, weakened], [UNJUDGED, LOST, WEAKENED], KEPT)


@dataclass(frozen=True)
class PolymerChange:
    """What became of protein and nucleic acid in a modified map, over the atoms that both maps hold.

    Parameters
    ----------
    before, after : float
        Mean Q in the reference and in the modified map; NaN without such atoms.
    fell : bool
        So far that nothing else can be judged by comparison with it.
    """

    before: float
    after: float
    fell: bool


def polymer_change(q_reference: np.ndarray, q: np.ndarray, classes: np.ndarray) -> PolymerChange:
    """Whether the polymer itself fell.

    It did when the median fall of Q is more than 0.2, when it is more than 0.1 and the mean fell by a third, or when the median
    Q is no longer resolved. Part of the polymer may be absent from a map, as a masked domain is, without an effect on medians.

    Parameters
    ----------
    q_reference, q : (A,) float
    classes : (A,) str

    Returns
    -------
    PolymerChange
    """
    scored = _polymer_or_all(classes) & ~np.isnan(q_reference + q)
    if not scored.any():
        return PolymerChange(np.nan, np.nan, False)
    before, after = q_reference[scored], q[scored]
    typical = np.median(after - before)
    unresolved = np.median(after) < RESOLVED_Q <= np.median(before) - WEAKENED_Q
    by_a_third = typical < -WEAKENED_Q and after.mean() < (1 - POLYMER_FELL_PART) * before.mean()
    return PolymerChange(float(before.mean()), float(after.mean()), bool(unresolved or by_a_third or typical < -POLYMER_FELL))


def mean_change(change: np.ndarray, residue_index: np.ndarray, rng: np.random.Generator) -> Tuple[float, float, float]:
    """Mean change of Q of some atoms with its 95 % confidence interval, by resampling residues.

    Parameters
    ----------
    change : (A,) float
        Not NaN.
    residue_index : (A,) int
        Atoms of one residue are drawn together, as they do not vary independently.
    rng : numpy.random.Generator

    Returns
    -------
    tuple of float
        Mean, low end, high end; the ends are NaN with fewer than three residues.
    """
    _, residue = np.unique(residue_index, return_inverse=True)
    total, count = np.bincount(residue, change), np.bincount(residue)
    if len(count) < 3:
        return float(change.mean()), np.nan, np.nan
    drawn = np.empty(_RESAMPLINGS)
    for number in range(_RESAMPLINGS):
        chosen = rng.integers(0, len(count), len(count))
        drawn[number] = total[chosen].sum() / count[chosen].sum()
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(change.mean()), float(low), float(high)


def atom_changes(change: np.ndarray, classes: np.ndarray) -> Tuple[float, float]:
    """Median and deviation of the changes of Q (A,) of the polymer's atoms, or of all without a polymer; NaN left out.

    Parameters
    ----------
    change : (A,) float
    classes : (A,) str
    """
    polymer = _polymer_or_all(classes) & ~np.isnan(change)
    return (np.median(change[polymer]), _deviation(change[polymer])) if polymer.any() else (0.0, 0.0)


def _least_expected_change(copies: Copies, change: np.ndarray, classes: np.ndarray, residue_index: np.ndarray) -> np.ndarray:
    """The change of Q (M,) below which a copy fared worse than the polymer."""
    polymer = _polymer_or_all(classes) & ~np.isnan(change)
    if not polymer.any():
        return np.full(len(copies), -WEAKENED_Q)
    of_atoms = change[polymer]
    _, residue = np.unique(residue_index[polymer], return_inverse=True)
    of_residues = np.bincount(residue, of_atoms) / np.bincount(residue)
    deviation = np.where(copies.sizes == 1, _deviation(of_atoms), _deviation(of_residues))
    return np.median(of_atoms) - np.maximum(WEAKENED_Q, _DEVIATIONS * deviation)


def _deviation(values: np.ndarray) -> float:
    """Standard deviation (of a normal distribution with the values' median absolute deviation), blind to a few outliers."""
    return np.median(np.abs(values - np.median(values))) / 0.6745


def _polymer_or_all(classes: np.ndarray) -> np.ndarray:
    polymer = np.isin(classes, _POLYMER)
    return polymer if polymer.any() else np.ones(len(classes), bool)
