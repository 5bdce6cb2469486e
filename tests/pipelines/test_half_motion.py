"""How many Gaussians and anchors a region gets by itself."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from molecules import molecule

from gmmrefine.gmm.render import render_map
from gmmrefine.maps.mask import soft_mask, spherical_mask
from gmmrefine.pipelines.focus import Masks
from gmmrefine.pipelines.half_iteration import Shared
from gmmrefine.pipelines.half_motion import gmm_that_moves
from gmmrefine.progress import Progress
from gmmrefine.settings import HeterogeneitySettings

BOX, PIXEL_SIZE, RADIUS = 32, 3.0, 15  # 6.4 Å


@pytest.fixture(scope="module")
def volume():
    return render_map(molecule(150), BOX, PIXEL_SIZE)


def built(volume, focus, **changes):
    said = io.StringIO()
    shared = Shared(np.ones(BOX // 2 + 1), Masks(soft_mask(volume, PIXEL_SIZE), focus), RADIUS)
    settings = HeterogeneitySettings(seed=1, fit_evaluations=2, **changes)
    particles = SimpleNamespace(pixel_size=PIXEL_SIZE, half=1)
    gmm, _, mobility = gmm_that_moves(volume, shared, particles, settings, Progress(None, said))
    return len(gmm), int(np.sum(mobility > 0.5)), said.getvalue()


def test_a_small_region_gets_closer_gaussians(volume):
    corner = spherical_mask(molecule(150).centers[0], 10.0, BOX, PIXEL_SIZE, 2.0)
    asked, few, _ = built(volume, corner, gaussians="80")  # as many as asked for, however few are in the region
    assert 0.8 * 80 < asked <= 80 and 0 < few < 64
    count, mobile, said = built(volume, corner)
    whole, every, quiet = built(volume, None)
    assert every == whole and whole >= 64 and "as close" not in quiet
    assert count > 1.5 * whole and few < mobile < count
    assert "Gaussians may move; they are placed" in said and "times as close" in said
