import unittest

from scipion_gmmrefine.convert.tables import curveLabel
from scipion_gmmrefine.objects import GmmFSC


class TestGmmFSC(unittest.TestCase):
    def resolution(self, frequencies, values):
        curve = GmmFSC()
        curve.setData(frequencies, values)
        return curve.calculateResolution()

    def test_crossing_is_interpolated(self):
        self.assertEqual(self.resolution([0.1, 0.2, 0.3], [0.243, 0.043, 0]), f"{1 / 0.15:.2f}")

    def test_never_crossing_ends_at_the_last_frequency(self):
        self.assertEqual(self.resolution([0.1, 0.2, 0.25], [1.0, 0.9, 0.8]), "4.00")
        self.assertEqual(self.resolution([0.1, 0.25], [1.0, 1.0]), "4.00")

    def test_below_from_the_start(self):
        self.assertEqual(self.resolution([0.1, 0.2], [0.1, 0.05]), "10.00")

    def test_legend_says_where_nothing_is_resolved(self):
        self.assertEqual(curveLabel("patch 1", ([0.1, 0.2], [0.1, 0.05]), 0.143), "patch 1: none")
        self.assertEqual(curveLabel("patch 1", ([0.1, 0.2], [0.9, 0.9]), 0.143), "patch 1: 5.00 Å")
