"""Sharpening of whole maps: a B factor from the fall of their amplitudes, or the amplitudes of a model."""

from dataclasses import dataclass

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.fourier.grey import in_grey_scale
from gmmrefine.fourier.shells import shell_index, shell_sums, smooth_curve
from gmmrefine.maps.bands import transform
from gmmrefine.maps.filter import scale_shells
from gmmrefine.maps.local_filter import b_gain

_FEWEST_SHELLS = 5
_CLEAR_SIGNAL = 0.1  # of the power of a shell, to take part in the fit


@dataclass(frozen=True)
class Amplitudes:
    """Root mean square amplitude of a map by shell, per voxel inside the mask.

    Parameters
    ----------
    signal : (S,) float
        What the molecule has more than the solvent, map units.
    total : (S,) float
        With the noise.
    box_size : int
        px
    pixel_size : float
        Å/px
    """

    signal: np.ndarray
    total: np.ndarray
    box_size: int
    pixel_size: float

    @property
    def frequency(self) -> np.ndarray:
        """Spatial frequency (S,) in 1/Å."""
        return np.arange(len(self.total)) / (self.box_size * self.pixel_size)


@dataclass(frozen=True)
class GuinierFit:
    """The line ln amplitude = intercept − B k² / 4 of a Guinier plot.

    Parameters
    ----------
    b_factor : float
        Å²; positive where amplitudes fall.
    intercept : float
    shells : (M,) int
        Those the line was fitted to.
    """

    b_factor: float
    intercept: float
    shells: np.ndarray


def amplitudes(volume: np.ndarray, mask: np.ndarray, pixel_size: float) -> Amplitudes:
    """Amplitudes by shell of a map inside a mask, its noise known from the solvent.

    Parameters
    ----------
    volume, mask : (Z, Y, X) float
        The mask 0 to 1.
    pixel_size : float
        Å/px.

    Returns
    -------
    Amplitudes
    """
    n, (scale, (volume,)) = len(volume), in_grey_scale(volume)
    axis = np.arange(n) - n // 2
    sphere = axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2 < (n / 2) ** 2  # corners are often empty
    count = shell_sums(np.ones((n, n, n // 2 + 1), np.float32), n)
    inside, outside = (
        shell_sums(np.abs(transform(volume * weight)) ** 2, n) / count / max(float(np.sum(weight**2)), 1.0)
        for weight in (mask, (1 - mask) * sphere)
    )
    return Amplitudes(scale * np.sqrt(np.maximum(inside - outside, 0)), scale * np.sqrt(inside), n, pixel_size)


def guinier_fit(profile: Amplitudes, coarse: float, fine: float) -> GuinierFit:
    """B factor from the straight part of the Guinier plot (Rosenthal & Henderson 2003, J. Mol. Biol. 333, 721).

    Parameters
    ----------
    profile : Amplitudes
    coarse, fine : float
        Å; the range of the fit.

    Returns
    -------
    GuinierFit

    Raises
    ------
    InputError
        Fewer than five shells of the range hold a clear signal.
    """
    frequency = profile.frequency
    last = profile.box_size // 2 - 1
    in_range = (frequency >= 1 / coarse) & (frequency <= 1 / fine) & (np.arange(len(frequency)) <= last)
    clear = profile.signal**2 > _CLEAR_SIGNAL * profile.total**2
    shells = np.flatnonzero(in_range & clear & (profile.signal > 0))
    if len(shells) < _FEWEST_SHELLS:
        raise InputError(
            f"from {coarse:.1f} to {fine:.1f} Å only {len(shells)} of {in_range.sum()} shells hold more than noise; a B factor "
            f"is fitted to {_FEWEST_SHELLS} or more. Give --b-factor, or a coarser --guinier-from."
        )
    slope, intercept = np.polyfit(frequency[shells] ** 2, np.log(profile.signal[shells]), 1)
    return GuinierFit(float(-4 * slope), float(intercept), shells)


def without_b_factor(volume: np.ndarray, b_factor: float, pixel_size: float) -> np.ndarray:
    """A map (Z, Y, X) whose transform is multiplied by exp(B k² / 4), B in Å² and pixel size in Å/px."""
    n = len(volume)
    return scale_shells(volume, b_gain(shell_index(n), n, pixel_size, b_factor))


def with_profile(volume: np.ndarray, own: np.ndarray, target: np.ndarray, radius: float) -> np.ndarray:
    """A map with the radial amplitudes of another, up to a shell.

    Parameters
    ----------
    volume : (Z, Y, X) float
    own, target : (S,) float
        Amplitudes of the map and those it is given, in the same units.
    radius : float
        Shell beyond which the gain stays as it is there.

    Returns
    -------
    (Z, Y, X) float32
    """
    gain = np.divide(target, own, out=np.zeros(len(own)), where=own > 0)
    gain[0] = gain[1]  # the mean of a map says nothing
    gain = smooth_curve(gain)
    last = min(int(radius), len(gain) - 1)
    return scale_shells(volume, np.append(gain[:last], gain[last]))
