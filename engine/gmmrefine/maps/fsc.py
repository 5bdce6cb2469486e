"""Gold-standard Fourier shell correlation: with a mask, its phase-randomised correction, and the resolution it means."""
from dataclasses import dataclass

import numpy as np
from scipy import fft

from gmmrefine.fourier.grey import in_grey_scale
from gmmrefine.fourier.shells import resolution_of_shell, shell_sums
from gmmrefine.maps.filter import randomise_phases
from gmmrefine.settings import nyquist_text
from gmmrefine.threads import thread_count

_RANDOMISE_BELOW = 0.8
_CORRECT_FROM = 2


def shell_correlation(map_a, map_b):
    """FSC (S,) of two maps (Z, Y, X), shells 0 … n / 2; 0 where a shell is empty."""
    a, b = fft.rfftn(map_a, workers=thread_count()), fft.rfftn(map_b, workers=thread_count())
    return transform_correlation(a, b)


def transform_correlation(a, b):
    """FSC (S,) of two ``rfftn`` transforms (Z, Y, F) of maps of the same box."""
    n = len(a)
    (a,), (b,) = in_grey_scale(a)[1], in_grey_scale(b)[1]
    cross = shared_power(a, b)
    power = shell_sums(np.abs(a) ** 2, n) * shell_sums(np.abs(b) ** 2, n)
    return np.divide(cross, np.sqrt(power), out=np.zeros_like(cross), where=power > 0)


def shared_power(a, b):
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
    def from_lists(cls, curves, box_size, pixel_size):
        """The curves of ``to_lists`` for maps of so many px and Å/px."""
        return cls(
            **{name: np.array(values) for name, values in curves.items()}, box_size=box_size, pixel_size=pixel_size)

    def to_lists(self):
        """The curves as a dict of lists of float."""
        return {name: getattr(self, name).tolist() for name in ("fsc", "unmasked", "masked", "randomised", "power")}

    def signal_gain(self, other, lowest, highest):
        """How much more signal the maps share than those of another curve.

        Mean over the shells from ``lowest`` to ``highest`` of the logarithm of the ratio of shared power, where both share
        any. An FSC asks whether two maps are alike, and two equally smeared maps are; a part that is aligned better has more
        signal at every shell.
        """
        now, then = (curve.power[lowest : highest + 1] for curve in (self, other))
        both = (now > 0) & (then > 0)
        return float(np.mean(np.log(now[both] / then[both]))) if both.any() else 0.0

    @property
    def frequency(self):
        """Spatial frequency (S,) in 1/Å."""
        return np.arange(len(self.fsc)) / (self.box_size * self.pixel_size)

    def crossing(self, threshold=0.143):
        """Shell (fractional) where the curve first falls below ``threshold`` after shell 0; None when it never does.

        Returns
        -------
        float or None
            Below 1 when even the first shell is under the threshold.
        """
        below = np.flatnonzero(self.fsc[1 : self.box_size // 2] < threshold)
        if len(below) == 0:
            return None
        shell = below[0] + 1
        before, after = (1.0 if shell == 1 else self.fsc[shell - 1]), self.fsc[shell]
        return float(shell - 1 + (before - threshold) / (before - after))

    def resolution(self, threshold=0.143):
        """Resolution in Å; twice the pixel size (Nyquist) when the curve never crosses, None when nothing agrees."""
        shell = self.crossing(threshold)
        if shell is None:
            return 2.0 * self.pixel_size
        return None if shell < 1 else float(resolution_of_shell(shell, self.box_size, self.pixel_size))

    def resolution_text(self, threshold=0.143):
        """The resolution as a sentence that says what was measured."""
        shell = self.crossing(threshold)
        if shell is None:
            nyquist = nyquist_text(self.pixel_size)
            return f"{nyquist} Å: the FSC stays above {threshold:g} up to Nyquist; use a smaller pixel to see the limit"
        if shell < 1:
            return f"none: the half maps agree in no shell (FSC below {threshold:g} from the first one)"
        return f"{self.resolution(threshold):.2f} Å (FSC = {threshold:g})"


def gold_standard_fsc(half_map_1, half_map_2, mask, pixel_size, seed=0):
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
    low = np.flatnonzero(unmasked[1:] < _RANDOMISE_BELOW)
    start = int(low[0]) + 1 if len(low) else box_size // 2
    rng = np.random.default_rng(seed)
    randomised = shell_correlation(*(randomise_phases(half, start, rng) * mask for half in (half_map_1, half_map_2)))
    corrected = masked.copy()
    beyond = np.arange(len(masked)) >= start + _CORRECT_FROM
    corrected[beyond] = ((masked - randomised) / np.maximum(1 - randomised, 1e-3))[beyond]
    return FscCurve(corrected, unmasked, masked, randomised, power, box_size, pixel_size)
