"""Files whose names are no Unicode, for libraries that take only that."""

import atexit
import os
import shutil
import tempfile
from functools import lru_cache

from gmmrefine.regular_file import FilePath


def unicode_name(path: FilePath) -> str:
    """The path, or that of a link to it where its bytes are no Unicode text (Latin-1 from an old disk, say)."""
    try:
        str(path).encode("utf-8")
        return str(path)
    except UnicodeEncodeError:
        return _link(os.path.abspath(path))


@lru_cache(maxsize=None)
def _link(path: str) -> str:
    folder = tempfile.mkdtemp(prefix="gmmrefine_")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    name = os.path.basename(path).encode("ascii", "replace").decode().replace("?", "_")
    link = os.path.join(folder, name)
    os.symlink(path, link)
    return link
