"""Maps of aberrated and mixed particles against relion_reconstruct on the same file."""

import shutil
import subprocess

import numpy as np
import pytest
from molecules import ctf_parameters, molecule, particle_set, random_rotations
from optics_sets import ABERRATIONS, joined, simulate_group, simulate_same_dose, with_optics
from small_run import gmmrefine

from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.render import render_map
from gmmrefine.io.mrc import read_map, write_map
from gmmrefine.io.star_particles import read_particles, write_particles
from gmmrefine.maps.fsc import shell_correlation
from gmmrefine.particles.images import ImageReader
from gmmrefine.particles.optics import Optics, OpticsGroup

RELION = shutil.which("relion_reconstruct")
BOX, PIXEL_SIZE, COUNT = 40, 4.4, 400
ALIKE, SHELLS = 0.995, slice(1, 19)

pytestmark = pytest.mark.skipif(RELION is None, reason="relion_reconstruct is not installed (Debian: relion)")


def relion(particles, output):
    """RELION's map of half set 1."""
    subprocess.run(
        [RELION, "--i", particles.name, "--o", output, "--ctf", "--subset", "1"],
        cwd=particles.parent,
        check=True,
        capture_output=True,
    )


def half_maps(folder, particles, tmp_path):
    """The first half map of gmmrefine and of RELION (Z, Y, X), under the true mask, and the true map."""
    # images of so little noise are weighted evenly, as RELION does, where it is measured far from the molecule
    assert (
        gmmrefine(
            "reconstruct",
            particles,
            "-o",
            tmp_path / "map",
            "--mask-resolution",
            20,
            "--particle-diameter",
            BOX * PIXEL_SIZE - 1,
        ).code
        == 0
    )
    relion(particles, tmp_path / "relion.mrc")
    mask = read_map(folder / "mask.mrc").data
    return [
        read_map(path).data * mask
        for path in (tmp_path / "map" / "half_map_1.mrc", tmp_path / "relion.mrc", folder / "truth.mrc")
    ]


@pytest.mark.parametrize(
    "options",
    ((), ABERRATIONS[:2], ABERRATIONS[2:4], ABERRATIONS[4:6], ABERRATIONS[6:], ABERRATIONS),
    ids=("plain", "beam tilt", "trefoil", "tetrafoil", "magnification", "all"),
)
def test_aberrated_images_give_relions_map(tmp_path, options):
    """Sign of the beam tilt, order of the polynomials, direction of the matrix, and where the CTF is taken."""
    folder = simulate_group(tmp_path / "images", BOX, PIXEL_SIZE, *options, snr=20, count=COUNT)
    particles = folder / "truth.star"
    if options == ABERRATIONS[:2]:  # as RELION's refinement writes it
        x, y = options[1].split()
        particles = with_optics(folder / "tilt.star", particles, rlnOddZernike=None, rlnBeamTiltX=[x], rlnBeamTiltY=[y])
    ours, theirs, truth = half_maps(folder, particles, tmp_path)
    assert shell_correlation(ours, theirs)[SHELLS].min() > ALIKE
    assert np.all(shell_correlation(ours, truth)[SHELLS] > shell_correlation(theirs, truth)[SHELLS] - 0.01)


@pytest.mark.parametrize("other", ((44, 4.0), (44, 4.2)), ids=("as wide", "wider"))
def test_two_grids_give_as_good_a_map_as_relions(tmp_path, other):
    """RELION's map is on the grid of the first group, which is taken for ours as well."""
    first = simulate_group(tmp_path / "first", BOX, PIXEL_SIZE, snr=5)
    second = simulate_same_dose(tmp_path / "second", first, *other)
    both = joined(tmp_path / "both.star", first / "truth.star", second / "truth.star")
    assert (
        gmmrefine(
            "reconstruct",
            both,
            "-o",
            tmp_path / "map",
            "--mask-resolution",
            20,
            "--target-box",
            BOX,
            "--target-pixel-size",
            PIXEL_SIZE,
        ).code
        == 0
    )
    relion(both, tmp_path / "relion.mrc")
    mask = read_map(first / "mask.mrc").data
    ours, theirs, truth = (
        read_map(path).data * mask
        for path in (tmp_path / "map" / "half_map_1.mrc", tmp_path / "relion.mrc", first / "truth.mrc")
    )
    assert np.all(shell_correlation(ours, truth)[SHELLS] > shell_correlation(theirs, truth)[SHELLS] - 0.01)
    assert shell_correlation(ours, theirs)[SHELLS].min() > 0.98


def projected_by_relion(gmm, box, folder, rng):
    """RELION's projections, with CTF and shifts, of the map of a GMM in a box; the particle set."""
    count = 12
    even = box + box % 2
    volume = render_map(gmm, even, PIXEL_SIZE)[even - box :, even - box :, even - box :]  # its centre is voxel box // 2
    write_map(folder / "map.mrc", volume, PIXEL_SIZE)
    particles = particle_set(
        random_rotations(count),
        rng.normal(0, 5, (count, 2)),
        ctf_parameters(count, rng),
        box + box % 2,
        PIXEL_SIZE,
        stacks=("none.mrcs",),
        optics=Optics((OpticsGroup(box, PIXEL_SIZE),), np.zeros(count, int)),
    )
    write_particles(folder / "in.star", particles)
    subprocess.run(
        ["relion_project", "--i", "map.mrc", "--ang", "in.star", "--ctf", "--angpix", str(PIXEL_SIZE), "--o", "out"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return read_particles(folder / "out.star")


@pytest.mark.parametrize("box", (32, 33))
def test_an_odd_box_has_its_centre_where_relion_projects(box, tmp_path, rng):
    """One pixel off would turn phases by 2π / 5 at a resolution of five pixels."""
    gmm = molecule(width=(5.0, 6.0))
    particles = projected_by_relion(gmm, box, tmp_path, rng)
    assert set(particles.image_boxes) == {box} and particles.box_size % 2 == 0
    disc = half_disc(particles.box_size, 8)
    batch = next(ImageReader(particles, disc).batches_in_place(len(particles)))
    place = np.stack([disc.kx, disc.ky]) if batch.place is None else batch.place
    k = place / (particles.box_size * PIXEL_SIZE)
    points = np.einsum("nij,gj->ngi", particles.rotations[:, :2], gmm.centers) - particles.shifts[:, None]
    waves = np.exp(-2j * np.pi * points @ k - 2 * np.pi**2 * gmm.widths[:, None] ** 2 * np.sum(k**2, axis=0))
    model = np.einsum("g,ngk->nk", gmm.masses, waves) * batch.ctf**2
    model[:, 0] = batch.matched()[:, 0]
    agreement = np.sum((batch.matched() * model.conj()).real, axis=1) / (
        np.linalg.norm(batch.matched(), axis=1) * np.linalg.norm(model, axis=1)
    )
    assert agreement.min() > 0.995
