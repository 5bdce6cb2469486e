"""Files packed by gzip or bzip2, refused before they unpack to more than a run could use."""

import gzip
import os

from gmmrefine.errors import InputError
from gmmrefine.regular_file import FilePath

_MAPS_IN_MEMORY = 4  # of its size that a run needs at least
_MOST_OF_TEXT, _ROOM = 100, 1 << 26  # times its packed size that text of atoms unpacks to, and bytes that are never too much
_BLOCK = 1 << 20


def refuse_too_large(path: FilePath, size: int) -> None:
    """Refuse a packed map that unpacks to ``size`` bytes, of which four do not fit into this computer's memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if _MAPS_IN_MEMORY * size > memory:
        raise InputError(
            f"{path}: unpacks to {size / 1e9:.1f} GB, of which a run needs {_MAPS_IN_MEMORY} times as much; this computer has "
            f"{memory / 1e9:.1f} GB. Is the file what it should be? Unpack it yourself, or crop or bin the map."
        )


def refuse_bomb(path: FilePath) -> None:
    """Refuse a gzipped text, by its name, that unpacks to more than any text does.

    Raises
    ------
    InputError
        It does.
    OSError, EOFError, zlib.error
        It is damaged.
    """
    if not str(path).lower().endswith(".gz"):
        return
    most, found = max(_MOST_OF_TEXT * os.path.getsize(path), _ROOM), 0
    with gzip.open(path, "rb") as file:
        for block in iter(lambda: file.read(_BLOCK), b""):
            found += len(block)
            if found > most:
                raise InputError(
                    f"{path}: unpacks to more than {most} bytes, {_MOST_OF_TEXT} times its size or more; no model does. Copy "
                    "it again, or unpack it yourself to see what it is."
                )
