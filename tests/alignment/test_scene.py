"""Bodies at poses of their own: what one of them leaves of an image is its own image."""

from types import SimpleNamespace

import numpy as np
import pytest
import references
from molecules import BOX, PIXEL_SIZE, RADIUS, ctf_parameters, ctf_table, molecule, random_rotations, turned

from gmmrefine.alignment.likelihood import ImageFit, ShellWeights
from gmmrefine.alignment.scene import Scene
from gmmrefine.alignment.window import Window
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.project import ExactProjector, SliceProjector
from gmmrefine.particles.images import ImageBatch
from gmmrefine.particles.particle_set import CTF_PHASE_FLIPPED, CTF_PREMULTIPLIED, CTF_RAW

COUNT, SIZE = 7, 4
BATCHES = [np.array([0, 5, 2, 3]), np.array([1, 6, 4])]  # of any order, the last one short
RING = np.arange(RADIUS + 1)
WEIGHTS = ShellWeights(np.ones(RADIUS + 1), np.where(RING >= 2, 0.01, 0))
ALL = np.ones(RADIUS + 1)
TOLERANCE = {SliceProjector: 4e-3, ExactProjector: 2e-5}  # of the images' norm


@pytest.fixture(scope="module")
def disc():
    return half_disc(BOX, RADIUS)


@pytest.fixture(scope="module")
def bodies():
    """Three parts of a molecule, each at its own poses, 10° and 3 Å apart: (Gmm, rotations, shifts)."""
    rng, gmm, rotations = np.random.default_rng(3), molecule(45), random_rotations(COUNT)
    shifts = rng.normal(0, 3.0, (COUNT, 2))
    parts = [gmm.centers[:, 0] > 6, np.abs(gmm.centers[:, 0]) <= 6, gmm.centers[:, 0] < -6]
    return [(gmm.subset(part), turned(rotations, 10.0, rng), shifts + rng.normal(0, 2.0, (COUNT, 2))) for part in parts]


@pytest.fixture(scope="module")
def ctf(disc):
    return ctf_table(ctf_parameters(COUNT, np.random.default_rng(5)), disc, PIXEL_SIZE)


@pytest.fixture(scope="module")
def signals(bodies, disc, ctf):
    """Raw images (COUNT, K) of each body alone."""
    return [
        np.array([references.image(gmm, disc, PIXEL_SIZE, *pose, row) for *pose, row in zip(rotations, shifts, ctf)])
        for gmm, rotations, shifts in bodies
    ]


def factor_of(state, ctf):
    return {CTF_RAW: np.ones_like(ctf), CTF_PHASE_FLIPPED: np.sign(ctf), CTF_PREMULTIPLIED: ctf}[state]


def fits_of(data, ctf, disc, state=CTF_RAW):
    """The batches of raw images (COUNT, K) as an instrument of this state would have stored them."""
    stored = (data * factor_of(state, ctf)).astype(np.complex64)
    return [
        ImageFit(
            ImageBatch(index, stored[index], ctf[index].astype(np.float32), np.full(len(index), state)), disc, PIXEL_SIZE, SIZE
        )
        for index in BATCHES
    ]


@pytest.fixture(scope="module", params=(SliceProjector, ExactProjector))
def make_scene(request, bodies, disc):
    """A function that makes a scene of the first bodies, and how exact its projections are."""
    projected = [(request.param(gmm, disc, PIXEL_SIZE), rotations, shifts) for gmm, rotations, shifts in bodies]

    def make(count=2, reliability=ALL, windows=None):
        return Scene(projected[:count], reliability, windows)

    return SimpleNamespace(of=make, bodies=projected, tolerance=TOLERANCE[request.param])


def assert_same_images(found, expected, projector, tolerance):
    """By all that can be asked of images: their power, and how they agree with projections at any poses."""
    rng = np.random.default_rng(17)
    for number, (part, wanted, index) in enumerate(zip(found, expected, BATCHES)):
        for _ in range(3):
            poses = random_rotations(len(index), int(rng.integers(1000))), rng.normal(0, 3.0, (len(index), 2))
            sums, wanted_sums = (fit.ring_sums(projector, *poses) for fit in (part, wanted))
            size = np.sqrt(wanted_sums[1] * wanted_sums[2])  # of two images' product
            assert np.abs(sums[0] - wanted_sums[0])[2:].max() < tolerance * size[2:].max(), number
            assert sums[1] == pytest.approx(wanted_sums[1], rel=1e-5)
            assert np.abs(sums[2] - wanted_sums[2])[2:].max() < 2 * tolerance * wanted_sums[2, 2:].max(), number
            assert sums[3] == pytest.approx(wanted_sums[3])
            values = [fit.value(projector, WEIGHTS, *poses) for fit in (part, wanted)]
            assert values[0] == pytest.approx(values[1], abs=5 * tolerance * np.abs(values[1]).max())


@pytest.fixture(scope="module")
def probe(disc):
    """Projections of something else."""
    return ExactProjector(molecule(12, seed=31), disc, PIXEL_SIZE)


@pytest.mark.parametrize("state", (CTF_RAW, CTF_PHASE_FLIPPED, CTF_PREMULTIPLIED))
def test_each_body_is_left_alone_with_its_own_image(make_scene, signals, ctf, disc, probe, state):
    fits = fits_of(signals[0] + signals[1], ctf, disc, state)
    scene = make_scene.of()
    scene.learn(fits, BATCHES)
    parts = [scene.parts(fit, index, 2) for fit, index in zip(fits, BATCHES)]
    for body in (0, 1):
        alone = fits_of(signals[body], ctf, disc, state)
        assert_same_images([part[body] for part in parts], alone, probe, make_scene.tolerance)


