"""Patches that move rigidly together: how probable regions make images, and how many regions that gives."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from gmmrefine.alignment.motion_prior import most_probable_covariance, wide_covariance
from gmmrefine.alignment.rigid_regions import (
    PatchMotions,
    Regions,
    close_patches,
    displacement_moment,
    evidence,
    joined_step_by_step,
    log_probability,
    most_probable_shares,
    relative_displacement,
    two_joined,
)

PARTICLES = 150
HINGES = np.array([[30.0, 0, 0], [-30.0, 10, 0], [0, 35.0, 5.0], [0, -30.0, 20.0]])  # Å
AXES = np.array([[0, 0, 1.0], [0, 1.0, 0], [1.0, 0, 0], [0.6, 0.8, 0]])
ACCURACY = np.array([np.radians(3.0)] * 3 + [2.0] * 3)  # of a small patch alone: rad and Å
OVERLAP = 0.3  # of what two patches change in the images


def hinge(number, angle_deg=6.0):
    """Covariance (6, 6) of turns about a hinge, with a little of everything else."""
    direction = np.concatenate([AXES[number], np.cross(HINGES[number], AXES[number])])
    jitter = np.diag([np.radians(0.5) ** 2] * 3 + [0.3**2] * 3)
    return np.radians(angle_deg) ** 2 * np.outer(direction, direction) + jitter


def places(count):
    """Points of every patch, (20, 3) Å each, some 10 Å wide."""
    rng = np.random.default_rng(3)
    return [rng.normal(rng.normal(0, 25, 3), 5, (20, 3)) for _ in range(count)]


def motions_of(pull, information):
    """Motions told by images of as many particles."""
    return PatchMotions(pull, information, np.arange(len(pull)))


def measured(owner, covariances, seed, count=PARTICLES, accuracy=ACCURACY):
    """Motions of patches as images would tell them, each with the motion of the region ``owner`` (P,) names."""
    rng = np.random.default_rng(seed)
    patches, size = len(owner), 6 * len(owner)
    motions = np.array([rng.multivariate_normal(np.zeros(6), covariance, count) for covariance in covariances])
    true = motions[owner].transpose(1, 0, 2).reshape(count, size)
    # samples that one patch changes alone, and some that all patches change
    slopes = np.concatenate(
        [np.tile(np.eye(size), (count, 1, 1)), rng.normal(0, np.sqrt(OVERLAP / size), (count, size, size))], axis=1
    )
    slopes = slopes / np.tile(accuracy, patches)
    samples = np.einsum("nki,ni->nk", slopes, true) + rng.normal(size=(count, 2 * size))
    information = np.einsum("nki,nkj->nij", slopes, slopes)
    pull = np.einsum("nki,nk->ni", slopes, samples)
    return motions_of(pull.reshape(count, patches, 6), information.reshape(count, patches, 6, patches, 6))


def as_sets(regions):
    return {frozenset(region) for region in regions}


def whole_shares(owner):
    """Shares (P, R) of patches that belong to one region each, which ``owner`` (P,) names."""
    return np.eye(max(owner) + 1)[owner]


def test_probability_is_that_of_the_samples(rng):
    """Of Gaussian motions seen through a matrix, under noise; relative to no motion."""
    slopes, covariance = rng.normal(size=(9, 4)), np.diag([0.5, 2.0, 1.0, 0.1]) + 0.05
    samples = rng.normal(0, 2, (7, 9))
    with_motion = multivariate_normal(np.zeros(9), slopes @ covariance @ slopes.T + np.eye(9)).logpdf(samples)
    without = multivariate_normal(np.zeros(9), np.eye(9)).logpdf(samples)
    found = log_probability(samples @ slopes, np.tile(slopes.T @ slopes, (7, 1, 1)), covariance)
    assert found == pytest.approx(with_motion - without, abs=1e-8)


def test_regions_say_what_their_patches_say(rng):
    """When each patch makes its shares of their motions."""
    motions = measured([0, 1, 0, 2], [hinge(0), hinge(1), hinge(2)], seed=1, count=5)
    shares = np.array([[0.7, 0.3, 0], [0, 1, 0], [1, 0, 0], [0.1, 0.4, 0.5]])
    pull, information = motions.of_regions(shares)
    assert pull.shape == (5, 18) and information.shape == (5, 18, 18)
    moves = rng.normal(size=(3, 6))
    linear = np.einsum("npi,pi->n", motions.pull, shares @ moves)
    square = np.einsum("pi,npiqj,qj->n", shares @ moves, motions.information, shares @ moves)
    assert pull @ moves.ravel() == pytest.approx(linear)
    assert np.einsum("i,nij,j->n", moves.ravel(), information, moves.ravel()) == pytest.approx(square)


def test_a_patch_belongs_to_the_region_it_shares_most_in():
    shares = np.array([[0.9, 0.1, 0, 0], [0.3, 0, 0.7, 0], [0.6, 0.4, 0, 0], [0.2, 0, 0.1, 0.7]])
    assert Regions(shares, np.eye(24)).members() == [[0, 2], [1], [3]]


def test_relative_displacement_is_that_of_moved_points(rng):
    shapes = [rng.normal(0, 10, (15, 3)) + [20, 0, 0], rng.normal(0, 4, (25, 3)), rng.normal(0, 6, (10, 3)) - [0, 30, 0]]
    roots = rng.normal(size=(18, 18)) * np.tile([0.02] * 3 + [1.0] * 3, 3)[:, None]
    found = relative_displacement(roots @ roots.T, np.array([displacement_moment(points) for points in shapes]))
    motions = (rng.normal(size=(20000, 18)) @ roots.T).reshape(-1, 3, 6)
    assert found == pytest.approx(found.T) and found.diagonal() == pytest.approx(0, abs=1e-9)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        apart = motions[:, one] - motions[:, other]
        expected = np.mean(
            [
                np.mean(np.sum((np.cross(apart[:, None, :3], shapes[patch]) + apart[:, None, 3:]) ** 2, axis=2))
                for patch in (one, other)
            ]
        )
        assert found[one, other] == pytest.approx(expected, rel=0.05)


SQUARES = 10 - np.array(
    [[10, 5, 1, 0, 0, 0], [5, 10, 2, 0, 0, 0], [1, 2, 10, 0, 0, 0], [0, 0, 0, 10, 4, 0], [0, 0, 0, 4, 10, 0], [0] * 5 + [10.0]]
)
JOINED = {
    1: [[0, 1, 2, 3, 4, 5]],
    3: [[0, 1, 2], [3, 4], [5]],
    4: [[0, 1], [2], [3, 4], [5]],
    5: [[0, 1], [2], [3], [4], [5]],
    6: [[0], [1], [2], [3], [4], [5]],
}


@pytest.mark.parametrize("count", JOINED)
def test_close_patches_are_joined_by_the_mean_of_displacements(count):
    given = SQUARES.copy()
    shares = close_patches(given, count)
    assert shares.shape == (6, count) and as_sets(Regions(shares, None).members()) == as_sets(JOINED[count])
    assert np.array_equal(given, SQUARES)


def test_one_close_neighbour_does_not_decide():
    """Patch 2 is closest to patch 1, but on the whole closer to 3 and 4."""
    squares = 10.0 - np.array([[10, 9, 0, 0, 0], [9, 10, 6, 0, 0], [0, 6, 10, 4, 4], [0, 0, 4, 10, 9], [0, 0, 4, 9, 10]])
    assert as_sets(Regions(close_patches(squares, 2), None).members()) == as_sets([[0, 1], [2, 3, 4]])


def test_what_a_joined_region_does_is_told_by_the_better_seen():
    """The common motion is the mean of both, weighted by what the images say of each; other regions keep theirs."""
    rng = np.random.default_rng(2)
    root = rng.normal(size=(18, 18))
    information = np.zeros((3, 6, 3, 6))
    for region, known in enumerate((1.0, 5.0, 3.0)):
        information[region, :, region] = known * np.eye(6)
    sums = np.array([[0, 1.0], [1, 0], [0, 1]])
    found = Regions(np.eye(3), root @ root.T).joined(sums, information)
    mean = np.kron([[0, 1, 0], [0.25, 0, 0.75]], np.eye(6))
    assert np.array_equal(found.shares, sums) and found.covariance == pytest.approx(mean @ root @ root.T @ mean.T)


def test_covariance_of_a_region():
    """Four patches together tell a hinge; searched from what the patches said, or from far away."""
    motions = measured([0, 0, 0, 0], [hinge(2)], seed=3, count=400)
    found = joined_step_by_step(motions, places(4))[0]
    assert found.shares == pytest.approx(np.ones((4, 1)))
    weight = np.outer(*[[40.0] * 3 + [1.0] * 3] * 2)
    assert np.linalg.norm((found.covariance - hinge(2)) * weight) < 0.15 * np.linalg.norm(hinge(2) * weight)
    far = most_probable_covariance(*motions.of_regions(found.shares), wide_covariance(1))
    assert np.linalg.norm((found.covariance - far) * weight) < 0.03 * np.linalg.norm(far * weight)


def test_bodies_that_move_against_each_other():
    """Global poses follow the whole molecule: what turns one body to the left turns the other to the right."""
    rng = np.random.default_rng(8)
    true = np.block([[hinge(0), -hinge(0) / 2], [-hinge(0) / 2, hinge(0)]])
    motions = rng.multivariate_normal(np.zeros(12), true, 400)
    precision = np.tile(ACCURACY**-2, 2)
    pull = precision * (motions + rng.normal(size=motions.shape) / np.sqrt(precision))
    found = most_probable_covariance(pull, np.tile(np.diag(precision), (400, 1, 1)), wide_covariance(2))
    weight = np.tile([40.0] * 3 + [1.0] * 3, 2)
    assert np.linalg.norm((found - true) * np.outer(weight, weight)) < 0.15 * np.linalg.norm(true * np.outer(weight, weight))


PLANTED = {1: np.zeros(6, int), 2: np.array([0, 1, 0, 0, 1, 1]), 4: np.array([2, 0, 3, 1, 0, 1, 3, 2])}


@pytest.fixture(scope="module", params=sorted(PLANTED))
def planted(request):
    """Two half sets of a molecule of 1, 2 or 4 rigid regions, the region of every patch, and the evidence."""
    owner = PLANTED[request.param]
    covariances = [hinge(number) for number in range(request.param)]
    halves = [measured(owner, covariances, seed) for seed in (10, 11)]
    return halves, owner, evidence(halves, places(len(owner)))


def test_planted_regions_are_recovered(planted):
    _, owner, (curve, error, regions) = planted
    count = owner.max() + 1
    assert curve.shape == error.shape == (len(owner),)
    assert error[count - 1] == 0 and (np.delete(error, count - 1) > 0).all()
    assert as_sets(regions) == as_sets(np.flatnonzero(owner == number) for number in range(count))


def test_evidence_is_judged_both_ways():
    """Neither half set comes first."""
    halves = [measured(np.array([0, 1, 0]), [hinge(0), hinge(1)], seed, count=100) for seed in (10, 11)]
    curve, error, regions = evidence(halves, places(3))
    swapped = evidence(halves[::-1], places(3))
    assert swapped[0] == pytest.approx(curve) and swapped[1] == pytest.approx(error)
    assert as_sets(swapped[2]) == as_sets(regions) == as_sets([[0, 2], [1]])


def test_evidence_is_the_probability_of_the_half_that_was_not_learned_from(planted):
    halves, owner, (curve, _, _) = planted
    found = [joined_step_by_step(half, places(len(owner))) for half in halves]
    for number in (1, len(owner) // 2):
        expected = [
            log_probability(*judged.of_regions(regions[number - 1].shares), regions[number - 1].covariance)
            for regions, judged in zip(found, halves[::-1])
        ]
        assert curve[number - 1] == pytest.approx(np.concatenate(expected).mean())


def with_motions(motions, accuracy):
    """Motions (N, P, 6) of patches as images would tell them, with an accuracy (P,) of each, as a multiple of ACCURACY."""
    rng = np.random.default_rng(4)
    precision = (np.asarray(accuracy)[:, None] * ACCURACY).ravel() ** -2
    motions = motions.reshape(len(motions), -1)
    pull = precision * (motions + rng.normal(size=motions.shape) / np.sqrt(precision))
    patches = len(accuracy)
    information = np.tile(np.diag(precision), (len(motions), 1, 1)).reshape(-1, patches, 6, patches, 6)
    return motions_of(pull.reshape(-1, patches, 6), information)


def test_regions_are_joined_step_by_step():
    """Patches 0 and 1 move as one, 2 half as they do, 3 by itself."""
    covariance = np.kron(np.eye(3), hinge(0))
    covariance[12:, 12:] = hinge(2, 9.0)
    covariance[6:12, :6] = covariance[:6, 6:12] = 0.5 * hinge(0)
    true = np.random.default_rng(4).multivariate_normal(np.zeros(18), covariance, 200).reshape(200, 3, 6)[:, [0, 0, 1, 2]]
    found = joined_step_by_step(with_motions(true, np.ones(4)), places(4))
    assert [as_sets(regions.members()) for regions in found] == [
        as_sets([[0, 1, 2, 3]]),
        as_sets([[0, 1, 2], [3]]),
        as_sets([[0, 1], [2], [3]]),
        as_sets([[0], [1], [2], [3]]),
    ]


def test_the_two_are_joined_that_cost_least_probability_not_those_that_move_least():
    """Patches 0 and 1 move little against each other, but clearly; what 2 and 3 seem to do apart is noise."""
    rng, little = np.random.default_rng(5), hinge(3, 2.0)
    common = rng.multivariate_normal(np.zeros(6), hinge(0), (300, 2))
    true = common[:, [0, 0, 1, 1]]
    true[:, 1] += rng.multivariate_normal(np.zeros(6), little, 300)
    motions = with_motions(true, [0.2, 0.2, 3, 3])
    covariance = np.kron(np.kron(np.eye(2), np.ones((2, 2))), hinge(0))
    covariance[6:12, 6:12] += little
    covariance[18:, 18:] += 12 * little
    moments = np.array([displacement_moment(points) for points in places(4)])
    squares = relative_displacement(covariance, moments)
    assert squares[0, 1] < 0.5 * squares[2, 3]
    found = two_joined(motions, Regions(np.eye(4), covariance), moments)
    assert as_sets(found.members()) == as_sets([[0], [1], [2, 3]]) and found.covariance.shape == (18, 18)


def across_borders(seed, accuracy):
    """Six patches of two pieces each; patches 1 and 2 have a piece of each of the regions beside them."""
    pieces = measured(
        np.array([0, 0, 0, 1, 1, 2, 1, 1, 2, 2, 2, 2]), [hinge(0), hinge(1), hinge(2)], seed, 300, accuracy * ACCURACY
    )
    pull, information = pieces.of_regions(np.repeat(np.eye(6), 2, axis=0))
    return motions_of(pull.reshape(-1, 6, 6), information.reshape(-1, 6, 6, 6, 6))


@pytest.mark.parametrize("seed, accuracy", ((20, 1), (30, 4)))
def test_patches_across_a_border_are_no_regions(seed, accuracy):
    """Whether the images show their motions clearly or hardly at all."""
    halves = [across_borders(seed + number, accuracy) for number in (0, 1)]
    curve, _, regions = evidence(halves, places(6))
    assert len(regions) == 3, curve
    assert {frozenset(region) - {1, 2} for region in regions} == {frozenset([0]), frozenset([3]), frozenset([4, 5])}
    shares = joined_step_by_step(halves[0], places(6))[2].shares
    assert shares[:, shares[[0, 3, 4]].argmax(axis=1)] == pytest.approx(
        np.array([[1, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0.5], [0, 1, 0], [0, 0, 1], [0, 0, 1]]),
        abs=0.15 if accuracy == 1 else 0.35,
    )


def test_shares_make_images_more_probable():
    motions = across_borders(3, 2)
    shares, covariance = whole_shares([0, 0, 1, 1, 2, 2]), np.kron(np.eye(3), hinge(0) + hinge(1) + hinge(2))
    before = -np.inf
    for _ in range(4):
        value = log_probability(*motions.of_regions(shares), covariance).mean()
        assert value > before
        before, shares = value, most_probable_shares(motions, shares, covariance)
        assert (shares >= 0).all() and shares.sum(axis=1) == pytest.approx(1)


def neighbours(seed, count=40):
    """Three patches, the outer two of two regions, the middle one half and half; samples see what neighbours do together."""
    rng = np.random.default_rng(seed)
    slopes = rng.normal(size=(count, 60, 3, 6)) / ACCURACY
    slopes = slopes + 0.3 * slopes[:, :, [1, 2, 1]]
    regions = np.stack([rng.multivariate_normal(np.zeros(6), hinge(number), count) for number in (0, 1)], axis=1)
    true = np.einsum("pr,nri->npi", [[1, 0], [0.5, 0.5], [0, 1]], regions)
    samples = np.einsum("nkpi,npi->nk", slopes, true) + rng.normal(size=(count, 60))
    return motions_of(np.einsum("nkpi,nk->npi", slopes, samples), np.einsum("nkpi,nkqj->npiqj", slopes, slopes, optimize=True))


def test_shares_are_the_best_of_what_patches_do_together():
    """Against all shares in steps of 0.05, by the expected log-likelihood of the three patches' motions at once."""
    motions, shares, covariance = neighbours(3), whole_shares([0, 0, 1]), np.kron(np.eye(2), hinge(0) + hinge(1))
    pull, information = motions.of_regions(shares)
    left = np.linalg.inv(information + np.linalg.inv(covariance))
    mean = np.einsum("nij,nj->ni", left, pull)
    squares = (left + mean[:, :, None] * mean[:, None]).reshape(-1, 2, 6, 2, 6)
    linear = np.einsum("npi,nri->pr", motions.pull, mean.reshape(-1, 2, 6))
    square = np.einsum("npiqj,nrisj->prqs", motions.information, squares, optimize=True)

    def expected(given):
        return np.sum(given * linear) - 0.5 * np.einsum("pr,prqs,qs->", given, square, given)

    tried = [np.array([[one, 1 - one] for one in row]) for row in product(np.linspace(0, 1, 21), repeat=3)]
    best = max(tried, key=expected)
    assert most_probable_shares(motions, shares, covariance) == pytest.approx(best, abs=0.06)


