"""The compiled loops against TensorFlow, which computes the same slices, slopes and sums."""

import numpy as np
import pytest
from molecules import BOX, PIXEL_SIZE, RADIUS, images_of, molecule, turned

from gmmrefine.alignment import fused
from gmmrefine.alignment.likelihood import ImageFit, ShellWeights
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.project import ExactProjector, SliceProjector
from gmmrefine.native import is_native
from gmmrefine.particles.particle_set import CTF_PREMULTIPLIED

COUNT, SIZE, NOISE = 7, 9, 14.0
RING = np.arange(RADIUS + 1)
SAME = 1e-6  # of the norm: both compute in single precision

pytestmark = pytest.mark.skipif(not is_native(), reason="numba is not installed")


@pytest.fixture(scope="module")
def disc():
    return half_disc(BOX, RADIUS)


@pytest.fixture(scope="module")
def images(disc):
    return images_of(molecule(), disc, COUNT, NOISE)


@pytest.fixture(scope="module")
def projector(disc):
    return SliceProjector(molecule(), disc, PIXEL_SIZE)


@pytest.fixture(scope="module")
def poses(images):
    rng = np.random.default_rng(5)
    particles = images.particles
    return turned(particles.rotations, 20.0, rng), particles.shifts + rng.normal(0, 6.0, (COUNT, 2))


@pytest.fixture(params=("every sample", "some samples", "inner rings"))
def weights(request, disc):
    scale, precision = 0.7 + 0.02 * RING, np.where(RING >= 2, 2 / (NOISE + 2.0 * RING) ** 2, 0)
    if request.param == "inner rings":
        precision[RADIUS - 3 :] = 0
    seen = np.random.default_rng(3).random(len(disc.ring)) < 0.5
    return ShellWeights(scale, precision).restricted_to(seen if request.param == "some samples" else None)


@pytest.fixture
def both(images, disc, monkeypatch):
    """A function that asks a batch the same by compiled loops and by TensorFlow."""

    def ask(question, state=None):
        batch = images.read(np.arange(COUNT))
        if state is not None:
            batch.state[:] = state
        answers = []
        for native in (True, False):
            monkeypatch.setattr(fused, "is_native", lambda native=native: native)
            answers.append(question(ImageFit(batch, disc, PIXEL_SIZE, SIZE)))
        return answers

    return ask


def difference(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def test_value(both, projector, weights, poses):
    found, expected = both(lambda fit: fit.value(projector, weights, *poses))
    assert found.shape == (COUNT,) and difference(found, expected) < SAME


@pytest.mark.parametrize("radius", (RADIUS, RADIUS - 4))
def test_normal_equations(both, projector, weights, poses, radius):
    found, expected = both(lambda fit: fit.normal_equations(projector.for_radius(radius), weights, *poses))
    for ours, theirs in zip(found, expected):
        assert ours.shape == theirs.shape and difference(ours, theirs) < SAME


def test_strength(both, projector, weights, poses):
    found, expected = both(lambda fit: fit.strength(projector, weights, *poses))
    for ours, theirs in zip(found, expected):
        assert difference(ours, theirs) < SAME


def test_ring_sums_of_premultiplied_images(both, projector, poses):
    found, expected = both(lambda fit: fit.ring_sums(projector, *poses), CTF_PREMULTIPLIED)
    for ours, theirs in zip(found, expected):
        assert difference(ours, theirs) < SAME


def test_images_without_a_body_come_back_from_tensorflow(both, projector, weights, poses):
    def rest(fit):
        left = fit.minus(*fit.moved(projector, *poses), np.full(RADIUS + 1, 0.3))
        return left.value(projector, weights, *poses)

    found, expected = both(rest)
    assert difference(found, expected) < SAME


def test_only_slices_are_fused(projector, disc):
    assert fused.is_fused(projector) and not fused.is_fused(ExactProjector(molecule(), disc, PIXEL_SIZE))
