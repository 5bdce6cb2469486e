"""Where Gaussians start and how many there are."""

import numpy as np
import pytest
import references
from molecules import molecule

from gmmrefine.errors import InputError
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.seed import automatic_count, molecule_voxels, seed_gaussians

BOX, PIXEL_SIZE, RESOLUTION = 24, 2.0, 8.0


@pytest.fixture(scope="module")
def volume():
    return references.gaussian_map(molecule(20), BOX, PIXEL_SIZE)


def test_number_grows_with_the_volume_and_the_cube_of_resolution():
    count = automatic_count(1e5, 8.0)
    assert automatic_count(4e5, 8.0) == pytest.approx(4 * count, abs=4)
    assert automatic_count(1e5, 4.0) == pytest.approx(8 * count, abs=8)
    # nearest neighbours at 0.65 of the resolution, the paper's choice being the resolution itself
    assert count == pytest.approx(1e5 * (0.85 / (0.65 * 8.0)) ** 3, abs=1)


def test_number_has_limits():
    assert automatic_count(1e5, 1.0) == automatic_count(1e5, 1.9)  # no finer than a bond
    assert automatic_count(10.0, 20.0) == 8


def test_voxels_of_the_molecule(volume):
    mask = np.zeros_like(volume)
    mask[:, :, 12:] = 1
    threshold = 0.3 * volume.max()
    voxels = molecule_voxels(volume, None, threshold)
    assert len(voxels) == np.sum(volume > threshold)
    assert np.all(volume[tuple(voxels.T)] > threshold)
    masked = molecule_voxels(volume, mask, threshold)
    assert len(masked) == np.sum(volume[:, :, 12:] > threshold) and masked[:, 2].min() >= 12


def test_empty_threshold_is_refused(volume):
    text = r"no voxel lies above the threshold 9 inside the mask: the map's largest density is \d"
    with pytest.raises(InputError, match=text):
        molecule_voxels(volume, None, 9.0)
    with pytest.raises(InputError, match="no voxel"):
        molecule_voxels(volume, np.zeros_like(volume), 0.1)


def test_seeds_lie_on_the_molecule(volume, rng):
    threshold = 0.3 * volume.max()
    voxels = molecule_voxels(volume, None, threshold)
    gmm = seed_gaussians(volume, voxels, 25, PIXEL_SIZE, RESOLUTION, rng)
    assert len(gmm) == 25
    # a centre of mass of voxels of the molecule is never far from one of them
    where = (voxels[:, ::-1] - BOX // 2) * PIXEL_SIZE
    nearest = np.linalg.norm(gmm.centers[:, None] - where, axis=2).min(axis=1)
    assert nearest.max() <= PIXEL_SIZE
    assert np.ptp(gmm.amplitudes) == 0 and gmm.widths == pytest.approx(0.28 * RESOLUTION)
    # spread over all of it
    farthest = np.linalg.norm(gmm.centers[:, None] - where, axis=2).min(axis=0).max()
    assert farthest < 10


def test_seeds_of_separate_blobs_are_their_centres(rng):
    """Three blobs and three seeds, each axis told from the others."""
    blobs = Gmm(np.array([[12.0, 0, 0], [0, -12, 4], [-8, 6, -12]]), np.ones(3), np.full(3, 2.5))
    volume = references.gaussian_map(blobs, BOX, PIXEL_SIZE)
    voxels = molecule_voxels(volume, None, 0.3)
    best = min(
        (seed_gaussians(volume, voxels, 3, PIXEL_SIZE, RESOLUTION, rng) for _ in range(5)),
        key=lambda gmm: np.linalg.norm(gmm.centers[:, None] - blobs.centers, axis=2).min(axis=1).max(),
    )
    order = [int(np.argmin(np.linalg.norm(best.centers - center, axis=1))) for center in blobs.centers]
    assert sorted(order) == [0, 1, 2]
    assert best.centers[order] == pytest.approx(blobs.centers, abs=0.1)


def test_the_same_seed_gives_the_same_gaussians(volume):
    voxels = molecule_voxels(volume, None, 0.3 * volume.max())
    first, again, other = (
        seed_gaussians(volume, voxels, 10, PIXEL_SIZE, RESOLUTION, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(first.centers, again.centers) and not np.array_equal(first.centers, other.centers)


def test_width_is_never_below_half_a_pixel(volume, rng):
    voxels = molecule_voxels(volume, None, 0.3 * volume.max())
    assert seed_gaussians(volume, voxels, 10, PIXEL_SIZE, 1.0, rng).widths.tolist() == [1.0] * 10


def test_seeds_may_be_closer_than_a_voxel_but_not_all_of_them(volume, rng):
    voxels = molecule_voxels(volume, None, 0.3 * volume.max())[:10]
    where = (voxels[:, ::-1] - BOX // 2) * PIXEL_SIZE
    for count in (9, 10, 11, 10**8):
        gmm = seed_gaussians(volume, voxels, count, PIXEL_SIZE, RESOLUTION, rng)
        assert len(gmm) == min(count, 40) == len(np.unique(gmm.centers, axis=0))
        assert np.linalg.norm(gmm.centers[:, None] - where, axis=2).min(axis=1).max() <= PIXEL_SIZE
