"""Weights of a composite's parts."""

import numpy as np
import pytest

from gmmrefine.fourier.shells import shell_of_resolution
from gmmrefine.maps.composite import composite_map
from gmmrefine.maps.fsc import shell_correlation
from gmmrefine.pipelines.composite import FocusedMap, half_composites, snr_weights

BOX, PIXEL_SIZE, RESOLUTION = 64, 2.0, 6.0


@pytest.fixture
def noise(rng):
    """Six parts of noise that lie upon each other."""
    return [FocusedMap(str(part), list(rng.normal(size=(2, BOX, BOX, BOX))), np.ones((BOX,) * 3)) for part in range(6)]


def test_weights_by_signal_to_noise_make_no_correlation_where_the_fsc_is_decided(noise):
    """Parts whose halves agree by chance weigh more, so weights of full detail raise the FSC of noise by 0.05 and more."""
    curve = shell_correlation(*half_composites(noise, snr_weights(noise, PIXEL_SIZE, RESOLUTION), None))
    coarse, fine = (shell_of_resolution(times * RESOLUTION, BOX, PIXEL_SIZE) for times in (2, 1))
    assert abs(curve[coarse + 3 : fine + 3].mean()) < 0.01


def test_weights_by_signal_to_noise_keep_the_sum_of_the_masks(noise, rng):
    """The composite therefore fades into the background as with masks."""
    masks = [rng.uniform(0, 1, (BOX,) * 3) for _ in range(2)]
    parts = [FocusedMap(part.name, part.halves, mask) for part, mask in zip(noise, masks)]
    weights = snr_weights(parts, PIXEL_SIZE, RESOLUTION)
    assert sum(weights) == pytest.approx(sum(masks), rel=1e-4)
    behind = np.zeros((BOX,) * 3)
    shown = composite_map([np.ones((BOX,) * 3)] * 2, weights, behind)
    assert shown == pytest.approx(np.minimum(sum(masks), 1), abs=1e-4)
