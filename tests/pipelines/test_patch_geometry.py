"""Where the patches lie: the same for both half sets, written and read back."""
import numpy as np
import pytest
from molecules import molecule

from gmmrefine.errors import InputError
from gmmrefine.gmm.patches import HELIX_VOLUME, Patch, nearest_patch
from gmmrefine.io.curves import read_curves
from gmmrefine.pipelines.patch_geometry import patches_of, read_patches, write_patches

BOX, PIXEL_SIZE = 40, 2.0


@pytest.fixture(scope="module")
def gmms():
    """The Gaussians of two halves, not the same."""
    return [molecule(120, seed=7), molecule(110, seed=8)]


def mask_of(volume):
    """A mask of so many Å³."""
    mask = np.zeros(BOX**3)
    mask[: int(round(volume / PIXEL_SIZE**3))] = 1
    return mask.reshape((BOX,) * 3)


LARGE = mask_of(40 * HELIX_VOLUME)


@pytest.mark.parametrize("count", (1, 2, 5, 8))
def test_patches_cover_the_gaussians_of_both_halves(gmms, count):
    patches = patches_of(gmms, count, LARGE, PIXEL_SIZE, 1)
    assert len(patches) == count and {patch.spheres.shape for patch in patches} == {(1, 4)}
    centers = np.concatenate([gmm.centers for gmm in gmms])
    spheres = np.concatenate([patch.spheres for patch in patches])
    depth = np.linalg.norm(centers[:, None] - spheres[:, :3], axis=2) - spheres[:, 3]
    assert depth.min(axis=1).max() < 1e-9
    # no sphere is larger than its members ask for
    owner = nearest_patch(centers, patches)
    for number in range(count):
        assert depth[owner == number, number].max() == pytest.approx(0, abs=0.15 * spheres[number, 3])
        assert centers[owner == number].mean(axis=0) == pytest.approx(spheres[number, :3], abs=0.5)


def test_patches_repeat_with_the_seed(gmms):
    first, again = (patches_of(gmms, 8, LARGE, PIXEL_SIZE, 1) for _ in range(2))
    assert all(np.array_equal(a.spheres, b.spheres) for a, b in zip(first, again))
    others = [patches_of(gmms, 8, LARGE, PIXEL_SIZE, seed) for seed in (2, 3, 4)]
    assert any(not np.array_equal(a.spheres, b.spheres) for other in others for a, b in zip(first, other))


def test_only_the_places_of_gaussians_count(gmms):
    """No half can tell the other anything by their amplitudes and widths."""
    changed = [molecule(120, seed=7, width=(0.5, 9.0)), gmms[1]]
    assert np.array_equal(changed[0].centers, gmms[0].centers)
    for first, second in zip(*(patches_of(pair, 4, LARGE, PIXEL_SIZE, 1) for pair in (gmms, changed))):
        assert np.array_equal(first.spheres, second.spheres)


def test_as_many_patches_as_gaussians_is_too_many(gmms):
    with pytest.raises(InputError) as caught:
        patches_of(gmms, 116, LARGE, PIXEL_SIZE, 1)
    said = str(caught.value)
    assert said == "--patches 116: there are only 115 Gaussians per half. Ask for fewer patches or more Gaussians."
    with pytest.raises(InputError, match="--patches 115: the smallest patch would hold 1 of 230 Gaussians"):
        patches_of(gmms, 115, LARGE, PIXEL_SIZE, 1)


def test_patches_smaller_than_a_helix_are_refused(gmms):
    """By the volume inside the mask; twice the pixel is eight times the volume."""
    small = mask_of(2.4 * HELIX_VOLUME)
    with pytest.raises(InputError) as caught:
        patches_of(gmms, 5, small, PIXEL_SIZE, 1)
    assert "less than one helix (2500 Å³). Ask for fewer, at most about 1." in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(patches_of(gmms, 5, small, 2 * PIXEL_SIZE, 1)) == 5


def test_patches_star_round_trip(tmp_path, rng):
    """To the last bit, as both halves must have the same; patches of one sphere and of several."""
    patches = [Patch(rng.normal(0, 30.0, (count, 4))) for count in (1, 3, 2)]
    write_patches(tmp_path / "patches.star", patches)
    found = read_patches(tmp_path / "patches.star")
    assert len(found) == 3
    for patch, other in zip(patches, found):
        assert np.array_equal(patch.spheres, other.spheres)
    columns = read_curves(tmp_path / "patches.star")
    assert list(columns) == ["gmmPatch", "gmmX", "gmmY", "gmmZ", "gmmRadius"]
    assert columns["gmmPatch"].tolist() == [1, 2, 2, 2, 3, 3]
    assert columns["gmmRadius"][4:] == pytest.approx(patches[2].spheres[:, 3], rel=1e-12)


def test_patches_that_are_not_there(tmp_path):
    with pytest.raises(InputError, match="patches.star: no such file. Run the same command with --only geometry first"):
        read_patches(str(tmp_path / "patches.star"))
