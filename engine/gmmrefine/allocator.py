"""How glibc keeps the memory that arrays leave, so that the system need not clear it again and again.

Left alone, glibc returns every freed array of some MB to the system and is given zeroed pages for the next one: a third of the
time of a refinement of large images. Other C libraries are left alone, and a glibc that was told otherwise by the environment.
"""

import ctypes
import os

_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8  # malloc.h
_NEVER = 2**31 - 1  # bytes at the end of the heap that are returned unasked


def keep_freed_memory() -> bool:
    """Keep what is freed for the next array, in one heap for all threads.

    Returns
    -------
    bool
        Whether this C library can, and its settings are ours to choose.
    """
    told = any(name.startswith("MALLOC_") for name in os.environ) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
    library = ctypes.CDLL(None)
    if told or not hasattr(library, "mallopt"):
        return False
    settings = (_ARENA_MAX, 1), (_MMAP_MAX, 0), (_TRIM_THRESHOLD, _NEVER)
    return all(library.mallopt(name, value) for name, value in settings)
