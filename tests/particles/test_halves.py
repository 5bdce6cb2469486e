"""What half sets have, each for itself."""

import pytest

from gmmrefine.particles.halves import Halves


def test_a_function_sees_one_half_at_a_time():
    seen = []
    made = Halves(1, 2).map(lambda *values: seen.append(values) or sum(values), Halves(10, 20), Halves(100, 200))
    assert seen == [(1, 10, 100), (2, 20, 200)] and made == Halves(111, 222)


def test_both_are_seen_only_where_it_is_asked_for():
    halves = Halves("first", "second")
    assert halves.both() == ("first", "second")
    for look in (list, len, lambda pair: pair[0]):
        with pytest.raises(TypeError):
            look(halves)
