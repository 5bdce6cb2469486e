import unittest

import numpy as np

from scipion_gmmrefine.convert.poses import relionFromTransform, transformFromRelion
from scipion_gmmrefine.tests.sets import poses


def relionMatrix(rot, tilt, psi):
    """RELION's Euler matrix written out: Rz(psi) Ry(tilt) Rz(rot), each turning the axes."""

    def aboutZ(angle):
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])

    c, s = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
    return aboutZ(psi) @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]) @ aboutZ(rot)


class TestPoses(unittest.TestCase):
    def test_transform_is_the_inverse_of_relions_projection(self):
        for rot, tilt, psi, x, y in poses(20):
            inverse = np.linalg.inv(transformFromRelion(rot, tilt, psi, x, y))
            np.testing.assert_allclose(inverse[:3, :3], relionMatrix(rot, tilt, psi), atol=1e-12)
            np.testing.assert_allclose(inverse[:3, 3], [-x, -y, 0], atol=1e-12)

    def test_round_trip(self):
        for pose in poses(20):
            np.testing.assert_allclose(relionFromTransform(transformFromRelion(*pose)), pose, atol=1e-9)

    def test_zero_tilt_keeps_the_rotation(self):
        pose = (40.0, 0.0, 25.0, 1.5, -0.5)
        again = relionFromTransform(transformFromRelion(*pose))
        np.testing.assert_allclose(relionMatrix(*again[:3]), relionMatrix(*pose[:3]), atol=1e-9)
        np.testing.assert_allclose(again[3:], pose[3:], atol=1e-12)
