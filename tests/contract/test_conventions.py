"""CONVENTIONS.md against the code, and against formulas written out once more without it."""

import doctest

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.geometry.rotations import rotations_from_euler
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.project import ExactProjector


def test_examples_of_the_conventions_page_are_true(repository):
    result = doctest.testfile(str(repository / "CONVENTIONS.md"), module_relative=False, encoding="utf-8")
    assert result.attempted >= 30
    assert result.failed == 0


def test_projection_of_a_point_is_where_the_page_says(rng):
    """A narrow Gaussian at X peaks at pixel n // 2 + (A X)[:2] / pixel size."""
    box_size, pixel_size = 64, 2.0
    rotation = rotations_from_euler(rng.uniform(0, 180, (1, 3)))
    point = np.array([[20.0, -14.0, 31.0]])
    disc = half_disc(box_size, box_size // 2 - 1)
    gmm = Gmm(point, np.ones(1), np.full(1, 3.0))
    real, imaginary = ExactProjector(gmm, disc, pixel_size).images(rotation.astype(np.float32))
    image = disc.inverse(np.asarray(real) + 1j * np.asarray(imaginary))[0]
    y, x = np.mgrid[:box_size, :box_size]
    found = np.array([(image * x).sum(), (image * y).sum()]) / image.sum()
    expected = box_size // 2 + (rotation[0] @ point[0])[:2] / pixel_size
    assert found == pytest.approx(expected, abs=0.01)
    # sum of voxels along the beam; the pixel next to the peak is less than half a pixel diagonal away
    distance = pixel_size * np.hypot(x - expected[0], y - expected[1])
    assert image == pytest.approx(3.0 * np.sqrt(2 * np.pi) / pixel_size * np.exp(-(distance**2) / 18), abs=0.02)


def test_transform_of_the_plugin_is_the_inverse_of_the_pose(rng):
    poses = pytest.importorskip("scipion_gmmrefine.convert.poses", reason="Scipion is not installed")
    angles, origin_px = rng.uniform(-170, 170, 3), rng.uniform(-5, 5, 2)
    forward = np.linalg.inv(poses.transformFromRelion(*angles, *origin_px))
    assert forward[:3, :3] == pytest.approx(rotations_from_euler([angles])[0], abs=1e-6)
    assert forward[:3, 3] == pytest.approx([-origin_px[0], -origin_px[1], 0], abs=1e-9)


def test_rotation_matrices_equal_scipy(rng):
    angles = rng.uniform(-180, 180, (20, 3))
    expected = Rotation.from_euler("ZYZ", angles, degrees=True).inv().as_matrix()
    assert rotations_from_euler(angles) == pytest.approx(expected, abs=1e-12)
