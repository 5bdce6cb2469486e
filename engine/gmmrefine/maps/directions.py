"""Resolution by direction: the FSC of two half maps in cones of Fourier space, and how much it differs between them."""

from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

import numpy as np
from scipy import fft

from gmmrefine.fourier.shells import hermitian_weight
from gmmrefine.geometry.sphere import cell_centers, cell_of, even_axes, lowest_axis
from gmmrefine.maps.bands import transform
from gmmrefine.maps.fsc import FscCurve
from gmmrefine.resolution import read_resolution

AXES, HALF_ANGLE = 256, 20.0  # cones, degrees
LEAST_CFAR = 0.5
_BEYOND = 1.3  # of the shell of the resolution, up to which the FSC is summed
_EMPTY = 1e-3  # of the mean power of a shell; cells with less were not sampled
_CLEAR = 6.5  # standard errors by which cones must differ; those of even views did by 6.2 at most
_SAMPLED = 0.5  # of a cone that must hold power; an emptier one is missing
_PLANES = 32  # transformed at a time


@dataclass(frozen=True)
class Directions:
    """FSC in cones.

    Parameters
    ----------
    axes : (A, 3) float
        Unit vectors x y z.
    fsc : (A, S) float
    resolution : (A,) float
        Å; the box where the halves agree in no shell.
    area : (A,) float
        Summed FSC.
    box : float
        Å; side of the box.
    cfar : float
        Smallest over largest area.
    error : float
        Standard error of an area.
    missing : bool
        Whether a cone holds hardly any power.
    """

    axes: np.ndarray
    fsc: np.ndarray
    resolution: np.ndarray
    area: np.ndarray
    box: float
    cfar: float
    error: float
    missing: bool

    @property
    def clear(self) -> bool:
        """Whether the areas differ by more than their noise."""
        return self.missing or bool(np.ptp(self.area) > _CLEAR * self.error)

    @property
    def best_and_worst(self) -> Tuple[int, int]:
        """Numbers of the axes along which the resolution is best and worst."""
        return lowest_axis(self.axes, -self.area, self.error), lowest_axis(self.axes, self.area, self.error)

    @property
    def anisotropic(self) -> bool:
        """Whether the cones differ as they do with preferred views."""
        return self.clear and self.cfar < LEAST_CFAR


def directional_fsc(
    half_map_1: np.ndarray, half_map_2: np.ndarray, mask: Optional[np.ndarray], curve: FscCurve, threshold: float = 0.143
) -> Optional[Directions]:
    """The FSC of two half maps in cones around even axes; None when they agree in no shell.

    Parameters
    ----------
    half_map_1, half_map_2 : (Z, Y, X) float
    mask : (Z, Y, X) float or None
    curve : FscCurve
        Their FSC, whose correction for the mask and whose end the cones share.
    threshold : float

    Returns
    -------
    Directions or None

    Notes
    -----
    3-D FSC of Tan et al. 2017, Nat. Methods 14, 793, in the cones of SIMPLE and with cFAR as cryoSPARC's guide defines it. Sums
    run over three shells; samples that hold no power count as FSC 0.
    """
    resolution = curve.resolution(threshold)
    if resolution is None:
        return None
    halves, n = (half_map_1, half_map_2), len(half_map_1)
    cross, powers, counts, held = _by_cell(halves, mask)
    axes = even_axes(AXES)
    cones = (np.abs(axes @ cell_centers().T) > np.cos(np.radians(HALF_ANGLE))).astype(float)
    count = cones @ counts
    share = (cones @ held) / np.maximum(count, 1)
    cross, *powers = (_over_three(cones @ values) for values in (cross, *powers))
    fsc = np.divide(cross, np.sqrt(powers[0] * powers[1]), out=np.zeros_like(cross), where=powers[0] * powers[1] > 0)
    fsc = np.where(curve.fsc == 0, 0, _corrected(fsc, curve) * share)
    last = min(int(np.ceil(_BEYOND * n * curve.pixel_size / resolution)), n // 2 - 1)
    summed = slice(1, last + 1)
    area = fsc[:, summed].sum(1)
    samples = np.maximum(count[:, summed].mean(0) * (1.0 if mask is None else _fill(mask)) / 2, 1)
    error = np.sqrt(np.sum((1 - np.clip(curve.fsc[summed], 0, 1) ** 2) ** 2 / samples))
    read = (read_resolution(curve.frequency[1:].tolist(), each[1:].tolist(), threshold) for each in fsc)
    found = [reading.angstroms or n * curve.pixel_size for reading in read]
    cfar = max(float(area.min()), 0.0) / max(float(area.max()), 1e-9)
    return Directions(
        axes,
        fsc,
        np.array(found),
        area,
        n * curve.pixel_size,
        min(cfar, 1.0),
        float(error),
        bool(share[:, summed].mean(1).min() < _SAMPLED),
    )


def _by_cell(
    halves: Sequence[np.ndarray], mask: Optional[np.ndarray]
) -> Tuple[np.ndarray, List[np.ndarray], np.ndarray, np.ndarray]:
    """By cell and shell (C, S): cross-power, powers of both, samples, and samples that hold power in the unmasked maps."""
    n, cells = len(halves[0]), len(cell_centers())
    size = max(float(np.abs(half).max()) for half in halves)
    masked = [transform(half / size if mask is None else half * mask / size) for half in halves]
    plain = masked if mask is None else [transform(half / size) for half in halves]
    sums = [np.zeros((cells, n // 2 + 1)) for _ in range(5)]
    k = (fft.fftfreq(n) * n).astype(np.float32)
    kx, weight = np.arange(n // 2 + 1, dtype=np.float32), hermitian_weight(n).astype(np.float32)
    for low in range(0, n, _PLANES):
        part = slice(low, low + _PLANES)
        z, y, x = np.broadcast_arrays(k[part, None, None], k[None, :, None], kx)
        shell = np.rint(np.sqrt(x * x + y * y + z * z)).astype(int)
        inside = (shell > 0) & (shell <= n // 2)
        index = cell_of(x[inside], y[inside], z[inside]) * (n // 2 + 1) + shell[inside]
        one, other = (spectrum[part][inside] for spectrum in masked)
        raw = np.minimum(*(np.abs(spectrum[part][inside]) ** 2 for spectrum in plain))
        times = np.broadcast_to(weight, shell.shape)[inside]
        for total, values in zip(sums, ((one * np.conj(other)).real, np.abs(one) ** 2, np.abs(other) ** 2, 1.0, raw)):
            total += np.bincount(index, values * times, total.size).reshape(total.shape)
    cross, *powers, counts, raw = sums
    mean = raw.sum(0) / np.maximum(counts.sum(0), 1)
    return cross, powers, counts, np.where(raw > _EMPTY * mean * counts, counts, 0)


def _over_three(values: np.ndarray) -> np.ndarray:
    """Sums (A, S) over three shells, the ends as they are."""
    padded = np.pad(values, ((0, 0), (1, 1)))
    return padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]


def _corrected(fsc: np.ndarray, curve: FscCurve) -> np.ndarray:
    """Cones (A, S) with what the mask correlates taken away, where it was taken away from the curve of all."""
    random = np.where(curve.fsc == curve.masked, 0, curve.randomised)
    return (fsc - random) / np.maximum(1 - random, 1e-3)


def _fill(mask: np.ndarray) -> float:
    """The part of the box that a mask (Z, Y, X) leaves, as samples of its transform are independent."""
    square = np.asarray(mask, float) ** 2
    return float(square.sum() ** 2 / max((square**2).sum(), 1e-9) / square.size)
