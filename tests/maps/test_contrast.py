"""A map tells whether its molecule is bright or dark, or nothing."""

import numpy as np
import pytest
from molecules import molecule
from scipy import ndimage

from gmmrefine.gmm.render import render_map
from gmmrefine.maps.contrast import contrast

BOX, PIXEL_SIZE = 32, 4.0
CERTAIN = 3.0  # of one half map; both together are asked for more
AXIS = (np.arange(BOX) - BOX // 2) * PIXEL_SIZE
RADIUS = np.sqrt(AXIS[:, None, None] ** 2 + AXIS[:, None] ** 2 + AXIS**2)


def told(volume, seed=1):
    return contrast(volume.astype(np.float32), PIXEL_SIZE, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def protein():
    """Some 90 Å long."""
    small = molecule(60, width=(2.5, 3.5))
    return render_map(type(small)(2.2 * small.centers, small.amplitudes, small.widths), BOX, PIXEL_SIZE)


def test_the_sign_of_the_molecule(protein):
    assert told(protein) > CERTAIN and told(-protein) < -CERTAIN


def test_units_and_level_do_not_matter(protein):
    assert told(0.01 * protein + 70) == pytest.approx(told(protein), rel=1e-2)


def test_noise_tells_nothing():
    found = [told(np.random.default_rng(seed).normal(size=(BOX,) * 3)) for seed in range(40)]
    assert np.abs(found).max() < 4 and abs(np.mean(found)) < 0.5 and np.std(found) == pytest.approx(1, abs=0.3)


def test_under_more_and_more_noise_less_is_told_but_nothing_wrong(protein):
    noise = np.random.default_rng(5).normal(size=protein.shape) * protein.std()
    found = [told(protein + strength * noise) for strength in (0, 1, 3, 30)]
    assert found[0] > CERTAIN and found[1] > CERTAIN
    assert all(value > -1.5 for value in found)


def without_low_frequencies(volume):
    return volume - ndimage.gaussian_filter(volume, 20 / PIXEL_SIZE)


@pytest.mark.parametrize("change", (np.asarray, without_low_frequencies), ids=("", "without low frequencies"))
@pytest.mark.parametrize("tails, heads", ((-0.5, 0.3), (-0.3, 0.0), (0.3, 0.5)))
def test_a_micelle_does_not_count_as_the_molecule(protein, tails, heads, change):
    """A belt of detergent whose tails are darker than water; densities relative to protein."""
    x, y, z = AXIS, AXIS[:, None], AXIS[:, None, None]
    belt = np.sqrt((x / 16) ** 2 + (y / 50) ** 2 + (z / 50) ** 2)
    inside = protein > 0.2 * protein.max()
    level = protein[inside].mean()
    micelle = level * np.where(inside, 0, np.where(belt < 0.75, tails, np.where(belt < 1, heads, 0)))
    assert told(change(protein + micelle)) > CERTAIN
    assert told(change(-(protein + micelle))) < -CERTAIN


HALF = BOX * PIXEL_SIZE / 2
LARGE = {
    "ball": RADIUS < 0.9 * HALF,
    "ball that touches the box": RADIUS < 0.98 * HALF,
    "capsid": (RADIUS < 0.95 * HALF) & (RADIUS > 0.75 * HALF),
    "filament": np.hypot(AXIS, AXIS[:, None])[None] + 0 * RADIUS < 0.4 * HALF,
    "tube": np.abs(np.hypot(AXIS, AXIS[:, None])[None] + 0 * RADIUS - 0.6 * HALF) < 8,
}


@pytest.mark.parametrize("shape", LARGE.values(), ids=LARGE)
@pytest.mark.parametrize("change", (np.asarray, without_low_frequencies), ids=("", "without low frequencies"))
def test_large_things_are_not_taken_for_dark(shape, change):
    texture = 1 + 0.5 * np.random.default_rng(3).normal(size=shape.shape)
    assert told(change(ndimage.gaussian_filter(shape * texture, 1))) > -0.5


def test_a_flat_map_tells_nothing():
    assert told(np.full((BOX,) * 3, 3.0)) == 0
