"""How glibc keeps the memory that arrays leave, so that the system need not clear it again and again.

Left alone, glibc returns every freed array of some MB to the system and is given zeroed pages for the next one: a third of the time of
a refinement of large images. Here freed memory is kept while a step of a command runs, and returned when the step ends, so that
the peak is that of the hungriest step. Other C libraries are left alone, and so is a glibc that was told otherwise by the environment.
"""
import ctypes
import os

_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8  # malloc.h
_NEVER = 2**31 - 1  # bytes at the end of the heap that are returned unasked


def _library():
    """The C library, where it is glibc and its settings are ours to choose."""
    told = any(name.startswith("MALLOC_") for name in os.environ) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") and not told else None


def keep_freed_memory():
    """Keep what is freed in one heap for all threads, until ``return_freed_memory``.

    Returns
    -------
    bool
        Whether this C library can.
    """
    library = _library()
    if library is None:
        return False
    settings = (_ARENA_MAX, 1), (_MMAP_MAX, 0), (_TRIM_THRESHOLD, _NEVER)
    return all(library.mallopt(name, value) for name, value in settings)


def return_freed_memory():
    """Return to the system what is free."""
    library = _library()
    if library is not None:
        library.malloc_trim(0)
