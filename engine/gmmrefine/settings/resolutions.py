"""Which resolutions a grid can hold."""

from itertools import count
from typing import Optional

FEWEST_SHELLS = 4  # that show a molecule
_SAME_RESOLUTION = 1e-4  # of a resolution; what a header's 32-bit numbers or a table's digits lose is far less


def is_beyond_nyquist(resolution: Optional[float], pixel_size: float) -> bool:
    """Whether a resolution is finer than images or maps can hold.

    Parameters
    ----------
    resolution : float or None
        Å; 0 stands for none.
    pixel_size : float
        Å/px, maybe as a file keeps it: in single precision, or with some digits only.
    """
    return resolution is not None and 0 < resolution < 2 * pixel_size * (1 - _SAME_RESOLUTION)


def nyquist_text(pixel_size: float) -> str:
    """Nyquist in Å as text, with as many decimals, two or more, as it takes not to be beyond itself."""
    texts = (f"{2 * pixel_size:.{decimals}f}" for decimals in count(2))
    return next(text for text in texts if float(text) > 0 and not is_beyond_nyquist(float(text), pixel_size))


def coarsest_resolution(box_size: int, pixel_size: float) -> float:
    """Å; coarser ones leave too few Fourier shells of a box in px of so many Å/px."""
    return box_size * pixel_size / FEWEST_SHELLS
