"""Gold-standard Fourier shell correlation: with a mask, its phase-randomised correction, and the resolution it means."""

from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy as np
from scipy import fft

from gmmrefine.fourier.grey import in_grey_scale
from gmmrefine.fourier.shells import shell_sums
from gmmrefine.maps.filter import randomise_phases
from gmmrefine.resolution import Reading, describe_reading, read_resolution
from gmmrefine.settings import nyquist_text
from gmmrefine.threads import thread_count

LOOSE_ENOUGH = 0.10  # FSC with randomised phases at the resolution; RELION warns above
_RANDOMISE_BELOW = 0.8
_CORRECT_FROM = 2
_AROUND = 2  # shells on each side, as one shell of random phases says little


def shell_correlation(map_a: np.ndarray, map_b: np.ndarray) -> np.ndarray:
    """FSC (S,) of two maps (Z, Y, X), shells 0 … n / 2; 0 where a shell is empty."""
    a, b = fft.rfftn(map_a, workers=thread_count()), fft.rfftn(map_b, workers=thread_count())
    return transform_correlation(a, b)


def transform_correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """FSC (S,) of two ``rfftn`` transforms (Z, Y, F) of maps of the same box."""
    n = len(a)
    (a,), (b,) = in_grey_scale(a)[1], in_grey_scale(b)[1]
    cross = shared_power(a, b)
    power = shell_sums(np.abs(a) ** 2, n) * shell_sums(np.abs(b) ** 2, n)
    return np.divide(cross, np.sqrt(power), out=np.zeros_like(cross), where=power > 0)


