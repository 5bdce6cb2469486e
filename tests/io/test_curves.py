"""Curves read back to the last digit."""

import numpy as np
import pytest

from gmmrefine.errors import InputError
from gmmrefine.io.curves import read_curves, write_curves
from gmmrefine.io.star import read_star


def test_round_trip_is_exact(tmp_path, rng):
    columns = {"gmmFrequency": np.linspace(0, 0.3, 7), "gmmFsc": rng.normal(size=7), "gmmFscMasked": np.ones(7)}
    write_curves(tmp_path / "fsc.star", columns)
    curves = read_curves(tmp_path / "fsc.star")
    assert list(curves) == list(columns)
    assert all((curves[label] == values).all() for label, values in columns.items())
    assert list(read_star(tmp_path / "fsc.star")) == ["fsc"]
    write_curves(tmp_path / "again.star", columns)
    assert (tmp_path / "fsc.star").read_bytes() == (tmp_path / "again.star").read_bytes()


def test_empty_and_wrong_curves(tmp_path):
    (tmp_path / "fsc.star").write_text("data_fsc\nloop_\n_gmmFrequency\n_gmmFsc\n")
    with pytest.raises(InputError, match="data_fsc is empty"):
        read_curves(tmp_path / "fsc.star")
    (tmp_path / "fsc.star").write_text("data_fsc\nloop_\n_gmmFrequency\n_gmmFsc\n0.1 x\n")
    with pytest.raises(InputError, match="row 1: gmmFsc is 'x'"):
        read_curves(tmp_path / "fsc.star")
