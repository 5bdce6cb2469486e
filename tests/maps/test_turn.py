"""Maps turned about the box centre, against Gaussians whose centres are turned."""

import numpy as np
import pytest
from molecules import PIXEL_SIZE, molecule
from scipy.spatial.transform import Rotation

from gmmrefine.fourier.shells import shell_sums
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.render import render_map
from gmmrefine.maps.mask import spherical_mask
from gmmrefine.maps.turn import turned, turned_mask, turned_on_grid

BOX = 48


def pair(rotation, box_size=BOX, **options):
    """A map, and that of the same molecule turned."""
    gmm = molecule(60, **options)
    away = Gmm(gmm.centers @ rotation.T, gmm.amplitudes, gmm.widths)
    return render_map(gmm, box_size, PIXEL_SIZE), render_map(away, box_size, PIXEL_SIZE)


@pytest.mark.parametrize("box_size", (48, 45))
@pytest.mark.parametrize("number", range(24))
def test_operators_of_the_grid_are_exact(number, box_size):
    rotation = point_group("O")[number]
    volume, expected = pair(rotation, box_size)
    found = turned(volume, rotation)
    assert found.dtype == np.float32 and found.shape == volume.shape
    assert np.abs(found - expected).max() < 1e-5 * expected.max()


@pytest.mark.parametrize("angle, axis", [(120, "z"), (72, "z"), (41, "x"), (-17, "y")])
def test_direction_and_error_of_a_turn(angle, axis):
    """Below 1.5 % of the signal up to three quarters of Nyquist, and no loss of amplitude there."""
    rotation = Rotation.from_euler(axis, angle, degrees=True).as_matrix()
    volume, expected = pair(rotation, width=(1.6, 2.0))
    found = turned(volume, rotation)
    a, b = np.fft.rfftn(found), np.fft.rfftn(expected)
    power = shell_sums(np.abs(b) ** 2, BOX)
    shells = np.arange(1, int(0.75 * BOX / 2) + 1)
    error = np.sqrt(shell_sums(np.abs(a - b) ** 2, BOX) / power)[shells]
    gain = (shell_sums((a * np.conj(b)).real, BOX) / power)[shells]
    assert error.max() < 0.015
    assert gain == pytest.approx(np.ones(len(shells)), abs=2e-3)


@pytest.mark.parametrize("angle", (90, 120, 41))
def test_a_mask_is_turned_as_the_map_and_stays_from_0_to_1(angle):
    rotation = Rotation.from_euler("z", angle, degrees=True).as_matrix()
    mask = spherical_mask(np.array([20.0, 4.0, -6.0]), 15.0, BOX, PIXEL_SIZE, 5)
    expected = spherical_mask(rotation @ [20.0, 4.0, -6.0], 15.0, BOX, PIXEL_SIZE, 5)
    found = turned_mask(mask, rotation)
    assert found.dtype == np.float32 and found.min() == 0 and found.max() == 1
    assert found == pytest.approx(expected, abs=0.1) and np.std(found - expected) < 0.01


def test_a_cube_is_turned_voxel_by_voxel(rng):
    cube = rng.normal(size=(5, 5, 5))
    for rotation in point_group("O"):
        found = turned_on_grid(cube, rotation)
        for x, y, z in np.ndindex(5, 5, 5):
            place = (rotation @ (np.array([x, y, z]) - 2)).astype(int) + 2
            assert found[tuple(place[::-1])] == cube[z, y, x]


def test_turns_follow_one_another():
    """Three thirds of a turn give the map back."""
    volume, _ = pair(np.eye(3))
    third = point_group("C3")[1]
    around = turned(turned(turned(volume, third), third), third)
    assert np.sqrt(np.mean((around - volume) ** 2)) < 2e-3 * volume.std()
