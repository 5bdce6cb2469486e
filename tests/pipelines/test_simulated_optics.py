"""The microscope of simulated images: its options, and an image sample by sample."""

import numpy as np
import pytest
import references
from molecules import ctf_parameters, molecule, particle_set, random_rotations
from small_run import BOX, PIXEL_SIZE, assert_refused, gmmrefine

from gmmrefine.errors import InputError
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.project import SliceProjector
from gmmrefine.io.star_particles import read_particles
from gmmrefine.particles.aberrations import with_beam_tilt
from gmmrefine.particles.group_samples import GroupSamples
from gmmrefine.pipelines.simulated_optics import seen_through, simulated_group
from gmmrefine.settings import SimulateSettings


def settings(**changes):
    return SimulateSettings(box=32, pixel_size=2.0, **changes)


def test_options_become_relions_coefficients():
    group = simulated_group(
        settings(beam_tilt="0.3 -0.2", trefoil="4, 5", tetrafoil="6 7", magnification_matrix="1.01 0 0 0.99")
    )
    assert group.odd == pytest.approx(with_beam_tilt((0, 0, 5, 0, 0, 4), 0.3, -0.2, 2.7, 300))
    assert group.even == (0, 0, 0, 0, 7, 0, 0, 0, 6) and group.magnification == (1.01, 0, 0, 0.99)
    plain = simulated_group(settings())
    assert (plain.odd, plain.even, plain.magnification, plain.box_size, plain.pixel_size) == ((), (), (1, 0, 0, 1), 32, 2.0)


@pytest.mark.parametrize(
    "changes, words",
    (
        ({"beam_tilt": "1"}, "--beam-tilt '1': expected 2 numbers"),
        ({"trefoil": "a b"}, "--trefoil 'a b': expected 2 numbers"),
        ({"tetrafoil": "1 nan"}, "--tetrafoil '1 nan'"),
        ({"magnification_matrix": "1 0 1"}, "expected 4 numbers"),
        ({"magnification_matrix": "0 1 1 0"}, "expected a matrix close to 1 0 0 1"),
    ),
)
def test_wrong_options(changes, words):
    with pytest.raises(InputError) as caught:
        simulated_group(settings(**changes))
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_wrong_options_are_refused_before_anything_is_written(tmp_path):
    outcome = gmmrefine(
        "simulate", "6msm", "-o", tmp_path / "out", "--box", BOX, "--pixel-size", PIXEL_SIZE, "--beam-tilt", "1 2 3"
    )
    assert_refused(outcome, "simulate", "--beam-tilt '1 2 3': expected 2 numbers")
    assert not (tmp_path / "out" / "particles.mrcs").exists()


def test_an_image_shows_the_object_through_the_matrix(rng):
    """Each sample k is that of the object at M k, with CTF and phases there; the shift is that of the image."""
    gmm = molecule(6)
    group = simulated_group(
        settings(beam_tilt="3 -2", trefoil="60 50", tetrafoil="300 -200", magnification_matrix="1.05 0.02 -0.03 0.96")
    )
    microscope = GroupSamples(group, half_disc(32, 15))
    ctf, shifts = ctf_parameters(1, rng), rng.normal(0, 3, (1, 2))
    particles = particle_set(random_rotations(1), shifts, ctf)
    projector = SliceProjector(gmm, microscope.disc, 2.0)
    real, imag = projector.images(np.asarray(particles.rotations, np.float32))
    found = seen_through(real.numpy() + 1j * imag.numpy(), microscope, particles)[0]
    wavelength = 12.2643247 / np.sqrt(300e3 * (1 + 300e3 * 0.978466e-6))
    largest = np.abs(found).max()
    for number in range(0, len(found), 23):
        k = np.array([microscope.own.kx[number], microscope.own.ky[number]]) / 64
        u = group.matrix @ k
        r, angle = np.hypot(*u), np.arctan2(u[1], u[0])
        odd = -2 * np.pi * 2.7e7 * wavelength**2 * r**2 * (3e-3 * u[0] - 2e-3 * u[1]) + r**3 * (
            60 * np.cos(3 * angle) + 50 * np.sin(3 * angle)
        )
        even = r**4 * (300 * np.cos(4 * angle) - 200 * np.sin(4 * angle))
        defocus = (ctf.defocus_u + ctf.defocus_v)[0] / 2 + (ctf.defocus_u - ctf.defocus_v)[0] / 2 * np.cos(
            2 * (angle - np.radians(ctf.defocus_angle[0]))
        )
        gamma = np.pi * wavelength * defocus * r**2 - np.pi / 2 * 2.7e7 * wavelength**3 * r**4 + np.arcsin(0.1) - even
        frequency = particles.rotations[0, :2].T @ u
        expected = references.gmm_sample(gmm, frequency) / 8 * np.sin(gamma) * np.exp(1j * (odd + 2 * np.pi * shifts[0] @ k))
        assert found[number] == pytest.approx(expected, abs=5e-3 * largest), number


def test_the_files_say_how_images_were_made(tmp_path):
    outcome = gmmrefine(
        "simulate",
        "6msm",
        "-o",
        tmp_path,
        "--particles",
        10,
        "--box",
        BOX,
        "--pixel-size",
        PIXEL_SIZE,
        "--beam-tilt",
        "0.3 0.1",
        "--tetrafoil",
        "3 0",
        "--magnification-matrix",
        "1.01 0.002 0.001 0.99",
    )
    assert outcome.code == 0, outcome.err
    for name in ("particles.star", "truth.star"):
        (group,) = read_particles(tmp_path / name).optics.groups
        assert group.odd == pytest.approx(with_beam_tilt((), 0.3, 0.1, 2.7, 300), rel=1e-6)
        assert group.even == (0, 0, 0, 0, 0, 0, 0, 0, 3) and group.magnification == (1.01, 0.002, 0.001, 0.99)
