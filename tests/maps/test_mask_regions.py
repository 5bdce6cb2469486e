"""Soft masks of regions: spheres, and what lies around points."""

import numpy as np
import pytest

from gmmrefine.maps.mask import mask_around, spherical_mask

BOX, PIXEL_SIZE = 64, 1.5
CENTER = np.array([6.0, -9.0, 12.0])  # x, y, z in Å: whole voxels


def distances(center, box_size, pixel_size):
    """Distance (Z, Y, X) in Å of every voxel from a point, voxel by voxel."""
    found = np.empty((box_size,) * 3)
    for z, y, x in np.ndindex(found.shape):
        place = (np.array([x, y, z]) - box_size // 2) * pixel_size
        found[z, y, x] = np.sqrt(((place - center) ** 2).sum())
    return found


def cosine_edge(distance):
    return 0.5 + 0.5 * np.cos(np.pi * np.clip(distance, 0, 1))


@pytest.mark.parametrize("center, pixel_size", [(CENTER, 1.5), ([0.7, -1.1, 2.3], 1.5), (CENTER, 3.0)])
def test_sphere_is_1_within_the_radius_and_0_beyond_5_px_more(center, pixel_size):
    mask = spherical_mask(center, 15.0, 32, pixel_size)
    distance = distances(center, 32, pixel_size)
    assert mask.dtype == np.float32 and mask.shape == (32,) * 3
    assert mask == pytest.approx(cosine_edge((distance - 15.0) / (5 * pixel_size)), abs=1e-5)
    assert (mask[distance <= 15.0] == 1).all() and (mask[distance >= 15.0 + 5 * pixel_size] == 0).all()
    edge = (distance > 15.0 + 0.01) & (distance < 15.0 + 5 * pixel_size - 0.1)
    assert ((mask[edge] > 0) & (mask[edge] < 1)).all()


def test_width_of_the_edge_is_a_setting():
    distance = distances(CENTER, 32, PIXEL_SIZE)
    for edge in (0.0, 2.0, 8.0):
        mask = spherical_mask(CENTER, 12.0, 32, PIXEL_SIZE, edge)
        soft = (mask > 0) & (mask < 1)
        assert soft.any() == (edge > 0)
        assert (mask[distance <= 12.0] == 1).all() and (mask[distance >= 12.01 + edge * PIXEL_SIZE] == 0).all()


def test_a_sphere_has_the_same_volume_in_any_pixel():
    expected = 4 / 3 * np.pi * 20.0**3
    for box_size, pixel_size in ((96, 1.0), (48, 2.0), (120, 0.8)):
        mask = spherical_mask([1.3, 0.4, -2.2], 20.0, box_size, pixel_size, edge=6 / pixel_size)
        assert (mask == 1).sum() * pixel_size**3 == pytest.approx(expected, rel=0.02)
        # a cosine edge of 6 Å counts as if the sphere ended in its middle, and a little more
        assert mask.sum() * pixel_size**3 == pytest.approx(4 / 3 * np.pi * (23.0**3 + 3 * 23 * 1.7), rel=0.01)


def test_around_one_point_there_is_a_sphere():
    """On a voxel, and given in x, y, z."""
    around = mask_around(CENTER[None], 6.0, BOX, PIXEL_SIZE)
    assert around.dtype == np.float32
    assert around == pytest.approx(spherical_mask(CENTER, 6.0, BOX, PIXEL_SIZE), abs=1e-5)


def test_around_many_points_the_nearest_counts(rng):
    points = rng.uniform(-15, 15, (20, 3))
    nearest = np.min([distances(point, 32, 2.0) for point in points], axis=0)
    mask = mask_around(points, 4.0, 32, 2.0, edge=3.0)
    # points are taken at the voxel they lie in, half a voxel's diagonal away at most
    slack = np.sqrt(3)
    assert (mask[nearest < 4.0 - slack] == 1).all() and (mask[nearest > 4.0 + 6.0 + slack] == 0).all()
    assert mask == pytest.approx(cosine_edge((nearest - 4.0) / 6.0), abs=np.pi / 2 * slack / 6.0)
    assert np.abs(mask - cosine_edge((nearest - 4.0) / 6.0)).mean() < 0.02


def test_points_outside_the_box_are_left_out():
    far = np.array([[60.0, 0, 0], [0, -49.0, 0], [0, 0, 48.0]])  # voxels run from -48 to 46.5 Å
    assert (mask_around(far, 6.0, BOX, PIXEL_SIZE) == 0).all()
    both = mask_around(np.concatenate([far, CENTER[None]]), 6.0, BOX, PIXEL_SIZE)
    assert np.array_equal(both, mask_around(CENTER[None], 6.0, BOX, PIXEL_SIZE))
    at_the_rim = mask_around(np.array([[-48.0, 0, 46.5]]), 6.0, BOX, PIXEL_SIZE)
    assert at_the_rim[63, 32, 0] == 1 and at_the_rim[0, 32, 0] == 0 and at_the_rim[63, 32, 63] == 0
