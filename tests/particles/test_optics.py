"""Optics groups, and the grid that several of them share."""

import numpy as np
import pytest

from gmmrefine.particles.optics import Optics, OpticsGroup, common_box, common_grid

FINE, COARSE, ODD = OpticsGroup(96, 2.4), OpticsGroup(80, 2.88), OpticsGroup(97, 2.4)


@pytest.mark.parametrize(
    "groups, resolution, expected",
    [
        ([FINE], 0, (96, 2.4)),
        ([FINE, COARSE], 0, (80, 2.88)),
        ([COARSE, FINE], 0, (80, 2.88)),
        ([FINE, COARSE], 5.76, (80, 2.88)),
        ([FINE, COARSE], 5.7, (96, 2.4)),
        ([FINE, COARSE], 3.0, (96, 2.4)),
        ([FINE, OpticsGroup(80, 2.5)], 0, (94, 2.5)),
        ([FINE, OpticsGroup(100, 2.4)], 0, (100, 2.4)),
        ([ODD], 0, (98, 2.4)),
        ([FINE, OpticsGroup(96, 2.4001)], 0, (96, 2.4)),
        ([FINE, OpticsGroup(96, 2.41)], 0, (96, 2.41)),
    ],
)
def test_common_grid_is_the_coarsest_that_holds_the_resolution(groups, resolution, expected):
    assert common_grid(groups, resolution) == expected


def test_common_box_holds_the_widest_images():
    assert common_box([FINE, COARSE], 1.2) == 192 and common_box([FINE], 2.5) == 94
    assert common_box([OpticsGroup(196, 1.24), OpticsGroup(196, 1.25)], 1.25) == 196


def test_a_group_knows_its_grid():
    assert (FINE.center, ODD.center) == (48, 49) and FINE.length == pytest.approx(230.4)
    assert FINE.is_on(96, 2.4) and not FINE.is_on(96, 2.5) and not FINE.is_on(98, 2.4)
    stretched = OpticsGroup(96, 2.4, magnification=(1.02, 0.0, 0.0, 1.02))
    assert not stretched.is_on(96, 2.4) and stretched.object_pixel == pytest.approx(2.4 / 1.02)


def test_values_of_the_group_of_every_particle():
    optics = Optics((FINE, COARSE, ODD), np.array([1, 0, 1]))
    assert optics.values("box_size").tolist() == [80, 96, 80] and optics.used() == [FINE, COARSE]
    assert optics.subset([2, 1]).values("pixel_size").tolist() == [2.88, 2.4]
