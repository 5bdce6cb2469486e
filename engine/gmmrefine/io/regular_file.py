"""Files that can be read to their end: no pipes, devices or sockets, at which a program would wait for ever."""
import os
import stat

from gmmrefine.errors import InputError


def open_regular(path):
    """A file opened for reading bytes.

    Raises
    ------
    InputError
        It is a pipe, a device, a socket or a folder.
    OSError
        It cannot be opened.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise InputError(f"{path}: not a file with content of its own, but a folder, pipe or device. Give a file on disk.")
    return open(path, "rb")
