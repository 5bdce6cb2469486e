"""Which images are odd: blank, clipped, or on a scale far from that of the others."""

from typing import Any, Dict

import numpy as np

from gmmrefine.particles.grey_values import BLANK, OUTER_RINGS, GreyValues

USUAL, IS_BLANK, IS_CLIPPED, IS_OFF_SCALE, IS_HOT = range(5)
KINDS = ("", "blank", "clipped", "off scale", "hot")
HOT = 50.0  # times as far from the median as 99 % of the pixels; of noise that is 130 standard deviations
OFF_SCALE = 3.0  # times stronger or weaker than the median
SATURATED = 0.05  # of the pixels at one extreme, beyond which an image says little
_CLIPPED = 0.005  # of the pixels at one extreme
_FEWEST_LEVELS = 16  # counts of few electrons lie at 0 without being clipped
_USUAL_PIXELS, _MEDIAN_OF = 99, 1000  # %; pixels that tell the median
_NEXT_LEVEL = 2.0  # times as many pixels at the extreme as at the value next to it


class ImageSurvey:
    """What is seen of the images of one half set while they are read.

    Called by ``ImageReader`` with the index (B,) of a batch, its pixels (B, Y, X) as stored, and their GreyValues.

    Parameters
    ----------
    count : int
        Number of images N.

    Attributes
    ----------
    background, ramp : (N,) float
        In units of the noise.
    deviation : (N,) float
        Of the noise, in the grey values stored.
    source : (N,) int
        Where it was measured.
    clipped : (N,) float
        Part of the pixels at the largest or smallest value, where these were cut off.
    hottest : (N,) float
        How many times as far as 99 % of the pixels the farthest one lies from the median.
    saturated : (N,) float
        As ``clipped``, of the pixels around the centre alone, where no mask of an earlier step has filled in one value; only
        where ``clipped`` is at least ``SATURATED``.
    """

    def __init__(self, count: int) -> None:
        self.background, self.ramp, self.clipped, self.hottest, self.saturated = np.zeros((5, count))
        self.deviation, self.source = np.ones(count), np.zeros(count, int)

    def __call__(self, index: np.ndarray, pixels: np.ndarray, grey: GreyValues) -> None:
        """Look at a batch."""
        self.background[index] = grey.background / grey.deviation
        self.ramp[index] = grey.ramp / grey.deviation
        self.deviation[index], self.source[index] = grey.deviation, grey.source
        self.clipped[index] = clipped_parts(pixels)
        self.hottest[index] = hottest_pixels(pixels)
        for number in np.flatnonzero(self.clipped[index] >= SATURATED):
            self.saturated[index[number]] = _share_at_extremes(pixels[number])

    def kinds(self, group: np.ndarray) -> np.ndarray:
        """What is odd about each image, (N,) int into ``KINDS``; group (N,) int is the optics group of each, from 0."""
        kinds = np.where(np.maximum(self.apart(group), 1 / self.apart(group)) > OFF_SCALE, IS_OFF_SCALE, USUAL)
        kinds[self.clipped > 0] = IS_CLIPPED
        kinds[self.hottest > HOT] = IS_HOT
        kinds[self.source == BLANK] = IS_BLANK
        return kinds

    def apart(self, group: np.ndarray) -> np.ndarray:
        """How many times stronger (N,) the noise of each image is than the median of its optics group; 1 for blank and hot."""
        apart, tells = np.ones(len(group)), (self.source != BLANK) & (self.hottest <= HOT)
        for number in np.unique(group[tells]):
            members = tells & (group == number)
            apart[members] = self.deviation[members] / np.median(self.deviation[members])
        return apart

    def summary(self, group: np.ndarray) -> Dict[str, Any]:
        """Numbers for run.json."""
        tells, kinds = self.source != BLANK, self.kinds(group)
        counts = {KINDS[kind].replace(" ", "_"): int(np.count_nonzero(kinds == kind)) for kind in range(1, len(KINDS))}
        if not tells.any():
            return {"images": len(group), **counts}
        logarithm = np.log(self.apart(group)[tells])
        return {
            "images": len(group),
            **counts,
            "noise_median": _rounded(np.median(self.deviation[tells])),
            "noise_spread": _rounded(np.exp(1.4826 * np.median(np.abs(logarithm - np.median(logarithm))))),
            "noise_range": [_rounded(edge(self.deviation[tells])) for edge in (np.min, np.max)],
            "background_median": _rounded(np.median(np.abs(self.background[tells]))),
            "background_largest": _rounded(np.abs(self.background[tells]).max()),
            "ramp_median": _rounded(np.median(self.ramp[tells])),
            "ramp_largest": _rounded(self.ramp[tells].max()),
            "noise_from_outer_rings": int(np.count_nonzero(self.source == OUTER_RINGS)),
        }


def clipped_parts(pixels: np.ndarray) -> np.ndarray:
    """Part of the pixels (B,) of images (B, Y, X) that lie at the largest or smallest value because it was cut off there.

    0 where the extremes are rare, or what a count of few electrons would give as well.
    """
    flat = pixels.reshape(len(pixels), -1)
    found = np.zeros(len(flat))
    for number, image in enumerate(flat):
        low, high = image.min(), image.max()
        share = max(np.count_nonzero(image == low), np.count_nonzero(image == high)) / image.size
        if low < high and share >= _CLIPPED and _is_cut_off(image):
            found[number] = share
    return found


def _share_at_extremes(image: np.ndarray) -> float:
    """Part of the pixels within a quarter of the box about the centre of an image (Y, X) that lie at its extremes."""
    axis = np.arange(len(image)) - len(image) // 2
    middle = image[axis[:, None] ** 2 + axis**2 <= (len(image) / 4) ** 2]
    return max(np.count_nonzero(middle == image.min()), np.count_nonzero(middle == image.max())) / middle.size


def hottest_pixels(pixels: np.ndarray) -> np.ndarray:
    """How far (B,) a single pixel of images (B, Y, X) lies from the others: how many times as far from the median as 99 % do.

    0 where 99 % of the pixels have one value.
    """
    away = pixels.reshape(len(pixels), -1).astype(float)
    away = np.abs(away - np.median(away[:, :: 1 + away.shape[1] // _MEDIAN_OF], axis=1)[:, None])
    usual = np.partition(away, _USUAL_PIXELS * away.shape[1] // 100, axis=1)[:, _USUAL_PIXELS * away.shape[1] // 100]
    return np.divide(away.max(axis=1), usual, out=np.zeros(len(away)), where=usual > 0)


def _is_cut_off(image: np.ndarray) -> bool:
    counts = np.unique(image, return_counts=True)[1]
    if len(counts) < _FEWEST_LEVELS:
        return False
    edges = (counts[0], counts[1]), (counts[-1], counts[-2])
    return any(edge >= _CLIPPED * image.size and edge > _NEXT_LEVEL * following for edge, following in edges)


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
