"""Projectors: the exact one against a loop and against RELION, the slices against the exact one."""

import numpy as np
import pytest
import references
from molecules import BOX, PIXEL_SIZE, RADIUS, molecule, random_rotations
from scipy.spatial.transform import Rotation

from gmmrefine.backend import tf
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm import project
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.project import ExactProjector, SliceProjector
from gmmrefine.io.star_particles import read_particles
from gmmrefine.particles.ctf import ctf_on_disc
from gmmrefine.particles.images import ImageReader

ROTATIONS = random_rotations(6)
PROJECTORS = pytest.mark.parametrize("projector_class", (ExactProjector, SliceProjector))


def images(projector, rotations=ROTATIONS):
    """Complex images (B, K)."""
    real, imaginary = projector.images(tf.constant(rotations, tf.float32))
    return np.asarray(real) + 1j * np.asarray(imaginary)


def images_with_moments(projector, rotations=ROTATIONS):
    """Complex images (B, K) and moments (B, 3, K)."""
    parts = [np.asarray(part) for part in projector.images_with_moments(tf.constant(rotations, tf.float32))]
    return parts[0] + 1j * parts[1], parts[2] + 1j * parts[3]


def turned(moments, disc):
    """What moments (B, 3, K) say about turning about x, y and z of the image, (3, B, K)."""
    x, y, z = np.moveaxis(moments, 1, 0)
    kx, ky = (2 * np.pi / BOX * k for k in (disc.kx, disc.ky))
    return -1j * np.array([-ky * z, kx * z, ky * x - kx * y])


