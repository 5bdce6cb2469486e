"""Images streamed from their stacks: the same however they are read, and the same whatever was done to them."""

import time
from dataclasses import replace

import mrcfile
import numpy as np
import pytest
import references
from molecules import ctf_parameters, ctf_table, particle_set, random_rotations

from gmmrefine.errors import InputError
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.particles import images
from gmmrefine.particles.images import ImageBatch, ImageReader
from gmmrefine.particles.particle_set import CTF_PHASE_FLIPPED, CTF_PREMULTIPLIED, CTF_RAW

BOX = 16
COUNT = 9


def write_stack(path, images, extended=b""):
    with mrcfile.new(path, data=images, overwrite=True) as file:
        if extended:
            file.set_extended_header(np.frombuffer(extended, "S1"))
        file.set_image_stack()
    return str(path)


def read_set(stacks, stack_index, slice_index, rng):
    count = len(stack_index)
    return particle_set(
        random_rotations(count),
        np.zeros((count, 2)),
        ctf_parameters(count, rng),
        BOX,
        stacks=tuple(stacks),
        stack_index=np.asarray(stack_index),
        slice_index=np.asarray(slice_index),
    )


@pytest.fixture
def pixels(rng):
    """Images that every MRC mode can hold exactly."""
    return rng.integers(0, 100, (COUNT, BOX, BOX))


@pytest.fixture
def disc():
    return half_disc(BOX, 6)


@pytest.fixture
def reader(tmp_path, pixels, disc, rng):
    """Nine particles scattered over two stacks, not in their order, one image used by none."""
    first = write_stack(tmp_path / "first.mrcs", pixels[:4].astype(np.float32))
    second = write_stack(tmp_path / "second.mrcs", pixels[4:].astype(np.float32))
    stack_index = np.array([1, 0, 1, 1, 0, 0, 1, 0])
    slice_index = np.array([2, 3, 0, 4, 1, 0, 1, 2])
    return ImageReader(read_set([first, second], stack_index, slice_index, rng), disc)


def samples(images, disc):
    """Transforms (N, K) of images (N, Y, X) on one scale."""
    return disc.transform(np.array([references.on_one_scale(image, 0.375 * BOX)[2] for image in images]))


ORDER = [6, 3, 4, 8, 1, 0, 5, 2]  # of the particles of ``reader`` among the images


def test_pixels_are_those_of_the_stacks(reader, pixels):
    assert np.array_equal(reader.read_pixels(reader.particles), pixels[ORDER])


