"""Maps on other grids and in other places are noticed, and put on one grid without moving."""

from dataclasses import replace

import numpy as np
import pytest
from model_maps import map_of_atoms

from gmmrefine.validation.same_grid import (
    displacement,
    grid_differences,
    is_displaced,
    is_notable,
    overlap,
    resampled,
)

POSITIONS = np.array([[9.0, 8, 10], [14, 12, 11], [17, 20, 14], [11, 23, 17], [13, 15, 22]])
GRID = ((30, 34, 27), (0.9, 0.9, 1.1), (0.5, -1.0, 2.0))


@pytest.fixture
def reference():
    return map_of_atoms(POSITIONS, np.arange(1, 6), GRID, 1.3)


def test_differences_are_named(reference):
    assert grid_differences(reference, reference) == []
    moved = replace(reference, origin=reference.origin + [0, 0.3, 0])
    assert grid_differences(moved, reference) == ["first voxel at 0.5×-0.7×2 instead of 0.5×-1×2 Å"]
    scaled = replace(reference, voxel_sizes=reference.voxel_sizes * 1.01)
    assert grid_differences(scaled, reference) == ["voxel 0.909×0.909×1.111 instead of 0.9×0.9×1.1 Å"]
    cropped = replace(reference, data=reference.data[:, :, :20])
    assert grid_differences(cropped, reference) == ["box 20×34×30 instead of 27×34×30 px"]
    assert grid_differences(replace(reference, origin=reference.origin + 1e-3), reference) == []


def test_resampling_gives_the_density_of_the_other_grid(reference):
    other = map_of_atoms(POSITIONS, np.arange(1, 6), ((52, 60, 50), (0.6, 0.7, 0.65), (-1.1, -3.2, 0.3)), 1.3)
    found = resampled(other, reference)
    assert (found.origin == reference.origin).all() and (found.voxel_sizes == reference.voxel_sizes).all()
    assert found.data == pytest.approx(reference.data, abs=0.02)
    assert resampled(reference, reference).data == pytest.approx(reference.data, abs=1e-4)


def test_what_is_not_reached_is_empty(reference):
    cropped = replace(reference, data=reference.data[5:, :, :20], origin=reference.origin + [0, 0, 5 * 1.1])
    found = resampled(cropped, reference)
    assert overlap(cropped, reference) == (slice(5, 30), slice(0, 34), slice(0, 20))
    assert (found.data[:5] == 0).all() and (found.data[:, :, 21:] == 0).all()
    assert found.data[5:, :, :20] == pytest.approx(reference.data[5:, :, :20], abs=1e-4)
    far = replace(reference, origin=reference.origin + [0, 500, 0])
    assert len(reference.data[overlap(far, reference)].ravel()) == 0


@pytest.mark.parametrize("move", [(0, 0, 0), (1.8, 0, 0), (0, -2.7, 1.1), (0.45, 0, 0), (0, 0.2, 0), (-3.1, 0.4, 2.3)])
def test_displacement(reference, move):
    moved = map_of_atoms(POSITIONS + np.array(move), np.arange(1, 6), GRID, 1.3)
    shift, correlation, inverted = displacement(5 * moved.data + 2, reference.data, reference.voxel_sizes)
    assert shift == pytest.approx(move, abs=0.12)
    assert correlation > 0.9 > 0.5 > inverted
    assert is_displaced(shift, reference.voxel_sizes) == (np.abs(move).max() > 1)
    assert is_notable(shift, reference.voxel_sizes) == (np.abs(move).max() > 0.3)


def test_inverted_maps_correlate_when_they_are_negated(reference):
    _, correlation, inverted = displacement(2 - reference.data, reference.data, reference.voxel_sizes)
    assert inverted == pytest.approx(1) and correlation < 0.5


def test_another_map_does_not_correlate(reference, rng):
    noise = rng.normal(size=reference.data.shape)
    assert displacement(noise, reference.data, reference.voxel_sizes)[1] < 0.2
