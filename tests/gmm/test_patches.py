"""Patches of a molecule: clusters of Gaussian centres and the soft spheres that cover them."""

import numpy as np
import pytest
from molecules import molecule

from gmmrefine.errors import InputError
from gmmrefine.gmm.patches import (
    HELIX_VOLUME,
    Patch,
    cluster,
    is_patch_too_small,
    most_patches,
    nearest_patch,
    sphere_around,
)

BOX, PIXEL_SIZE = 32, 2.0
PLACES = np.array([[-40.0, 5, 0], [-12.0, -20, 10], [14.0, 20, 10], [45.0, 0, 0]])  # x, y, z in Å


@pytest.fixture
def clumps(rng):
    """Four clumps of 20, 30, 40 and 50 points, mixed, and to which one each belongs."""
    owner = rng.permutation(np.repeat(np.arange(4), [20, 30, 40, 50]))
    return PLACES[owner] + rng.normal(0, 2.0, (len(owner), 3)), owner


def grid(pixel_size=PIXEL_SIZE):
    """Places (Z, Y, X, 3) of all voxels in Å from the box centre."""
    axis = (np.arange(BOX) - BOX // 2) * pixel_size
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    return np.stack([x, y, z], axis=-1)


@pytest.mark.parametrize("seed", (0, 1, 7))
def test_clumps_are_found_and_numbered_along_the_molecule(clumps, seed):
    centers, owner = clumps
    labels = cluster(centers, 4, seed)
    assert labels.shape == (140,) and sorted(np.bincount(labels)) == [20, 30, 40, 50]
    assert all(len(np.unique(labels[owner == number])) == 1 for number in range(4))
    places = [centers[labels == number, 0].mean() for number in range(4)]  # the longest axis is x
    assert places == sorted(places) or places == sorted(places, reverse=True)
    assert {labels[owner == 0][0], labels[owner == 3][0]} == {0, 3}


def test_a_seed_gives_the_same_clusters():
    """Of a molecule without clumps, where another seed cuts elsewhere."""
    centers = molecule(200).centers
    first = cluster(centers, 8, 1)
    assert np.array_equal(cluster(centers, 8, 1), first) and np.array_equal(np.unique(first), np.arange(8))
    assert any((cluster(centers, 8, seed) != first).any() for seed in (2, 3, 4))


def test_any_seed_will_do():
    """Also the time of day in seconds, which ten starts make too large for the generator of K-means."""
    centers = molecule(40).centers
    assert np.array_equal(np.unique(cluster(centers, 3, 1764320000)), np.arange(3))


def spread_of(centers, labels):
    """Sum of squared distances from the clusters' means, Å²."""
    return sum(((centers[labels == number] - centers[labels == number].mean(axis=0)) ** 2).sum() for number in set(labels))


def k_means(centers, count, rng):
    """Clusters of one start, as Lloyd does it."""
    means = centers[rng.permutation(len(centers))[:count]]
    for _ in range(50):
        labels = np.array([np.argmin([((point - mean) ** 2).sum() for mean in means]) for point in centers])
        means = np.array([centers[labels == number].mean(axis=0) for number in range(count)])
    return labels


@pytest.mark.parametrize("count, starts", ((1, 1), (2, 2), (3, 4), (8, 12)))
def test_clusters_are_as_tight_as_the_best_of_many_starts(count, starts, rng):
    centers = molecule(100).centers
    best = min(spread_of(centers, k_means(centers, count, rng)) for _ in range(starts))
    for seed in (1, 2, 3):
        labels = cluster(centers, count, seed)
        assert np.array_equal(np.unique(labels), np.arange(count))
        assert spread_of(centers, labels) < 1.02 * best


@pytest.mark.filterwarnings("ignore")
def test_more_clusters_than_there_are_places_are_refused():
    centers = np.repeat([[0.0, 0, 0], [10.0, 0, 0]], 5, axis=0)
    assert np.bincount(cluster(centers, 2, 1)).tolist() == [5, 5]
    with pytest.raises(InputError) as caught:
        cluster(centers, 3, 1)
    assert str(caught.value).startswith("--patches 3: the 10 Gaussians do not fall into so many clusters")


def test_the_sphere_reaches_the_farthest_member(rng):
    points = rng.normal(0, 8.0, (50, 3)) + [10.0, -5.0, 3.0]
    *center, radius = sphere_around(points)
    assert center == pytest.approx(points.sum(axis=0) / 50)
    distances = [np.sqrt(((point - center) ** 2).sum()) for point in points]
    assert radius == pytest.approx(max(distances))
    assert sphere_around(points[:1]) == pytest.approx([*points[0], 0.0])


@pytest.mark.parametrize("pixel_size", (2.0, 3.0))
def test_the_edge_is_5_px_beyond_the_sphere(pixel_size):
    patch = Patch(np.array([[3.0, -4.0, 6.0, 12.0]]))
    mask = patch.mask(BOX, pixel_size, 5.0)
    outside = (np.linalg.norm(grid(pixel_size) - [3.0, -4.0, 6.0], axis=-1) - 12.0) / (5 * pixel_size)
    assert mask == pytest.approx(0.5 + 0.5 * np.cos(np.pi * np.clip(outside, 0, 1)), abs=1e-5)
    assert (mask[outside <= 0] == 1).all() and (mask[outside >= 1] == 0).all()


def test_a_patch_of_several_spheres_is_their_union():
    """Also where one lies far from the others; never above 1 where they overlap."""
    spheres = np.array([[-16.0, 0, 0, 8.0], [-10.0, 4, 0, 8.0], [18.0, 0, -4, 6.0]])
    mask = Patch(spheres).mask(BOX, PIXEL_SIZE, 3.0)
    single = [Patch(sphere[None]).mask(BOX, PIXEL_SIZE, 3.0) for sphere in spheres]
    nearest = np.min([np.linalg.norm(grid() - sphere[:3], axis=-1) - sphere[3] for sphere in spheres], axis=0)
    assert (mask[nearest <= 0] == 1).all() and (mask[nearest >= 3 * PIXEL_SIZE] == 0).all()
    assert mask == pytest.approx(np.maximum(np.maximum(*single[:2]), single[2])) and mask.max() == 1
    assert (mask == 1).sum() > max((part == 1).sum() for part in single)


def test_the_nearest_patch_is_that_of_the_nearest_sphere_centre(rng):
    """However large the spheres are."""
    patches = [Patch(np.array([[-20.0, 0, 0, 50.0], [30.0, 0, 0, 5.0]])), Patch(np.array([[10.0, 0, 0, 1.0]]))]
    points = np.array([[-21.0, 0, 0], [11.0, 3, 3], [29.0, 0, 0], [19.0, 0, 0], [21.0, 0, 0], [-4.0, 0, 0], [-6.0, 0, 0]])
    assert nearest_patch(points, patches).tolist() == [0, 1, 0, 1, 0, 1, 0]
    for point in rng.normal(0, 30.0, (20, 3)):
        distances = [min(np.linalg.norm(point - sphere[:3]) for sphere in patch.spheres) for patch in patches]
        assert nearest_patch(point[None], patches)[0] == np.argmin(distances)


def test_a_patch_holds_at_least_one_helix():
    """By its share of the Gaussians in the volume of the molecule."""
    labels = np.repeat([0, 1], [30, 10])
    assert not is_patch_too_small(labels, 4.0 * HELIX_VOLUME) and is_patch_too_small(labels, 3.9 * HELIX_VOLUME)


def test_a_patch_holds_at_least_4_gaussians():
    assert not is_patch_too_small(np.repeat([0, 1, 2], [8, 8, 4]), 100 * HELIX_VOLUME)
    assert is_patch_too_small(np.repeat([0, 1, 2], [8, 8, 3]), 100 * HELIX_VOLUME)


@pytest.mark.parametrize("helices, count", ((0.5, 1), (2.0, 1), (3.9, 1), (4.0, 2), (33.0, 16)))
def test_a_molecule_holds_patches_of_two_helices(helices, count):
    assert most_patches(helices * HELIX_VOLUME) == count
