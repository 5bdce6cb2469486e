"""STAR tables keep every character of what they read."""

import numpy as np
import pytest

from gmmrefine.errors import InputError
from gmmrefine.io import star
from gmmrefine.io.star import StarBlock, exact_column, optional_column, read_star, text_column, write_star

TEXT = """# version 50001

data_

loop_
_rlnName #1
_rlnValue #2
000001@data_1/x.mrcs 0003
data_2/y.mrcs  [1,2,3]
"two words" nan

data_general
_rlnX  007
_rlnY 'a b'
"""


def _written(tmp_path, text):
    path = tmp_path / "in.star"
    path.write_text(text)
    return path


def test_values_are_text_as_it_stands(tmp_path):
    blocks = read_star(_written(tmp_path, TEXT))
    assert list(blocks) == ["", "general"]
    assert blocks[""].columns["rlnName"].tolist() == [b"000001@data_1/x.mrcs", b"data_2/y.mrcs", b'"two words"']
    assert blocks[""].columns["rlnValue"].tolist() == [b"0003", b"[1,2,3]", b"nan"]
    assert blocks[""].strings("rlnName")[2] == "two words"
    assert blocks["general"].columns["rlnX"].tolist() == [b"007"]
    assert blocks["general"].strings("rlnY") == ["a b"]
    assert not blocks["general"].is_loop and blocks["general"].version == 50001


def test_round_trip_keeps_text_and_gives_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(star, "ROWS_AT_A_TIME", 2)
    blocks = read_star(_written(tmp_path, TEXT))
    write_star(tmp_path / "a.star", blocks.values())
    write_star(tmp_path / "b.star", read_star(tmp_path / "a.star").values())
    assert (tmp_path / "a.star").read_bytes() == (tmp_path / "b.star").read_bytes()
    again = read_star(tmp_path / "b.star")
    for name, block in blocks.items():
        assert list(again[name].columns) == list(block.columns)
        assert all((again[name].columns[label] == text).all() for label, text in block.columns.items())


def test_empty_table_and_windows_line_ends(tmp_path):
    path = tmp_path / "in.star"
    path.write_bytes(b"data_a\r\nloop_\r\n_x #1\r\n_y #2\r\n\r\ndata_b\r\nloop_\r\n_x\r\n1\r\n2\r\n")
    blocks = read_star(path)
    assert len(blocks["a"]) == 0 and list(blocks["a"].columns) == ["x", "y"]
    assert blocks["b"].integers("x").tolist() == [1, 2]


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "not a STAR file: it has no data_ block"),
        ("x,y\n1,2\n", "not a STAR file: line 1"),
        ("data_\nloop_\n_a\n_b\n1 2\n3\n", "line 6: row 2 of data_ has 1 values for 2 columns"),
        ("data_\nloop_\n_a\n_a\n1 2\n", "column a appears twice"),
        ("data_a\n_x 1\ndata_a\n_x 2\n", "line 3: a second block data_a"),
        ("data_a\n_x\n", "x has no value"),
        ("data_a\n_x 1\n1 2\n", "expected '_label value' or loop_"),
    ],
)
def test_damaged_files_are_refused_with_the_place(tmp_path, text, words):
    with pytest.raises(InputError) as caught:
        read_star(_written(tmp_path, text))
    assert words in str(caught.value) and "in.star" in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"none.star: cannot be read \(No such file"):
        read_star(tmp_path / "none.star")


@pytest.mark.parametrize("value", ["nan", "inf", "abc", "1,5"])
def test_what_is_not_a_finite_number_is_named_with_its_row(value):
    block = StarBlock("particles", {"rlnX": np.array([b"1", value.encode()])}, source="a.star")
    with pytest.raises(InputError, match=f"a.star, data_particles, row 2: rlnX is '{value}'; expected a finite number"):
        block.numbers("rlnX")


def test_whole_numbers_only():
    block = StarBlock("particles", {"rlnX": np.array([b"1.0", b"2"]), "rlnY": np.array([b"1", b"1.5"])})
    assert block.integers("rlnX").tolist() == [1, 2]
    with pytest.raises(InputError, match="row 2: rlnY is 1.5; expected a whole number"):
        block.integers("rlnY")


def test_text_of_values():
    assert text_column(np.array([1.5, -0.1234567])).tolist() == [b"1.500000", b"-0.123457"]
    assert text_column(np.array([1, -2])).tolist() == [b"1", b"-2"]
    assert text_column(["plain", "two words", ""]).tolist() == [b"plain", b'"two words"', b'""']
    values = np.array([0.1, 1 / 3, 1e-12, 123456.789])
    assert exact_column(values).astype(float).tolist() == values.tolist()


def test_optional_numbers_come_back_and_bad_ones_are_named(tmp_path):
    values = np.array([0.25, np.nan, -1.0])
    write_star(
        tmp_path / "q.star", [StarBlock("q", {"gmmQScore": optional_column(values), "other": text_column(["<NA>", "1", "x"])})]
    )
    block = read_star(tmp_path / "q.star")["q"]
    assert block.optional_numbers("gmmQScore") == pytest.approx(values, nan_ok=True)
    with pytest.raises(InputError, match="row 3: other is 'x'"):
        block.optional_numbers("other")
