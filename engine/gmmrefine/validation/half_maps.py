"""Whether two half maps are what a resolution can be measured from: unfiltered, unmasked, of independent particles."""

from dataclasses import dataclass, field
from typing import List, Optional, Sequence, Tuple

import numpy as np
from scipy import ndimage

from gmmrefine.fourier.grey import in_grey_scale
from gmmrefine.fourier.shells import resolution_of_shell, shell_sums
from gmmrefine.maps.bands import transform
from gmmrefine.maps.contrast import contrast
from gmmrefine.validation.orientation import find_orientation

_SAME = 1e-5  # of 1 - FSC in the middle shell; independent noise is never so little
_DROP, _WITHIN = 0.1, 1.5  # noise power that falls by so much within a factor of frequency, and stays below, was filtered
_GONE = 1e-3  # of it, within that factor squared; noise of coarse shells may fall, but then stays
_STEEP = 2.0  # power of frequency; noise that falls faster belongs to the edge of the filter
_CUT = 12.0  # power of frequency; the signal of molecules falls more slowly
_EMPTY = 1e-9  # of the strongest shell; what a map without noise or a large B factor leaves is more
_COARSEST = 4  # shell; fewer samples say nothing of their noise
_RISE = 8.0  # of noise power over the last octave; reconstruction makes it rise twofold
_UNEQUAL = 2.0  # ratio of noise powers
_UNEVEN = 20.0  # ratio of local noise power, percentile 95 to 5
_INNER = 0.45  # of the box: radius within which no program leaves a map empty
_OUTER = 0.47  # of the box: radius within which noise should be alike
_NOTABLE_SHARE = 0.05  # of that sphere, which both maps leave constant
_CLIPPED_SHARE = 5e-3  # of the voxels at the lowest or the highest value
_ONE_SIDED = 0.8  # noise levels from the median to the lowest values; unclipped noise reaches 2.5
_SAMPLE = 300_000  # voxels looked at for constants
_BLOCK = 4  # voxels, for the evenness of noise
_MOVED = 2.0  # times higher correlation elsewhere than in place
_UNLIKE_SHARE = 0.02  # of the box, which one map alone leaves constant
_OPPOSITE, _CLEARLY = -0.2, 4.0  # FSC of coarse shells; standard errors
_DARK, _RANDOM = -3.0, 15  # standard deviations of contrast, less than refuses images, as this is only said; seed of trial maps
_TURNED_BELOW, _TURNED_TO = 0.8, 10.0  # turns are looked for where the mean FSC up to that many Å is lower


@dataclass(frozen=True)
class Findings:
    """What was noticed about two half maps.

    Parameters
    ----------
    refusal : str
        Why nothing can be measured from them; empty when something can.
    notes : list of str
        What a reader of the result must know.
    end : int or None
        Shell from which on they hold nothing.
    support : (Z, Y, X) bool or None
        Where both are not constant, when they were masked.
    misplaced : bool
        Whether they agree better when one is moved or turned, so that what differs is not noise.
    """

    refusal: str = ""
    notes: List[str] = field(default_factory=list)
    end: Optional[int] = None
    support: Optional[np.ndarray] = None
    misplaced: bool = False


@dataclass(frozen=True)
class _Shells:
    """Power by shell (S,): of both maps, the second brought to the scale of the first, what they share, their difference."""

    powers: Tuple[np.ndarray, np.ndarray]
    shared: np.ndarray
    difference: np.ndarray

    @property
    def last(self) -> int:
        """The last shell that is complete."""
        return len(self.shared) - 2


def examine_half_maps(half_map_1: np.ndarray, half_map_2: np.ndarray, pixel_size: float) -> Findings:
    """Look at two half maps (Z, Y, X) before a resolution is measured from them; ``pixel_size`` in Å/px.

    Parameters
    ----------
    half_map_1, half_map_2 : (Z, Y, X) float
    pixel_size : float
        Å/px.

    Returns
    -------
    Findings
    """
    halves, n = (half_map_1, half_map_2), len(half_map_1)
    level = float(np.abs(half_map_1 - half_map_1.mean()).max())  # powers of very large or small values leave single precision
    spectra = [transform(half / level) for half in halves]
    scale = _scale(spectra)
    shells = _by_shell(spectra[0], spectra[1] * np.float32(1 / scale))
    if _is_same(shells):
        return Findings("hold the same map; expected two half maps of independent particles, which differ by more than scale")
    opposite = _opposite(shells)
    if opposite:
        return Findings(opposite)
    flat = [_constant_region(half) for half in halves]
    clipped = _clipped(halves, flat, scale, _noise_shares(shells))
    if clipped:
        return Findings(clipped)
    misplaced = _moved_notes(spectra, pixel_size) or _turned_notes([half / level for half in halves], shells, pixel_size)
    masked, both = _mask_notes(flat)
    support = ~both if masked and both[_sphere(n)].mean() > _NOTABLE_SHARE else None
    if misplaced:
        return Findings("", misplaced + masked, None, support, True)
    notes, end = _end_notes(shells, n, pixel_size)
    notes += masked + _dark_notes((halves[0] + halves[1] / scale) / level, pixel_size) + _noise_notes(shells, end, pixel_size)
    if support is None and _is_uneven(half_map_1 - half_map_2 / scale, _sphere(n, _OUTER) & ~(flat[0] | flat[1]), end):
        notes.append(
            "the noise of the half maps is much weaker in one part of the box than in another: the solvent was flattened, or "
            "they were filtered locally. Give the half maps as they were reconstructed"
        )
    return Findings("", notes, end, support)


