"""Density modification without a learned prior: every band of a map weighted by the signal and noise around every voxel."""

from dataclasses import dataclass
from typing import Any, Callable, Optional, Tuple, Union

import numpy as np

from gmmrefine.fourier.grey import in_grey_scale
from gmmrefine.maps.bands import cosine_band, frequency_radius, real_map, transform, window_transform
from gmmrefine.maps.filter import scale_shells
from gmmrefine.maps.smearing import Displacement

_COARSEST = 4  # shell of the first band, which holds all coarser ones
_STEP = 0.25  # of ln frequency from band to band
_REGION = 5.0  # windows; width of the regions in which noise is measured
_CLEAR = 1.5  # power over noise from which density in the solvent begins to count; noise alone stays below
_LEAST_TRANSFER = 0.25  # of smearing; what is left less is noise even where the half maps agree
_UNCLEAR, _RESOLVED = 0.1, 0.25  # signal over all of a band; 0.25 is an FSC of 0.143 of the half maps
_ERROR_WINDOW, _SHARED = 4.0, 4 / 3  # units of Nyquist; neighbouring bands share a quarter of what they miss
_CALIBRATED = 1.16  # measured on simulated half maps: errors are larger than windows and Gaussians tell
_LEAST_NOISE = 1e-6  # of a band's power inside the mask; keeps gains finite where half maps have no noise


@dataclass(frozen=True)
class ErrorModel:
    """Signal and noise of a map and what it was multiplied by, by band.

    Parameters
    ----------
    shells : (S,) float
        Middle of the bands.
    signal, noise : (S,) float
        Mean power inside the mask, map units squared.
    solvent_noise : (S,) float
        Mean power of the noise outside it.
    gain, solvent_gain : (S,) float
        Mean weight inside and outside.
    transfer : (S,) float
        What smearing by pose errors leaves of the amplitudes, mean inside the mask; 1 without.
    """

    shells: np.ndarray
    signal: np.ndarray
    noise: np.ndarray
    solvent_noise: np.ndarray
    gain: np.ndarray
    solvent_gain: np.ndarray
    transfer: np.ndarray


def band_shells(box_size: int) -> np.ndarray:
    """Middle frequencies (S,) of the bands in shells, equally spaced in their logarithm; the last one is Nyquist.

    Parameters
    ----------
    box_size : int
        px
    """
    count = 1 + int(np.ceil(np.log(box_size / 2 / _COARSEST) / _STEP))
    return box_size / 2 * np.exp(-_STEP * np.arange(count)[::-1])


def modify(
    half_map_1: np.ndarray,
    half_map_2: np.ndarray,
    mask: np.ndarray,
    window: float = 1.0,
    displacement: Optional[Displacement] = None,
    *,
    report: Optional[Callable[[int], Any]] = None,
) -> Tuple[np.ndarray, ErrorModel, np.ndarray]:
    """The mean of two half maps, each band weighted around every voxel by what is signal there.

    Parameters
    ----------
    half_map_1, half_map_2 : (Z, Y, X) float
        Unfiltered and unmasked.
    mask : (Z, Y, X) float
        0 to 1; what lies outside is solvent unless it is clearly more than noise.
    window : float
        Standard deviation of the Gaussian window in which the signal is measured, in units of the resolution looked at.
    displacement : Displacement, optional
        By how much pose errors displace each voxel, of ``Smearing.on_grid``; none by default.
    report : callable, optional
        Told the number of bands done.

    Returns
    -------
    tuple
        (Z, Y, X) float32 in map units; ErrorModel; (Z, Y, X) float32, the standard error of every voxel against the true
        density up to the resolution, in map units.

    Notes
    -----
    In a band the map is m = T s + n, T what smearing leaves of the signal s. The noise has the power N(x) = ⟨(h₁ − h₂)² / 4⟩
    in the region around x, the smeared signal S(x) = ⟨m²⟩ − N in the window around x, and none in the solvent. Both Gaussian,
    the most likely T s is m ρ with ρ = S / (S + N), whose power is too low by that factor; m √ρ has the power of the signal.
    The smearing is undone by the part ρ that is known to be signal: m √ρ (1 + ρ (1 / T − 1)), T at least 0.25.
    The error of a band is that of its noise, weighted, and what the weight misses of the signal S / T²; where the
    smearing has an error of its own, that of 1 / T too. Bands are added; those beyond the resolution count with their
    noise only.
    """
    mean, difference = 0.5 * (half_map_1 + half_map_2), 0.5 * (half_map_1 - half_map_2)
    return _weighted(mean, difference, mask, window, (_around, displacement), report=report)


def modify_half(
    half_map: np.ndarray, fsc: np.ndarray, mask: np.ndarray, window: float = 1.0, displacement: Optional[Displacement] = None
) -> np.ndarray:
    """One half map weighted as ``modify`` weights the mean, from itself, the FSC, the mask and the smearing only.

    Parameters
    ----------
    half_map : (Z, Y, X) float
        Unfiltered and unmasked.
    fsc : (S,) float
        Of both half maps, by shell: its noise is the part 1 − FSC of its power inside the mask, alike everywhere.
    mask : (Z, Y, X) float
        0 to 1.
    window : float
        As of ``modify``.
    displacement : Displacement, optional
        As of ``modify``.

    Returns
    -------
    (Z, Y, X) float32
    """
    noise = scale_shells(half_map, np.sqrt(1 - np.clip(fsc, 0, 1)))
    return _weighted(half_map, noise, mask, window, (_inside, displacement))[0]


