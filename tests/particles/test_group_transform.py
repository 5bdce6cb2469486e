"""Images of optics groups on one grid: against sums over their pixels, and nothing done where nothing is to be done."""

from dataclasses import replace

import mrcfile
import numpy as np
import pytest
from molecules import ctf_parameters, particle_set, random_rotations

from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.particles import images as reading
from gmmrefine.particles.ctf import ctf_on_disc
from gmmrefine.particles.grey_values import OUTSIDE, GreyValues
from gmmrefine.particles.group_samples import GroupSamples
from gmmrefine.particles.images import ImageReader
from gmmrefine.particles.optics import Optics, OpticsGroup
from gmmrefine.particles.particle_set import CTF_PREMULTIPLIED, CTF_RAW

BOX, PIXEL_SIZE, COUNT = 16, 3.0, 4
DISTORTED = OpticsGroup(16, 3.0, magnification=(1.03, 0.01, -0.02, 0.98))


@pytest.fixture
def read(read_grey, monkeypatch):
    """As ``read_grey``, grey values as stored: where samples lie is told from that."""

    class AsStored:
        @staticmethod
        def level(pixels, ctf, pixel_size):
            count = len(pixels)
            return GreyValues(np.zeros(count), np.zeros(count), np.ones(count), np.full(count, OUTSIDE))

    monkeypatch.setattr(reading, "surroundings", lambda *geometry: AsStored)
    return read_grey


@pytest.fixture
def read_grey(tmp_path, rng):
    """A function that writes images of one group and gives the reader of them on a 16 px grid of 3 Å."""

    def make(images, group, ctf=None, shifts=None):
        count, path = len(images), tmp_path / f"{len(list(tmp_path.iterdir()))}.mrcs"
        with mrcfile.new(path, data=images.astype(np.float32)) as file:
            file.set_image_stack()
        particles = particle_set(
            random_rotations(count),
            np.zeros((count, 2)) if shifts is None else shifts,
            ctf or ctf_parameters(count, rng),
            BOX,
            PIXEL_SIZE,
            stacks=(str(path),),
            slice_index=np.arange(count),
            optics=group and Optics((group,), np.zeros(count, int)),
        )
        return ImageReader(particles, half_disc(BOX, 7))

    return make


def exact(images, center, frequencies):
    """Σ f(x) exp(−2πi v·x) of images (N, Y, X) at v (2, K) in cycles per px."""
    x = np.arange(images.shape[1]) - center
    waves = [np.exp(-2j * np.pi * np.outer(v, x)) for v in frequencies]
    return np.einsum("kx,nyx,ky->nk", waves[0], images, waves[1])


def assert_close(found, expected, tolerance=1e-4):
    assert np.abs(found - expected).max() < tolerance * np.sqrt(np.mean(np.abs(expected) ** 2))


def test_images_on_the_grid_are_read_as_if_there_were_no_groups(read, rng):
    images = rng.normal(size=(COUNT, BOX, BOX))
    plain = read(images, None)
    grouped = read(images, OpticsGroup(BOX, PIXEL_SIZE), plain.particles.ctf)
    assert grouped.particles.is_uniform
    for one, other in zip(plain.batches_in_place(3), grouped.batches_in_place(3)):
        assert one.data.tobytes() == other.data.tobytes() and one.ctf.tobytes() == other.ctf.tobytes()
        assert other.covered is None and other.place is None and np.array_equal(one.index, other.index)
        assert other.noise().tobytes() == other.noise_gain().tobytes()


