"""Hand, exchanged axes and turns of a map against another are found, and what is done to maps is not taken for a turn."""

import numpy as np
import pytest
from model_maps import map_of_atoms
from scipy.ndimage import affine_transform, gaussian_filter
from scipy.spatial.transform import Rotation

from gmmrefine.io.atoms import embedded_model, read_atoms
from gmmrefine.validation.orientation import find_orientation
from gmmrefine.validation.same_grid import evened

SIZES = np.full(3, 1.5)


@pytest.fixture(scope="module")
def reference():
    """A map (40, 44, 38) of the part of 6MSM that fits in."""
    positions = read_atoms(embedded_model()).positions
    near = positions[np.linalg.norm(positions - positions.mean(axis=0), axis=1) < 24]
    return map_of_atoms(near, np.ones(len(near)), ((40, 44, 38), SIZES, near.mean(axis=0) - [28, 32, 29]), 1.6).data


def turned(data, vector):
    """The map turned by a rotation vector (x y z) in degrees about its middle."""
    inverse = Rotation.from_rotvec(np.radians(vector)).as_matrix().T[::-1, ::-1]
    middle = 0.5 * (np.array(data.shape) - 1)
    return affine_transform(data, inverse, middle - inverse @ middle, order=3)


@pytest.mark.parametrize("vector", [(5, 0, 0), (0, -2, 2.2), (6, 7, -8)])
def test_turns(reference, vector):
    found = find_orientation(turned(reference, vector), reference, SIZES)
    assert found.is_other and not found.is_mirrored
    assert found.angle * found.turn_axis == pytest.approx(vector, abs=0.7)
    assert found.correlation > found.in_place + 0.02 and f"turned by {found.angle:.1f}°" in str(found)


def test_the_other_hand_turned_as_well(reference):
    found = find_orientation(turned(reference[:, ::-1], (0, 3, 3)), reference, SIZES)
    assert found.is_other and found.is_mirrored and found.angle == pytest.approx(4.2, abs=0.8)
    assert str(found).startswith("of the other hand: flipped along y and turned by") and found.in_place < 0.3


@pytest.mark.parametrize(
    "change, words, mirrored",
    [
        (lambda data: data[::-1], "of the other hand: flipped along z", True),
        (lambda data: data[::-1, :, ::-1], "flipped along x and z", False),
        (lambda data: data.transpose(0, 2, 1), "of the other hand: with its axes exchanged (y x z for x y z)", True),
    ],
)
def test_flips_and_exchanged_axes(reference, change, words, mirrored):
    cube = np.pad(reference, [(2, 2), (0, 0), (3, 3)])
    found = find_orientation(np.ascontiguousarray(change(cube)), cube, SIZES)
    assert (str(found), found.is_mirrored, found.is_other) == (words, mirrored, True) and found.correlation > 0.98


def test_what_is_done_to_maps_is_no_turn(reference, rng):
    noise = gaussian_filter(rng.normal(size=reference.shape), 1)
    third = np.where(np.arange(44)[:, None] < 32, reference, 0)
    for name, data in {
        "same": reference,
        "noisy": reference + 3 * reference.std() * noise,
        "low-passed": gaussian_filter(reference, 2),
        "sharpened": 3 * reference - 2 * gaussian_filter(reference, 1),
        "part": third,
        "bent": reference**2,
        "turned by half a degree": turned(reference, (0.5, 0, 0)),
        "noise": noise,
    }.items():
        assert not find_orientation(data, reference, SIZES).is_other, name


def test_amplitudes_are_evened_so_that_sharpening_hides_nothing(reference, rng):
    k2 = sum(axis**2 for axis in np.meshgrid(*[np.fft.fftfreq(size, 1.5) for size in reference.shape], indexing="ij"))
    noisy = reference + 0.2 * reference.std() * rng.normal(size=reference.shape)
    sharp = np.fft.ifftn(np.fft.fftn(noisy) * np.exp(60 * k2)).real
    one, two = evened(sharp, reference, SIZES)
    assert np.corrcoef(sharp.ravel(), reference.ravel())[0, 1] < 0.1
    assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.9


@pytest.mark.parametrize("scale", (1e-20, 1e16))
@pytest.mark.filterwarnings("error")
def test_any_scale(reference, scale):
    """Powers of such values leave single precision."""
    one, two = evened((scale * reference).astype(np.float32), reference, SIZES)
    assert np.isfinite(one).all() and np.corrcoef(one.ravel(), two.ravel())[0, 1] == pytest.approx(1, abs=1e-4)
