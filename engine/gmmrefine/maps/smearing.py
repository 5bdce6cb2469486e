"""How far pose errors smear a map: from what is known of the poses, and from how its spectrum falls away from the centre."""

from dataclasses import dataclass
from typing import Callable, Optional, Tuple

import numpy as np

from gmmrefine.fourier.grey import in_grey_scale
from gmmrefine.maps.bands import frequency_radius, real_map, transform

_RINGS = 8  # shells of equal volume around the box centre
_CLEAR = 0.2  # signal over all, from which a band of a ring takes part
_FINEST, _COARSEST = 5.0, 6  # Å and shell; between them all molecules have a spectrum of much the same shape
_SMALLEST_MASK = 1000  # voxels
_FEWEST = 4  # values more than unknowns
_CERTAIN = 2.0  # standard errors
_UNCERTAINTY = 0.6  # of a variance that the spectrum tells
_FLEXIBLE = 1.7  # degrees that the outer parts of a molecule without pose errors look turned by, as they are more mobile


@dataclass(frozen=True)
class Smearing:
    """Errors of the poses that a map was reconstructed from.

    Parameters
    ----------
    rotation : float
        Rms angle in degrees, about all three axes together.
    shift : float
        Rms length in Å of the error in the plane of the image.
    uncertainty : float
        Standard error of the displacements' variance, part of it.
    """

    rotation: float
    shift: float
    uncertainty: float = 0.1

    def on_grid(self, box_size: int, pixel_size: float) -> Optional["Displacement"]:
        """By how much each voxel is displaced from image to image, a Displacement; None where nothing is.

        Parameters
        ----------
        box_size : int
            px
        pixel_size : float
            Å/px.

        Notes
        -----
        A point at x is displaced by ω × x + t, with ω of variance σ² / 3 about each axis and t of τ² / 2 along each axis of
        the image. Seen along k, averaged over its directions, that is τ² / 2 + (2 / 9) σ² |x|².
        """
        if self.is_none:
            return None
        axis = np.arange(box_size) - box_size // 2
        square = axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2
        variance = 0.5 * (self.shift / pixel_size) ** 2 + 2 / 9 * np.radians(self.rotation) ** 2 * square
        return Displacement(variance.astype(np.float32), self.uncertainty)

    @property
    def is_none(self) -> bool:
        """Whether nothing is smeared."""
        return self.rotation == 0 and self.shift == 0


@dataclass(frozen=True)
class Displacement:
    """How far pose errors displace each voxel.

    Parameters
    ----------
    variance : (Z, Y, X) float
        px² along one axis.
    uncertainty : float
        Standard error of the variance, part of it.
    """

    variance: np.ndarray
    uncertainty: float

    def transfer(self, frequency: float) -> np.ndarray:
        """What is left of amplitudes (Z, Y, X) at k in 1/px: exp(−2π² k² u²).

        Parameters
        ----------
        frequency : float
            1/px.
        """
        return np.exp(-2 * np.pi**2 * frequency**2 * self.variance)


def smearing_from_spectrum(
    half_map_1: np.ndarray,
    half_map_2: np.ndarray,
    mask: np.ndarray,
    pixel_size: float,
    bands: Tuple[np.ndarray, Callable[[np.ndarray, float], np.ndarray]],
) -> Smearing:
    """Pose errors that the spectrum of a map looks like, from how much faster it falls away from the box centre.

    Parameters
    ----------
    half_map_1, half_map_2 : (Z, Y, X) float
        Unfiltered and unmasked.
    mask : (Z, Y, X) float
        0 to 1.
    pixel_size : float
        Å/px.
    bands : tuple
        Middle of the bands (S,) in shells, and a function that gives the band (Z, Y, F) of one.

    Returns
    -------
    Smearing
        Zero where the spectrum does not tell. The shift is that which displaces as much as the rotation does at the
        molecule's radius of gyration: the spectrum alone does not tell it.

    Notes
    -----
    ln S of a band k in a ring r is a_k + c_r − 4π² (2 / 9) σ² k² r², fitted with all a and c free, S the mean of h₁h₂. Outer
    parts of molecules are more mobile; what that looks like is taken off.
    """
    _, halves = in_grey_scale(half_map_1, half_map_2)
    n, (shells, band_of) = len(mask), bands
    axis = np.arange(n) - n // 2
    square = (axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2).astype(np.float32)
    inside = mask > 0.5
    if np.count_nonzero(inside) < _SMALLEST_MASK:
        return Smearing(0.0, 0.0)
    edges = np.quantile(square[inside], np.linspace(0, 1, _RINGS + 1))[1:-1]
    ring, weight = np.digitize(square[inside], edges), mask[inside].astype(float)
    reach = np.bincount(ring, weight * square[inside], _RINGS) / np.maximum(np.bincount(ring, weight, _RINGS), 1e-6)
    radius, spectra, rows, logarithms = frequency_radius(n), [transform(half) for half in halves], [], []
    for number, shell in enumerate(shells):
        if shell < _COARSEST or n * pixel_size / shell < _FINEST:
            continue
        first, second = (real_map(spectrum * band_of(radius, shell), n)[inside].astype(float) for spectrum in spectra)
        signal = np.bincount(ring, weight * first * second, _RINGS)
        total = np.bincount(ring, weight * 0.25 * (first + second) ** 2, _RINGS)
        for one in np.flatnonzero(signal > _CLEAR * total):
            row = np.zeros(len(shells) + _RINGS + 1)
            row[number], row[len(shells) + one] = 1, 1
            row[-1] = -8 / 9 * np.pi**2 * (shell / n) ** 2 * reach[one]
            certain = signal[one] / total[one]
            rows.append(certain * row)
            logarithms.append(certain * np.log(signal[one]))
    if len(rows) < len({int(np.argmax(row)) for row in rows}) + _RINGS + _FEWEST:
        return Smearing(0.0, 0.0)
    slope, error = _last_of_fit(np.array(rows), np.array(logarithms))
    variance = slope - np.radians(_FLEXIBLE) ** 2
    if variance <= _CERTAIN * error:
        return Smearing(0.0, 0.0)
    gyration = float(np.sqrt(np.average(square[inside], weights=weight))) * pixel_size
    return Smearing(float(np.degrees(np.sqrt(variance))), float(np.sqrt(4 / 9 * variance) * gyration), _UNCERTAINTY)


def _last_of_fit(rows: np.ndarray, values: np.ndarray) -> Tuple[float, float]:
    """The last unknown of a least squares fit of rows (M, U) to values (M,), and its standard error."""
    inverse = np.linalg.pinv(rows)
    fitted = inverse @ values
    freedom = max(1, len(values) - np.linalg.matrix_rank(rows))
    residual = float(np.sum((values - rows @ fitted) ** 2)) / freedom
    return float(fitted[-1]), float(np.sqrt(residual * np.sum(inverse[-1] ** 2)))
