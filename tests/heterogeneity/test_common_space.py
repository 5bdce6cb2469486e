"""Latents of one half set in the space of the other."""

import numpy as np
import pytest

from gmmrefine.heterogeneity.common_space import laid_onto


class Bent:
    """A motion of some points that bends: displacements are a curved function of latents turned by a matrix."""

    def __init__(self, axes, points):
        self._axes, self._points = np.array(axes, float), points
        self.mobility = np.ones(len(points))

    def gmm(self):
        return self  # only its centres are asked for

    @property
    def centers(self):
        return self._points

    def displacements_of(self, points, mobility, latent):
        along = latent @ self._axes
        x, _, z = points.T
        fields = np.stack([along[:, :1] * z, along[:, :1] ** 2 * 0.2 * z, along[:, 1:] * x + 0.3 * along[:, 1:] ** 3], axis=2)
        return mobility[None, :, None] * fields


@pytest.fixture()
def points(rng):
    return rng.normal(0, 5, (700, 3))


def test_axes_that_run_the_other_way_and_are_mixed_are_undone(rng, points):
    own = Bent(np.eye(2), points)
    turned = np.array([[-0.6, 0.8], [0.8, 0.6]])
    other = Bent(turned, points + 0.3)
    latent = rng.normal(size=(450, 2))  # more than are treated at a time
    found, apart = laid_onto(own, other, latent, rng.normal(size=(300, 2)))
    np.testing.assert_allclose(found, latent @ turned, atol=1e-3)
    assert apart.max() < 0.01


def test_what_the_own_network_cannot_do_remains_as_misfit(rng, points):
    """A second motion of the other half, z along x, of an own half that knows the first one only."""

    class Flat(Bent):
        def displacements_of(self, points, mobility, latent):
            return super().displacements_of(points, mobility, np.column_stack([latent[:, 0], np.zeros(len(latent))]))

    own, other = Flat(np.eye(2), points), Bent(np.eye(2), points)
    latent = np.array([[0.5, 0.0], [0.5, 1.0]])
    found, apart = laid_onto(own, other, latent, rng.normal(size=(100, 1)))
    np.testing.assert_allclose(found[:, 0], 0.5, atol=0.05)
    assert apart[0] < 0.01
    few = points[np.linspace(0, len(points) - 1, 500).astype(int)]
    assert apart[1] == pytest.approx(np.sqrt(np.mean((few[:, 0] + 0.3) ** 2)), rel=0.1)
