"""The Gaussian mixture: masses, extent, parts."""

import numpy as np
import pytest
import references
from molecules import molecule


def test_masses_are_the_integrals():
    gmm = molecule(6)
    pixel_size = 1.0
    volume = references.gaussian_map(gmm, 64, pixel_size)
    assert gmm.masses.sum() == pytest.approx(volume.sum() * pixel_size**3, rel=1e-6)
    for number in (0, 5):
        one = references.gaussian_map(gmm.subset([number]), 64, pixel_size)
        assert gmm.masses[number] == pytest.approx(one.sum() * pixel_size**3, rel=1e-6)


def test_radius_holds_the_tails():
    gmm = molecule(30)
    farthest = np.sqrt((gmm.centers**2).sum(axis=1)).max()
    assert gmm.radius == pytest.approx(farthest + 3 * np.median(gmm.widths))


def test_part_of_a_mixture():
    gmm = molecule(10)
    part = gmm.subset(gmm.amplitudes > 1)
    assert len(gmm) == 10 and 0 < len(part) == np.sum(gmm.amplitudes > 1) < 10
    assert np.array_equal(part.centers, gmm.centers[gmm.amplitudes > 1])
    assert np.array_equal(part.widths, gmm.widths[gmm.amplitudes > 1])