@pytest.mark.parametrize("box, size", ((24, 2.0), (12, 4.0)))
def test_a_box_as_wide_as_the_grid_is_cropped_or_padded(read, rng, box, size):
    images = rng.normal(size=(COUNT, box, box)).astype(np.float32)
    reader = read(images, OpticsGroup(box, size))
    batch, disc = reader.read(np.arange(COUNT)), reader.disc
    known = disc.ring <= box // 2 - 1
    expected = exact(images, box // 2, np.stack([disc.kx, disc.ky]) / box) * size / PIXEL_SIZE
    assert_close(batch.data[:, known], expected[:, known], 1e-6)
    assert batch.ctf[:, known] == pytest.approx(ctf_on_disc(reader.particles.ctf, disc, PIXEL_SIZE)[:, known], abs=1e-6)
    assert not batch.data[:, ~known].any() and not batch.ctf[:, ~known].any()
    assert np.array_equal(batch.noise(), np.tile(known.astype(np.float32), (COUNT, 1)))
    assert batch.state.tolist() == [CTF_RAW] * COUNT and known.all() == (box > BOX)


@pytest.mark.parametrize("group", (OpticsGroup(20, 2.0), OpticsGroup(15, 3.0), OpticsGroup(14, 3.3), DISTORTED), ids=str)
def test_samples_between_those_of_the_box(read, rng, group):
    images = rng.normal(size=(COUNT, group.box_size, group.box_size)).astype(np.float32)
    reader = read(images, group, ctf_parameters(COUNT, rng, CTF_PREMULTIPLIED))
    batch, disc = reader.read(np.arange(COUNT)), reader.disc
    frequencies = np.linalg.inv(group.matrix) @ np.stack([disc.kx, disc.ky]) * group.pixel_size / (BOX * PIXEL_SIZE)
    known = np.hypot(*frequencies) * group.box_size < (group.box_size - 1) // 2 + 0.5
    # what lies beyond the largest ring of the box is not in its samples
    own = half_disc(group.box_size, (group.box_size - 1) // 2)
    expected = exact(own.inverse(own.transform(images)), group.center, frequencies) * group.object_pixel / PIXEL_SIZE
    assert_close(batch.data[:, known], expected[:, known])
    assert known.mean() > 0.8 and not batch.data[:, ~known].any() and not batch.ctf[:, ~known].any()
    at_grid = ctf_on_disc(reader.particles.ctf, disc, PIXEL_SIZE)
    assert batch.ctf[:, known] == pytest.approx(at_grid[:, known], abs=1e-6)
    covered = (group.box_size * group.object_pixel / (BOX * PIXEL_SIZE)) ** 2
    assert batch.noise()[:, known] == pytest.approx(covered * at_grid[:, known] ** 2, rel=1e-5)


def test_raw_images_are_multiplied_by_their_ctf_before(read, rng):
    group = OpticsGroup(20, 2.0)
    images = rng.normal(size=(COUNT, 20, 20)).astype(np.float32)
    raw = read(images, group)
    own, ctf = half_disc(20, 9), raw.particles.ctf
    corrected = own.inverse(own.transform(images) * ctf_on_disc(ctf, own, 2.0))
    done = read(corrected, group, replace(ctf, state=ctf.state + CTF_PREMULTIPLIED))
    found, expected = (reader.read(np.arange(COUNT)) for reader in (raw, done))
    assert_close(found.data, expected.data, 1e-5)
    assert found.state.tolist() == expected.state.tolist() == [CTF_PREMULTIPLIED] * COUNT


def test_wider_images_are_cropped_to_the_box_of_the_grid(read, rng):
    images = rng.normal(size=(1, 24, 24)).astype(np.float32)
    own = half_disc(24, 11)
    images = own.inverse(own.transform(images))
    inner = images.copy()
    inner[:, [*range(4), *range(20, 24)]] = inner[:, :, [*range(4), *range(20, 24)]] = 0
    reader = read(images, OpticsGroup(24, 3.0), ctf_parameters(1, rng, CTF_PREMULTIPLIED))
    batch = reader.read(np.arange(1))
    assert_close(batch.data, exact(inner, 12, np.stack([reader.disc.kx, reader.disc.ky]) / BOX))
    assert batch.covered == pytest.approx(1)


@pytest.mark.parametrize("group", [OpticsGroup(*grid) for grid in ((24, 2.0), (20, 2.0), (15, 3.0), (20, 3.0))], ids=str)
def test_noise_of_normalised_images_has_one_density(read, rng, group):
    """Where all samples are seen: the variance per sample is that of 16² px of variance 1, as far as the box reaches."""
    images = rng.normal(size=(300, group.box_size, group.box_size))
    reader = read(images, group)
    batch = reader.read(np.arange(300))
    inner = (reader.disc.ring > 0) & (reader.disc.ring < 6)
    power = np.abs(batch.data[:, inner]) ** 2
    assert power.mean() / (batch.noise()[:, inner].mean() * BOX**2) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("group", (OpticsGroup(16, 3.0), OpticsGroup(24, 2.0), OpticsGroup(20, 2.0), DISTORTED), ids=str)
@pytest.mark.parametrize("in_place", (False, True))
def test_aberrations_are_undone(read, rng, group, in_place):
    """A point: its transform is the CTF's square at every sample once they are undone and it is centred."""
    group = replace(group, odd=(40.0, -60.0, 300.0, 100.0, -200.0, 400.0), even=(0.4, 0.0, 0.0, 0.0, 900.0))
    shifts, focus = rng.normal(size=(1, 2)), np.full(1, 700.0)
    ctf = ctf_parameters(1, rng, defocus_u=focus, defocus_v=focus)  # so little that the image of a point fits the box
    microscope = GroupSamples(group, half_disc(group.box_size, (group.box_size - 1) // 2))
    moved = np.exp(2j * np.pi * (shifts @ np.stack([microscope.own.kx, microscope.own.ky]) / group.length))
    image = microscope.own.inverse(microscope.ctf(ctf) * np.exp(1j * microscope.odd) * moved)
    reader = read(image, group, ctf, shifts)
    batch = next(reader.batches_in_place(1)) if in_place else reader.read(np.arange(1))
    place = np.stack([reader.disc.kx, reader.disc.ky]) if batch.place is None else batch.place
    centred = batch.matched() * np.exp(-2j * np.pi * (shifts @ place) / (BOX * PIXEL_SIZE))
    resampled = batch.place is None and batch.state[0] == CTF_PREMULTIPLIED
    expected = group.object_pixel / PIXEL_SIZE * batch.ctf**2
    assert expected.max() > 0.3
    if resampled:  # the point is as wide as the CTF's square here, which the border of the box cuts
        slope = np.vdot(expected, centred) / np.vdot(expected, expected)
        assert slope == pytest.approx(1, abs=0.03)
        assert np.linalg.norm(centred - slope * expected) < 0.2 * np.linalg.norm(expected)
    else:
        assert centred == pytest.approx(expected, abs=2e-4)


def test_samples_in_place_say_as_much_as_those_of_the_grid(read, rng):
    group = OpticsGroup(20, 3.0)
    reader = read(rng.normal(size=(COUNT, 20, 20)), group)
    batch = next(reader.batches_in_place(COUNT))
    own = half_disc(20, 9)
    used = np.hypot(own.kx, own.ky) * BOX / 20 < 7.5
    assert batch.place[:, used] == pytest.approx(np.stack([own.kx, own.ky])[:, used] * BOX / 20)
    # more samples by area, each of less weight
    of_the_grid = ctf_on_disc(reader.particles.ctf, half_disc(BOX, 7), PIXEL_SIZE)
    assert np.sum(batch.ctf**2) / np.sum(of_the_grid**2) == pytest.approx(1, abs=0.1)
    assert not batch.ctf[:, ~used].any() and not batch.data[:, ~used].any()


def test_groups_are_read_side_by_side(tmp_path, rng):
    """Images of three boxes, mixed: each as if it were alone, every one once."""
    groups = OpticsGroup(16, 3.0), OpticsGroup(24, 2.0), OpticsGroup(20, 2.0, odd=(0.0, 5.0))
    paths = []
    for number, group in enumerate(groups):
        paths.append(str(tmp_path / f"{number}.mrcs"))
        with mrcfile.new(paths[-1], data=rng.normal(size=(3, group.box_size, group.box_size)).astype(np.float32)) as file:
            file.set_image_stack()
    stack = np.array([2, 0, 1, 1, 0, 2, 0])
    particles = particle_set(
        random_rotations(7),
        np.zeros((7, 2)),
        ctf_parameters(7, rng),
        BOX,
        PIXEL_SIZE,
        stacks=tuple(paths),
        stack_index=stack,
        slice_index=np.array([0, 0, 1, 2, 1, 2, 2]),
        optics=Optics(groups, stack),
    )
    reader = ImageReader(particles, half_disc(BOX, 7))
    whole = reader.read(np.arange(7))
    for number in range(7):
        alone = ImageReader(particles.subset([number]), reader.disc).read(np.arange(1))
        for name in ("data", "ctf", "state"):
            assert np.array_equal(getattr(whole, name)[number], getattr(alone, name)[0]), (name, number)
    batches = list(reader.batches_in_place(2))
    assert sorted(np.concatenate([batch.index for batch in batches]).tolist()) == list(range(7))
    assert [set(stack[batch.index]) <= {0, 1} for batch in batches] == [batch.place is None for batch in batches]
    seen = {}
    watched = ImageReader(
        particles,
        reader.disc,
        watch=lambda index, pixels, grey: seen.update((number, image.shape[0]) for number, image in zip(index, pixels)),
    )
    watched.look(np.arange(1, 7))
    assert seen == {number: groups[stack[number]].box_size for number in range(1, 7)}


@pytest.mark.parametrize("group", (OpticsGroup(24, 2.0), OpticsGroup(20, 2.0), DISTORTED), ids=str)
@pytest.mark.parametrize("in_place", (False, True))
def test_blank_images_say_nothing(read_grey, rng, group, in_place):
    images = rng.normal(size=(3, group.box_size, group.box_size))
    images[1] = 7.0
    reader = read_grey(images, group)
    batch = next(reader.batches_in_place(3)) if in_place else reader.read(np.arange(3))
    assert batch.blank.tolist() == [False, True, False]
    told = [np.abs(values).max(axis=1) > 0 for values in (batch.data, batch.ctf, batch.noise())]
    assert np.array_equal(told, [[True, False, True]] * 3)


@pytest.mark.parametrize(
    "group",
    (
        OpticsGroup(16, 3.0),
        OpticsGroup(24, 2.0),
        OpticsGroup(12, 4.0),
        OpticsGroup(40, 2.0),
        OpticsGroup(20, 2.0),
        OpticsGroup(17, 3.0),
        DISTORTED,
    ),
    ids=str,
)
@pytest.mark.parametrize("in_place", (False, True))
def test_noise_has_one_unit_on_the_grid(read_grey, rng, group, in_place):
    """Whatever its gain, box and pixel: as much as in a whole image of the grid whose pixels deviate by 1."""
    count, flat = 300, np.zeros(300)
    ctf = ctf_parameters(count, rng, defocus_u=flat, defocus_v=flat, cs_mm=flat, amplitude_contrast=flat + 1)  # CTF of 1
    gain, background = rng.lognormal(0, 1, (count, 1, 1)), rng.normal(0, 10, (count, 1, 1))
    reader = read_grey(background + gain * rng.normal(size=(count, group.box_size, group.box_size)), group, ctf)
    if in_place:
        batch = next(reader.batches_in_place(count))
        place = np.stack([reader.disc.kx, reader.disc.ky]) if batch.place is None else batch.place
        expected = batch.ctf**2  # its weight in a map: of a wider box there are more samples, each with more noise
    else:
        batch, place = reader.read(np.arange(count)), np.stack([reader.disc.kx, reader.disc.ky])
        expected = batch.noise()
    told = (np.hypot(*place) > 2.5) & (expected[0] > 0)  # the coarsest lose noise with the plane
    found = np.mean(np.abs(batch.data[:, told]) ** 2, axis=0) / expected[0, told] / BOX**2
    assert told.sum() > 30
    assert found.mean() == pytest.approx(1, abs=0.03) and found == pytest.approx(1, abs=0.35)