@pytest.mark.parametrize("seed", (20, 30, 40))
def test_a_rigid_molecule_is_one_region(seed):
    """Whose patches do not move against the global poses; there is nothing that more regions could explain."""
    curve, _, regions = evidence(
        [measured(np.zeros(6, int), [np.zeros((6, 6))], seed + half, count=100) for half in (0, 1)], places(6)
    )
    assert regions == [list(range(6))] and abs(curve[0]) < 0.5


def test_no_more_regions_than_eight_are_tried():
    owner = np.repeat([0, 1, 2], [6, 3, 1])
    halves = [measured(owner, [hinge(0), hinge(1), hinge(3)], seed, count=100) for seed in (14, 15)]
    curve, _, regions = evidence(halves, places(10))
    assert len(curve) == 8
    assert as_sets(regions) == {frozenset(range(6)), frozenset([6, 7, 8]), frozenset([9])}


def test_one_patch_is_one_region():
    halves = [measured(np.zeros(1, int), [hinge(0)], seed, count=20) for seed in (1, 2)]
    curve, error, regions = evidence(halves, places(1))
    assert regions == [[0]] and len(curve) == 1 and error == [0]


@pytest.mark.parametrize("count", (2, 3, 4))
def test_patches_that_all_move_apart(count):
    halves = [measured(np.arange(count), [hinge(number) for number in range(count)], seed, count=150) for seed in (16, 17)]
    assert len(evidence(halves, places(count))[2]) == count


def test_copies_of_a_particle_make_nothing_more_certain():
    """The same images thrice, marked as copies: the same curve with the same errors."""
    owner = np.array([0, 0, 1, 1])
    halves = [measured(owner, [hinge(0), hinge(1)], seed, 100) for seed in (40, 41)]
    thrice = [
        PatchMotions(*(np.repeat(part, 3, axis=0) for part in (half.pull, half.information, half.parent))) for half in halves
    ]
    curve, error, regions = evidence(halves, places(4))
    again, same_error, same_regions = evidence(thrice, places(4))
    assert again == pytest.approx(curve, rel=1e-6) and same_error == pytest.approx(error, rel=1e-6)
    assert error.max() > 0 and same_regions == regions
