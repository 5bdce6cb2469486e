"""Every particle's strength, from its own image and the others of its half set."""

from dataclasses import replace

import numpy as np
import pytest
import references
from molecules import BOX, PIXEL_SIZE, RADIUS, images_of, molecule
from pose_problem import noisy_images, true_projector

from gmmrefine.alignment.fisher import march
from gmmrefine.alignment.likelihood import ImageFit, ShellWeights
from gmmrefine.alignment.refiner import FisherRefiner, refine_poses
from gmmrefine.alignment.scale import Strengths, estimate_scales
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.project import ExactProjector

COUNT = 400
ONE_GROUP = np.zeros(COUNT, int)


def seen(strength, energy, rng):
    """Agreements (N,) of images whose signals have these strengths."""
    return strength * energy + np.sqrt(energy) * rng.normal(size=len(strength))


def test_strengths_are_recovered_and_their_spread_is(rng):
    strength = rng.normal(1, 0.25, COUNT)
    energy = rng.uniform(50, 400, COUNT)
    scale, spread = estimate_scales(seen(strength, energy, rng), energy, ONE_GROUP)
    assert spread == pytest.approx(0.25, rel=0.15)
    assert scale.mean() == pytest.approx(1)
    # the error left is that of the images, a little less
    assert np.sqrt(np.mean((scale - strength / strength.mean()) ** 2)) < 1.02 * np.sqrt(np.mean(1 / energy))


def test_weak_images_that_are_alike_get_one_strength(rng):
    """Their own best values scatter by 1; the prior holds them together."""
    energy = np.full(COUNT, 1.0)
    scale, spread = estimate_scales(seen(np.ones(COUNT), energy, rng), energy, ONE_GROUP)
    assert spread < 0.4 and scale.std() < 0.25
    assert (seen(np.ones(COUNT), energy, rng) / energy).std() > 0.9


def test_the_unit_of_the_reference_does_not_matter(rng):
    energy = rng.uniform(20, 60, COUNT)
    agreement = seen(rng.normal(1, 0.3, COUNT), energy, rng)
    usual, _ = estimate_scales(agreement, energy, ONE_GROUP)
    assert estimate_scales(3 * agreement, 9 * energy, ONE_GROUP)[0] == pytest.approx(usual, rel=1e-6)


def test_optics_groups_have_their_own_mean(rng):
    """Images too weak to tell their own strength take that of their group; a small group stays near all others."""
    group = np.repeat([0, 1, 2], [200, 199, 1])
    energy = np.full(COUNT, 4.0)
    scale, _ = estimate_scales(seen(np.where(group == 1, 1.6, 1.0), energy, rng), energy, group)
    assert scale[group == 1].mean() / scale[group == 0].mean() == pytest.approx(1.6, rel=0.12)
    together, _ = estimate_scales(seen(np.where(group == 1, 1.6, 1.0), energy, rng), energy, ONE_GROUP)
    assert together[group == 1].mean() / together[group == 0].mean() < 1.45


def test_images_that_say_nothing_have_none(rng):
    energy = np.full(COUNT, 50.0)
    energy[:3] = 0
    scale, _ = estimate_scales(seen(np.ones(COUNT), energy, rng), energy, ONE_GROUP)
    assert scale[:3].tolist() == [0, 0, 0] and scale[3:].min() > 0.5
    assert scale[3:].mean() == pytest.approx(1)
    assert estimate_scales(np.zeros(3), np.zeros(3), np.zeros(3, int))[0].tolist() == [0, 0, 0]


def test_strengths_are_never_below_zero(rng):
    energy = np.full(COUNT, 400.0)
    strength = np.where(np.arange(COUNT) < 8, -1.0, 1.0)
    scale, _ = estimate_scales(seen(strength, energy, rng), energy, ONE_GROUP)
    assert 0 < scale[:8].max() < 0.2


@pytest.mark.parametrize("taken_for", (None, 1.7))
def test_strength_of_images_is_their_likelihood(taken_for):
    """s a - s² e / 2 is the likelihood of a model s times as strong, whatever the particle was taken for before."""
    disc = half_disc(BOX, RADIUS)
    images, gmm = images_of(molecule(), disc, 4, 14.0), molecule()
    ring = np.arange(RADIUS + 1)
    weights = ShellWeights(0.7 + 0.02 * ring, np.where(ring >= 2, 2 / (14.0 + ring) ** 2, 0))
    batch = images.read(np.arange(4))
    if taken_for:
        batch = replace(batch, scale=np.full(4, taken_for))
    fit, projector = ImageFit(batch, disc, PIXEL_SIZE, 6), ExactProjector(gmm, disc, PIXEL_SIZE)
    agreement, energy = fit.strength(projector, weights, images.particles.rotations, images.particles.shifts)
    for number in range(4):
        model = references.image(
            gmm, disc, PIXEL_SIZE, images.particles.rotations[number], images.particles.shifts[number], images.ctf[number]
        )
        for strength in (0.5, 1.0, 2.0):
            expected = references.log_likelihood(
                images.data[number], strength * model, disc.ring, weights.scale, weights.precision
            )
            assert strength * agreement[number] - strength**2 * energy[number] / 2 == pytest.approx(expected, rel=1e-3)


def test_poses_of_images_of_other_strengths_are_found_with_them():
    """Strengths found along with the poses are those of the signals."""
    images = noisy_images()
    count = len(images.particles)
    strength = np.random.default_rng(4).uniform(0.4, 1.8, count)
    clean = images_of(molecule(), images.disc, count).data
    changed = replace(images, data=images.data + (strength - 1)[:, None] * clean)
    projector = true_projector(images)
    refiner = FisherRefiner(projector, np.ones(images.disc.radius + 1), march(images.disc.radius, [0.5, 1.0]))
    strengths = Strengths(count)
    poses = images.particles.rotations, images.particles.shifts
    refine_poses([refiner], changed, 64, [poses], np.random.default_rng(1), strengths=strengths)
    scale, _ = strengths.most_probable(np.zeros(count, int))
    assert np.corrcoef(scale, strength)[0, 1] > 0.9
    assert np.polyfit(strength, scale * strength.mean(), 1)[0] == pytest.approx(1, abs=0.15)
