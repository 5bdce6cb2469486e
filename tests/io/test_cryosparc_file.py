"""The two forms of .cs files, and files that are none."""

import base64
import struct
import zlib

import numpy as np
import pytest
from cryosparc_rows import particle_rows, save_rows

from gmmrefine.errors import InputError
from gmmrefine.io.cryosparc_file import read_rows, write_rows
from gmmrefine.io.cryosparc_stream import rows_of_stream, unpacked

# A dataset of 24 rows that cryosparc-tools 5.0.3 saved with format=CSDAT_FORMAT; all columns but the uid are compressed.
STREAM = zlib.decompress(
    base64.b85decode(
        "c-oul9PHv4a+HCAp;{>?H7~s+L&-|P$V5j$DW#;cAQi}oj#etoOi==g*pyl*#p)<TD<$RRC+Qa?0@VUVYy2UC$t7v}$;I)xxnQMfCP+$)GZKMDflV+0"
        "Qqe}Su|P?s<ow)%qSWHz%=|o{JxV!MAW67rYD#=sW@=7KF~|+5R-#yiWJ7H20R}i|V1&|4P?{M^vp{K9D9r|?*`YKCl;(ueTu_=DO7lQzUMS56rTL+>"
        "0F)Ml(n3&L7)pykX;COG2BpQJ^dTVeVI$P_3{clF3^jfd$QOZU&*(VN5<|iY6yie}GaO#2ms^y~;AN<v2xb5P{vnJw"
    )
)


def test_stream_of_cryosparc_tools(tmp_path):
    (tmp_path / "x.cs").write_bytes(STREAM)
    rows = read_rows(tmp_path / "x.cs")
    assert rows["uid"].tolist() == [2**63 + row for row in range(24)]
    assert [path.decode() for path in rows["blob/path"]] == ["é.mrc", "J1/a.mrc"] * 12
    assert rows["ctf/cs_mm"].tolist() == [np.float32(2.7)] * 24 and rows["blob/shape"].tolist() == [[16, 16]] * 24


def test_every_cut_stream_is_refused(tmp_path):
    for length in range(6, len(STREAM), 7):
        (tmp_path / "x.cs").write_bytes(STREAM[:length])
        with pytest.raises(InputError, match=r"stream form \(CSDAT\), but it cannot be read .*Dataset.load") as caught:
            read_rows(tmp_path / "x.cs")
        assert "\n" not in str(caught.value)


def test_another_compression_is_named(tmp_path):
    (tmp_path / "x.cs").write_bytes(STREAM.replace(b'"lz4"', b'"ssn"'))
    with pytest.raises(InputError, match="compressed by ssn, only lz4 is read"):
        read_rows(tmp_path / "x.cs")


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b"{}",
        b'{"length": 1, "dtype": [["uid"]], "compressed_fields": []}',
        b"\xff\xff",
        b'{"length": 1, "dtype": [["uid", "nonsense"]], "compressed_fields": []}',
        b'{"length": -1, "dtype": [["uid", "<u8"]], "compressed_fields": []}',
    ],
)
def test_a_stream_with_another_header_is_refused(header):
    with pytest.raises(ValueError):
        rows_of_stream(b"\x95CSDAT" + struct.pack("<I", len(header)) + header + struct.pack("<Q", 0) * 4)


def test_blocks_of_lz4():
    assert unpacked(b"\x50hello", 5) == b"hello"
    assert unpacked(b"\x1fa\x01\x00\xff\x0a", 1 + 4 + 15 + 255 + 10) == b"a" * 285  # a match that runs into what it makes
    assert unpacked(b"\x31abc\x02\x00\x10!", 9) == b"abcbcbcb!"
    for damaged in (b"\x50hell", b"\x1fa", b"\x1fa\x02\x00\x00", b"\x1fa\x00\x00\x00"):
        with pytest.raises(ValueError, match="compressed column"):
            unpacked(damaged, 20)


def test_header_of_any_length(tmp_path):
    rows = particle_rows(2, [(f"alignments_class3D_{number}/pose", "<f4", (3,)) for number in range(400)])
    path = save_rows(tmp_path / "x.cs", rows)
    assert int.from_bytes(path.read_bytes()[8:10], "little") > 10000
    assert read_rows(path).tobytes() == rows.tobytes()
    write_rows(tmp_path / "y.cs", rows)
    assert (tmp_path / "y.cs").read_bytes() == path.read_bytes()


def test_damaged_files(tmp_path):
    path = save_rows(tmp_path / "particles.cs", particle_rows())
    whole = path.read_bytes()
    for damaged in (
        whole[:-50],
        b"text",
        b"",
        whole[:40],
        whole.replace(b"'descr'", b"'descr('", 1),
        whole.replace(b"<u8", b"<w8", 1),
        whole.replace(b"(4,)", b"4444", 1),
    ):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="not a whole cryoSPARC .cs file") as caught:
            read_rows(path)
        assert "\n" not in str(caught.value)
    for rows, words in (
        (np.zeros(4), "holds no table"),
        (np.zeros((), [("uid", "<u8")]), "holds no table"),
        (particle_rows()[:0], "is empty"),
    ):
        with pytest.raises(InputError, match=words):
            read_rows(save_rows(path, rows))
    with pytest.raises(InputError, match="cannot be read"):
        read_rows(tmp_path / "none.cs")


def test_objects_are_never_unpickled(tmp_path):
    rows = np.array([("x",)], [("blob/path", object)])
    np.save(tmp_path / "x.npy", rows, allow_pickle=True)
    with pytest.raises(InputError, match="not a whole"):
        read_rows((tmp_path / "x.npy").rename(tmp_path / "x.cs"))


@pytest.mark.parametrize(
    "name, form, words",
    [
        ("blob/path", ("<f4",), "blob/path is of type float32; expected text"),
        ("ctf/df1_A", ("S3",), r"ctf/df1_A is of type \|S3"),
        ("blob/shape", ("<u4",), "blob/shape has 1 numbers in every row; expected 2"),
        ("alignments3D/pose", ("<f4", (4,)), "alignments3D/pose has 4 numbers in every row; expected 3"),
        ("alignments_class_0/pose", ("S3",), "alignments_class_0/pose is of type"),
    ],
)
def test_fields_of_another_form(tmp_path, name, form, words):
    with pytest.raises(InputError, match=words):
        read_rows(save_rows(tmp_path / "x.cs", np.zeros(2, [(name, *form)])))
