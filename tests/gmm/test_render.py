"""The transform of a GMM on a grid, and its map, against sums in double precision."""

import numpy as np
import pytest
import references
from molecules import molecule

from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.render import (
    centered_from_map,
    fourier_map,
    map_from_centered,
    render_map,
    slice_volume,
)

BOX, PIXEL_SIZE = 24, 2.0
SMOOTH = (3.4, 4.0)  # Å: no power is left at Nyquist


@pytest.fixture(scope="module")
def gmm():
    smooth = molecule(12, width=SMOOTH)
    return Gmm(0.5 * smooth.centers, smooth.amplitudes, smooth.widths)  # far from the border of the box


def test_fourier_map_equals_a_loop_and_ends_at_its_radius(gmm):
    transform = fourier_map(gmm, BOX, PIXEL_SIZE, radius=7)
    assert transform.shape == (BOX, BOX, BOX // 2 + 1)
    unit = PIXEL_SIZE**3  # of a sum over voxels
    inside = ((0, 0, 0), (1, -2, 3), (-5, 2, 4), (0, 7, 0), (3, -3, 0), (-7, 0, 0), (7, 2, 1), (-2, -7, 1), (4, -4, 4))
    for z, y, x in inside:
        expected = references.gmm_sample(gmm, np.array([x, y, z]) / (BOX * PIXEL_SIZE)) / unit
        assert transform[z, y, x] == pytest.approx(expected, abs=1e-5 * gmm.masses.sum() / unit)
    for z, y, x in ((8, 0, 0), (0, 0, 8), (5, 5, 5), (12, 12, 12)):
        assert transform[z, y, x] == 0
    assert fourier_map(gmm, BOX, PIXEL_SIZE)[0, 0, 11] != 0  # the default is the last shell below Nyquist


def test_map_equals_the_gaussians_in_real_space(gmm):
    expected = references.gaussian_map(gmm, BOX, PIXEL_SIZE)
    volume = render_map(gmm, BOX, PIXEL_SIZE)
    assert volume.dtype == np.float32
    assert np.abs(volume - expected).max() < 2e-4 * expected.max()


def test_peak_is_the_amplitude_at_its_voxel():
    """Coordinates x y z from voxel n // 2; maps are indexed z y x."""
    gmm = Gmm(np.array([[4.0, -6.0, 10.0]]), np.array([2.5]), np.array([4.0]))
    volume = render_map(gmm, BOX, PIXEL_SIZE)
    peak = np.unravel_index(np.argmax(volume), volume.shape)
    assert peak == (12 + 5, 12 - 3, 12 + 2)
    assert volume[peak] == pytest.approx(2.5, rel=2e-4)
    centred = render_map(Gmm(np.zeros((1, 3)), np.array([2.5]), np.array([4.0])), BOX, PIXEL_SIZE)
    assert np.unravel_index(np.argmax(centred), centred.shape) == (12, 12, 12)


def test_map_does_not_know_the_unit_of_length(gmm):
    larger = Gmm(gmm.centers * 3, gmm.amplitudes, gmm.widths * 3)
    assert render_map(larger, BOX, 3 * PIXEL_SIZE) == pytest.approx(render_map(gmm, BOX, PIXEL_SIZE), abs=1e-5)


def test_centred_transform_and_map_are_inverse(rng):
    volume = rng.normal(size=(16, 16, 16)).astype(np.float32)
    transform = centered_from_map(volume)
    assert transform.shape == (16, 16, 9)
    assert map_from_centered(transform) == pytest.approx(volume, abs=1e-5)
    assert centered_from_map(map_from_centered(transform)) == pytest.approx(transform, abs=1e-3)


def test_centred_transform_of_the_map_is_that_of_the_gaussians(gmm):
    transform = centered_from_map(render_map(gmm, BOX, PIXEL_SIZE))
    exact = fourier_map(gmm, BOX, PIXEL_SIZE)
    assert np.abs(transform - exact).max() < 1e-5 * np.abs(exact).max()


def test_slice_volume_is_finer_for_larger_molecules():
    gmm = molecule(12, width=SMOOTH)
    small = slice_volume(gmm, 64, PIXEL_SIZE, 8)
    large = slice_volume(gmm, BOX, PIXEL_SIZE, 8)
    assert small.step == 1.0 < large.step
    # 1.5 times the molecule's diameter fits into one period of the grid
    assert large.step * BOX * PIXEL_SIZE >= 1.5 * 2 * gmm.radius
    assert large.values.shape == (2 * large.half + 1,) * 3