def test_only_the_first_bodies_are_asked_for_and_all_others_are_taken(make_scene, signals, ctf, disc, probe):
    fits = fits_of(sum(signals), ctf, disc)
    scene = make_scene.of(3)
    scene.learn(fits, BATCHES)
    parts = [scene.parts(fit, index, 1) for fit, index in zip(fits, BATCHES)]
    assert [len(part) for part in parts] == [1, 1]
    assert_same_images([part for (part,) in parts], fits_of(signals[0], ctf, disc), probe, make_scene.tolerance)


@pytest.mark.parametrize("state", (CTF_RAW, CTF_PREMULTIPLIED))
def test_how_strong_the_bodies_are_is_learned(make_scene, signals, ctf, disc, probe, state):
    """A STAR file does not say in which units its images are."""
    fits = fits_of(3.7 * (signals[0] + signals[1]), ctf, disc, state)
    scene = make_scene.of()
    scene.learn(fits, BATCHES)
    parts = [scene.parts(fit, index, 2)[1] for fit, index in zip(fits, BATCHES)]
    assert_same_images(parts, fits_of(3.7 * signals[1], ctf, disc, state), probe, make_scene.tolerance)


def test_strength_is_learned_through_noise(make_scene, signals, ctf, disc):
    """Under as much noise as signal the scale of two dozen rings is still good to some percent."""
    rng = np.random.default_rng(8)
    signal = 2.0 * (signals[0] + signals[1])
    noise = rng.normal(size=(2,) + signal.shape) * np.abs(signal).std() / np.sqrt(2)
    fits = fits_of(signal + noise[0] + 1j * noise[1], ctf, disc)
    scene = make_scene.of()
    scene.learn(fits, BATCHES)
    projector, rotations, shifts = make_scene.bodies[1]
    left = sum(
        scene.parts(fit, index, 1)[0].ring_sums(projector, rotations[index], shifts[index]) for fit, index in zip(fits, BATCHES)
    )
    alone = sum(
        fit.ring_sums(projector, rotations[index], shifts[index])
        for fit, index in zip(fits_of(2.0 * signals[0] + noise[0] + 1j * noise[1], ctf, disc), BATCHES)
    )
    whole = sum(fit.ring_sums(projector, rotations[index], shifts[index]) for fit, index in zip(fits, BATCHES))
    inner = slice(2, 8)  # where there is signal
    taken = (whole[0] - left[0])[inner].sum() / (whole[0] - alone[0])[inner].sum()
    assert taken == pytest.approx(1, abs=0.15)


def test_a_reference_that_is_half_noise_is_taken_by_half(make_scene, signals, ctf, disc, probe):
    fits = fits_of(signals[0] + signals[1], ctf, disc)
    scene = make_scene.of(reliability=0.5 * ALL)
    scene.learn(fits, BATCHES)
    parts = [scene.parts(fit, index, 1)[0] for fit, index in zip(fits, BATCHES)]
    assert_same_images(parts, fits_of(signals[0] + 0.5 * signals[1], ctf, disc), probe, make_scene.tolerance)


@pytest.mark.parametrize("state", (CTF_RAW, CTF_PHASE_FLIPPED, CTF_PREMULTIPLIED))
def test_through_windows_each_body_is_seen_alone_at_its_place(make_scene, bodies, signals, ctf, disc, state):
    """The projection that fits best is that of the body about its own centre, and the noise is that of whole images."""
    rng, noise = np.random.default_rng(8), 3.0
    real, imag = rng.normal(0, noise / np.sqrt(2), (2,) + signals[0].shape)
    fits = fits_of(sum(signals) + real + 1j * imag, ctf, disc, state)
    centers = [gmm.centers.mean(axis=0) for gmm, *_ in bodies]
    windows = [Window(center, pose, disc, 28, PIXEL_SIZE) for center, (_, *pose) in zip(centers, bodies)]
    scene = make_scene.of(3, windows=windows)
    scene.learn(fits, BATCHES)
    for fit, index in zip(fits, BATCHES):
        for body, (part, (gmm, *pose)) in enumerate(zip(scene.parts(fit, index, 3), bodies)):
            assert part.noise[2:] == pytest.approx(noise**2, rel=0.5)
            rotations, shifts = (values[index] for values in windows[body].inward(*pose))
            projector = ExactProjector(gmm.about(centers[body]), windows[body].disc, PIXEL_SIZE)
            cross, model, *_ = part.ring_sums(projector, rotations, shifts)
            assert cross[2:6].sum() == pytest.approx(model[2:6].sum(), rel=0.15), body
            used = ShellWeights(np.ones(len(cross)), np.where(np.arange(len(cross)) >= 2, 0.1, 0))
            best, aside = (part.value(projector, used, rotations, shifts + shift) for shift in (0, 4.0))
            assert (best > aside).all(), body


def test_the_images_themselves_stay_as_they_are(make_scene, signals, ctf, disc, probe):
    fits = fits_of(signals[0] + signals[1], ctf, disc)
    scene = make_scene.of()
    scene.learn(fits, BATCHES)
    for fit, index in zip(fits, BATCHES):
        scene.parts(fit, index, 2)
    assert_same_images(fits, fits_of(signals[0] + signals[1], ctf, disc), probe, 1e-9)
