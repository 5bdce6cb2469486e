"""How close Gaussians should lie is told by a map that they were not fitted to."""

import numpy as np
import pytest

from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.render import render_map
from gmmrefine.gmm.spacing import SPACINGS, best_spacing
from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.mask import soft_mask

BOX, PIXEL_SIZE, RADIUS = 40, 1.5, 15  # 4 Å
WEIGHTS = np.where(np.arange(RADIUS + 1) >= 2, 1.0, 0.0)


@pytest.fixture(scope="module")
def protein():
    """As dense as a protein: an atom in every 15 Å³ of a ball, and the mask of it."""
    rng = np.random.default_rng(3)
    points = rng.uniform(-16, 16, (4000, 3))
    points = points[np.linalg.norm(points, axis=1) < 16][:1100]
    volume = render_map(Gmm(points, np.ones(len(points)), np.full(len(points), 0.9)), BOX, PIXEL_SIZE)
    return volume, soft_mask(volume, PIXEL_SIZE)


def pair(volume, noise):
    """Two maps of it under independent noise that grows towards fine shells, as that of reconstructions."""
    rng = np.random.default_rng(5)
    return [volume + noise * low_pass(volume, RADIUS).std() * rng.standard_normal(volume.shape) for _ in range(2)]


def chosen(protein, noise):
    volume, mask = protein
    return best_spacing(pair(volume, noise), mask, PIXEL_SIZE, WEIGHTS, np.random.default_rng(1))


def test_clean_maps_get_closer_gaussians_than_noisy_ones(protein):
    clean, agreements = chosen(protein, 0.0)
    noisy = chosen(protein, 15.0)
    assert clean < SPACINGS[0] and agreements[1] > agreements[0] + 0.015
    assert noisy[0] == SPACINGS[0] and len(noisy[1]) == 2 and noisy[1][1] < noisy[1][0] + 0.015
    assert noisy[1][0] < agreements[0] - 0.1
    assert chosen(protein, 15.0) == noisy
