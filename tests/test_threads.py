"""The number of threads is one choice for everything."""

import os

import pytest

from gmmrefine.threads import thread_count, use_threads


@pytest.fixture(autouse=True)
def put_back():
    yield
    use_threads(0)


def test_all_unless_told_otherwise():
    use_threads(0)
    assert 1 <= thread_count() <= os.cpu_count()


def test_as_many_as_told():
    use_threads(3)
    assert thread_count() == 3
