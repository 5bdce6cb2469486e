"""Reconstruction: every sample where a loop puts it, and the map of clean images equal to the molecule."""

from dataclasses import replace

import numpy as np
import pytest
import references
from molecules import BOX, PIXEL_SIZE, ctf_parameters, ctf_table, images_of, molecule, random_rotations

from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.render import render_map
from gmmrefine.maps.fsc import shell_correlation
from gmmrefine.maps.mask import soft_mask
from gmmrefine.maps.reconstruct import PADDING, FourierGrid
from gmmrefine.particles.images import ImageBatch
from gmmrefine.particles.particle_set import CTF_PHASE_FLIPPED, CTF_PREMULTIPLIED

SMALL = 12
IMAGES = 800


def loop_map(data, ctf, rotations, shifts_px, disc):
    """The map of ``FourierGrid`` from sums over the full padded cube."""
    side = int(2 * np.ceil(PADDING * disc.box_size / 2))
    numerator, weight = references.trilinear_sums(data, ctf, rotations, shifts_px, disc, 1.0, side)
    half = weight[:, :, : side // 2 + 1]
    floor = 1e-3 * half[half > 0].mean()
    volume = np.fft.fftshift(np.fft.ifftn(numerator / (weight + floor)))
    assert np.abs(volume.imag).max() < 1e-9 * np.abs(volume.real).max()
    start = (side - disc.box_size) // 2
    inner = slice(start, start + disc.box_size)
    x = (np.arange(disc.box_size) - disc.box_size // 2) / side
    sinc2 = np.sinc(x) ** 2
    volume = volume.real[inner, inner, inner] / (sinc2[:, None, None] * sinc2[:, None] * sinc2)
    spectrum = np.fft.fftn(volume)
    for voxel, shell in references.voxel_shells(disc.box_size):
        if shell > disc.radius:
            spectrum[voxel] = 0
    return np.fft.ifftn(spectrum).real


@pytest.mark.parametrize("count", (1, 3))
def test_map_of_a_few_images_equals_a_loop(count):
    rng = np.random.default_rng(5)
    grid = FourierGrid(SMALL)
    disc = grid.disc
    assert disc.radius == SMALL // 2 - 1
    data = disc.transform(rng.normal(size=(count, SMALL, SMALL)).astype(np.float32))
    ctf = ctf_table(ctf_parameters(count, rng), disc, 3.0)
    rotations, shifts = random_rotations(count), rng.uniform(-3, 3, (count, 2))
    for one in range(count):  # one by one, as a batch adds up
        part = slice(one, one + 1)
        batch = ImageBatch(np.array([one]), data[part], ctf[part].astype(np.float32), np.zeros(1, int))
        grid.insert(batch, rotations[part], shifts[part])
    expected = loop_map(data, ctf, rotations, shifts, disc)
    assert np.abs(grid.map() - expected).max() < 1e-5 * np.abs(expected).max()


@pytest.fixture(scope="module")
def gmm():
    return molecule(40)


@pytest.fixture(scope="module")
def clean(gmm):
    """Noise-free images of the molecule at random poses off the centre, with CTF."""
    return images_of(gmm, half_disc(BOX, BOX // 2 - 1), IMAGES)


def reconstructed(images, rotations, shifts):
    grid = FourierGrid(BOX)
    for batch in images.batches(100):
        grid.insert(batch, rotations[batch.index], shifts[batch.index] / PIXEL_SIZE)
    return grid.map()


@pytest.fixture(scope="module")
def volume(clean):
    return reconstructed(clean, clean.particles.rotations, clean.particles.shifts)


def test_clean_images_give_the_molecule(volume, gmm):
    truth = render_map(gmm, BOX, PIXEL_SIZE)
    mask = soft_mask(truth, PIXEL_SIZE, resolution=10.0, edge=4.0)
    fsc = shell_correlation(volume * mask, truth * mask)
    assert volume.dtype == np.float32
    assert fsc[1 : int(0.9 * BOX / 2) + 1].mean() >= 0.999
    assert fsc[1 : int(0.9 * BOX / 2) + 1].min() >= 0.99


def test_map_is_in_the_units_of_the_pixels(volume, gmm):
    """Images are sums of voxels along the beam, so the map has the voxels' values."""
    truth = render_map(gmm, BOX, PIXEL_SIZE)
    inside = truth > 0.1 * truth.max()
    assert np.sum(volume[inside] * truth[inside]) / np.sum(truth[inside] ** 2) == pytest.approx(1, abs=0.02)


def test_shift_of_all_images_moves_the_map(clean, volume):
    """Poses off by one frame translation give the map moved by it: two voxels along y."""
    move = np.array([0.0, 2 * PIXEL_SIZE, 0.0])
    shifts = clean.particles.shifts - clean.particles.rotations[:, :2] @ move
    moved = reconstructed(clean, clean.particles.rotations, shifts)
    assert np.corrcoef(np.roll(volume, -2, axis=1).ravel(), moved.ravel())[0, 1] > 0.995
    assert np.corrcoef(volume.ravel(), moved.ravel())[0, 1] < 0.8


def test_state_of_the_images_does_not_matter(clean, volume):
    """Raw, phase-flipped and premultiplied images give one map."""
    state = np.arange(IMAGES) % 3
    factor = np.ones_like(clean.ctf)
    factor[state == CTF_PHASE_FLIPPED] = np.sign(clean.ctf[state == CTF_PHASE_FLIPPED])
    factor[state == CTF_PREMULTIPLIED] = clean.ctf[state == CTF_PREMULTIPLIED]
    particles = replace(clean.particles, ctf=replace(clean.particles.ctf, state=state))
    mixed = replace(clean, particles=particles, data=clean.data * factor)
    found = reconstructed(mixed, particles.rotations, particles.shifts)
    assert np.abs(found - volume).max() < 1e-4 * volume.max()


def test_images_without_signal_give_an_empty_map():
    assert np.array_equal(FourierGrid(SMALL).map(), np.zeros((SMALL,) * 3, np.float32))


@pytest.mark.parametrize("name", ("C2", "C3", "C4", "C6", "D2", "D3", "T", "O", "I"))
def test_symmetry_equals_a_copy_of_every_image_at_each_equivalent_pose(name):
    """Also where operators of the grid are applied to the sums and the others to the images."""
    rng, operators = np.random.default_rng(8), point_group(name)
    grids = FourierGrid(SMALL, operators), FourierGrid(SMALL)
    disc = grids[0].disc
    data = disc.transform(rng.normal(size=(5, SMALL, SMALL)).astype(np.float32))
    ctf = rng.uniform(0.2, 1, data.shape).astype(np.float32)
    batch = ImageBatch(np.arange(5), data, ctf, np.zeros(5, int))
    rotations, shifts = random_rotations(5), rng.uniform(-2, 2, (5, 2))
    grids[0].insert(batch, rotations, shifts)
    for operator in operators:
        grids[1].insert(batch, rotations @ operator, shifts)
    found, expected = (grid.map() for grid in grids)
    assert np.abs(found - expected).max() < 2e-4 * np.abs(expected).max()
    assert np.abs(FourierGrid(SMALL).map() - expected).max() > 0.1 * np.abs(expected).max()


def test_symmetric_map_is_that_of_the_molecules_copies(gmm):
    """A C3 molecule from a few images: the map with symmetry is closer to it than the one without."""
    operators = point_group("C3")
    copies = Gmm(
        np.concatenate([gmm.centers @ operator.T for operator in operators]), np.tile(gmm.amplitudes, 3), np.tile(gmm.widths, 3)
    )
    few = images_of(copies, half_disc(BOX, BOX // 2 - 1), 60, noise=40.0)
    truth = render_map(copies, BOX, PIXEL_SIZE)
    agreement = []
    for group in (operators, point_group("C1")):
        grid = FourierGrid(BOX, group)
        grid.insert(few.read(np.arange(60)), few.particles.rotations, few.particles.shifts / PIXEL_SIZE)
        agreement.append(np.corrcoef(grid.map().ravel(), truth.ravel())[0, 1])
    assert agreement[0] > 0.9 and agreement[0] > agreement[1] + 0.05
