"""Scale and level of one map against another, whatever the noise of both."""

import numpy as np
import pytest
from scipy import ndimage

from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.overlap_scale import OverlapScale, common_scales, overlap_scale

BOX = 32


def compared(first, second):
    """Scale of two pairs of half maps, compared up to shell 8."""
    first, second = ([low_pass(half, 8) for half in pair] for pair in (first, second))
    return overlap_scale(first, second, np.ones((BOX,) * 3), 8)


@pytest.fixture
def signal(rng):
    density = ndimage.gaussian_filter(rng.normal(size=(BOX,) * 3), 2.0)
    return density / density.std()


@pytest.mark.parametrize("scale, level", [(1.0, 0.0), (3.0, -2.0), (-0.5, 1.0), (1e-12, 1e-12)])
@pytest.mark.parametrize("noise", (0.1, 2.0))
def test_noise_does_not_bend_it(signal, rng, scale, level, noise):
    """Both maps are as noisy as said; a plain fit of noisy values would be up to a fifth too flat after the low-pass."""
    first = [signal + noise * rng.normal(size=signal.shape) for _ in range(2)]
    second = [scale * signal + level + 2 * noise * abs(scale) * rng.normal(size=signal.shape) for _ in range(2)]
    found = compared(first, second)
    assert found.scale / scale == pytest.approx(1, abs=max(0.01, 4 * found.error)) and found.error < 0.1
    assert (found.level - level) / abs(scale) == pytest.approx(0, abs=0.1) and abs(found.agreement) > 0.95
    assert found.is_known and found.is_one == (scale == 1)


def test_standard_error(signal, rng):
    found = []
    for _ in range(40):
        first, second = ([signal + 2 * rng.normal(size=signal.shape) for _ in range(2)] for _ in range(2))
        found.append(compared(first, second))
    spread = np.std([np.log(one.scale) for one in found])
    assert 0.4 < spread / np.mean([one.error for one in found]) < 2.5


def test_maps_that_do_not_show_the_same_do_not_tell(signal, rng):
    def noise():
        return list(rng.normal(size=(2, BOX, BOX, BOX)))

    assert not compared(noise(), [signal] * 2).is_known
    other = signal[::-1]
    assert not compared([signal] * 2, [other] * 2).is_known


def test_scales_of_many_maps_from_pairs(rng):
    """Each map is truth / scale − level / scale; pairs with errors of their own are weighted."""
    scales, levels = np.array([1.0, 2.0, -0.25, 5.0]), np.array([0.0, 1.0, -3.0, 0.5])

    def pair(i, j):  # map_j = a map_i + l
        ratio = scales[i] / scales[j]
        return OverlapScale(ratio, (levels[i] - levels[j]) / scales[j], 0.01, np.sign(ratio), 1.0), 10.0

    pairs = {key: pair(*key) for key in ((0, 1), (1, 2), (2, 3))}
    found, consistent = common_scales(5, pairs)
    np.testing.assert_allclose(found[:4], np.column_stack([scales, levels]), atol=1e-9)
    assert consistent and np.isnan(found[4]).all()
    pairs[0, 3] = OverlapScale(-0.2, 0.0, 0.01, -1.0, 1.0), 1.0
    assert not common_scales(5, pairs)[1]
