"""Insertion by the compiled loop against TensorFlow's, and on any number of threads."""

import numpy as np
import pytest
from molecules import BOX, images_of, molecule

from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.maps import reconstruct
from gmmrefine.maps.reconstruct import FourierGrid
from gmmrefine.native import is_native

COUNT = 9

pytestmark = pytest.mark.skipif(not is_native(), reason="numba is not installed")


@pytest.fixture(scope="module")
def batch():
    images = images_of(molecule(), half_disc(BOX, BOX // 2 - 1), COUNT, 5.0)
    return images.read(np.arange(COUNT)), images.particles.rotations, images.particles.shifts


def sums(batch, group="C1", threads=1):
    grid = FourierGrid(BOX, point_group(group))
    grid.insert(*batch, threads=threads)
    return np.asarray(grid._sums).reshape(-1, 3)


@pytest.mark.parametrize("group", ("C1", "C3"))
def test_sums_are_those_of_tensorflow(batch, group, monkeypatch):
    found = sums(batch, group)
    monkeypatch.setattr(reconstruct, "is_native", lambda: False)
    expected = sums(batch, group)
    assert np.abs(expected).max() > 0
    assert np.linalg.norm(found - expected, axis=0) == pytest.approx(0, abs=2e-6 * np.linalg.norm(expected))


@pytest.mark.parametrize("threads", (2, 3, 8))
def test_any_number_of_threads_gives_the_same_bytes(batch, threads):
    assert np.array_equal(sums(batch, threads=threads), sums(batch))


def test_a_map_can_be_taken_twice(batch):
    grid = FourierGrid(BOX)
    grid.insert(*batch)
    assert np.array_equal(grid.map(), grid.map())
