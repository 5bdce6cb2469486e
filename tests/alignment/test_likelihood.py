"""Likelihood of poses, its slope and its curvature, against sums and finite differences in double precision."""

from dataclasses import replace

import numpy as np
import pytest
import references
from molecules import BOX, PIXEL_SIZE, RADIUS, images_of, molecule, turned
from scipy.spatial.transform import Rotation

from gmmrefine.alignment.likelihood import ImageFit, ShellWeights, weights_from_sums
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.project import ExactProjector, SliceProjector
from gmmrefine.particles.images import ImageBatch
from gmmrefine.particles.particle_set import CTF_PHASE_FLIPPED, CTF_PREMULTIPLIED

COUNT, SIZE = 6, 8
NOISE = 14.0
RING = np.arange(RADIUS + 1)
WEIGHTS = ShellWeights(0.7 + 0.02 * RING, np.where(RING >= 2, 2 / (NOISE + 2.0 * RING) ** 2, 0))


@pytest.fixture(scope="module")
def disc():
    return half_disc(BOX, RADIUS)


@pytest.fixture(scope="module")
def gmm():
    return molecule()


@pytest.fixture(scope="module")
def images(gmm, disc):
    return images_of(gmm, disc, COUNT, NOISE)


@pytest.fixture(scope="module")
def projector(gmm, disc):
    return ExactProjector(gmm, disc, PIXEL_SIZE)


@pytest.fixture(scope="module")
def poses(images):
    """Some degrees and Å off the truth, where the slope is not small."""
    rng = np.random.default_rng(11)
    particles = images.particles
    return turned(particles.rotations, 4.0, rng), particles.shifts + rng.normal(0, 1.0, (COUNT, 2))


@pytest.fixture(scope="module")
def fit(images, disc):
    return ImageFit(images.read(np.arange(COUNT)), disc, PIXEL_SIZE, SIZE)


@pytest.fixture(scope="module")
def normal_equations(fit, projector, poses):
    return fit.normal_equations(projector, WEIGHTS, *poses)


def model_image(gmm, images, number, rotation, shift):
    return references.image(gmm, images.disc, PIXEL_SIZE, rotation, shift, images.ctf[number])


def likelihood(gmm, images, number, rotation, shift, weights=WEIGHTS):
    model = model_image(gmm, images, number, rotation, shift)
    return references.log_likelihood(images.data[number], model, images.disc.ring, weights.scale, weights.precision)


def moved(rotation, shift, step):
    return Rotation.from_rotvec(step[:3]).as_matrix() @ rotation, shift + step[3:]


def test_value_equals_the_gaussian_likelihood(normal_equations, fit, projector, gmm, images, poses):
    """Written as the drop in squared distance; the samples' common constant is left out."""
    expected = [likelihood(gmm, images, number, *pose) for number, pose in enumerate(zip(*poses))]
    value = fit.value(projector, WEIGHTS, *poses)
    assert value.shape == (COUNT,)
    assert value == pytest.approx(expected, rel=1e-4)
    assert normal_equations[0] == pytest.approx(expected, rel=1e-4)


def test_gradient_equals_finite_differences(normal_equations, gmm, images, poses):
    """In R → exp(ω) R and in the shift in Å."""
    gradient = normal_equations[1]
    assert gradient.shape == (COUNT, 5)
    for axis in range(5):
        step = np.zeros(5)
        step[axis] = 1e-4
        for number, (rotation, shift) in enumerate(zip(*poses)):
            ahead, behind = (likelihood(gmm, images, number, *moved(rotation, shift, sign * step)) for sign in (1, -1))
            scale = np.abs(gradient[:, axis]).max()
            assert gradient[number, axis] == pytest.approx((ahead - behind) / 2e-4, abs=1e-3 * scale), axis


def test_information_is_the_squared_slope_of_the_model_image(normal_equations, gmm, images, poses, disc):
    information = normal_equations[2]
    assert information.shape == (COUNT, 5, 5)
    assert np.abs(information - np.swapaxes(information, 1, 2)).max() < 1e-5 * information.max()
    root = np.sqrt(WEIGHTS.precision) * WEIGHTS.scale
    for number, (rotation, shift) in enumerate(zip(*poses)):
        slopes = []
        for axis in range(5):
            step = np.zeros(5)
            step[axis] = 1e-4
            ahead, behind = (model_image(gmm, images, number, *moved(rotation, shift, sign * step)) for sign in (1, -1))
            slopes.append(root[disc.ring] * (ahead - behind) / 2e-4)
        expected = np.real(np.array(slopes) @ np.conj(slopes).T)
        size = np.sqrt(np.diag(expected))
        assert np.abs((information[number] - expected) / np.outer(size, size)).max() < 1e-3


