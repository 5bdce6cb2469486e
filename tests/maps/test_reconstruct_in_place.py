"""Samples of images at places of their own go into a map as those of its grid do."""

from dataclasses import replace

import numpy as np
import pytest
import references
from molecules import BOX, PIXEL_SIZE, images_of, molecule

from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.render import render_map
from gmmrefine.maps.fsc import shell_correlation
from gmmrefine.maps.mask import soft_mask
from gmmrefine.maps.reconstruct import FourierGrid

SMALL, IMAGES = 12, 500


def test_places_of_the_grid_give_the_same_map(count=3):
    grids = FourierGrid(SMALL), FourierGrid(SMALL)
    disc = grids[0].disc
    images = images_of(molecule(5), disc, count)
    batch = images.read(np.arange(count))
    poses = images.particles.rotations, images.particles.shifts / PIXEL_SIZE
    grids[0].insert(batch, *poses)
    grids[1].insert(replace(batch, place=np.stack([disc.kx, disc.ky])), *poses)
    expected = grids[0].map()
    assert np.abs(expected).max() > 0 and np.abs(grids[1].map() - expected).max() < 1e-5 * np.abs(expected).max()


def test_samples_between_those_of_the_grid_give_the_molecule():
    """Images 1.15 times as wide as the map: their samples lie closer."""
    gmm, wide = molecule(), 37
    disc = half_disc(wide, (wide - 1) // 2)
    images = images_of(gmm, replace(disc, box_size=wide), IMAGES)
    grid = FourierGrid(BOX)
    place = np.stack([disc.kx, disc.ky]) * (BOX / wide)
    seen = np.hypot(*place) < grid.disc.radius + 0.5
    for start in range(0, IMAGES, 100):
        batch = images.read(np.arange(start, start + 100))
        batch = replace(batch, data=batch.data * seen, ctf=batch.ctf * seen, place=np.where(seen, place, 0))
        part = images.particles.subset(batch.index)
        grid.insert(batch, part.rotations, part.shifts / PIXEL_SIZE)
    truth = render_map(gmm, BOX, PIXEL_SIZE)
    mask = soft_mask(truth, PIXEL_SIZE, resolution=10.0, edge=4.0)
    volume = grid.map()
    assert shell_correlation(volume * mask, truth * mask)[1 : int(0.9 * BOX / 2)].min() > 0.99
    inside = truth > 0.1 * truth.max()
    assert np.sum(volume[inside] * truth[inside]) / np.sum(truth[inside] ** 2) == pytest.approx(1, abs=0.03)
    assert references.shell_correlation(np.roll(volume, 1, axis=0) * mask, truth * mask)[8] < 0.9
