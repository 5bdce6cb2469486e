"""Freed memory is kept for the next array."""

import subprocess
import sys

import pytest

from gmmrefine.allocator import keep_freed_memory

ARRAYS = """
import resource
import numpy as np
from gmmrefine import allocator
allocator.keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(2**22)
before = faults()
for _ in range(20):
    np.ones(2**22)  # 32 MB
print(faults() - before)
"""


@pytest.fixture(autouse=True)
def glibc():
    code = "from gmmrefine.allocator import keep_freed_memory; print(keep_freed_memory())"
    if subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() != "True":
        pytest.skip("not glibc, or the environment has settings of its own for it")


def test_pages_of_freed_arrays_are_not_cleared_again():
    faults = int(subprocess.run([sys.executable, "-c", ARRAYS], capture_output=True, text=True, check=True).stdout)
    assert faults < 1000  # 20 arrays of 8192 pages


def test_what_the_environment_says_is_left_alone(monkeypatch):
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    assert not keep_freed_memory()
