"""What is written is read back as it was, for hundreds of drawn contents; what random bytes are is said in one line."""

import json
import math

import numpy as np
import pytest
from valid_files import FORMATS

from gmmrefine.errors import InputError
from gmmrefine.gmm.model import Gmm
from gmmrefine.io.gmm_file import read_gmm, write_gmm
from gmmrefine.io.made_from import DIGITS, MadeFrom, joined, parsed, read_made_from
from gmmrefine.io.mrc import read_grid, write_map
from gmmrefine.io.network_file import read_arrays, write_arrays
from gmmrefine.io.npz import read_npz
from gmmrefine.io.star import StarBlock, read_star, text_column, write_star
from gmmrefine.plain_json import to_json

_LETTERS = np.array(list("abcXYZ019 _-#;'@.,/\\é粒\udce9\t"))


def drawn_texts(rng, count):
    return ["".join(rng.choice(_LETTERS, rng.integers(0, 9))) for _ in range(count)]


@pytest.mark.parametrize("seed", range(60))
def test_tables(seed, tmp_path):
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(1, 30))
    texts, numbers = drawn_texts(rng, rows), rng.normal(size=rows) * 10.0 ** rng.integers(-20, 20, rows)
    columns = {"a": text_column(texts), "b": text_column(numbers, 17), "c": text_column(rng.integers(-9, 9, rows))}
    write_star(tmp_path / "t.star", [StarBlock("x", columns), StarBlock("y", columns)])
    for block in read_star(tmp_path / "t.star").values():
        assert block.strings("a") == texts
        assert np.allclose(block.numbers("b"), numbers, rtol=1e-15)
        assert (block.integers("c") == np.array(columns["c"]).astype(int)).all()


@pytest.mark.parametrize("seed", range(40))
def test_maps_gmms_and_archives(seed, tmp_path):
    rng = np.random.default_rng(seed)
    shape, mark = rng.integers(3, 20, 3), MadeFrom(rng.bytes(DIGITS // 2).hex(), int(rng.integers(0, 3)))
    data = (rng.normal(size=shape) * 10.0 ** rng.integers(-20, 20)).astype(np.float32)
    write_map(tmp_path / "m.mrc", data, 1.5, rng.normal(size=3), made_from=mark)
    assert (read_grid(tmp_path / "m.mrc").data == data).all() and read_made_from(tmp_path / "m.mrc") == mark
    count = int(rng.integers(1, 40))
    gmm = Gmm(rng.normal(size=(count, 3)), rng.normal(size=count), rng.random(count) + 0.1)
    write_gmm(tmp_path / "g.star", gmm, mark)
    again = read_gmm(tmp_path / "g.star")
    assert (again.centers == gmm.centers).all() and (again.amplitudes == gmm.amplitudes).all()
    assert read_made_from(tmp_path / "g.star") == mark and parsed(mark) == mark
    kinds = (np.float32, np.float64, np.int8, np.uint64, bool)
    arrays = {
        f"a{number}": rng.normal(size=rng.integers(0, 5, rng.integers(0, 4))).astype(kinds[number]) for number in range(5)
    }
    write_arrays(tmp_path / "n.npz", arrays, {"latent_size": seed})
    found, header = read_arrays(tmp_path / "n.npz")
    assert header == {"latent_size": seed} and set(found) == set(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array)
    np.savez_compressed(tmp_path / "c.npz", **arrays)
    assert all(np.array_equal(read_npz(tmp_path / "c.npz")[name], array) for name, array in arrays.items())


@pytest.mark.parametrize("seed", range(20))
def test_marks_joined_in_any_order_are_one(seed):
    rng = np.random.default_rng(seed)
    marks = [MadeFrom(rng.bytes(DIGITS // 2).hex(), int(rng.integers(1, 3))) for _ in range(rng.integers(1, 6))]
    both = joined(marks)
    assert both == joined(marks[::-1] + marks[:1])
    assert both.half == (marks[0].half if len({mark.half for mark in marks}) == 1 else 0)


@pytest.mark.parametrize("seed", range(40))
def test_no_number_of_json_is_not_finite(seed):
    rng = np.random.default_rng(seed)

    def drawn(depth):
        kind = rng.integers(0, 6 if depth else 4)
        value = rng.choice([1.5, np.nan, np.inf, -np.inf, 0.0])
        return (
            float(value),
            np.float32(value),
            np.full(rng.integers(0, 3, 2), value),
            "nan",
            [drawn(depth - 1)] if depth else 0,
            {"a": drawn(depth - 1), "b": 1} if depth else 0,
        )[kind]

    def refuse(constant):
        raise AssertionError(constant)

    text = to_json({"x": [drawn(3) for _ in range(8)]})
    assert math.isfinite(len(json.loads(text, parse_constant=refuse)["x"]))


@pytest.mark.parametrize("kind", FORMATS)
def test_random_bytes(kind, tmp_path):
    """Behind the first bytes of a valid file, or none of it."""
    one, path = FORMATS[kind], tmp_path / FORMATS[kind].name
    one.write(path)
    data, rng = path.read_bytes(), np.random.default_rng(len(kind))
    for length in (0, 4, 8, 100, 1024):
        for _ in range(6):
            path.write_bytes(data[:length] + rng.bytes(int(rng.integers(1, 3000))))
            try:
                one.read(path)
            except InputError as error:
                assert str(error) and "\n" not in str(error)
