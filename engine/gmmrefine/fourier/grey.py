"""The grey scale of maps, so that squares of their values have room in single precision whatever their units."""

from typing import List, Tuple

import numpy as np


def grey_scale(*maps: np.ndarray) -> float:
    """A power of two near the largest value of some maps or transforms, which dividing by rounds nothing; 1 where all are 0.

    Parameters
    ----------
    maps : (Z, Y, X) float or complex
    """
    largest = max(float(np.abs(each).max(initial=0)) for each in maps)
    return float(2.0 ** np.floor(np.log2(largest))) if 0 < largest < np.inf else 1.0


def in_grey_scale(*maps: np.ndarray) -> Tuple[float, List[np.ndarray]]:
    """Maps (Z, Y, X) divided by their common ``grey_scale``.

    Returns
    -------
    tuple
        float, list of (Z, Y, X) in the maps' own type.
    """
    scale = grey_scale(*maps)
    return scale, [each / each.real.dtype.type(scale) for each in maps]
