"""The one function that reads a resolution from an FSC: for summaries, tables, legends and what the plugin shows.

Standard library only, as the plugin reads its curves by it.
"""

from dataclasses import dataclass
from math import pi, sqrt
from typing import Optional, Sequence, Tuple

_CLEAR = 4.0  # standard errors of an FSC that a part above the threshold must be above it, to count after a dip
_FEWEST_IN_RISE = 3  # shells; fewer are noise


@dataclass(frozen=True)
class Reading:
    """What an FSC curve says.

    Parameters
    ----------
    angstroms : float or None
        The resolution; None where the maps agree in no shell.
    to_the_end : bool
        Whether the curve is above the threshold up to its end.
    dips : tuple of (float, float)
        FSC and Å of the lowest point of every part below the threshold that is coarser than the resolution.
    rise : tuple of (float, float) or None
        FSC and Å of the highest point of what rises again beyond the resolution and is not counted.
    """

    angstroms: Optional[float]
    to_the_end: bool
    dips: Tuple[Tuple[float, float], ...] = ()
    rise: Optional[Tuple[float, float]] = None


def read_resolution(frequencies: Sequence[float], values: Sequence[float], threshold: float) -> Reading:
    """The resolution of an FSC curve: where it falls below a threshold and has not clearly recovered beyond.

    Parameters
    ----------
    frequencies, values : (S,) float
        1/Å of the shells 1 to the last, evenly spaced; correlation. The last shell, Nyquist, is incomplete and does not count.
    threshold : float

    Returns
    -------
    Reading

    Notes
    -----
    The curve is taken to begin at 1 at zero frequency, and is linear between shells. A part below the threshold is a dip when
    what comes after outweighs it, is above the threshold by four standard errors of an FSC of so many samples (2π s² of shell
    s), and either reaches half-way from the threshold to 1 or falls below again before the end: what only creeps up towards
    Nyquist is made by masks and interpolation.
    """
    step = float(frequencies[0])
    curve = [1.0, *(float(value) for value in values[: max(len(values) - 1, 1)])]
    falls = [shell for shell in range(1, len(curve)) if curve[shell] < threshold <= curve[shell - 1]]
    if not falls:
        return Reading(1 / float(frequencies[-1]), True)
    end, dips, beyond = falls[0], [], None
    for candidate in [*falls[1:], len(curve)]:
        part = curve[end:candidate]
        above = [shell for shell in range(end, candidate) if curve[shell] >= threshold]
        if not above or candidate == end:
            continue
        peak = max(above, key=curve.__getitem__)
        clear = _is_clear(curve, above, threshold)
        falls_again = candidate < len(curve) and curve[peak] >= 2 * threshold
        if clear and sum(part) > threshold * len(part) and (curve[peak] >= (1 + threshold) / 2 or falls_again):
            lowest = min(range(end, above[0]), key=curve.__getitem__)
            dips.append((curve[lowest], 1 / (lowest * step)))
            end, beyond = candidate, None
        elif clear and len(above) >= _FEWEST_IN_RISE:
            beyond = curve[peak], 1 / (peak * step)
    if end == len(curve):
        return Reading(1 / float(frequencies[-1]), True, tuple(dips))
    if end == 1:
        return Reading(None, False, (), beyond)
    fraction = (curve[end - 1] - threshold) / (curve[end - 1] - curve[end])
    return Reading(1 / ((end - 1 + fraction) * step), False, tuple(dips), beyond)


def _is_clear(curve: Sequence[float], shells: Sequence[int], threshold: float) -> bool:
    """Whether the mean of some shells of a curve is above a threshold by more than its noise."""
    excess = sum(curve[shell] - threshold for shell in shells) / len(shells)
    return excess * sqrt(sum(2 * pi * shell**2 for shell in shells)) > _CLEAR


def describe_reading(reading: Reading, threshold: float, nyquist: str) -> str:
    """A resolution as a sentence that says what was measured; ``nyquist`` is that of the maps in Å, as text.

    Parameters
    ----------
    reading : Reading
    threshold : float
        FSC at which it was read.
    nyquist : str
        Å.
    """
    dips = "".join(f"; the curve dips to {value:.2f} at {where:.1f} Å" for value, where in reading.dips)
    rise = ""
    if reading.rise:
        rise = f"; beyond, it rises again to {reading.rise[0]:.2f} at {reading.rise[1]:.1f} Å, which is not counted"
    if reading.to_the_end:
        after_a_dip = "" if not reading.dips else " after a dip"
        return (
            f"{nyquist} Å: the FSC stays above {threshold:g} up to Nyquist{after_a_dip}; use a smaller pixel to see the limit"
            f"{dips}"
        )
    if reading.angstroms is None:
        if rise:
            return f"none: the half maps do not agree in coarse shells (FSC below {threshold:g}){rise}"
        return f"none: the half maps agree in no shell (FSC below {threshold:g} from the first one)"
    return f"{reading.angstroms:.2f} Å (FSC = {threshold:g}){dips}{rise}"
