"""Resolution around every voxel: the FSC of two half maps in soft windows that grow with the resolution they look at."""

from typing import Any, Callable, Optional, Sequence, Tuple

import numpy as np
from scipy import fft, ndimage

from gmmrefine.fourier.grey import in_grey_scale
from gmmrefine.maps.bands import cosine_band, frequency_radius, real_map, transform, window_transform

_COARSEST = 6  # shell of the first band; fewer samples say nothing
_STEP = 0.07  # of ln frequency from band to band
_HALF_WIDTH = 0.35  # of a band in ln frequency, up to which its cosine falls to 0; a narrower one reaches wider in the map
_LEAST_HALF_WIDTH = 0.1  # of bands near the end, which none crosses: it would look at coarser shells than it says
_WINDOW_REACH = 4.0  # standard deviations of the window's transform that are kept
_LEAST_POWER = 1e-6  # of the largest; below, a window holds nothing but rounding errors


def local_resolution(
    half_map_1: np.ndarray,
    half_map_2: np.ndarray,
    mask: np.ndarray,
    pixel_size: float,
    *,
    window: float = 1.0,
    threshold: float = 0.143,
    report: Optional[Callable[[int], Any]] = None,
    end: Optional[int] = None,
) -> np.ndarray:
    """Resolution at which two half maps cease to agree around each voxel.

    Parameters
    ----------
    half_map_1, half_map_2 : (Z, Y, X) float
        Unfiltered and unmasked.
    mask : (Z, Y, X) float
        0 to 1: how much a voxel counts.
    pixel_size : float
        Å/px.
    window : float
        Standard deviation of the Gaussian window, in units of the resolution looked at.
    threshold : float
        FSC below which the half maps no longer agree.
    report : callable, optional
        Told the number of bands done.
    end : int, optional
        Shell from which on the half maps hold nothing, Nyquist by default.

    Returns
    -------
    (Z, Y, X) float32
        Å, 0 where the mask is; the first band's resolution where nothing agrees, that of ``end`` where all does.

    Notes
    -----
    FSC(x, k) = W(M a b) / √(W(M a²) W(M b²)), a and b the half maps in a band around k, W the convolution with a Gaussian of
    width ``window`` / k. Windows and bands grow with the scale, so that every value rests on equally many independent samples.
    The mask M weighs products of maps that are filtered already and thus correlates nothing by itself.
    """
    n = len(mask)
    halves = in_grey_scale(half_map_1, half_map_2)[1]
    transforms = [transform(each) for each in (*halves, mask)]
    last = end or n / 2
    centers = band_centers(n, last)
    side = _even_side(_WINDOW_REACH * _window_cutoff(centers[-1], window) * 2, n)
    crossing = np.full((side,) * 3, last, np.float32)
    above, before = np.ones((side,) * 3, bool), np.ones((side,) * 3, np.float32)
    for number, center in enumerate(centers):
        fsc = _band_fsc(transforms, (n, last), center, window, side)
        falls = above & (fsc < threshold)
        part = (before[falls] - threshold) / (before[falls] - fsc[falls]) if number else 1.0
        crossing[falls] = center * np.exp((part - 1) * _STEP)
        above &= ~falls
        before = fsc
        if report:
            report(number + 1)
    inside = np.argwhere(mask > 0)
    resolution = np.zeros(mask.shape, np.float32)
    shells = ndimage.map_coordinates(crossing, inside.T * (side / n), order=1, mode="grid-wrap")
    resolution[tuple(inside.T)] = n * pixel_size / shells
    return resolution


def band_centers(box_size: int, end: Optional[float] = None) -> np.ndarray:
    """Middle frequencies (S,) of the bands in shells, evenly spaced in their logarithm, up to an end or Nyquist.

    Parameters
    ----------
    box_size : int
        px
    end : float, optional
        Shell.
    """
    return np.exp(np.arange(np.log(_COARSEST), np.log(end or box_size / 2) - _LEAST_HALF_WIDTH, _STEP))


def _window_cutoff(center: float, window: float) -> float:
    """Standard deviation, in shells, of the transform of the window at a frequency in shells."""
    return center / (2 * np.pi * window)


def _band_fsc(
    transforms: Sequence[np.ndarray], box_and_end: Tuple[int, float], center: float, window: float, side: int
) -> np.ndarray:
    """Local FSC (side, side, side) of two maps in one band; none crosses the shell where they end.

    Parameters
    ----------
    transforms : sequence of (Z, Y, F) complex
        ``rfftn`` of both maps and of the mask.
    box_and_end : pair
        Side of their box in px; shell where they end.
    center : float
        Shells, the middle of the band.
    window : float
        As of ``local_resolution``.
    side : int
        Of the grid on which the FSC is wanted, px.
    """
    *halves, mask = transforms
    n, end = box_and_end
    cutoff = _window_cutoff(center, window)
    half_width = min(_HALF_WIDTH, np.log(end / center))
    fine = _even_side(2 * center * np.exp(half_width) + _WINDOW_REACH * cutoff, n)
    band = cosine_band(frequency_radius(fine), center, half_width)
    first, second = (real_map(_cropped(each, n, fine) * band, fine) for each in halves)
    weight = real_map(_cropped(mask, n, fine), fine)
    smooth = window_transform(frequency_radius(side), cutoff)
    cross, power_1, power_2 = (
        real_map(_resized(weight * one * other, side) * smooth, side)
        for one, other in ((first, second), (first, first), (second, second))
    )
    power = np.sqrt(np.maximum(power_1, 0) * np.maximum(power_2, 0))
    return np.divide(cross, power, out=np.zeros_like(cross), where=power > _LEAST_POWER * power.max())


def _resized(volume: np.ndarray, side: int) -> np.ndarray:
    """``rfftn`` transform of a map (M, M, M) on the grid of ``side`` voxels, which is coarser or finer."""
    spectrum, fine = transform(volume), len(volume)
    if side <= fine:
        return _cropped(spectrum, fine, side)
    padded = np.zeros((side, side, side // 2 + 1), np.complex64)
    half = fine // 2
    rows = np.r_[:half, side - half : side]
    padded[np.ix_(rows, rows, np.arange(half + 1))] = spectrum
    return padded * np.float32((side / fine) ** 3)


def _cropped(spectrum: np.ndarray, n: int, side: int) -> np.ndarray:
    """The ``rfftn`` transform of the same map on a coarser grid of ``side`` voxels, even."""
    if side == n:
        return spectrum
    half = side // 2
    rows = np.r_[:half, n - half : n]
    return spectrum[np.ix_(rows, rows, np.arange(half + 1))] * np.float32((side / n) ** 3)


def _even_side(least: float, n: int) -> int:
    """A grid of at least so many voxels that FFTs like, even, and at most that of the map."""
    side = fft.next_fast_len(int(np.ceil(least / 2)), real=True) * 2
    return n if side >= n else side
