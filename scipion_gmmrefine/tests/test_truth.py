import unittest

import numpy as np
from pwem.convert.transformations import rotation_matrix

from scipion_gmmrefine.convert.poses import transformFromRelion
from scipion_gmmrefine.tests.sets import poses
from scipion_gmmrefine.truth import alignedTable, poseErrors, rms


class TestPoseErrors(unittest.TestCase):
    def setUp(self):
        self.truth = {number: np.linalg.inv(transformFromRelion(*pose)) for number, pose in enumerate(poses(30), 1)}

    def test_another_frame_is_no_error(self):
        frame = rotation_matrix(0.5, [1, 2, 3])
        frame[:3, 3] = 4, -2, 7
        found = {number: matrix @ np.linalg.inv(frame) for number, matrix in self.truth.items()}
        rotations, shifts = poseErrors(found, self.truth)
        np.testing.assert_allclose(rotations, 0, atol=1e-5)
        np.testing.assert_allclose(shifts, 0, atol=1e-9)

    def test_known_errors_are_measured(self):
        found = {}
        for number, matrix in self.truth.items():
            sign = (-1) ** number
            found[number] = rotation_matrix(np.radians(2 * sign), [0, 0, 1]) @ matrix
            found[number][0, 3] = matrix[0, 3] + 1.5 * sign
            found[number][1, 3] = matrix[1, 3]
        rotations, shifts = poseErrors(found, self.truth)
        self.assertAlmostEqual(rms(rotations), 2.0, delta=0.1)
        self.assertAlmostEqual(rms(shifts), 1.5, delta=0.1)

    def test_subset_is_compared_by_number(self):
        rotations, _ = poseErrors({number: self.truth[number] for number in (7, 3, 20, 11)}, self.truth)
        self.assertEqual(len(rotations), 4)
        np.testing.assert_allclose(rotations, 0, atol=1e-5)


class TestTable(unittest.TestCase):
    def test_columns_line_up(self):
        text = alignedTable([("", "before", "after"), ("resolution", "8.10 Å", "5.20 Å"), ("shift", "2 Å", "10.5 Å")])
        self.assertEqual(
            text,
            "\n".join(
                [
                    "            before   after",
                    "--------------------------",
                    "resolution  8.10 Å  5.20 Å",
                    "shift          2 Å  10.5 Å",
                ]
            ),
        )
