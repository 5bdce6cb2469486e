"""The bytes of one MRC map: header and numbers in either byte order, packed or not, whole or refused."""

import bz2
import gzip
import os
import zlib
from typing import Any, BinaryIO, Callable, Dict, Tuple

import numpy as np
from mrcfile.dtypes import HEADER_DTYPE

from gmmrefine.errors import InputError
from gmmrefine.io.packed import refuse_too_large
from gmmrefine.particles.mrc_numbers import HEADER_BYTES, NO_PIXELS, NUMBERS, byte_order, number_type
from gmmrefine.regular_file import FilePath

_PACKED: Dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open}
_PACKED_FILES = gzip.GzipFile, bz2.BZ2File
_MOST_PACKED = 50_000  # bytes from one packed byte
_PADDING = 4096  # bytes after the last voxel that some programs leave
_VOLUME_STACK = 401  # ISPG from which NZ is that of several volumes


def read_mrc(path: FilePath) -> Tuple[np.void, np.ndarray]:
    """Header and numbers of an MRC file, as they are stored.

    Returns
    -------
    tuple
        Header (``mrcfile.dtypes.HEADER_DTYPE``), and the numbers (sections, rows, columns) in their own type.

    Raises
    ------
    InputError
        Not there, not MRC, cut off, a mode that is no density, a stack of volumes.
    """
    if not os.path.isfile(path):
        raise InputError(f"{path}: no such file. Check the path.")
    try:
        with open(path, "rb") as file:
            first = file.read(3)
        opener = next((each for magic, each in _PACKED.items() if first.startswith(magic)), open)
        with opener(path, "rb") as file:
            return _read(path, file)
    except (OSError, EOFError, zlib.error, ValueError, OverflowError) as error:
        raise _unreadable(path, str(error)) from error


def _read(path: FilePath, file: BinaryIO) -> Tuple[np.void, np.ndarray]:
    head = file.read(HEADER_BYTES)
    order, header = _header(path, head)
    mode, extended = int(header["mode"]), int(header["nsymbt"])
    if mode not in NUMBERS:
        raise InputError(
            f"{path}: MRC mode {mode} ({NO_PIXELS[mode]}) is no density; expected mode 0, 1, 2, 6 or 12. Write the map "
            "itself in mode 2."
        )
    if extended < 0:
        raise _unreadable(path, f"its extended header has {extended} bytes")
    if int(header["ispg"]) >= _VOLUME_STACK and 0 < int(header["mz"]) < int(header["nz"]):
        raise InputError(
            f"{path}: a stack of {int(header['nz']) // int(header['mz'])} volumes (ISPG {header['ispg']}); expected one map. "
            "Take one volume out of it."
        )
    kind = number_type(head, order, mode)
    shape = [int(header[name]) for name in ("nz", "ny", "nx")]
    expected = shape[0] * shape[1] * shape[2] * kind.itemsize
    room = _PADDING + shape[1] * shape[2] * kind.itemsize
    if isinstance(file, _PACKED_FILES):
        refuse_too_large(path, expected + extended)
    file.seek(HEADER_BYTES + extended)
    found = file.read(min(expected + room + 1, _bytes_left(file)))
    if len(found) < expected or len(found) > expected + room:
        raise _unreadable(
            path,
            f"{'cut off: ' if len(found) < expected else ''}its header tells of {expected} bytes of density, found are "
            f"{len(found) if len(found) < expected else 'more'}",
        )
    return header, np.frombuffer(found, kind, expected // kind.itemsize).reshape(shape)


def _bytes_left(file: BinaryIO) -> int:
    """Upper limit of what is left in an opened file, so that no header of a plain one asks for more memory than that."""
    size = os.fstat(file.fileno()).st_size
    return _MOST_PACKED * size if isinstance(file, _PACKED_FILES) else size


def _header(path: FilePath, head: bytes) -> Tuple[str, np.void]:
    """Byte order and header, from the bytes at the beginning of a file."""
    if len(head) < HEADER_BYTES:
        raise _unreadable(path, f"only {len(head)} bytes long; a header alone has {HEADER_BYTES}")
    order = byte_order(head)
    header = np.frombuffer(head, HEADER_DTYPE.newbyteorder(order or "<"))[0]
    if order is None:
        told = " ".join(str(int(header[name])) for name in ("nx", "ny", "nz", "mode"))
        raise _unreadable(path, f"NX NY NZ and MODE in its header are {told}")
    return order, header


def _unreadable(path: FilePath, reason: str) -> InputError:
    return InputError(f"{path}: not a readable MRC map ({reason}). Copy it again.")
