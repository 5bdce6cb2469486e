"""Archives of plain arrays (.npz) and single ones (.npy): read whole, or refused before they ask for too much memory."""

import math
import os
import tokenize
import zipfile
import zlib
from typing import IO, BinaryIO, Dict, Optional

import numpy as np
from numpy.lib import format as npy

from gmmrefine.regular_file import FilePath, open_regular

DAMAGED = (  # of an archive or array that was cut or flipped
    ValueError,
    EOFError,
    KeyError,
    SyntaxError,
    TypeError,
    NotImplementedError,
    OverflowError,
    MemoryError,
    RuntimeError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
_MOST_UNPACKED = 4.0  # times its size on disk; what this program writes is not packed at all
_ROOM = 1 << 20  # bytes that are never too much


def read_npz(path: FilePath) -> Dict[str, np.ndarray]:
    """The arrays of an archive by name, dict.

    Raises
    ------
    OSError
        It cannot be opened, or is a folder or pipe.
    ValueError and others of ``DAMAGED``
        It is damaged, holds objects, or unpacks to more than four times its size.
    """
    with open_regular(path) as file:
        allowed = _allowed(file)
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > allowed:
                raise ValueError(f"it unpacks to {unpacked} bytes, more than {allowed}")
            arrays = {}
            for entry in archive.infolist():
                with archive.open(entry) as member:
                    arrays[entry.filename[: -len(".npy")]] = _read(member, entry.file_size)
            return arrays


def read_entry(path: FilePath, name: str) -> Optional[np.ndarray]:
    """One array of an archive, None where there is none of that name; raises as ``read_npz``."""
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        if f"{name}.npy" not in archive.namelist():
            return None
        entry = archive.getinfo(f"{name}.npy")
        if entry.file_size > _allowed(file):
            raise ValueError(f"it unpacks to {entry.file_size} bytes")
        with archive.open(entry) as member:
            return _read(member, entry.file_size)


def read_npy(path: FilePath) -> np.ndarray:
    """One array of a .npy file; raises as ``read_npz``."""
    with open_regular(path) as file:
        return _read(file, os.fstat(file.fileno()).st_size)


def _allowed(file: BinaryIO) -> int:
    return max(int(_MOST_UNPACKED * os.fstat(file.fileno()).st_size), _ROOM)


def _read(file: IO[bytes], size: int) -> np.ndarray:
    """An array whose header asks for no more than the file's size in bytes."""
    version = npy.read_magic(file)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"an array of version {version}")
    shape, is_fortran, kind = readers[version](file)
    if kind.hasobject or min(shape, default=0) < 0:
        raise ValueError("it holds objects, not numbers")
    count = math.prod(shape)
    if count * kind.itemsize > size:
        raise ValueError(f"its header tells of {count * kind.itemsize} bytes, found are {size} at most")
    found = file.read(count * kind.itemsize)
    if len(found) < count * kind.itemsize:
        raise EOFError("an array is cut off")
    if file.read(1):  # at its end an archive's checksum is looked at
        raise ValueError("an array is longer than its header tells")
    array = np.frombuffer(found, kind, count).copy()
    if kind.itemsize == 0:
        return np.zeros(shape, kind)
    return array.reshape(shape, order="F" if is_fortran else "C")