def shared_power(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What two ``rfftn`` transforms (Z, Y, F) have in common: the real part of their cross-power by shell (S,)."""
    (scale_a, (a,)), (scale_b, (b,)) = in_grey_scale(a), in_grey_scale(b)
    return shell_sums((a * np.conj(b)).real, len(a)) * scale_a * scale_b


@dataclass(frozen=True)
class FscCurve:
    """Agreement of two half maps by shell.

    Parameters
    ----------
    fsc : (S,) float
        Corrected for the mask; what the resolution is read from.
    unmasked, masked, randomised : (S,) float
        Without mask; with mask; with mask after the phases beyond a shell were randomised.
    power : (S,) float
        The signal power that the maps share under the mask, the numerator of ``masked``.
    box_size : int
        px
    pixel_size : float
        Å/px
    """

    fsc: np.ndarray
    unmasked: np.ndarray
    masked: np.ndarray
    randomised: np.ndarray
    power: np.ndarray
    box_size: int
    pixel_size: float

    @classmethod
    def from_lists(cls, curves: Mapping[str, Sequence[float]], box_size: int, pixel_size: float) -> "FscCurve":
        """The curves of ``to_lists`` for maps of so many px and Å/px."""
        return cls(**{name: np.array(values) for name, values in curves.items()}, box_size=box_size, pixel_size=pixel_size)

    def to_lists(self) -> Dict[str, List[float]]:
        """The curves as a dict of lists of float."""
        return {name: getattr(self, name).tolist() for name in ("fsc", "unmasked", "masked", "randomised", "power")}

    def signal_gain(self, other: "FscCurve", lowest: int, highest: int) -> float:
        """How much more signal the maps share than those of another curve.

        Mean over the shells from ``lowest`` to ``highest`` of the logarithm of the ratio of shared power, where both share
        any. An FSC asks whether two maps are alike, and two equally smeared maps are; a part that is aligned better has more
        signal at every shell.

        Parameters
        ----------
        other : FscCurve
        lowest, highest : int
            Shells.
        """
        now, then = (curve.power[lowest : highest + 1] for curve in (self, other))
        both = (now > 0) & (then > 0)
        return float(np.mean(np.log(now[both] / then[both]))) if both.any() else 0.0

    @property
    def frequency(self) -> np.ndarray:
        """Spatial frequency (S,) in 1/Å."""
        return np.arange(len(self.fsc)) / (self.box_size * self.pixel_size)

    def reading(self, threshold: float = 0.143) -> Reading:
        """What the corrected curve says; Reading.

        Parameters
        ----------
        threshold : float
            FSC.
        """
        return read_resolution(self.frequency[1:].tolist(), self.fsc[1:].tolist(), threshold)

    def resolution(self, threshold: float = 0.143) -> Optional[float]:
        """Resolution in Å; that of the last shell (Nyquist) when the curve never crosses, None when nothing agrees."""
        return self.reading(threshold).angstroms

    def resolution_text(self, threshold: float = 0.143) -> str:
        """The resolution as a sentence that says what was measured."""
        return describe_reading(self.reading(threshold), threshold, nyquist_text(self.pixel_size))

    def randomised_at_resolution(self, threshold: float = 0.143) -> float:
        """The FSC of maps whose phases were randomised, around the resolution: what the mask alone correlates there.

        Above ``LOOSE_ENOUGH`` the mask is too tight, or too sharp, for the correction to be relied on. 0 where the resolution
        lies before the shells whose phases are random.
        """
        resolution = self.resolution(threshold)
        if resolution is None:
            return 0.0
        shell, last = int(round(self.box_size * self.pixel_size / resolution)), len(self.fsc) - 1
        first = _randomised_from(self.unmasked) + _CORRECT_FROM
        around = self.randomised[max(first, shell - _AROUND) : min(shell + _AROUND, last) + 1]
        return float(around.mean()) if len(around) else 0.0

    def ended_at(self, shell: Optional[int]) -> "FscCurve":
        """The same curves of maps that hold nothing from a shell on: FSC 0 there; the curve itself for None."""
        if shell is None:
            return self
        held = np.arange(len(self.fsc)) < shell
        names = ("fsc", "masked") if self.randomised.any() else ("fsc", "masked", "unmasked")
        ended: Dict[str, Any] = {name: np.where(held, getattr(self, name), 0.0) for name in names}
        return replace(self, **ended)


def _randomised_from(unmasked: np.ndarray) -> int:
    """Shell beyond which phases are randomised: the first where the FSC (S,) without mask is low."""
    low = np.flatnonzero(unmasked[1:] < _RANDOMISE_BELOW)
    return int(low[0]) + 1 if len(low) else len(unmasked) - 1


def gold_standard_fsc(
    half_map_1: np.ndarray, half_map_2: np.ndarray, mask: Optional[np.ndarray], pixel_size: float, seed: int = 0
) -> FscCurve:
    """FSC of two half maps under a soft mask, corrected for what the mask itself correlates.

    Parameters
    ----------
    half_map_1, half_map_2 : (Z, Y, X) float
        Unfiltered.
    mask : (Z, Y, X) float or None
        0 to 1.
    pixel_size : float
        Å/px.
    seed : int
        Of the random phases.

    Returns
    -------
    FscCurve

    Notes
    -----
    FSC_true = (FSC_masked − FSC_random) / (1 − FSC_random) beyond two shells after the one where phases were randomised,
    the first with unmasked FSC below 0.8 (Chen et al. 2013, Ultramicroscopy 135, 24).
    """
    box_size = len(half_map_1)
    a, b = (fft.rfftn(half if mask is None else half * mask, workers=thread_count()) for half in (half_map_1, half_map_2))
    masked, power = transform_correlation(a, b), shared_power(a, b)
    if mask is None:
        return FscCurve(masked, masked, masked, np.zeros_like(masked), power, box_size, pixel_size)
    unmasked = shell_correlation(half_map_1, half_map_2)
    start = _randomised_from(unmasked)
    rng = np.random.default_rng(seed)
    randomised = shell_correlation(*(randomise_phases(half, start, rng) * mask for half in (half_map_1, half_map_2)))
    corrected = masked.copy()
    beyond = np.arange(len(masked)) >= start + _CORRECT_FROM
    corrected[beyond] = ((masked - randomised) / np.maximum(1 - randomised, 1e-3))[beyond]
    return FscCurve(corrected, unmasked, masked, randomised, power, box_size, pixel_size)
