"""Where compiled loops are used, and where they are not."""

import subprocess
import sys

import pytest

from gmmrefine.native import SWITCH, is_native

needs_numba = pytest.mark.skipif(not is_native(), reason="numba is not installed")


def said(code, monkeypatch, **environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_the_switch_turns_them_off(monkeypatch):
    assert said("from gmmrefine.native import is_native; print(is_native())", monkeypatch, **{SWITCH: "0"}) == "False"


def test_looking_for_numba_does_not_load_it(monkeypatch):
    code = "import sys; from gmmrefine.native import is_native; is_native(); print('numba' in sys.modules)"
    assert said(code, monkeypatch) == "False"


@needs_numba
def test_loops_compile_where_nothing_can_be_kept(monkeypatch):
    code = (
        "import numba.core.caching as caching; caching.CacheImpl._locator_classes = [];"
        "import numba; from gmmrefine.native import compiled_loop;"
        "print(compiled_loop(numba.int64(numba.int64))(lambda number: number + 1)(2))"
    )
    assert said(code, monkeypatch) == "3"
