"""MRC image stacks as programs really write them: what the header says, and the pixels of one image."""
import os
from dataclasses import dataclass

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.regular_file import open_regular

_HEADER_BYTES = 1024
_DTYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
_UNREADABLE_MODES = {3: "complex", 4: "complex", 16: "colours", 101: "4-bit"}
_LARGEST_SIDE = 65535
_IMOD_STAMP = 1146047817  # "IMOD"
_SIGNED_BYTES = 1  # of imodFlags
_LARGEST_SIGNED, _LARGEST_UNSIGNED = 127, 255
_CURE = "Write them as MRC stacks (.mrcs) and name these in rlnImageName."
# first bytes of what is met under the name of a stack: what it is, and what unpacks or replaces it
_COMPRESSED = (
    (b"\x1f\x8b", "gzip", "gunzip"), (b"BZh", "bzip2", "bunzip2"), (b"PK\x03\x04", "zip", "unzip"),
    (b"\xfd7zXZ\x00", "xz", "unxz"), (b"\x28\xb5\x2f\xfd", "zstd", "unzstd"))
_FOREIGN = (
    (b"\x89HDF\r\n\x1a\n", "HDF5, the format of EMAN2, not MRC",
     "Write it as MRC in EMAN2 (e2proc2d.py particles.hdf particles.mrcs) and name that in rlnImageName."),
    (b"II*\x00", "TIFF, not MRC", _CURE), (b"MM\x00*", "TIFF, not MRC", _CURE), (b"II+\x00", "TIFF, not MRC", _CURE),
    (b"\x93NUMPY", "a NumPy array, not MRC", _CURE),
    (b"version https://git-lfs", "a Git LFS pointer, not the images", "Fetch the file itself (git lfs pull)."))
_FOREIGN_SUFFIXES = {
    ".stk": "a SPIDER stack as of Xmipp", ".spi": "SPIDER", ".xmp": "SPIDER", ".img": "IMAGIC", ".hed": "IMAGIC",
    ".hdf": "HDF5", ".h5": "HDF5", ".lst": "an EMAN2 list", ".dm3": "Digital Micrograph", ".dm4": "Digital Micrograph",
    ".tif": "TIFF", ".tiff": "TIFF", ".eer": "EER", ".em": "EM"}


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
    def file_bytes(self):
        """Size of a complete file."""
        return self.offset + self.images * self._image_bytes

    @property
    def _image_bytes(self):
        return self.rows * self.columns * self.dtype.itemsize

    def read(self, file, image):
        """Pixels (rows, columns) of image ``image``, counted from 0, of the opened stack; fewer, (M,), where it is cut off."""
        file.seek(self.offset + int(image) * self._image_bytes)
        found = file.read(self._image_bytes)
        pixels = np.frombuffer(found, self.dtype, len(found) // self.dtype.itemsize)
        return pixels.reshape(self.rows, self.columns) if pixels.size == self.rows * self.columns else pixels


def open_stack(path):
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


def stack_layout(path):
    """Layout of an MRC stack from its header: either byte order, any extended header, bytes signed or not.

    Bytes (mode 0) are signed, as MRC2014 has them, unless IMOD's stamp says otherwise; without a stamp they are unsigned where
    the density statistics of the header run beyond 127.

    Raises
    ------
    InputError
        Unreadable, another format under this name, or an MRC file that cannot be read as images.
    """
    with open_stack(path) as file:
        head = file.read(_HEADER_BYTES)
    _refuse_foreign(path, head)
    order = _byte_order(head)
    if order is None:
        raise InputError(f"{path}: not an MRC stack{_told_by_suffix(path)}. {_CURE}")
    numbers, reals = (np.frombuffer(head, order + kind) for kind in ("i4", "f4"))
    columns, rows, images, mode = (int(value) for value in numbers[:4])
    if mode not in _DTYPES:
        raise InputError(
            f"{path}: MRC mode {mode} is not readable; expected 0, 1, 2, 6 or 12, found {_UNREADABLE_MODES[mode]}. Convert it "
            "to mode 2.")
    extended = int(numbers[23])
    if extended < 0:
        raise InputError(f"{path}: not a whole MRC stack (its extended header has {extended} bytes). Copy it again.")
    axes = [int(value) for value in numbers[16:19]]
    if axes != [1, 2, 3] and sorted(axes) == [1, 2, 3]:
        raise InputError(
            f"{path}: its axes are stored in the order {axes}; expected x, y, image (MAPC, MAPR, MAPS 1, 2, 3). Write the "
            "stack again.")
    kind = "u1" if mode == 0 and bytes_are_unsigned(head, order) else _DTYPES[mode]
    pixel_size = float(reals[10] / numbers[7]) if numbers[7] > 0 and np.isfinite(reals[10]) else 0.0
    return StackLayout(mode, images, rows, columns, _HEADER_BYTES + extended, np.dtype(order + kind), pixel_size)


def compression(head):
    """How a file that begins with these bytes is compressed, and what to do, in words; empty where it is not."""
    return next((
        f"compressed with {name}. Unpack it ({tool})" for magic, name, tool in _COMPRESSED if head.startswith(magic)), "")


def bytes_are_unsigned(head, order):
    """Whether mode 0 holds 0 to 255: by IMOD's stamp, or else by the smallest and largest density of the header.

    Parameters
    ----------
    head : bytes
        Header of an MRC file.
    order : str
        Its byte order, ``<`` or ``>``.
    """
    stamp, flags = np.frombuffer(head, order + "i4", 2, 152)
    smallest, largest = np.frombuffer(head, order + "f4", 2, 76)
    if stamp == _IMOD_STAMP:
        return not flags & _SIGNED_BYTES
    return bool(smallest >= 0 and _LARGEST_SIGNED < largest <= _LARGEST_UNSIGNED)


def _refuse_foreign(path, head):
    """Refuse, by name, what is known to be something else than MRC."""
    packed = compression(head)
    if packed:
        raise InputError(f"{path}: {packed} and name the unpacked stack in rlnImageName.")
    for magic, what, cure in _FOREIGN:
        if head.startswith(magic):
            raise InputError(f"{path}: {what}. {cure}")
    if len(head) < _HEADER_BYTES:
        raise InputError(
            f"{path}: not an MRC stack, only {os.path.getsize(path)} bytes long; a header alone has {_HEADER_BYTES}. "
            "Copy it again.")
    if not any(head[:16]):
        raise InputError(f"{path}: not a whole MRC stack, its header is empty (zeros). Copy it again.")


def _byte_order(head):
    """``<`` or ``>``, that in which the header makes sense, the machine stamp deciding where both do; None for neither."""
    first = ">" if head[212] == 0x11 else "<"
    for order in (first, "<" if first == ">" else ">"):
        columns, rows, images, mode = np.frombuffer(head, order + "i4", 4)
        sides = 0 < columns <= _LARGEST_SIDE and 0 < rows <= _LARGEST_SIDE and images > 0
        if sides and (mode in _DTYPES or mode in _UNREADABLE_MODES):
            return order
    return None


def _told_by_suffix(path):
    what = _FOREIGN_SUFFIXES.get(os.path.splitext(path)[1].lower())
    return f" (by its name {what})" if what else ""
