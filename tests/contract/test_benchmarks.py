"""Benchmarks of several points measure those named, or all."""

import argparse
import sys

import pytest
from source_tree import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "benchmarks"))


def test_all_points_are_measured_where_none_is_named(capsys):
    from points import parser_of

    parser = parser_of("A benchmark.", {"grey": None, "optics": None})
    assert isinstance(parser, argparse.ArgumentParser)
    assert parser.parse_args([]).points == ["grey", "optics"] and parser.parse_args(["optics"]).points == ["optics"]
    with pytest.raises(SystemExit):
        parser.parse_args(["gray"])
    assert "gray: expected grey, optics" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["real_input", "honest_maps"])
def test_entries_read_their_points_with_it(name):
    text = (REPOSITORY / "benchmarks" / f"{name}.py").read_text(encoding="utf-8")
    assert "parser_of(" in text and "ArgumentParser(" not in text
