"""MRC stacks in every form that programs write: read pixel for pixel, or refused by name."""

import bz2
import gzip
import struct

import numpy as np
import pytest

from gmmrefine.errors import InputError
from gmmrefine.particles.stack_file import open_stack, stack_layout

IMOD, SIGNED = 1146047817, 1
PIXELS = np.arange(3 * 4 * 4).reshape(3, 4, 4)
MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}


def mrc(pixels, mode, order="<", words=(), extended=b"", stamp=None, kind=None):
    """Bytes of a stack; ``words`` are (number, struct letter, value) of the header, counted from 0."""
    count, rows, columns = pixels.shape
    header = bytearray(1024)
    struct.pack_into(f"{order}4i", header, 0, columns, rows, count, mode)
    struct.pack_into(f"{order}3i", header, 64, 1, 2, 3)
    struct.pack_into(f"{order}i", header, 92, len(extended))
    header[208:212] = b"MAP "
    header[212:216] = {"<": b"DD\0\0", ">": b"\x11\x11\0\0"}[order] if stamp is None else stamp
    for number, letter, value in words:
        struct.pack_into(order + letter, header, 4 * number, value)
    return bytes(header) + extended + pixels.astype(order + (kind or MODES[mode])).tobytes()


def read(path, content):
    path.write_bytes(content)
    layout = stack_layout(str(path))
    with open_stack(str(path)) as file:
        images = [layout.read(file, number) for number in (2, 0, 1)]
    assert layout.file_bytes == len(content)
    return layout, np.array([images[1], images[2], images[0]], float)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("extended", [b"", b"SERI" * 300], ids=["", "extended"])
def test_modes_byte_orders_and_extended_headers(tmp_path, mode, order, extended):
    layout, found = read(tmp_path / "s.mrcs", mrc(PIXELS, mode, order, extended=extended))
    assert np.array_equal(found, PIXELS)
    assert (layout.mode, layout.images, layout.rows, layout.columns) == (mode, 3, 4, 4)
    assert layout.offset == 1024 + len(extended)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("stamp", [b"\0\0\0\0", b"DD\0\0", b"\x11\x11\0\0", b"    "])
def test_a_wrong_machine_stamp_does_not_decide(tmp_path, order, stamp):
    for mode in (1, 2):
        assert np.array_equal(read(tmp_path / "s.mrcs", mrc(PIXELS, mode, order, stamp=stamp))[1], PIXELS)


def test_images_need_not_be_square(tmp_path):
    wide = np.arange(2 * 3 * 5).reshape(2, 3, 5)
    (tmp_path / "s.mrcs").write_bytes(mrc(wide, 1))
    layout = stack_layout(str(tmp_path / "s.mrcs"))
    assert (layout.rows, layout.columns) == (3, 5)
    with open_stack(str(tmp_path / "s.mrcs")) as file:
        assert np.array_equal(layout.read(file, 1), wide[1])


BYTES = np.array([0, 1, 127, 128, 200, 255]).reshape(1, 1, 6) * np.ones((1, 6, 1), int)
AS_SIGNED = np.where(BYTES > 127, BYTES - 256, BYTES)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    "words, signed",
    [
        ([], True),
        ([(38, "i", IMOD), (39, "i", SIGNED)], True),
        ([(38, "i", IMOD), (39, "i", 0)], False),
        ([(38, "i", IMOD), (39, "i", 4)], False),
        ([(38, "i", IMOD), (39, "i", 5)], True),
        ([(38, "i", 7), (39, "i", 0)], True),
        ([(19, "f", 0.0), (20, "f", 255.0)], False),
        ([(19, "f", -128.0), (20, "f", 127.0)], True),
        ([(19, "f", 0.0), (20, "f", 127.0)], True),
        ([(19, "f", 3.4e38), (20, "f", -3.4e38)], True),
        ([(19, "f", 0.0), (20, "f", 255.0), (38, "i", IMOD), (39, "i", SIGNED)], True),
    ],
)
def test_signs_of_bytes(tmp_path, order, words, signed):
    """IMOD's stamp, else the header's statistics, else signed as the format has it."""
    path = tmp_path / "s.mrcs"
    path.write_bytes(mrc(BYTES, 0, order, words, kind="u1"))
    layout = stack_layout(str(path))
    with open_stack(str(path)) as file:
        assert np.array_equal(layout.read(file, 0), (AS_SIGNED if signed else BYTES)[0])