def test_slices_give_the_same_numbers(normal_equations, fit, gmm, disc, poses):
    slices = fit.normal_equations(SliceProjector(gmm, disc, PIXEL_SIZE), WEIGHTS, *poses)
    for found, expected in zip(slices, normal_equations):
        assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < 5e-3


PARTS = 3


@pytest.fixture(scope="module")
def parts(gmm, disc):
    """The molecule in three pieces: GMMs and their projectors."""
    pieces = [gmm.subset(np.arange(len(gmm)) % PARTS == part) for part in range(PARTS)]
    return pieces, [ExactProjector(piece, disc, PIXEL_SIZE) for piece in pieces]


def test_joint_equations_equal_finite_differences(fit, parts, images, poses, disc):
    """Each part moved by itself while the others stay; information between parts included."""
    pieces, projectors = parts
    gradient, information = fit.joint_equations(projectors, WEIGHTS, *poses)
    assert gradient.shape == (COUNT, 5 * PARTS) and information.shape == (COUNT, 5 * PARTS, 5 * PARTS)
    root, ring = (np.sqrt(WEIGHTS.precision) * WEIGHTS.scale)[disc.ring], disc.ring
    for number, (rotation, shift) in enumerate(zip(*poses)):
        still = [model_image(piece, images, number, rotation, shift) for piece in pieces]
        residual = images.data[number] - WEIGHTS.scale[ring] * sum(still)
        slopes = []
        for piece in pieces:
            for axis in range(5):
                step = np.zeros(5)
                step[axis] = 1e-4
                ahead, behind = (model_image(piece, images, number, *moved(rotation, shift, sign * step)) for sign in (1, -1))
                slopes.append(root * (ahead - behind) / 2e-4)
        expected = np.real(np.array(slopes) @ np.conj(slopes).T)
        size = np.sqrt(np.diag(expected))
        assert np.abs((information[number] - expected) / np.outer(size, size)).max() < 1e-3
        pull = np.real(np.conj(slopes) @ (np.sqrt(WEIGHTS.precision[ring]) * residual))
        assert np.abs((gradient[number] - pull) / size).max() < 1e-3 * np.abs(pull / size).max()


def test_parts_that_move_as_one_are_the_molecule(normal_equations, fit, parts, poses):
    gradient, information = fit.joint_equations(parts[1], WEIGHTS, *poses)
    assert gradient.reshape(COUNT, PARTS, 5).sum(axis=1) == pytest.approx(
        normal_equations[1], rel=1e-3, abs=1e-4 * np.abs(normal_equations[1]).max()
    )
    assert information.reshape(COUNT, PARTS, 5, PARTS, 5).sum(axis=(1, 3)) == pytest.approx(
        normal_equations[2], rel=1e-3, abs=1e-4 * normal_equations[2].max()
    )


def test_short_batch_is_as_good_as_its_images_alone(normal_equations, images, disc, projector, poses):
    """One image filled up to the compiled size, at every place."""
    for number in (0, COUNT - 1):
        alone = ImageFit(images.read(np.array([number])), disc, PIXEL_SIZE, SIZE)
        found = alone.normal_equations(projector, WEIGHTS, *(part[[number]] for part in poses))
        for part, expected in zip(found, normal_equations):
            assert part.shape == (1,) + expected.shape[1:]
            assert part[0] == pytest.approx(expected[number], rel=1e-4, abs=1e-6 * np.abs(expected).max())
    sums = [
        ImageFit(images.read(np.arange(*part)), disc, PIXEL_SIZE, SIZE).ring_sums(
            projector, *(pose[slice(*part)] for pose in poses)
        )
        for part in ((0, 2), (2, COUNT))
    ]
    whole = ImageFit(images.read(np.arange(COUNT)), disc, PIXEL_SIZE, SIZE).ring_sums(projector, *poses)
    assert sum(sums) == pytest.approx(whole, rel=1e-4)


