"""Which images are odd: blank, clipped, or on a scale far from that of the others."""
from typing import Any, Dict

import numpy as np

from gmmrefine.particles.grey_values import BLANK, OUTER_RINGS, GreyValues

USUAL, IS_BLANK, IS_CLIPPED, IS_OFF_SCALE = range(4)
KINDS = ("", "blank", "clipped", "off scale")
OFF_SCALE = 3.0  # times stronger or weaker than the median
_CLIPPED = 0.005  # of the pixels at one extreme
_FEWEST_LEVELS = 16  # counts of few electrons lie at 0 without being clipped
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
    """

    def __init__(self, count: int) -> None:
        self.background, self.ramp, self.clipped = np.zeros((3, count))
        self.deviation, self.source = np.ones(count), np.zeros(count, int)

    def __call__(self, index: np.ndarray, pixels: np.ndarray, grey: GreyValues) -> None:
        """Look at a batch."""
        self.background[index] = grey.background / grey.deviation
        self.ramp[index] = grey.ramp / grey.deviation
        self.deviation[index], self.source[index] = grey.deviation, grey.source
        self.clipped[index] = clipped_parts(pixels)

    def kinds(self, group: np.ndarray) -> np.ndarray:
        """What is odd about each image, (N,) int into ``KINDS``; group (N,) int is the optics group of each, from 0."""
        kinds = np.where(np.maximum(self.apart(group), 1 / self.apart(group)) > OFF_SCALE, IS_OFF_SCALE, USUAL)
        kinds[self.clipped > 0] = IS_CLIPPED
        kinds[self.source == BLANK] = IS_BLANK
        return kinds

    def apart(self, group: np.ndarray) -> np.ndarray:
        """How many times stronger (N,) the noise of each image is than the median of its optics group; 1 for blank images."""
        apart, tells = np.ones(len(group)), self.source != BLANK
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
            "images": len(group), **counts, "noise_median": _rounded(np.median(self.deviation[tells])),
            "noise_spread": _rounded(np.exp(1.4826 * np.median(np.abs(logarithm - np.median(logarithm))))),
            "noise_range": [_rounded(edge(self.deviation[tells])) for edge in (np.min, np.max)],
            "background_median": _rounded(np.median(np.abs(self.background[tells]))),
            "background_largest": _rounded(np.abs(self.background[tells]).max()),
            "ramp_median": _rounded(np.median(self.ramp[tells])), "ramp_largest": _rounded(self.ramp[tells].max()),
            "noise_from_outer_rings": int(np.count_nonzero(self.source == OUTER_RINGS))}


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


def _is_cut_off(image: np.ndarray) -> bool:
    counts = np.unique(image, return_counts=True)[1]
    if len(counts) < _FEWEST_LEVELS:
        return False
    edges = (counts[0], counts[1]), (counts[-1], counts[-2])
    return any(edge >= _CLIPPED * image.size and edge > _NEXT_LEVEL * following for edge, following in edges)


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
