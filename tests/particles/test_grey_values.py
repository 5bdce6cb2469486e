"""Images come to one scale, whatever constant, factor and ramp they were stored with."""

import mrcfile
import numpy as np
import pytest
import references
from molecules import ctf_parameters, particle_set, random_rotations

from gmmrefine.fourier.half_disc import HalfDisc, half_disc
from gmmrefine.particles.ctf import ctf_on_disc
from gmmrefine.particles.grey_values import BLANK, OUTER_RINGS, OUTSIDE, WHOLE_IMAGE, surroundings
from gmmrefine.particles.images import ImageReader
from gmmrefine.particles.particle_set import CTF_PREMULTIPLIED, CTF_RAW

BOX, PIXEL_SIZE, COUNT = 32, 2.0, 12
AXIS = np.arange(BOX) - BOX // 2
RADIUS = np.hypot(AXIS[:, None], AXIS)


@pytest.fixture
def stored(rng):
    """White noise with something bright in the middle."""
    return rng.normal(0, 1, (COUNT, BOX, BOX)) + 3 * np.exp(-(RADIUS**2) / 18)


def planes(rng, rise):
    """Ramps (COUNT, Y, X) that rise by ``rise`` from side to side, each along its own direction."""
    angle = rng.uniform(0, 2 * np.pi, (COUNT, 1, 1))
    return rise * (np.cos(angle) * AXIS + np.sin(angle) * AXIS[:, None]) / BOX


