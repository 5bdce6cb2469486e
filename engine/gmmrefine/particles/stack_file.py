"""MRC image stacks as programs really write them: what the header says, and the pixels of one image."""

import os
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.particles.mrc_numbers import HEADER_BYTES, NO_PIXELS, NUMBERS, byte_order, number_type
from gmmrefine.regular_file import FilePath, open_regular

_CURE = "Write them as MRC stacks (.mrcs) and name these in rlnImageName."
# first bytes of what is met under the name of a stack: what it is, and what unpacks or replaces it
_COMPRESSED = (
    (b"\x1f\x8b", "gzip", "gunzip"),
    (b"BZh", "bzip2", "bunzip2"),
    (b"PK\x03\x04", "zip", "unzip"),
    (b"\xfd7zXZ\x00", "xz", "unxz"),
    (b"\x28\xb5\x2f\xfd", "zstd", "unzstd"),
)
_FOREIGN = (
    (
        b"\x89HDF\r\n\x1a\n",
        "HDF5, the format of EMAN2, not MRC",
        "Write it as MRC in EMAN2 (e2proc2d.py particles.hdf particles.mrcs) and name that in rlnImageName.",
    ),
    (b"II*\x00", "TIFF, not MRC", _CURE),
    (b"MM\x00*", "TIFF, not MRC", _CURE),
    (b"II+\x00", "TIFF, not MRC", _CURE),
    (b"\x93NUMPY", "a NumPy array, not MRC", _CURE),
    (b"version https://git-lfs", "a Git LFS pointer, not the images", "Fetch the file itself (git lfs pull)."),
)
_FOREIGN_SUFFIXES = {
    ".stk": "a SPIDER stack as of Xmipp",
    ".spi": "SPIDER",
    ".xmp": "SPIDER",
    ".img": "IMAGIC",
    ".hed": "IMAGIC",
    ".hdf": "HDF5",
    ".h5": "HDF5",
    ".lst": "an EMAN2 list",
    ".dm3": "Digital Micrograph",
    ".dm4": "Digital Micrograph",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".eer": "EER",
    ".em": "EM",
}


@dataclass(frozen=True)
class StackLayout:
    """Where the images of an MRC stack lie in its file.

    Parameters
    ----------
    mode : int
        0, 1, 2, 6 or 12.
    images, rows, columns : int
    offset : int
        Bytes before the first image, the extended header included.
    dtype : numpy.dtype
        Of one pixel, with its byte order.
    pixel_size : float
        Å/px as the header has it; only a hint, programs leave 0 or 1 there.
    """

    mode: int
    images: int
    rows: int
    columns: int
    offset: int
    dtype: np.dtype
    pixel_size: float

    @property
    def file_bytes(self) -> int:
        """Size of a complete file."""
        return self.offset + self.images * self._image_bytes

    @property
    def _image_bytes(self) -> int:
        return self.rows * self.columns * self.dtype.itemsize

    def read(self, file: BinaryIO, image: int) -> np.ndarray:
        """Pixels (rows, columns) of image ``image``, counted from 0, of the opened stack; fewer, (M,), where it is cut off."""
        file.seek(self.offset + int(image) * self._image_bytes)
        found = file.read(self._image_bytes)
        pixels = np.frombuffer(found, self.dtype, len(found) // self.dtype.itemsize)
        return pixels.reshape(self.rows, self.columns) if pixels.size == self.rows * self.columns else pixels


def open_stack(path: FilePath) -> BinaryIO:
    """A stack, opened for reading bytes.

    Raises
    ------
    InputError
        It cannot be opened, or is a folder, pipe or device.
    """
    try:
        return open_regular(path)
    except OSError as error:
        raise InputError(f"{path}: cannot read the image stack ({error.strerror}). Check the path in rlnImageName.") from error


def stack_layout(path: FilePath) -> StackLayout:
    """Layout of an MRC stack from its header: either byte order, any extended header, bytes signed or not.

    Bytes (mode 0) are signed, as MRC2014 has them, unless IMOD's stamp says otherwise; without a stamp they are unsigned where
    the density statistics of the header run beyond 127.

    Raises
    ------
    InputError
        Unreadable, another format under this name, or an MRC file that cannot be read as images.
    """
    with open_stack(path) as file:
        head = file.read(HEADER_BYTES)
    _refuse_foreign(path, head)
    order = byte_order(head)
    if order is None:
        raise InputError(f"{path}: not an MRC stack{_told_by_suffix(path)}. {_CURE}")
    numbers, reals = (np.frombuffer(head, order + kind) for kind in ("i4", "f4"))
    columns, rows, images, mode = (int(value) for value in numbers[:4])
    if mode not in NUMBERS:
        raise InputError(
            f"{path}: MRC mode {mode} is not readable; expected 0, 1, 2, 6 or 12, found {NO_PIXELS[mode]}. Convert it "
            "to mode 2."
        )
    extended = int(numbers[23])
    if extended < 0:
        raise InputError(f"{path}: not a whole MRC stack (its extended header has {extended} bytes). Copy it again.")
    axes = [int(value) for value in numbers[16:19]]
    if axes != [1, 2, 3] and sorted(axes) == [1, 2, 3]:
        raise InputError(
            f"{path}: its axes are stored in the order {axes}; expected x, y, image (MAPC, MAPR, MAPS 1, 2, 3). Write the "
            "stack again."
        )
    pixel_size = float(reals[10] / numbers[7]) if numbers[7] > 0 and np.isfinite(reals[10]) else 0.0
    return StackLayout(mode, images, rows, columns, HEADER_BYTES + extended, number_type(head, order, mode), pixel_size)


def compression(head: bytes) -> str:
    """How a file that begins with these bytes is compressed, and what to do, in words; empty where it is not."""
    return next(
        (f"compressed with {name}. Unpack it ({tool})" for magic, name, tool in _COMPRESSED if head.startswith(magic)), ""
    )


def _refuse_foreign(path: FilePath, head: bytes) -> None:
    """Refuse, by name, what is known to be something else than MRC."""
    packed = compression(head)
    if packed:
        raise InputError(f"{path}: {packed} and name the unpacked stack in rlnImageName.")
    for magic, what, cure in _FOREIGN:
        if head.startswith(magic):
            raise InputError(f"{path}: {what}. {cure}")
    if len(head) < HEADER_BYTES:
        raise InputError(
            f"{path}: not an MRC stack, only {os.path.getsize(path)} bytes long; a header alone has {HEADER_BYTES}. "
            "Copy it again."
        )
    if not any(head[:16]):
        raise InputError(f"{path}: not a whole MRC stack, its header is empty (zeros). Copy it again.")


def _told_by_suffix(path: FilePath) -> str:
    what = _FOREIGN_SUFFIXES.get(os.path.splitext(path)[1].lower())
    return f" (by its name {what})" if what else ""
