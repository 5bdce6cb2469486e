"""Local sharpening: amplitudes of Fourier bands around every voxel, set to a model's or to what the whole map has."""

from typing import Iterator

import numpy as np

from gmmrefine.fourier.grey import in_grey_scale
from gmmrefine.maps.bands import cosine_band, frequency_radius, real_map, transform, window_transform

_STEP = 0.25  # of ln frequency from band to band
_LEAST_POWER = 1e-4  # of the molecule's mean; keeps gains finite where there is nothing


class Bands:
    """The bands of a box, of which the first holds all coarser frequencies; they add up to 1 up to the finest.

    Parameters
    ----------
    box_size : int
        px
    coarse, fine : float
        Shells where the bands begin and up to which they add up to 1.
    window : float
        px; standard deviation of the Gaussian in which local amplitudes are measured.
    """

    def __init__(self, box_size: int, coarse: float, fine: float, window: float) -> None:
        self.box_size = box_size
        self.centers = coarse * np.exp(_STEP * np.arange(2 + max(0, int(np.ceil(np.log(fine / coarse) / _STEP)))))
        self._radius = frequency_radius(box_size)
        self._window = window_transform(self._radius, box_size / (2 * np.pi * window))

    def split(self, volume: np.ndarray) -> Iterator[np.ndarray]:
        """The parts (Z, Y, X) of a map, band by band."""
        spectrum = transform(volume)
        for number, center in enumerate(self.centers):
            band = cosine_band(self._radius, center, _STEP)
            if number == 0:
                band[self._radius <= center] = 1
            yield real_map(spectrum * band, self.box_size)

    def power(self, part: np.ndarray) -> np.ndarray:
        """Mean square (Z, Y, X) of a part of a map around every voxel."""
        return np.maximum(real_map(transform(part * part) * self._window, self.box_size), 0)


def with_local_amplitudes(volume: np.ndarray, reference: np.ndarray, mask: np.ndarray, bands: Bands) -> np.ndarray:
    """A map whose amplitudes around every voxel are those of a reference, band by band.

    Parameters
    ----------
    volume, reference : (Z, Y, X) float
        The reference in any units; where it is empty so will be the result.
    mask : (Z, Y, X) float
        0 to 1; where the scale of both is compared.
    bands : Bands

    Returns
    -------
    (Z, Y, X) float32
        In the units of ``volume``.

    Notes
    -----
    The idea of LocScale (Jakobi et al. 2017, eLife 6, e27131), with bands and a soft window in place of a Fourier transform of
    a cube around each voxel.
    """
    (grey, (volume,)), (_, (reference,)) = in_grey_scale(volume), in_grey_scale(reference)
    result, scale = np.zeros(volume.shape, np.float32), None
    for part, model_part in zip(bands.split(volume), bands.split(reference)):
        own, target = bands.power(part), bands.power(model_part)
        if scale is None:
            scale = np.average(own, weights=mask) / np.average(target, weights=mask)
        floor = _LEAST_POWER * np.average(own, weights=mask)
        result += part * np.sqrt(scale * target / (own + floor))
    return result * np.float32(grey)


def with_even_amplitudes(volume: np.ndarray, mask: np.ndarray, bands: Bands, gain: np.ndarray) -> np.ndarray:
    """A map whose spectrum has the same shape around every voxel: that of the whole map times ``gain``.

    Parameters
    ----------
    volume, mask : (Z, Y, X) float
        The mask 0 to 1; noise is measured where it is 0.
    bands : Bands
    gain : (number of bands,) float
        By which the amplitudes of the whole map are multiplied, 1 for the first band.

    Returns
    -------
    (Z, Y, X) float32

    Notes
    -----
    With the local signal S = h² T L (T the target power of a band, L the local strength of the coarsest one) and the noise N
    of the solvent, a band b becomes its best linear estimate b / h × S / (S + N) = b √(T L S) / (S + N), which vanishes
    where there is no signal, whatever kind of molecule or none is there.
    """
    grey, (volume,) = in_grey_scale(volume)
    result, strength = np.zeros(volume.shape, np.float32), None
    solvent = 1 - mask
    for part, factor in zip(bands.split(volume), gain):
        noise = float(np.average(part * part, weights=solvent)) if solvent.max() > 0.5 else 0.0
        whole = max(float(np.average(part * part, weights=mask)) - noise, 1e-12)
        signal = np.maximum(bands.power(part) - noise, 0)
        if strength is None:
            strength = signal / whole
        floor = _LEAST_POWER * whole
        result += part * np.sqrt(factor**2 * whole * strength * signal) / (signal + noise + floor)
    return result * np.float32(grey)
