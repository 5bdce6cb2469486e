"""The grey scale and contrast of one map against another, from the density that both show where they overlap."""

from dataclasses import dataclass
from typing import Iterable, Mapping, Sequence, Tuple

import numpy as np

from gmmrefine.fourier.grey import grey_scale

_LEAST_AGREEMENT = 0.5  # correlation of the signals; below, two maps do not show the same density
_LARGEST_ERROR = 0.15  # of ln scale, up to which a scale is known at all
_SAME_SCALE, _SAME_LEVEL = 0.05, 0.25  # of ln scale; of the level, in standard deviations of the density
_CERTAIN = 4.0  # standard errors


@dataclass(frozen=True)
class OverlapScale:
    """What takes a map to another one: other = scale × map + level.

    Parameters
    ----------
    scale : float
        Negative where the contrast is the other way round.
    level : float
        Units of the other map.
    error : float
        Standard error of ln |scale|; infinite where the maps do not tell.
    agreement : float
        Correlation of the signals, without their noise.
    deviation : float
        Of the other map's density there, in its units.
    """

    scale: float
    level: float
    error: float
    agreement: float
    deviation: float

    @property
    def is_known(self) -> bool:
        """Whether both maps show the same density clearly enough."""
        return self.error < _LARGEST_ERROR and abs(self.agreement) > _LEAST_AGREEMENT

    @property
    def is_one(self) -> bool:
        """Whether the maps are on one grey scale as far as can be told."""
        allowed = max(_SAME_SCALE, _CERTAIN * self.error)
        return self.scale > 0 and abs(np.log(self.scale)) < allowed and abs(self.level) < _SAME_LEVEL * self.deviation


def overlap_scale(
    halves: Sequence[np.ndarray], other_halves: Sequence[np.ndarray], weight: np.ndarray, radius: float
) -> OverlapScale:
    """Scale and level that take a map to another, by least squares that noise does not bend.

    Parameters
    ----------
    halves, other_halves : pair of (Z, Y, X) float
        Half maps, low-passed at ``radius``.
    weight : (Z, Y, X) float
        0 or more; where both maps count.
    radius : float
        Shell, which tells how many independent values there are.

    Returns
    -------
    OverlapScale

    Notes
    -----
    A line fitted to noisy values is too flat. The noise of the halves is independent, so that products of unlike halves hold
    signal only: with ⟨aa⟩ = cov(a₁, a₂), ⟨bb⟩ = cov(b₁, b₂) and ⟨ab⟩ = (cov(a₁, b₂) + cov(a₂, b₁)) / 2, all weighted, the slope
    is ± √(⟨bb⟩ / ⟨aa⟩), the same whichever map is taken first, and ⟨ab⟩ / √(⟨aa⟩⟨bb⟩) the correlation of the signals.
    """
    inside = weight > 0
    units = grey_scale(*halves), grey_scale(*other_halves)
    values = [[half[inside].astype(float) / unit for half in pair] for unit, pair in zip(units, (halves, other_halves))]
    share = weight[inside] / max(float(weight[inside].sum()), 1e-6)
    means = [[float(np.sum(share * half)) for half in pair] for pair in values]
    (a1, a2), (b1, b2) = ([half - mean for half, mean in zip(pair, of_pair)] for pair, of_pair in zip(values, means))

    def moment(first: np.ndarray, second: np.ndarray) -> float:
        return float(np.sum(share * first * second))

    own, other = moment(a1, a2), moment(b1, b2)
    if min(own, other) <= 0:
        return OverlapScale(1.0, 0.0, np.inf, 0.0, 0.0)
    shared = 0.5 * (moment(a1, b2) + moment(a2, b1))
    scale = float(np.sign(shared) * np.sqrt(other / own))
    level = np.mean(means[1]) - scale * np.mean(means[0])
    total = [0.5 * (moment(one, one) + moment(two, two)) / signal for one, two, signal in ((a1, a2, own), (b1, b2, other))]
    agreement = float(shared / np.sqrt(own * other))
    samples = max(1.0, 4 / 3 * np.pi * radius**3 / weight.size * float(weight.sum()))
    # of a sum of products of signal and noise, and what the signals themselves differ by
    variance = 0.25 * sum(max(each**2 - 1, 0) for each in total) + max(1 / max(agreement**2, 1e-6) - 1, 0)
    error = float(np.sqrt(variance / samples))
    return OverlapScale(
        scale * units[1] / units[0], float(level * units[1]), error, agreement, float(np.sqrt(other) * units[1])
    )


def common_scales(count: int, pairs: Mapping[Tuple[int, int], Tuple[OverlapScale, float]]) -> Tuple[np.ndarray, bool]:
    """Scale and level of every map that bring all to that of the first, by least squares over pairs.

    Parameters
    ----------
    count : int
        Number of maps.
    pairs : dict of (int, int) to tuple
        OverlapScale that takes map i to map j, and its weight; those that are known.

    Returns
    -------
    tuple
        (count, 2) float, scale and level, NaN for maps that no chain of pairs joins to the first; whether all pairs agree on
        the contrast.

    Notes
    -----
    With map = scale × map + level in common units, ln |s_i| = ln |s_j| + ln |a_ij| of each pair; the levels follow with
    s_j (a_ij m + l_ij) + t_j = s_i m + t_i, that is t_i − t_j = s_j l_ij.
    """
    signs, reached = {0: 1.0}, [0]
    for one in reached:
        for (i, j), (found, _) in pairs.items():
            for here, there in ((i, j), (j, i)):
                if here == one and there not in signs:
                    signs[there] = signs[here] * np.sign(found.scale)
                    reached.append(there)
    consistent = all(signs[i] == signs[j] * np.sign(found.scale) for (i, j), (found, _) in pairs.items() if i in signs)
    used = {key: pair for key, pair in pairs.items() if key[0] in signs}
    logarithms = _potentials(
        count, reached, {(i, j): (np.log(abs(found.scale)), weight) for (i, j), (found, weight) in used.items()}
    )
    scales = np.array([signs.get(one, np.nan) for one in range(count)]) * np.exp(logarithms)
    levels = _potentials(
        count, reached, {(i, j): (scales[j] * found.level, weight) for (i, j), (found, weight) in used.items()}
    )
    return np.column_stack([scales, levels]), consistent


def _potentials(count: int, reached: Iterable[int], differences: Mapping[Tuple[int, int], Tuple[float, float]]) -> np.ndarray:
    """Values (count,) with v_i − v_j nearest to each difference, v of the first map 0; NaN where nothing is known."""
    rows, right = [], []
    for (i, j), (difference, weight) in differences.items():
        row = np.zeros(count)
        row[i], row[j] = np.sqrt(weight), -np.sqrt(weight)
        rows.append(row)
        right.append(np.sqrt(weight) * difference)
    values = np.full(count, np.nan)
    values[0], free = 0, [one for one in reached if one]
    if free:
        values[free] = np.linalg.lstsq(np.array(rows)[:, free], np.array(right), rcond=None)[0]
    return values
