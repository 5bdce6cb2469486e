"""The FSC inside a mask that is made of the half maps."""

import mrcfile
import numpy as np
import pytest

from gmmrefine.errors import InputError
from gmmrefine.io.mrc import write_map
from gmmrefine.pipelines.fsc import compare_maps
from gmmrefine.settings import FscSettings


@pytest.fixture()
def half_maps(rng, tmp_path):
    """A molecule of points in noise, twice, in a box much wider than it."""
    box, pixel_size = 40, 2.0
    z, y, x = (np.indices((box,) * 3) - box // 2).astype(float)
    density = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2) / 1.5) for a, b, c in rng.uniform(-6, 6, (60, 3)))
    paths = []
    for number in (1, 2):
        noisy = density + rng.normal(0, 0.35, density.shape)
        paths.append(str(tmp_path / f"half_map_{number}.mrc"))
        write_map(paths[-1], noisy.astype(np.float32), pixel_size)
    return paths


def test_a_mask_made_of_the_half_maps_takes_the_empty_box_away(half_maps, tmp_path):
    plain, _ = compare_maps(half_maps, FscSettings(), str(tmp_path))
    masked, _ = compare_maps(half_maps, FscSettings(make_mask=True), str(tmp_path))
    assert masked["resolution"] < 0.95 * plain["resolution"]
    mask = mrcfile.read(tmp_path / "mask.mrc")
    assert 0.02 < (mask > 0.5).mean() < 0.4 and mask[20, 20, 20] == pytest.approx(1)


@pytest.mark.parametrize("other", [{"mask": "mask.mrc"}, {"truth": True}])
def test_it_is_refused_where_it_would_mean_nothing(half_maps, tmp_path, other):
    with pytest.raises(InputError, match="--make-mask would have no effect"):
        compare_maps(half_maps, FscSettings(make_mask=True, **other), str(tmp_path))
