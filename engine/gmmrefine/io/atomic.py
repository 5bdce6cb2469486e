"""Files that appear whole or not at all."""

import errno
import os
import re
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator

from gmmrefine.errors import ResourceError
from gmmrefine.regular_file import FilePath

LOCK_FILE = "run.lock"  # in the folder of a run at work
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_TEMPORARY = re.compile(r"\..+\.\d+\.tmp")


@contextmanager
def atomic_path(path: FilePath) -> Iterator[str]:
    """A temporary path in the folder of ``path``; it takes the final name when the block ends well.

    Parameters
    ----------
    path : str or Path
        Final name; its folder is made when missing, an older file is replaced.

    Yields
    ------
    str
        Where to write. The file there is removed when the block fails.

    Raises
    ------
    ResourceError
        Disk full, quota exceeded, or the folder cannot be written to.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield str(temporary)
        if temporary.is_file():
            _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    except OSError as error:
        raise ResourceError(cannot_be_written(path, error)) from error
    finally:
        if temporary.exists():
            temporary.unlink()


def _sync(path: FilePath) -> None:
    """Have the disk hold a file or folder: a power cut must not leave an empty file of a whole name."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EACCES):  # of file systems that cannot
            raise
    finally:
        os.close(descriptor)


def remove_leftovers(folder: FilePath) -> None:
    """Remove what writers that were killed left in a folder and below it, not in folders below where other runs are at work."""
    for place, below, files in os.walk(folder):
        below[:] = [name for name in below if not os.path.exists(os.path.join(place, name, LOCK_FILE))]
        for name in filter(_TEMPORARY.fullmatch, files):
            with suppress(FileNotFoundError):  # of another process that is about to be refused here
                os.unlink(os.path.join(place, name))


def cannot_be_written(path: FilePath, error: OSError) -> str:
    """Why an OSError has kept a file from being written, and what to do."""
    if error.errno in _NO_SPACE:
        return f"{path}: the disk is full ({error.strerror}); nothing was written. Free space or choose another folder."
    return f"{path}: cannot be written ({error.strerror or error}). Check the folder and its permissions."
