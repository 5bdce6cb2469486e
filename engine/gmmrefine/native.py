"""Loops compiled by numba, where it is installed; without it the same is computed by TensorFlow, slower.

Files of such loops import numba themselves and are loaded by ``loops`` when they are first needed.
"""

import importlib
import importlib.util
import os
from functools import lru_cache
from typing import Any, Callable

SWITCH = "GMMREFINE_NATIVE"  # 0 in the environment: compute as if numba were not there


@lru_cache(maxsize=None)
def is_native() -> bool:
    """Whether compiled loops can be used in this process."""
    return os.environ.get(SWITCH, "1") != "0" and importlib.util.find_spec("numba") is not None


@lru_cache(maxsize=None)
def loops(module: str) -> Any:
    """A module of compiled loops by its name."""
    return importlib.import_module(module)


def compiled_loop(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """A decorator that compiles a loop for one signature, once for all processes where its folder can be written.

    Compiled loops run on one core and let other threads of Python run meanwhile. Sums may be taken in any order, as the
    processor's wide registers do.
    """
    import numba

    options = {"nogil": True, "fastmath": {"contract", "reassoc", "nsz", "arcp", "nnan", "ninf"}, "error_model": "numpy"}

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(signature, cache=True, **options)(function)
        except RuntimeError:  # neither this folder nor the user's cache can be written
            return numba.njit(signature, **options)(function)

    return decorate