@pytest.mark.parametrize("batch_size", (1, 3, 8, 100))
def test_streaming_equals_reading_at_once(reader, pixels, disc, batch_size):
    batches = list(reader.batches(batch_size))
    assert [len(batch.index) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
    assert np.concatenate([batch.index for batch in batches]).tolist() == list(range(8))
    data = np.concatenate([batch.data for batch in batches])
    assert data == pytest.approx(samples(pixels[ORDER], disc), abs=1e-3)
    assert np.array_equal(data, reader.read(np.arange(8)).data)
    expected = ctf_table(reader.particles.ctf, disc, reader.particles.pixel_size)
    assert np.concatenate([batch.ctf for batch in batches]) == pytest.approx(expected, abs=1e-6)
    assert np.concatenate([batch.state for batch in batches]).tolist() == [CTF_RAW] * 8


@pytest.mark.parametrize("threads", (1, 3))
def test_batches_come_in_order_however_many_threads_read(reader, monkeypatch, threads):
    """The first batch is read last."""
    monkeypatch.setattr(images, "thread_count", lambda: threads)
    read = reader.read

    def slowly(index):
        time.sleep(0.1 if index[0] == 0 else 0)
        return read(index)

    monkeypatch.setattr(reader, "read", slowly)
    found = list(reader.batches(2))
    assert [list(batch.index) for batch in found] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert np.array_equal(np.concatenate([batch.data for batch in found]), read(np.arange(8)).data)


def test_some_particles_in_a_given_order(reader, pixels, disc):
    index = np.array([7, 0, 5])
    first, second = reader.batches(2, index)
    assert first.index.tolist() == [7, 0] and second.index.tolist() == [5]
    expected = samples(pixels[np.array(ORDER)[index]], disc)
    assert np.concatenate([first.data, second.data]) == pytest.approx(expected, abs=1e-3)
    assert second.ctf == pytest.approx(ctf_table(reader.particles.ctf, disc, 2.0)[[5]], abs=1e-6)
    assert list(reader.batches(2, np.array([], int))) == []


def test_dark_molecules_are_inverted(reader, disc):
    inverted = ImageReader(reader.particles, disc, invert_contrast=True)
    index = np.arange(8)
    assert np.array_equal(inverted.read(index).data, -reader.read(index).data)
    assert np.array_equal(inverted.read(index).ctf, reader.read(index).ctf)


def test_contrast_signs_of_particles_are_obeyed_and_the_setting_multiplies_them(reader, disc):
    signs = np.array([1, -1, -1, 1, 1, -1, 1, -1])
    some = np.array([5, 0, 1])
    told = replace(reader.particles, contrast_sign=signs)
    plain = reader.read(some).data
    assert ImageReader(told, disc).read(some).data == pytest.approx(signs[some, None] * plain)
    assert ImageReader(told, disc, invert_contrast=True).read(some).data == pytest.approx(-signs[some, None] * plain)


@pytest.mark.parametrize("dtype", ("int8", "int16", "uint16", "float16", "float32"))
@pytest.mark.parametrize("extended", (b"", b"x" * 300), ids=("", "extended header"))
def test_modes(tmp_path, pixels, disc, rng, dtype, extended):
    path = write_stack(tmp_path / "stack.mrcs", pixels.astype(dtype), extended)
    reader = ImageReader(read_set([path], np.zeros(COUNT, int), np.arange(COUNT), rng), disc)
    found = reader.read_pixels(reader.particles)
    assert found.dtype == np.float32
    assert np.array_equal(found, pixels)


@pytest.mark.parametrize("signed", (False, True))
def test_bytes_with_the_stamp_of_imod(tmp_path, rng, disc, signed):
    pixels = np.arange(COUNT * BOX * BOX).reshape(COUNT, BOX, BOX) % 256 - (128 if signed else 0)
    path = tmp_path / "stack.mrcs"
    write_stack(path, pixels.astype(np.int8))
    with open(path, "r+b") as file:
        file.seek(152)
        file.write(b"IMOD" + (b"\1\0\0\0" if signed else b"\0\0\0\0"))
    reader = ImageReader(read_set([str(path)], np.zeros(COUNT, int), np.arange(COUNT), rng), disc)
    assert np.array_equal(reader.read_pixels(reader.particles), pixels)


@pytest.mark.parametrize("dtype", (">i2", ">f4"))
def test_big_endian(tmp_path, pixels, disc, rng, dtype):
    path = write_stack(tmp_path / "stack.mrcs", pixels.astype(dtype))
    with mrcfile.open(path, header_only=True) as file:
        assert file.header.mode.dtype.byteorder == ">"
    reader = ImageReader(read_set([path], np.zeros(COUNT, int), np.arange(COUNT), rng), disc)
    assert np.array_equal(reader.read_pixels(reader.particles), pixels)


def failure(reader):
    with pytest.raises(InputError) as caught:
        list(reader.batches(3))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_truncated_stack(reader):
    path = reader.particles.stacks[1]
    with open(path, "r+b") as file:
        file.truncate(1024 + 4 * BOX * BOX * 4 + 40)
    text = failure(reader)
    assert text.startswith(path) and "image 5 (row 4) is cut off" in text and "found 10 of 256 pixels" in text


def test_missing_stack(reader, tmp_path):
    (tmp_path / "first.mrcs").unlink()
    text = failure(reader)
    assert "first.mrcs: cannot read the image stack (No such file or directory)" in text and "rlnImageName" in text


@pytest.mark.filterwarnings("ignore:Data array contains", "ignore:invalid value")
@pytest.mark.parametrize("value", (np.nan, np.inf))
def test_pixel_that_is_not_a_number(reader, tmp_path, pixels, value):
    bad = pixels[:4].astype(np.float32)
    bad[3, 5, 5] = value
    write_stack(tmp_path / "first.mrcs", bad)
    text = failure(reader)
    assert "first.mrcs: image 4 (row 2) has pixels that are not finite numbers" in text


def test_mode_that_cannot_be_read(reader, tmp_path, pixels):
    write_stack(tmp_path / "first.mrcs", pixels[:4].astype(np.complex64))
    assert "first.mrcs: MRC mode 4 is not readable; expected 0, 1, 2, 6 or 12" in failure(reader)


@pytest.fixture
def states(rng, disc):
    """The same noisy image raw, phase-flipped and premultiplied by its CTF."""
    ctf = ctf_table(ctf_parameters(1, rng), disc, 2.0)[0]
    raw = rng.normal(size=len(ctf)) + 1j * rng.normal(size=len(ctf))
    data = np.array([raw, np.sign(ctf) * raw, ctf * raw]).astype(np.complex64)
    state = np.array([CTF_RAW, CTF_PHASE_FLIPPED, CTF_PREMULTIPLIED])
    return ImageBatch(np.arange(3), data, np.tile(ctf, (3, 1)).astype(np.float32), state)


def test_matched_image_does_not_depend_on_what_was_done_before(states):
    matched = states.matched()
    assert matched.dtype == np.complex64
    assert matched == pytest.approx(np.tile(states.ctf[0] * states.data[0], (3, 1)), abs=1e-6)


def test_phase_flipped_image(states):
    flipped = states.phase_flipped()
    assert flipped.dtype == np.complex64
    expected = np.sign(states.ctf[0]) * states.data[0]
    assert flipped[:2] == pytest.approx(np.stack([expected, expected]), abs=1e-6)
    # premultiplied: the phases are right, the amplitudes are what they are
    assert flipped[2] == pytest.approx(np.abs(states.ctf[0]) * expected, abs=1e-6)