def test_smaller_disc_uses_its_rings_only(fit, projector, gmm, images, poses):
    inner = ShellWeights(WEIGHTS.scale, np.where(RING <= 8, WEIGHTS.precision, 0))
    expected = [likelihood(gmm, images, number, *pose, weights=inner) for number, pose in enumerate(zip(*poses))]
    assert fit.value(projector.for_radius(8), WEIGHTS, *poses) == pytest.approx(expected, rel=1e-4)
    assert fit.value(projector, inner, *poses) == pytest.approx(expected, rel=1e-4)


def test_some_samples_only(fit, projector, gmm, images, poses):
    """The log-likelihoods of two halves of the samples add up to the whole; a part is a sum over its samples."""
    seen = np.random.default_rng(3).random(len(images.disc.ring)) < 0.5
    parts = [fit.value(projector, WEIGHTS.restricted_to(samples), *poses) for samples in (seen, ~seen)]
    assert sum(parts) == pytest.approx(fit.value(projector, WEIGHTS, *poses), rel=1e-4)
    for number, pose in enumerate(zip(*poses)):
        model = model_image(gmm, images, number, *pose)
        expected = references.log_likelihood(
            images.data[number, seen], model[seen], images.disc.ring[seen], WEIGHTS.scale, WEIGHTS.precision
        )
        assert parts[0][number] == pytest.approx(expected, rel=1e-4)
    inner = fit.value(projector.for_radius(8), WEIGHTS.restricted_to(seen), *poses)
    expected = fit.value(projector, WEIGHTS.restricted_to(seen & (images.disc.ring <= 8)), *poses)
    assert inner == pytest.approx(expected, rel=1e-4)


def test_pixel_size_is_a_unit_only(normal_equations, gmm, images, poses, disc):
    """All lengths three times as long: the same likelihood, slopes per Å a third."""
    long_gmm = Gmm(3 * gmm.centers, gmm.amplitudes, 3 * gmm.widths)
    fit = ImageFit(images.read(np.arange(COUNT)), disc, 3 * PIXEL_SIZE, SIZE)
    found = fit.normal_equations(ExactProjector(long_gmm, disc, 3 * PIXEL_SIZE), WEIGHTS, poses[0], 3 * poses[1])
    units = np.array([1, 1, 1, 1 / 3, 1 / 3])
    value, gradient, information = normal_equations
    for part, expected in zip(found, (value, gradient * units, information * units * units[:, None])):
        assert part == pytest.approx(expected, rel=1e-4, abs=1e-5 * np.abs(expected).max())


def test_state_of_the_images_does_not_matter(normal_equations, images, disc, projector, poses):
    factors = {CTF_PHASE_FLIPPED: np.sign(images.ctf), CTF_PREMULTIPLIED: images.ctf}
    for state, factor in factors.items():
        batch = ImageBatch(
            np.arange(COUNT), (images.data * factor).astype(np.complex64), images.ctf.astype(np.float32), np.full(COUNT, state)
        )
        found = ImageFit(batch, disc, PIXEL_SIZE, SIZE).normal_equations(projector, WEIGHTS, *poses)
        for part, expected in zip(found, normal_equations):
            assert part == pytest.approx(expected, rel=1e-4, abs=1e-5 * np.abs(expected).max())


def test_ring_sums_equal_a_loop(fit, projector, gmm, images, poses, disc):
    expected = np.zeros((4, RADIUS + 1))
    for number, pose in enumerate(zip(*poses)):
        model = model_image(gmm, images, number, *pose)
        for sample, ring in enumerate(disc.ring):
            data = images.data[number, sample]
            expected[:, ring] += (data * np.conj(model[sample])).real, abs(model[sample]) ** 2, abs(data) ** 2, 1
    found = fit.ring_sums(projector, *poses)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-5 * np.abs(expected[0]).max())
    part = fit.ring_sums(projector.for_radius(8), *poses)
    assert part == pytest.approx(expected[:, :9], rel=1e-4, abs=1e-5 * np.abs(expected[0]).max())


@pytest.fixture(scope="module")
def many(gmm, disc):
    return images_of(gmm, disc, 64, NOISE)