def _dark_notes(mean: np.ndarray, pixel_size: float) -> List[str]:
    """Whether the molecule is dark in a map (Z, Y, X), so that masks made of it would hold the solvent."""
    deviations = contrast(mean, pixel_size, np.random.default_rng(_RANDOM))
    if deviations > _DARK:
        return []
    return [
        f"the contrast looks inverted: the molecule is darker than solvent in both half maps ({-deviations:.0f} σ), and a mask "
        "made of them is not the molecule's. Multiply both by -1"
    ]


def _mask_notes(flat: Sequence[np.ndarray]) -> Tuple[List[str], np.ndarray]:
    """What to say of the constant regions of both maps, list of str, and where both are constant (Z, Y, X) bool."""
    both, notes = flat[0] & flat[1], []
    if both[_sphere(len(both))].mean() > _NOTABLE_SHARE:
        notes.append(
            f"both half maps are constant at the same {both.mean():.0%} of their voxels, they were masked: their own mask "
            "correlates them. Give the half maps without mask"
        )
    if (flat[0] ^ flat[1]).mean() > _UNLIKE_SHARE:
        notes.append(
            "one half map is constant where the other is not: they were masked or cropped differently. Give the half maps of "
            "one refinement as it wrote them"
        )
    return notes, both


def power_end(power: np.ndarray) -> Optional[int]:
    """Shell from which on a map holds nothing, by its noise or total power (S,) by shell; None when it does to the end.

    The first shell of the edge of a filter: power falls tenfold within a factor of 1.5 in frequency, a thousandfold
    within the next such factor where shells go on so far, and never recovers;
    the edge begins where it begins to fall faster than with the square of frequency.
    """
    last = len(power) - 2
    rest = np.maximum.accumulate(power[last::-1])[::-1]  # the most from a shell to the end
    floor = np.finfo(np.float32).tiny
    for shell in range(_COARSEST + 1, last):
        before, after = power[int(round(shell / _WITHIN))], int(np.ceil(shell * _WITHIN))
        if rest[shell] < _DROP * before and (after > last or rest[after] < _GONE * before):
            while shell > _COARSEST:
                fall = np.log(max(power[shell - 2], floor) / max(power[shell], floor))
                if fall < _STEEP * np.log(shell / (shell - 2)):
                    break
                shell -= 1
            return shell
    return None


def map_end(volume: np.ndarray) -> Optional[int]:
    """Shell from which on a single map (Z, Y, X) holds nothing, or None: emptier than a large B factor would leave it."""
    spectrum = transform(in_grey_scale(volume)[1][0])
    n = len(volume)
    power = shell_sums(np.abs(spectrum) ** 2, n) / shell_sums(np.ones(spectrum.shape, np.float32), n)
    empty = np.flatnonzero(power[:-1] >= _EMPTY * power[1:].max())[-1] + 1
    if empty > n // 2 - 2:
        return None
    while empty > _COARSEST and np.log(power[empty - 2] / max(power[empty], 1e-30)) > _CUT * np.log(empty / (empty - 2)):
        empty -= 1
    return int(empty)