def _weighted(
    volume: np.ndarray,
    noise: np.ndarray,
    mask: np.ndarray,
    window: float,
    model: Tuple[Callable[[np.ndarray, np.ndarray, np.ndarray, float], np.ndarray], Optional[Displacement]],
    *,
    report: Optional[Callable[[int], Any]] = None,
) -> Tuple[np.ndarray, ErrorModel, np.ndarray]:
    """A map (Z, Y, X) weighted band by band; ``noise`` has the power of its noise, ``model`` says how and the smearing."""
    scale, (volume, noise) = in_grey_scale(volume, noise)
    n, shells = len(volume), band_shells(len(volume))
    radius, spectra = frequency_radius(n), [transform(volume), transform(noise)]
    result, weighted_noise, missed = np.zeros((3, *volume.shape), np.float32)
    rows, solvent, (noise_power, displacement) = [], 1 - mask, model
    for number, shell in enumerate(shells):
        band = _band(radius, shell, shells)
        part, noise_part = (real_map(spectrum * band, n) for spectrum in spectra)
        cutoff = shell / (2 * np.pi * window)
        power = _mean_square(part, radius, cutoff)
        level = noise_power(noise_part, mask, radius, cutoff)
        level = np.maximum(level, _LEAST_NOISE * float(np.average(power, weights=mask)) + np.finfo(np.float32).tiny)
        beyond_mask = np.clip(power / (_CLEAR * level) - 1, 0, 1)
        signal = np.maximum(power - level, 0) * (mask + solvent * beyond_mask)
        known = signal / (signal + level)
        left, doubt = _left(displacement, shell / n)
        gain = np.sqrt(known) * (1 + known * (1 / left - 1))
        result += part * gain
        weighted_noise += noise_part * gain
        clear = float(np.average(power - level, weights=mask) / np.average(power, weights=mask))
        missed += np.clip((clear - _UNCLEAR) / (_RESOLVED - _UNCLEAR), 0, 1) * ((gain - 1 / left) ** 2 + doubt) * signal
        inside, outside = (
            [
                float(np.average(values, weights=weight)) if weight.any() else 0.0
                for values in (signal, level, gain, np.broadcast_to(left, mask.shape))
            ]
            for weight in (mask, solvent)
        )
        rows.append((*(scale**2 * power for power in (*inside[:2], outside[1])), inside[2], outside[2], inside[3]))
        if report:
            report(number + 1)
    noise_left = _mean_square(weighted_noise, radius, shells[-1] / (2 * np.pi * _ERROR_WINDOW))
    error = _CALIBRATED * np.sqrt(noise_left + _SHARED * missed)
    return result * np.float32(scale), ErrorModel(shells, *np.array(rows).T), error * np.float32(scale)


def _left(displacement: Optional[Displacement], frequency: float) -> Tuple[Union[float, np.ndarray], Union[float, np.ndarray]]:
    """What smearing leaves of a band's amplitudes, at least 0.25, and the variance of its inverse: (Z, Y, X) or numbers."""
    if displacement is None:
        return 1.0, 0.0
    left = np.maximum(displacement.transfer(frequency), _LEAST_TRANSFER)
    return left, (displacement.uncertainty * np.log(left) / left) ** 2


def band_of(box_size: int) -> Tuple[np.ndarray, Callable[[np.ndarray, float], np.ndarray]]:
    """The bands of a box: their middle (S,) in shells, and a function that gives the one (Z, Y, F) around a shell."""
    shells = band_shells(box_size)
    return shells, lambda radius, shell: _band(radius, shell, shells)


def _band(radius: np.ndarray, shell: float, shells: np.ndarray) -> np.ndarray:
    """A band (Z, Y, F); the first and the last hold all that is coarser and finer, so that all add up to 1."""
    band = cosine_band(radius, shell, _STEP)
    if shell == shells[0]:
        band[radius <= shell] = 1
    if shell == shells[-1]:
        band[radius >= shell] = 1
    return band


def _mean_square(part: np.ndarray, radius: np.ndarray, cutoff: float) -> np.ndarray:
    """Mean square (Z, Y, X) of a part of a map around every voxel."""
    return np.maximum(real_map(transform(part * part) * window_transform(radius, cutoff), len(part)), 0)


def _around(noise: np.ndarray, mask: np.ndarray, radius: np.ndarray, cutoff: float) -> np.ndarray:
    """Power (Z, Y, X) of a noise map in the region around every voxel."""
    return _mean_square(noise, radius, cutoff / _REGION)


def _inside(noise: np.ndarray, mask: np.ndarray, radius: np.ndarray, cutoff: float) -> np.ndarray:
    """Power of a noise map inside the mask, the same (Z, Y, X) everywhere."""
    return np.full(noise.shape, np.average(noise * noise, weights=mask), np.float32)
