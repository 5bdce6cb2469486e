"""Random draws by name."""

import ast

import numpy as np
import pytest
from source_tree import python_files, syntax_tree

from gmmrefine.random_streams import STREAMS, stream


def test_no_two_uses_draw_the_same_numbers():
    assert len(set(STREAMS.values())) == len(STREAMS)
    drawn = {use: stream(use, 1, 2).random(4).tobytes() for use in STREAMS}
    assert len(set(drawn.values())) == len(STREAMS)


def test_seed_and_place_decide_the_draw():
    one = stream("networks of motion", 1, 2, 3).random(4)
    assert np.array_equal(one, stream("networks of motion", 1, 2, 3).random(4))
    for other in (stream("networks of motion", 2, 2, 3), stream("networks of motion", 1, 2, 4)):
        assert not np.array_equal(one, other.random(4))
    with pytest.raises(KeyError):
        stream("anything", 1)


def test_every_stream_is_used():
    calls = {
        node.args[0].value
        for path in python_files("engine/gmmrefine")
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "stream"
    }
    assert calls == set(STREAMS)
