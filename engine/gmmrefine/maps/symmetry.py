"""Whether a map has a symmetry, and a symmetric map from one part that was refined alone."""

from typing import List, Optional, Sequence, Tuple

import numpy as np
from scipy import fft

from gmmrefine.maps.fsc import shell_correlation
from gmmrefine.maps.turn import turned, turned_mask
from gmmrefine.threads import thread_count

_LOWEST_SHELL = 2  # the outline alone, shells 0 and 1, is much the same however a map is turned
_FEWEST_SHELLS = 4
_AGREEING = 0.143  # FSC of the half maps
_SHARE_OF_NYQUIST = 0.75  # up to which turned maps are good to 1.5 %
_LEAST_WEIGHT = 1e-3


class SymmetryMeasure:
    """Compares one half map with the other one turned, up to the resolution at which the two agree.

    Noise of two halves is independent, so that an operator which the molecule has correlates as well as no turn at all.

    Parameters
    ----------
    half_maps : pair of (Z, Y, X) float
        No symmetry imposed.
    pixel_size : float
        Å/px.
    """

    def __init__(self, half_maps: Sequence[np.ndarray], pixel_size: float) -> None:
        box_size = len(half_maps[0])
        finest = int(_SHARE_OF_NYQUIST * box_size / 2)
        below = np.flatnonzero(shell_correlation(*half_maps)[1 : finest + 1] < _AGREEING)
        self.radius = max(int(below[0]) if len(below) else finest, _FEWEST_SHELLS)
        self.resolution = box_size * pixel_size / self.radius
        side = min(box_size, 2 * int(np.ceil((self.radius + 2) / _SHARE_OF_NYQUIST)))
        self._halves = [_in_sphere(_coarser(half, side)) for half in half_maps]
        self.unturned = self.correlation(np.eye(3))

    def correlation(self, operator: np.ndarray) -> float:
        """Mean FSC of one half map and the other turned by ``operator`` (3, 3), shells 2 to ``radius``."""
        still, other = self._halves
        return float(shell_correlation(still, turned(other, operator))[_LOWEST_SHELL : self.radius + 1].mean())


def impose(
    maps: Sequence[np.ndarray], mask: np.ndarray, operators: np.ndarray, backgrounds: Optional[Sequence[np.ndarray]] = None
) -> Tuple[List[np.ndarray], np.ndarray]:
    """Symmetric maps from maps that are good inside a mask: Σ M(S⁻¹x) V(S⁻¹x) / Σ M(S⁻¹x) over the operators S.

    Parameters
    ----------
    maps : sequence of (Z, Y, X) float
        V, each treated on its own.
    mask : (Z, Y, X) float
        M, 0 to 1: how much V counts.
    operators : (n, 3, 3) float
        Point group.
    backgrounds : sequence of (Z, Y, X) float, optional
        One per map: what is there where the masks leave room, weight max(0, 1 − Σ M). Without them such voxels are 0.

    Returns
    -------
    tuple
        list of (Z, Y, X) float32, the union of the turned masks (Z, Y, X) float32.
    """
    totals, weights, union = [np.zeros_like(mask) for _ in maps], np.zeros_like(mask), np.zeros_like(mask)
    for operator in operators:
        there = turned_mask(mask, operator)
        weights += there
        union = np.maximum(union, there)
        for total, volume in zip(totals, maps):
            total += there * turned(volume, operator)
    if backgrounds is not None:
        room = np.maximum(0, 1 - weights)
        weights += room
        totals = [total + room * background for total, background in zip(totals, backgrounds)]
    filled = weights > _LEAST_WEIGHT
    return [np.divide(total, weights, out=np.zeros_like(mask), where=filled) for total in totals], union


def _coarser(volume: np.ndarray, side: int) -> np.ndarray:
    """The same map (Z, Y, X) on ``side``³ voxels, the finer signal cut off."""
    n = len(volume)
    first = n // 2 - side // 2
    inner = slice(first, first + side)
    spectrum = fft.fftshift(fft.fftn(fft.ifftshift(volume), workers=thread_count()))[inner, inner, inner]
    return fft.fftshift(fft.ifftn(fft.ifftshift(spectrum), workers=thread_count())).real.astype(np.float32)


def _in_sphere(volume: np.ndarray) -> np.ndarray:
    """A map (Z, Y, X) faded out towards the edge of its box, so that what is turned in from outside does not count."""
    n = len(volume)
    axis = np.arange(n) - n // 2
    radius = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2) / n
    ramp = np.clip((radius - 0.42) / 0.08, 0, 1)
    return (volume * (0.5 + 0.5 * np.cos(np.pi * ramp))).astype(np.float32)