def sums_at_the_truth(images, data, projector, state=0):
    ctf = images.particles.ctf
    particles = replace(images.particles, ctf=replace(ctf, state=np.full(64, state)))
    images = type(images)(particles, images.disc, data, images.ctf)
    fits = [ImageFit(batch, images.disc, PIXEL_SIZE, SIZE) for batch in images.batches(SIZE)]
    return sum(
        fit.ring_sums(projector, particles.rotations[8 * i : 8 * i + 8], particles.shifts[8 * i : 8 * i + 8])
        for i, fit in enumerate(fits)
    )


def test_scale_and_noise_are_learned(many, projector):
    """Images three times the projections' signal, and noise of known power."""
    signal = many.data
    sums = sums_at_the_truth(many, 3.0 * signal, projector)
    weights = weights_from_sums(sums, np.ones(RADIUS + 1), 2, RADIUS)
    assert weights.scale[2:] == pytest.approx(3.0, rel=0.08)
    assert weights.precision[2:] == pytest.approx(2 / (3 * NOISE) ** 2, rel=0.1)


def test_reliability_and_limits(many, projector):
    reliability = np.linspace(1, 0.2, RADIUS + 1)
    sums = sums_at_the_truth(many, many.data, projector)
    weights = weights_from_sums(sums, reliability, 2, 9)
    plain = weights_from_sums(sums, np.ones(RADIUS + 1), 2, RADIUS)
    assert weights.scale == pytest.approx(plain.scale * reliability)
    assert np.array_equal(weights.precision > 0, (RING >= 2) & (RING <= 9))
    assert weights.precision[2:10] == pytest.approx(plain.precision[2:10])


def test_images_without_noise_do_not_break_the_weights(many, gmm, projector):
    clean = np.array(
        [
            references.image(gmm, many.disc, PIXEL_SIZE, rotation, shift, ctf)
            for rotation, shift, ctf in zip(many.particles.rotations, many.particles.shifts, many.ctf)
        ]
    )
    weights = weights_from_sums(sums_at_the_truth(many, clean, projector), np.ones(RADIUS + 1), 2, RADIUS)
    assert weights.scale[2:] == pytest.approx(1.0, rel=1e-3)
    assert np.all(weights.precision[2:] > 2 / NOISE**2) and np.all(np.isfinite(weights.precision))


def test_dark_molecules_get_no_weight(many, projector):
    """A negative scale would fit the inverted molecule."""
    weights = weights_from_sums(sums_at_the_truth(many, -many.data, projector), np.ones(RADIUS + 1), 2, RADIUS)
    assert np.all(weights.scale == 0)


def test_background_below_the_lowest_ring_spoils_none_above(many, projector):
    """Images have gradients and stains, a thousand times stronger than what is looked for."""
    sums = sums_at_the_truth(many, many.data, projector)
    stained = sums.copy()
    stained[0, :2] *= 30
    stained[2, :2] *= 1000
    plain, found = (weights_from_sums(part, np.ones(RADIUS + 1), 2, RADIUS) for part in (sums, stained))
    assert found.scale[2:] == pytest.approx(plain.scale[2:]) and found.precision == pytest.approx(plain.precision)


def test_noise_that_is_known_is_not_learned(many, projector):
    sums, noise = sums_at_the_truth(many, many.data, projector), np.linspace(1, 5, RADIUS + 3)
    learned, told = (weights_from_sums(sums, np.ones(RADIUS + 1), 2, RADIUS - 1, known) for known in (None, noise))
    assert told.scale == pytest.approx(learned.scale)
    assert told.precision[2:RADIUS] == pytest.approx(2 / noise[2:RADIUS])
    assert np.array_equal(told.precision > 0, learned.precision > 0)


@pytest.mark.parametrize("state", (CTF_PHASE_FLIPPED, CTF_PREMULTIPLIED))
def test_noise_is_that_of_the_raw_images(many, projector, state):
    factor = np.sign(many.ctf) if state == CTF_PHASE_FLIPPED else many.ctf
    sums = sums_at_the_truth(many, many.data * factor, projector, state)
    weights = weights_from_sums(sums, np.ones(RADIUS + 1), 2, RADIUS)
    assert weights.scale[2:] == pytest.approx(1.0, rel=0.1)
    assert weights.precision[2:] == pytest.approx(2 / NOISE**2, rel=0.2)
