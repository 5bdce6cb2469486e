"""Files that can be read to their end: no pipes, devices or sockets, at which a program would wait for ever."""

import errno
import os
import stat
from typing import BinaryIO, Union

FilePath = Union[str, "os.PathLike[str]"]  # of a file or folder, as text or as pathlib has it


def open_regular(path: FilePath) -> BinaryIO:
    """A file opened for reading bytes.

    Raises
    ------
    OSError
        It cannot be opened, or is a folder, pipe, device or socket.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "no file with an end, but a folder, pipe or device", str(path))
    return open(path, "rb")