@pytest.mark.parametrize("cell, intervals, expected", [(16.0, 4, 4.0), (0.0, 4, 0.0), (16.0, 0, 0.0), (np.nan, 4, 0.0)])
def test_the_pixel_size_of_the_header(tmp_path, cell, intervals, expected):
    content = mrc(PIXELS, 2, words=[(7, "i", intervals), (10, "f", cell)])
    assert read(tmp_path / "s.mrcs", content)[0].pixel_size == expected


def test_an_image_that_is_cut_off_has_fewer_pixels(tmp_path):
    path = tmp_path / "s.mrcs"
    path.write_bytes(mrc(PIXELS, 2)[:-10])
    layout = stack_layout(str(path))
    with open_stack(str(path)) as file:
        assert layout.read(file, 1).shape == (4, 4) and layout.read(file, 2).shape == (13,) and not layout.read(file, 9).size


GOOD = mrc(PIXELS, 2)


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("s.mrcs.gz", gzip.compress(GOOD), "compressed with gzip. Unpack it (gunzip) and name the unpacked stack"),
        ("s.mrcs", gzip.compress(GOOD), "compressed with gzip"),
        ("s.mrcs.bz2", bz2.compress(GOOD), "compressed with bzip2. Unpack it (bunzip2)"),
        ("s.zip", b"PK\x03\x04" + GOOD, "compressed with zip. Unpack it (unzip)"),
        ("s.mrcs", b"\x28\xb5\x2f\xfd" + GOOD, "compressed with zstd"),
        ("s.hdf", b"\x89HDF\r\n\x1a\n" + GOOD, "HDF5, the format of EMAN2, not MRC. Write it as MRC in EMAN2 (e2proc2d.py"),
        ("s.mrcs", b"\x89HDF\r\n\x1a\n" + GOOD, "HDF5"),
        ("s.tif", b"II*\0" + GOOD, "TIFF, not MRC"),
        ("s.mrcs", b"\x93NUMPY" + GOOD, "a NumPy array, not MRC"),
        ("s.mrcs", b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        ("s.mrcs", b"", "not an MRC stack, only 0 bytes long"),
        ("s.mrcs", GOOD[:500], "not an MRC stack, only 500 bytes long"),
        ("s.mrcs", b"\0" * 5000, "its header is empty (zeros)"),
        ("s.mrcs", b"an image? " * 500, "s.mrcs: not an MRC stack."),
        ("s.stk", b"\0\0\x80\x3f" * 500, "s.stk: not an MRC stack (by its name a SPIDER stack as of Xmipp)"),
        ("s.mrcs", mrc(PIXELS, 4, kind="c8"), "MRC mode 4 is not readable; expected 0, 1, 2, 6 or 12, found complex"),
        ("s.mrcs", mrc(PIXELS, 101, kind="i1"), "MRC mode 101 is not readable; expected 0, 1, 2, 6 or 12, found 4-bit"),
        ("s.mrcs", mrc(PIXELS, 2, words=[(23, "i", -4)]), "its extended header has -4 bytes"),
        ("s.mrcs", mrc(PIXELS, 2, words=[(16, "i", 2), (17, "i", 1)]), "axes are stored in the order [2, 1, 3]"),
    ],
)
def test_what_is_not_an_mrc_stack_is_named(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        stack_layout(str(tmp_path / name))
    assert words in str(caught.value) and "\n" not in str(caught.value) and name in str(caught.value)


def test_a_stack_that_cannot_be_opened(tmp_path):
    for path in (tmp_path / "none.mrcs", tmp_path):
        with pytest.raises(InputError, match="cannot read the image stack .* Check the path in rlnImageName"):
            stack_layout(str(path))