def reader_of(folder, images, rng, dtype=np.float32, state=CTF_RAW, disc=None, **changes):
    path = str(folder / f"{len(list(folder.iterdir()))}.mrcs")
    with mrcfile.new(path, data=np.asarray(images).astype(dtype)) as file:
        file.set_image_stack()
    count = len(images)
    particles = particle_set(
        random_rotations(count),
        np.zeros((count, 2)),
        ctf_parameters(count, np.random.default_rng(4), state),
        BOX,
        PIXEL_SIZE,
        stacks=(path,),
        **changes,
    )
    return ImageReader(particles, disc or half_disc(BOX, BOX // 2 - 1))


def measured(images, state=CTF_RAW, diameter=0.0):
    """GreyValues, and the images without their background."""
    pixels = np.asarray(images, np.float32).copy()
    ctf = ctf_parameters(len(pixels), np.random.default_rng(4), state)
    return surroundings(BOX, PIXEL_SIZE, diameter).level(pixels, ctf, PIXEL_SIZE), pixels


def test_plane_and_deviation_are_those_of_the_pixels_outside(stored, rng):
    images = 5 * stored + 40 + planes(rng, 20)
    grey, levelled = measured(images)
    for number, image in enumerate(images):
        plane, deviation, expected = references.on_one_scale(image, 0.375 * BOX)
        assert grey.background[number] == pytest.approx(plane[0], abs=1e-3)
        assert grey.ramp[number] == pytest.approx(np.hypot(*plane[1:]), abs=1e-3)
        assert grey.deviation[number] == pytest.approx(deviation, rel=1e-4)
        assert np.abs(levelled[number] - deviation * expected).max() < 1e-3
    assert (grey.source == OUTSIDE).all()


DISTURBED = {
    "constant": lambda images, rng: images + 30,
    "gains": lambda images, rng: images * np.exp(rng.normal(0, 0.7, (COUNT, 1, 1))),
    "ramps": lambda images, rng: images + planes(rng, 30),
    "squares beyond single precision": lambda images, rng: images * np.resize([1e30, 1, 1e-25], (COUNT, 1, 1)),
    "all": lambda images, rng: (images + 10 + planes(rng, 30)) * np.where(np.arange(COUNT) % 3 == 0, 20, 0.3)[:, None, None],
}


@pytest.mark.parametrize("disturb", DISTURBED.values(), ids=DISTURBED)
def test_what_says_nothing_changes_nothing(stored, disturb, rng, tmp_path):
    index, steep = np.arange(COUNT), stored + planes(rng, 4)
    usual = reader_of(tmp_path, steep, rng).read(index)
    found = reader_of(tmp_path, disturb(steep, rng), rng).read(index)
    assert np.abs(found.data - usual.data).max() < 1e-4 * np.abs(usual.data).max()
    assert np.array_equal(found.ctf, usual.ctf)


def test_the_slope_of_noise_and_of_a_halo_is_no_ramp(rng):
    """What lies outside the circle of a particle that is larger than thought is signal."""
    noise = rng.normal(size=(200, BOX, BOX))
    assert np.count_nonzero(measured(noise)[0].ramp) < 8  # 2 expected
    place = rng.uniform(-3, 3, (200, 2, 1, 1))
    halo = np.exp(-((AXIS - place[:, 0]) ** 2 + (AXIS[:, None] - place[:, 1]) ** 2) / 2 / 8**2)
    assert np.count_nonzero(measured(noise + 5 * halo)[0].ramp) < 20
    steep = measured(noise + planes(rng, 3)[:1])[0].ramp
    assert np.all(steep > 2) and steep.mean() == pytest.approx(3, abs=0.05)


def test_16_bit_counts_on_a_high_background(stored, rng, tmp_path):
    index = np.arange(COUNT)
    usual = reader_of(tmp_path, stored, rng).read(index)
    found = reader_of(tmp_path, np.rint(30000 + 100 * stored), rng, np.uint16).read(index)
    assert np.abs(found.data - usual.data).max() < 1e-2 * np.abs(usual.data).max()


def test_the_noise_is_the_unit(rng, tmp_path):
    noise = 7 * rng.normal(size=(200, BOX, BOX))
    disc = half_disc(BOX, 12)
    data = reader_of(tmp_path, noise, rng, disc=disc).read(np.arange(200)).data
    assert np.mean(np.abs(data[:, disc.ring >= 2]) ** 2) == pytest.approx(BOX**2, rel=0.02)


def test_noise_of_premultiplied_images_counts_as_before(rng, tmp_path):
    """It was multiplied by the CTF, which differs from image to image; their scale must not follow that."""
    noise = 7 * rng.normal(size=(COUNT, BOX, BOX))
    kx, ky = (part.ravel() for part in np.meshgrid(np.arange(BOX // 2 + 1), np.fft.fftfreq(BOX, 1 / BOX)))
    plane = HalfDisc(BOX, kx, ky, np.hypot(kx, ky).astype(int))
    ctf = ctf_on_disc(ctf_parameters(COUNT, np.random.default_rng(4)), plane, PIXEL_SIZE).reshape(COUNT, BOX, -1)
    coloured = np.fft.irfft2(np.fft.rfft2(noise) * ctf)
    for diameter in (0.0, 2 * BOX * PIXEL_SIZE):  # measured outside, and in the outer rings
        raw = measured(noise, CTF_RAW, diameter)[0].deviation
        assert measured(coloured, CTF_PREMULTIPLIED, diameter)[0].deviation / raw == pytest.approx(1, abs=0.1)
        assert measured(coloured, CTF_RAW, diameter)[0].deviation.mean() / raw.mean() < 0.8
    batch = reader_of(tmp_path, coloured, rng, state=CTF_PREMULTIPLIED).read(np.arange(COUNT))
    used = half_disc(BOX, BOX // 2 - 1).ring >= 2
    power = np.sum(np.abs(batch.data[:, used]) ** 2) / batch.noise_gain()[:, used].sum()
    assert power == pytest.approx(BOX**2, rel=0.05)


@pytest.mark.parametrize("size", (1, 5, COUNT))
def test_an_image_is_the_same_whatever_is_read_with_it(stored, rng, size, tmp_path):
    images = stored + planes(rng, 3)
    whole, pixels = measured(images)
    for start in range(0, COUNT, size):
        part, levelled = measured(images[start : start + size])
        assert np.array_equal(part.deviation, whole.deviation[start : start + size])
        assert np.array_equal(levelled, pixels[start : start + size])


def test_blank_images_say_nothing(stored, rng, tmp_path):
    images = stored.copy()
    images[2], images[5], images[7] = 0, 4.25, planes(rng, 3)[0] + 11
    blank = np.isin(np.arange(COUNT), (2, 5, 7))
    with np.errstate(all="raise"):
        batch = reader_of(tmp_path, images, rng).read(np.arange(COUNT))
    assert batch.blank.tolist() == blank.tolist()
    for values in (batch.data, batch.ctf, batch.noise_gain(), batch.matched(), *batch.matched_by_scale()):
        assert np.isfinite(values).all() and not values[blank].any() and np.abs(values[~blank]).max(axis=1).all()
    assert (measured(images)[0].source == np.where(blank, BLANK, OUTSIDE)).all()


def test_images_cut_out_with_a_mask_are_measured_in_the_outer_rings(stored):
    """Their surroundings are flat; noise is left inside only, the same part in all of them."""
    inside = RADIUS < 10
    gains = np.linspace(0.5, 20, COUNT)[:, None, None]
    grey, _ = measured(gains * stored * inside + 3)
    assert (grey.source == OUTER_RINGS).all()
    assert grey.deviation / gains.ravel() == pytest.approx(np.sqrt(inside.mean()), rel=0.2)


def test_a_particle_that_fills_the_box_is_measured_in_the_outer_rings(stored):
    gains = np.linspace(0.5, 20, COUNT)[:, None, None]
    grey, _ = measured(gains * (stored + 5 * np.exp(-((RADIUS / 14) ** 8))), diameter=BOX * PIXEL_SIZE * 1.1)
    assert (grey.source == OUTER_RINGS).all()
    assert grey.deviation / gains.ravel() == pytest.approx(1, abs=0.2)


def test_a_known_diameter_decides_what_is_outside(stored):
    """A ring of signal within the particle, but outside the usual circle, is no noise."""
    ring = 4 * np.cos(5 * np.arctan2(AXIS[:, None], AXIS)) * ((RADIUS > 12.5) & (RADIUS < 14))
    usual, known = (measured(stored + ring, diameter=diameter)[0].deviation.mean() for diameter in (0.0, 29 * PIXEL_SIZE))
    assert usual > 1.3 and known == pytest.approx(1, abs=0.05)


def test_images_whose_outer_rings_were_never_filled(stored):
    disc = half_disc(BOX, 6)
    grey, _ = measured(disc.inverse(disc.transform(stored)), diameter=BOX * PIXEL_SIZE * 1.1)
    assert (grey.source == WHOLE_IMAGE).all() and np.isfinite(grey.deviation).all()


def test_the_sign_of_every_particle_counts_and_the_option_multiplies_it(stored, rng, tmp_path):
    signs = np.where(np.arange(COUNT) % 2, -1, 1)
    usual = reader_of(tmp_path, stored, rng).read(np.arange(COUNT)).data
    signed = reader_of(tmp_path, signs[:, None, None] * stored, rng, contrast_sign=signs)
    assert np.allclose(signed.read(np.arange(COUNT)).data, usual, atol=1e-4)
    inverted = ImageReader(signed.particles, signed.disc, invert_contrast=True)
    assert np.array_equal(inverted.read(np.arange(COUNT)).data, -signed.read(np.arange(COUNT)).data)
    # whichever particles are read, and in which order
    some = np.array([5, 2, 9])
    assert np.allclose(signed.read(some).data, usual[some], atol=1e-4)
