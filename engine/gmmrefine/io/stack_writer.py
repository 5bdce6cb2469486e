"""MRC image stacks written batch by batch."""

from contextlib import ExitStack
from typing import Any, Optional

import mrcfile
import numpy as np

from gmmrefine.io.atomic import atomic_path
from gmmrefine.regular_file import FilePath

_LABEL = "gmmrefine"


class StackWriter:
    """Writes a stack of known length in pieces; it appears under its name only when complete.

    Parameters
    ----------
    path : str
    count : int
        Number of images.
    box_size : int
        Image side, px.
    pixel_size : float
        Å/px.
    """

    def __init__(self, path: FilePath, count: int, box_size: int, pixel_size: float) -> None:
        self._path, self._count, self._box_size, self._pixel_size = path, count, box_size, pixel_size

    def __enter__(self) -> "StackWriter":
        with ExitStack() as cleanup:
            temporary = cleanup.enter_context(atomic_path(self._path))
            with mrcfile.new(temporary, overwrite=True) as stack:
                stack.set_data(np.zeros((1, self._box_size, self._box_size), np.float32))
                stack.set_image_stack()
                stack.header.nz = self._count
                stack.header.mz = 1
                stack.header.cella = (self._box_size * self._pixel_size,) * 2 + (self._pixel_size,)
                # density statistics of a stack that is not there yet: marked as unknown, as the format allows
                stack.header.dmin, stack.header.dmax, stack.header.dmean, stack.header.rms = 0, -1, -2, -1
                stack.header.label[0] = _LABEL
            self._file = cleanup.enter_context(open(temporary, "r+b"))
            self._file.seek(1024)
            self._cleanup = cleanup.pop_all()
        return self

    def append(self, images: np.ndarray) -> None:
        """Add images (B, Y, X)."""
        self._file.write(np.ascontiguousarray(images, np.float32).tobytes())

    def __exit__(self, *error: Any) -> Optional[bool]:
        return self._cleanup.__exit__(*error)
