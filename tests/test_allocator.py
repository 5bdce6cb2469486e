"""Freed memory: kept while a step runs, returned when it ends."""
import subprocess
import sys

import pytest

from gmmrefine.allocator import keep_freed_memory

ARRAYS = """
import resource
import numpy as np
from gmmrefine import allocator
{setting}
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2**20
np.ones(2**22)
before = faults()
for _ in range(20):
    np.ones(2**22)  # 32 MB
print(faults() - before)
held = [np.ones(2**20) for _ in range(20)]
last = np.ones(1000)
full = resident()
del held
allocator.return_freed_memory()
print(full - resident())
"""


def measured(setting, monkeypatch, **environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    code = ARRAYS.format(setting=setting)
    text = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return [float(line) for line in text.split()]


@pytest.fixture(autouse=True)
def glibc():
    code = "from gmmrefine.allocator import keep_freed_memory; print(keep_freed_memory())"
    if subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() != "True":
        pytest.skip("not glibc, or the environment has settings of its own for it")


def test_pages_of_freed_arrays_are_not_cleared_again(monkeypatch):
    kept, returned = measured("print(end='') if allocator.keep_freed_memory() else 0 / 0", monkeypatch)
    assert kept < 1000  # 20 arrays of 8192 pages
    assert returned > 100  # of 160 MB


def test_what_the_environment_says_is_left_alone(monkeypatch):
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    assert not keep_freed_memory()