def _scale(spectra: Sequence[np.ndarray]) -> float:
    """How much stronger the second map is than the first, from the coarse shells that signal dominates."""
    n = len(spectra[0])
    one, other = (shell_sums(np.abs(spectrum) ** 2, n)[1 : max(_COARSEST, n // 8) + 1].sum() for spectrum in spectra)
    return float(np.sqrt(other / one))


def _by_shell(first: np.ndarray, second: np.ndarray) -> _Shells:
    n = len(first)
    count = shell_sums(np.ones(first.shape, np.float32), n)

    def mean(values: np.ndarray) -> np.ndarray:
        return shell_sums(values, n) / count

    powers = mean(np.abs(first) ** 2), mean(np.abs(second) ** 2)
    return _Shells(powers, mean((first * np.conj(second)).real), mean(np.abs(first - second) ** 2))


def _is_same(shells: _Shells) -> bool:
    power = np.sqrt(shells.powers[0] * shells.powers[1])[1 : shells.last + 1]
    held = power > 1e-10 * power.max()
    fsc = shells.shared[1 : shells.last + 1][held] / power[held]
    return bool(np.median(np.abs(1 - np.abs(fsc))) < _SAME)


def _mean_fsc(shells: _Shells, last: int) -> Tuple[float, float]:
    """FSC of the shells 1 to ``last``, mean weighted by their samples, and its standard error without signal."""
    weight = np.arange(1.0, last + 1) ** 2
    power = np.sqrt(shells.powers[0] * shells.powers[1])[1 : last + 1]
    fsc = np.divide(shells.shared[1 : last + 1], power, out=np.zeros_like(power), where=power > 0)
    return float(np.average(fsc, weights=weight)), float(1 / np.sqrt(2 * np.pi * weight.sum()))


def _opposite(shells: _Shells) -> str:
    """What says that the molecule is bright in one map and dark in the other, empty when nothing does."""
    fsc, error = _mean_fsc(shells, max(_COARSEST, len(shells.shared) // 4))
    if fsc > min(_OPPOSITE, -_CLEARLY * error):
        return ""
    return (
        f"have opposite contrast: their FSC is {fsc:.2f} in coarse shells, so the molecule is bright in one and dark in the "
        "other; expected one contrast. Multiply one of them by -1"
    )


def _sphere(n: int, radius: Optional[float] = None) -> np.ndarray:
    axis = np.arange(n) - n // 2
    return axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2 < ((radius or _INNER) * n) ** 2


def _constant_region(half: np.ndarray) -> np.ndarray:
    """Where a map (Z, Y, X) has one value, in regions thicker than two voxels; (Z, Y, X) bool."""
    step = max(1, half.size // _SAMPLE)
    values, counts = np.unique(half.ravel()[::step], return_counts=True)
    if counts.max() < 2e-3 * counts.sum():
        return np.zeros(half.shape, bool)
    return ndimage.binary_opening(half == values[np.argmax(counts)], np.ones((3, 3, 3), bool))


def _noise_shares(shells: _Shells) -> Tuple[float, float]:
    """Parts of the noise power of both maps that are each one's, a pair that adds up to 2."""
    weight = np.arange(shells.last + 2.0) ** 2
    one, other = (max(float(np.sum(weight * (power - shells.shared))), 0.0) for power in shells.powers)
    return (2 * one / (one + other), 2 * other / (one + other)) if one + other > 0 else (1.0, 1.0)


def _clipped(halves: Sequence[np.ndarray], flat: Sequence[np.ndarray], scale: float, shares: Sequence[float]) -> str:
    """What says that a half map was clipped, empty when nothing does."""
    n = len(halves[0])
    inside = _sphere(n) & ~(flat[0] & flat[1])
    if inside.sum() < 1000:
        return ""
    difference = (halves[0] - halves[1] / scale)[inside]
    noise = 1.4826 * float(np.median(np.abs(difference - np.median(difference)))) / np.sqrt(2)
    for number, (half, level) in enumerate(zip(halves, np.sqrt(shares) * (noise, noise * scale)), 1):
        values = half[inside]
        for end, at, side in (("lowest", values.min(), 1), ("highest", values.max(), -1)):
            share = float(np.mean(values == at))
            reach = side * float(np.median(values) - np.percentile(values, 0.5 if side == 1 else 99.5))
            if share > _CLIPPED_SHARE:
                return (
                    f"cannot be compared: half map {number} was clipped, {share:.1%} of its voxels are exactly {at:g}, its "
                    f"{end} value; expected noise on both sides of the solvent's level"
                )
            if reach < _ONE_SIDED * level:
                return (
                    f"cannot be compared: half map {number} was clipped, its {end} values are {reach:.3g} from its median but "
                    f"its noise is {level:.3g}; expected noise on both sides of the solvent's level"
                )
    return ""


def _end_notes(shells: _Shells, n: int, pixel_size: float) -> Tuple[List[str], Optional[int]]:
    """What to say of filters, list of str, and the shell at which the maps end or None."""
    end = power_end(shells.difference)
    if end is not None:
        return [
            f"the half maps hold nothing beyond {resolution_of_shell(end, n, pixel_size):.1f} Å, they were filtered: nothing "
            "finer is reported. Give the unfiltered half maps to see the limit"
        ], end
    for number, (mine, other) in enumerate((shells.powers, shells.powers[::-1]), 1):
        end = power_end(mine / np.maximum(other, np.finfo(float).tiny))
        if end is not None:
            return [
                f"half map {number} holds nothing beyond {resolution_of_shell(end, n, pixel_size):.1f} Å but the other does: "
                "one was filtered. Nothing finer is reported; give both half maps unfiltered"
            ], end
    return [], None


def _noise_notes(shells: _Shells, end: Optional[int], pixel_size: float) -> List[str]:
    """What the noise of both maps, by shell, says of how they were treated."""
    last = shells.last if end is None else min(end - 1, shells.last)
    first = max(_COARSEST, last // 2)
    if last - first < 3:
        return []
    notes, upper = [], slice(first, last + 1)
    one, other = (np.maximum(power - shells.shared, 0)[upper].sum() for power in shells.powers)
    smooth = np.convolve(shells.difference[upper], np.ones(3) / 3, "valid")
    if smooth[-1] > _RISE * smooth[0] and np.all(np.diff(np.log(smooth)) > -0.5):
        n = 2 * (len(shells.shared) - 1)
        k2 = (np.arange(first, last + 1) / (n * pixel_size)) ** 2
        b_factor = 2 * float(np.polyfit(k2, np.log(shells.difference[upper]), 1)[0])
        notes.append(
            f"the noise of the half maps rises {smooth[-1] / smooth[0]:.0f}-fold over the last octave, they were sharpened (by "
            f"a B factor of about -{b_factor:.0f} Å²). Give the half maps unsharpened"
        )
    ratio = max(one, other) / max(min(one, other), 1e-30 * max(one, other))
    if ratio > _UNEQUAL:
        notes.append(
            f"half map {1 if one > other else 2} has {ratio:.1f} times the noise power of the other: they have unequal numbers "
            "of particles or were treated differently. Give the half maps of one refinement as it wrote them"
        )
    return notes


def _moved_notes(spectra: Sequence[np.ndarray], pixel_size: float) -> List[str]:
    """Whether the half maps agree better when one is moved: their boxes were cut at different places."""
    n = len(spectra[0])
    side = max(16, n // 4) // 2 * 2
    half = side // 2
    rows = np.r_[:half, n - half : n]
    grid = np.ix_(rows, rows, np.arange(half + 1))
    one, other = (spectrum[grid] for spectrum in spectra)
    cross = one * np.conj(other)
    cross /= np.maximum(np.abs(cross), np.finfo(np.float32).tiny)
    cross[0, 0, 0] = 0
    correlation = np.fft.irfftn(cross, (side,) * 3)
    place = np.unravel_index(int(np.argmax(correlation)), correlation.shape)
    shift = [(step - side if step > side / 2 else step) * n / side for step in place]
    noise = float(correlation.std())
    if max(map(abs, shift)) < 1.5 * n / side or correlation[place] < max(8 * noise, _MOVED * correlation[0, 0, 0]):
        return []
    x, y, z = (-step * pixel_size for step in shift[::-1])
    return [
        f"the half maps agree better when the second is moved by about {-x:.0f}, {-y:.0f}, {-z:.0f} Å (x, y, z): their boxes "
        "were cropped differently. Nothing was moved; give half maps of one frame"
    ]


def _turned_notes(halves: Sequence[np.ndarray], shells: _Shells, pixel_size: float) -> List[str]:
    """Whether the half maps agree better when one is mirrored, turned or has its axes exchanged."""
    n = len(halves[0])
    coarse = min(max(_COARSEST, int(n * pixel_size / _TURNED_TO)), shells.last)
    if _mean_fsc(shells, coarse)[0] > _TURNED_BELOW:
        return []
    found = find_orientation(halves[1], halves[0], np.full(3, pixel_size))
    if not found.is_other:
        return []
    return [
        f"the half maps agree better when the second is taken as {found} against the first (correlation "
        f"{found.correlation:.2f} so, {found.in_place:.2f} as they are). Nothing was turned; give half maps of one frame"
    ]


def _is_uneven(difference: np.ndarray, inside: np.ndarray, end: Optional[int]) -> bool:
    """Whether the power of a difference (Z, Y, X) is much lower somewhere inside a region (Z, Y, X) than elsewhere."""
    n = len(difference) // _BLOCK * _BLOCK
    shape = (n // _BLOCK, _BLOCK) * 3
    power = (difference[:n, :n, :n] ** 2).reshape(shape).mean((1, 3, 5))
    inner = inside[:n, :n, :n].reshape(shape).all((1, 3, 5))
    local = (power if end is None else ndimage.gaussian_filter(power, 1.0))[inner]  # a filter leaves blocks few samples
    if len(local) < 20:
        return False
    low, high = np.percentile(local, (5, 95))
    return bool(high > _UNEVEN * low)
