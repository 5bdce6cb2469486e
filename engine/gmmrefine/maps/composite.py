"""One map from several focused ones: weighted averages, and where the parts disagree."""

from typing import Optional, Sequence

import numpy as np
from scipy import ndimage

from gmmrefine.fourier.grey import in_grey_scale
from gmmrefine.maps.filter import low_pass

_LEAST_SNR = 1e-3  # keeps weights positive where both halves are noise
_WINDOW = 2.0  # widths of the averaging window (Gaussian σ) per resolution


def composite_map(
    maps: Sequence[np.ndarray], weights: Sequence[np.ndarray], background: Optional[np.ndarray] = None
) -> np.ndarray:
    """Weighted average of maps, Σ w V / Σ w, passing into a background where no weight is left.

    Parameters
    ----------
    maps : list of (Z, Y, X) float
        Unmasked and unfiltered, of one half set.
    weights : list of (Z, Y, X) float
        0 or more; the soft masks of the maps, times local weights if wanted.
    background : (Z, Y, X) float, optional
        Shown outside all masks; the plain mean of the maps by default.

    Returns
    -------
    (Z, Y, X) float32

    Notes
    -----
    Chen et al. 2023, "Patch-by-patch refinement": Map_composite = Σ Mask Map / Σ Mask; outside all masks the paper leaves it
    open.
    """
    total = np.sum(weights, axis=0)
    covered = np.minimum(total, 1)
    average = np.sum([weight * volume for weight, volume in zip(weights, maps)], axis=0) / np.where(total > 0, total, 1)
    rest = np.mean(maps, axis=0) if background is None else background
    return (covered * average + (1 - covered) * rest).astype(np.float32)


def seam_map(maps: Sequence[np.ndarray], weights: Sequence[np.ndarray], background: Optional[np.ndarray] = None) -> np.ndarray:
    """How much the maps that a composite joins disagree, as a weighted standard deviation at every voxel.

    Parameters
    ----------
    maps, weights, background : list of (Z, Y, X) float, (Z, Y, X) float
        As of ``composite_map``: map units, and 0 or more. The background is one more map, of weight max(0, 1 − Σ w).

    Returns
    -------
    (Z, Y, X) float32
        0 where one map stands alone and where all are equal; map units.
    """
    total = np.sum(weights, axis=0)
    covered = np.minimum(total, 1)
    shares = [weight * covered / np.where(total > 0, total, 1) for weight in weights]
    scale, all_maps = in_grey_scale(*maps, *([] if background is None else [background]))
    maps, behind = all_maps[: len(maps)], all_maps if background is None else all_maps[-1:]
    variance = np.zeros(total.shape)
    for first, volume in enumerate(maps):
        for second in range(first):
            variance += shares[first] * shares[second] * (volume - maps[second]) ** 2
        # the mean of the differences, not from the mean: that of equal maps is exactly 0
        variance += shares[first] * (1 - covered) * np.mean([volume - other for other in behind], axis=0) ** 2
    return (scale * np.sqrt(variance)).astype(np.float32)


def local_snr(half_map_1: np.ndarray, half_map_2: np.ndarray, pixel_size: float, resolution: float) -> np.ndarray:
    """Signal over noise of a map around every voxel, from its two half maps.

    Parameters
    ----------
    half_map_1, half_map_2 : (Z, Y, X) float
        Unfiltered.
    pixel_size : float
        Å/px.
    resolution : float
        Å; the maps are compared up to it, in windows twice as wide (σ).

    Returns
    -------
    (Z, Y, X) float32
        Variance of the signal over that of the noise of the mean of both; above 0.
    """
    n = len(half_map_1)
    first, second = (low_pass(half, n * pixel_size / resolution) for half in in_grey_scale(half_map_1, half_map_2)[1])
    width = _WINDOW * resolution / pixel_size
    signal = ndimage.gaussian_filter(first * second, width, mode="constant")
    noise = ndimage.gaussian_filter((first - second) ** 2, width, mode="constant") / 4
    ratio = np.maximum(signal, 0) / np.maximum(noise, 1e-6 * max(noise.max(), signal.max()) + 1e-30)
    return np.maximum(ratio, _LEAST_SNR).astype(np.float32)


def overlap(mask_1: np.ndarray, mask_2: np.ndarray, pixel_size: float) -> float:
    """Volume in Å³ that two masks (Z, Y, X) share.

    Parameters
    ----------
    mask_1, mask_2 : (Z, Y, X) float
        0 to 1.
    pixel_size : float
        Å/px.
    """
    return float(np.minimum(mask_1, mask_2).sum() * pixel_size**3)
