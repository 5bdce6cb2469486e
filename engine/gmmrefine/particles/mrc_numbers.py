"""How the numbers of an MRC file are stored, of a stack of images as of a map: byte order, mode, bytes signed or not."""

from typing import Optional

import numpy as np

HEADER_BYTES = 1024
NUMBERS = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}  # by mode
NO_PIXELS = {  # modes that hold no pixels or densities
    3: "complex numbers, a Fourier transform",
    4: "complex numbers, a Fourier transform",
    16: "colours",
    101: "4-bit numbers",
}
_LARGEST_SIDE = 65535
_IMOD_STAMP = 1146047817  # "IMOD"
_SIGNED_BYTES = 1  # of imodFlags
_LARGEST_SIGNED, _LARGEST_UNSIGNED = 127, 255


def byte_order(head: bytes) -> Optional[str]:
    """``<`` or ``>``, that in which a header makes sense, the machine stamp deciding where both do; None for neither.

    Parameters
    ----------
    head : bytes
        ``HEADER_BYTES`` of them, from the beginning of a file.
    """
    first = ">" if head[212] == 0x11 else "<"
    for order in (first, "<" if first == ">" else ">"):
        columns, rows, images, mode = np.frombuffer(head, order + "i4", 4)
        sides = 0 < columns <= _LARGEST_SIDE and 0 < rows <= _LARGEST_SIDE and images > 0
        if sides and (mode in NUMBERS or mode in NO_PIXELS):
            return order
    return None


def number_type(head: bytes, order: str, mode: int) -> np.dtype:
    """The numpy.dtype of one pixel of a mode of ``NUMBERS``, by a header (bytes) of some byte order."""
    return np.dtype(order + ("u1" if mode == 0 and _bytes_are_unsigned(head, order) else NUMBERS[mode]))


def _bytes_are_unsigned(head: bytes, order: str) -> bool:
    """Whether mode 0 holds 0 to 255: by IMOD's stamp, or else by the smallest and largest density of the header."""
    stamp, flags = np.frombuffer(head, order + "i4", 2, 152)
    smallest, largest = np.frombuffer(head, order + "f4", 2, 76)
    if stamp == _IMOD_STAMP:
        return not flags & _SIGNED_BYTES
    return bool(smallest >= 0 and _LARGEST_SIGNED < largest <= _LARGEST_UNSIGNED)