def relative_error(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.fixture(scope="module")
def disc():
    return half_disc(BOX, RADIUS)


@pytest.fixture(scope="module")
def gmm():
    return molecule()


@pytest.fixture(scope="module")
def exact(gmm, disc):
    return ExactProjector(gmm, disc, PIXEL_SIZE)


@pytest.fixture(scope="module")
def slices(gmm, disc):
    return SliceProjector(gmm, disc, PIXEL_SIZE)


def test_exact_images_and_moments_equal_a_loop(exact, gmm, disc):
    found, moments = images_with_moments(exact)
    assert found.shape == (6, len(disc.kx)) and moments.shape == (6, 3, len(disc.kx))
    for number, rotation in enumerate(ROTATIONS):
        expected = references.projection(gmm, disc, PIXEL_SIZE, rotation)
        assert found[number] == pytest.approx(expected, abs=1e-5 * abs(expected[0]))
        for axis in range(3):
            moment = references.projection(gmm, disc, PIXEL_SIZE, rotation, moment=axis)
            assert moments[number, axis] == pytest.approx(moment, abs=1e-5 * np.abs(moments[number]).max())
    assert images(exact) == pytest.approx(found, abs=1e-5 * np.abs(found).max())


def test_exact_sum_in_parts_is_the_sum(exact, monkeypatch):
    """Large molecules are summed over a few Gaussians at a time, here one by one and seven at a time."""
    whole, whole_moments = images_with_moments(exact)
    for numbers in (1, 6 * 4 * (2 * RADIUS + 1) * 7):
        monkeypatch.setattr(project, "_EXACT_NUMBERS", numbers)
        found, moments = images_with_moments(exact)
        assert found == pytest.approx(whole, abs=1e-6 * np.abs(whole).max())
        assert moments == pytest.approx(whole_moments, abs=1e-6 * np.abs(whole_moments).max())


def test_slices_are_exact_to_a_fifth_of_a_percent(exact, slices, disc):
    """Slopes in turns to a percent: the ripple that the kernel leaves is steeper than the slice."""
    expected, expected_moments = images_with_moments(exact)
    found, moments = images_with_moments(slices)
    assert relative_error(found, expected) < 2e-3
    for slope, exact_slope in zip(turned(moments, disc), turned(expected_moments, disc)):
        assert relative_error(slope, exact_slope) < 1e-2
    assert images(slices) == pytest.approx(found, abs=1e-5 * np.abs(found).max())


def test_slices_hold_at_high_frequency(exact, slices, disc):
    outer = disc.ring > RADIUS - 3
    assert relative_error(images(slices)[:, outer], images(exact)[:, outer]) < 2e-3


@pytest.mark.parametrize("scale", (0.4, 1.45), ids=("small", "fills the box"))
def test_slices_of_small_and_large_molecules(gmm, disc, scale):
    scaled = Gmm(gmm.centers * scale, gmm.amplitudes, gmm.widths)
    expected = images(ExactProjector(scaled, disc, PIXEL_SIZE))
    assert relative_error(images(SliceProjector(scaled, disc, PIXEL_SIZE)), expected) < 2e-3


@PROJECTORS
def test_smaller_radius_is_a_prefix(projector_class, gmm, disc):
    projector = projector_class(gmm, disc, PIXEL_SIZE)
    smaller = projector.for_radius(7)
    count = disc.count(7)
    assert len(smaller.disc.kx) == count and smaller.disc.radius == 7
    whole, whole_moments = images_with_moments(projector)
    part, part_moments = images_with_moments(smaller)
    tolerance = 1e-6 * np.abs(whole_moments).max()
    assert part == pytest.approx(whole[:, :count], abs=tolerance)
    assert part_moments == pytest.approx(whole_moments[:, :, :count], abs=tolerance)
    assert len(projector.disc.kx) == len(disc.kx)  # the large one is as it was


@PROJECTORS
def test_turning_the_molecule_is_turning_the_view(projector_class, gmm, disc):
    turn = Rotation.from_rotvec([0.4, -0.7, 0.2]).as_matrix()
    turned = Gmm(gmm.centers @ turn.T, gmm.amplitudes, gmm.widths)
    expected = images(projector_class(gmm, disc, PIXEL_SIZE), ROTATIONS @ turn)
    found = images(projector_class(turned, disc, PIXEL_SIZE))
    assert relative_error(found, expected) < (1e-5 if projector_class is ExactProjector else 3e-3)


@PROJECTORS
def test_centre_of_the_box_stays_put(projector_class, disc):
    """A Gaussian at the centre looks the same from everywhere, real and with its mass in pixels as the mean."""
    gmm = Gmm(np.zeros((1, 3)), np.array([2.0]), np.array([4.0]))
    found, moments = images_with_moments(projector_class(gmm, disc, PIXEL_SIZE))
    mass = 2.0 * (4.0 / PIXEL_SIZE * np.sqrt(2 * np.pi)) ** 3
    k2 = (disc.kx**2 + disc.ky**2) / (BOX * PIXEL_SIZE) ** 2
    expected = np.tile(mass * np.exp(-2 * np.pi**2 * 16 * k2), (6, 1))
    assert found == pytest.approx(expected, abs=2e-3 * mass)
    assert np.abs(turned(moments, disc)).max() < (1e-4 if projector_class is ExactProjector else 1e-2) * mass


@PROJECTORS
def test_projection_does_not_know_the_unit_of_length(projector_class, gmm, disc):
    larger = Gmm(gmm.centers * 3, gmm.amplitudes, gmm.widths * 3)
    expected = images(projector_class(gmm, disc, PIXEL_SIZE))
    assert relative_error(images(projector_class(larger, disc, 3 * PIXEL_SIZE)), expected) < 1e-5


@PROJECTORS
def test_moments_are_the_slope_of_the_image(projector_class, gmm, disc):
    """Turning by ω moves a point x by ω × x; against finite differences about each axis of the image."""
    projector = projector_class(gmm, disc, PIXEL_SIZE)
    expected = turned(images_with_moments(projector)[1], disc)
    step = 1e-2
    for axis in range(3):
        ahead, behind = (Rotation.from_rotvec(sign * step * np.eye(3)[axis]).as_matrix() @ ROTATIONS for sign in (1, -1))
        slope = (images(projector, ahead) - images(projector, behind)) / (2 * step)
        assert relative_error(slope, expected[axis]) < (2e-3 if projector_class is ExactProjector else 1.2e-2)


@PROJECTORS
def test_one_gaussian_is_relions_image_of_a_point(projector_class, test_data):
    """RELION 3.1 projected a point mass at voxel (17, 0, 0) from the centre of a 64³ box, with CTF and origins."""
    star = test_data / "relion_projection" / "relion_proj_batch_pfac3.star"
    if not star.exists():
        pytest.skip(f"{star.name} is not in the test data")
    particles = read_particles(star)
    assert len(particles) == 24 and (particles.box_size, particles.pixel_size) == (64, 3.54)
    disc = half_disc(64, 31)
    relion = ImageReader(particles, disc).read(np.arange(24))
    point = Gmm(np.array([[17 * 3.54, 0.0, 0.0]]), np.ones(1), np.full(1, 0.02 * 3.54))
    phase = particles.shifts @ np.stack([disc.kx, disc.ky]) * (2 * np.pi / (64 * 3.54))
    ours = images(projector_class(point, disc, 3.54), particles.rotations)
    ours = ours * ctf_on_disc(particles.ctf, disc, 3.54) * np.exp(1j * phase)
    for found, expected in zip(disc.inverse(ours), disc.inverse(relion.data)):
        assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] >= 0.998
