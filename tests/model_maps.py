"""Maps of atomic models on any grid, made in memory, and their files with any header."""

import mrcfile
import numpy as np

from gmmrefine.io.mrc import MapGrid


def map_of_atoms(positions, heights, grid_like, width=0.8):
    """A map in which every atom is a Gaussian.

    Parameters
    ----------
    positions : (A, 3) float
        Å.
    heights : (A,) float
        Map units.
    grid_like : tuple
        Shape (z, y, x), voxel sizes (x, y, z) in Å, origin (x, y, z) in Å.
    width : float
        Å.
    """
    shape, voxel_sizes, origin = grid_like[0], np.asarray(grid_like[1], float), np.asarray(grid_like[2], float)
    data = np.zeros(shape)
    reach = np.ceil(5 * width / voxel_sizes).astype(int)
    for position, height in zip((np.reshape(positions, (-1, 3)) - origin) / voxel_sizes, heights):
        near = [
            np.arange(max(0, int(round(place)) - far), min(size, int(round(place)) + far + 1))
            for place, far, size in zip(position, reach, shape[::-1])
        ]
        x, y, z = (
            np.exp(-0.5 * ((axis - place) * step / width) ** 2) for axis, place, step in zip(near, position, voxel_sizes)
        )
        data[np.ix_(near[2], near[1], near[0])] += height * z[:, None, None] * y[:, None] * x
    return MapGrid(data.astype(np.float32), voxel_sizes, origin)


def save(path, grid, axes=(1, 2, 3), by_start=False):
    """Write a map with MAPC, MAPR, MAPS ``axes``, placed by ORIGIN or by nstart."""
    stored = np.transpose(grid.data, [3 - axis for axis in axes[::-1]])
    with mrcfile.new(path, stored, overwrite=True) as file:
        file.header.mx, file.header.my, file.header.mz = grid.data.shape[::-1]
        file.header.cella = tuple(grid.voxel_sizes * grid.data.shape[::-1])
        file.header.mapc, file.header.mapr, file.header.maps = axes
        if by_start:
            start = np.rint(grid.origin / grid.voxel_sizes).astype(int)
            file.header.nxstart, file.header.nystart, file.header.nzstart = [int(start[axis - 1]) for axis in axes]
        else:
            file.header.origin = tuple(grid.origin)
    return path
