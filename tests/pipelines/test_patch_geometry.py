"""Where the patches lie: the same for both half sets, written and read back."""

import numpy as np
import pytest
from molecules import molecule

from gmmrefine.errors import InputError
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.patches import HELIX_VOLUME, Patch, nearest_patch
from gmmrefine.io.curves import read_curves
from gmmrefine.pipelines import patch_geometry
from gmmrefine.pipelines.patch_evidence import held_by_all
from gmmrefine.pipelines.patch_geometry import patches_of, read_patches, smallest_patches, write_patches

LARGE = 40 * HELIX_VOLUME


@pytest.fixture(scope="module")
def centers():
    """Where the Gaussians of two halves lie, not the same."""
    return np.concatenate([molecule(120, seed=7).centers, molecule(110, seed=8).centers])


@pytest.mark.parametrize("count", (1, 2, 5, 8))
def test_patches_cover_all_gaussians(centers, count):
    patches = patches_of(centers, count, LARGE, 1)
    assert len(patches) == count and {patch.spheres.shape for patch in patches} == {(1, 4)}
    spheres = np.concatenate([patch.spheres for patch in patches])
    depth = np.linalg.norm(centers[:, None] - spheres[:, :3], axis=2) - spheres[:, 3]
    assert depth.min(axis=1).max() < 1e-9
    # no sphere is larger than its members ask for
    owner = nearest_patch(centers, patches)
    for number in range(count):
        assert depth[owner == number, number].max() == pytest.approx(0, abs=0.15 * spheres[number, 3])
        assert centers[owner == number].mean(axis=0) == pytest.approx(spheres[number, :3], abs=0.5)


def test_patches_in_which_one_half_has_no_gaussian_are_joined_to_their_neighbours(centers):
    halves = [Gmm(part, np.ones(len(part)), np.ones(len(part))) for part in (centers[:120], centers[120:])]
    patches = patches_of(centers, 8, LARGE, 1)
    assert held_by_all(patches, halves) == patches
    owner = nearest_patch(halves[1].centers, patches)
    fewer = held_by_all(patches, [halves[0], halves[1].subset(~np.isin(owner, (2, 5)))])
    assert fewer == [patch for number, patch in enumerate(patches) if number not in (2, 5)]
    assert len(held_by_all(patches, [halves[0], halves[1].subset(np.array([7]))])) == 1


def test_patches_repeat_with_the_seed(centers):
    first, again = (patches_of(centers, 8, LARGE, 1) for _ in range(2))
    assert all(np.array_equal(a.spheres, b.spheres) for a, b in zip(first, again))
    others = [patches_of(centers, 8, LARGE, seed) for seed in (2, 3, 4)]
    assert any(not np.array_equal(a.spheres, b.spheres) for other in others for a, b in zip(first, other))


def test_more_patches_than_gaussians_are_refused(centers):
    with pytest.raises(InputError) as caught:
        patches_of(centers, 231, LARGE, 1)
    assert str(caught.value) == "--patches 231: there are only 230 Gaussians. Ask for fewer, at most about 20."


def test_patches_that_must_be_smaller_than_a_helix_are_refused_at_once(centers, monkeypatch):
    monkeypatch.setattr(patch_geometry, "cluster", None)
    with pytest.raises(InputError, match=r"--patches 5: a patch would hold 2400 Å³ of the molecule on average, less than one "):
        patches_of(centers, 5, 12000, 1)


def test_patches_of_too_few_gaussians_are_refused(centers):
    """However large the molecule is; that is another reason than a helix's volume, and another way out."""
    with pytest.raises(InputError) as caught:
        patches_of(centers, 115, 1000 * HELIX_VOLUME, 1)
    assert str(caught.value) == (
        "--patches 115: the smallest patch would hold 1 of 230 Gaussians, expected at least 4. Ask for fewer patches, or for "
        "more Gaussians."
    )


def test_patches_smaller_than_a_helix_are_refused(centers):
    """By the volume of the molecule."""
    small = 5.1 * HELIX_VOLUME
    with pytest.raises(InputError) as caught:
        patches_of(centers, 5, small, 1)
    assert "--patches 5: the smallest patch would hold" in str(caught.value)
    assert "less than one helix (2500 Å³). Ask for fewer, at most about 2." in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(patches_of(centers, 5, 4 * small, 1)) == 5


def test_few_gaussians_are_cut_into_few_patches(centers):
    """Instead of failing on more clusters than there are points."""
    assert 1 <= len(smallest_patches(centers[::16], 16, LARGE, 1)) <= 3  # of 15 Gaussians
    assert len(smallest_patches(centers[:3], 16, LARGE, 1)) == 1


def test_smallest_patches_hold_a_helix_each(centers):
    """At most one for every two helices, fewer where one would hold less than a helix."""
    assert len(smallest_patches(centers, 50, 8 * HELIX_VOLUME, 1)) == 4
    assert len(smallest_patches(centers, 2, 8 * HELIX_VOLUME, 1)) == 2
    assert len(smallest_patches(centers, 50, 1.5 * HELIX_VOLUME, 1)) == 1
    far_away = np.full((5, 3), 500.0)  # a patch of its own however many there are, with 5 / 235 of the volume
    assert len(smallest_patches(np.concatenate([centers, far_away]), 50, 8 * HELIX_VOLUME, 1)) == 1


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
