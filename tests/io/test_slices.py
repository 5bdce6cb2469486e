"""Which planes of a volume figures show."""

import numpy as np

from gmmrefine.figures.slices import central_voxel, middle_of_known, slices_through


def test_planes_of_a_voxel_have_rows_along_their_vertical_axis():
    volume = np.arange(4 * 6 * 8).reshape(4, 6, 8)
    assert central_voxel(volume) == (2, 3, 4)
    yz, xz, xy = slices_through(volume, (1, 2, 3))
    assert yz.shape == (4, 6) and xz.shape == (4, 8) and xy.shape == (6, 8)
    assert yz[1, 2] == xz[1, 3] == xy[2, 3] == volume[1, 2, 3]


def test_the_middle_of_what_is_known_lies_in_planes_that_hold_some_of_it(rng):
    values = np.zeros((12, 14, 16))
    values[2:7, 3:6, 8:15] = 4.0
    assert middle_of_known(values) == (4, 4, 11)
    for _ in range(20):  # single voxels far apart
        values = np.zeros((12, 14, 16))
        values[tuple(rng.integers(0, values.shape, (3, 3)).T)] = 4.0
        assert all(np.any(plane) for plane in slices_through(values, middle_of_known(values)))
