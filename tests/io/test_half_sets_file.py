"""The record of half sets beside half maps."""

import os

import numpy as np
import pytest

from gmmrefine.errors import InputError
from gmmrefine.io.half_sets_file import HALF_SETS_FILE, half_sets_beside, write_half_sets
from gmmrefine.particles.half_sets import HalfSets

HALF_SETS = HalfSets(np.array([2**63, 2**64 - 1], np.uint64), np.array([7], np.uint64))


def pair(folder):
    return [str(folder / f"half_map_{number}.mrc") for number in (1, 2)]


def same(found, expected):
    return np.array_equal(found.first, expected.first) and np.array_equal(found.second, expected.second)


def test_round_trip(tmp_path):
    write_half_sets(tmp_path, HALF_SETS)
    found = half_sets_beside(*pair(tmp_path))
    assert same(found, HALF_SETS) and found.first.dtype == np.uint64


def test_half_maps_in_the_other_order(tmp_path):
    write_half_sets(tmp_path, HALF_SETS)
    assert same(half_sets_beside(*pair(tmp_path)[::-1]), HALF_SETS.swapped)


@pytest.mark.parametrize("part", ("patches/02", "iterations/00"))
def test_parts_of_a_run_hold_its_particles(tmp_path, part):
    write_half_sets(tmp_path, HALF_SETS)
    assert same(half_sets_beside(*pair(tmp_path / part)), HALF_SETS)


def test_links_are_followed(tmp_path):
    """Also where they have exchanged the two."""
    write_half_sets(tmp_path / "run", HALF_SETS)
    targets = pair(tmp_path / "run")
    for name, order in (("links", targets), ("exchanged", targets[::-1])):
        (tmp_path / name).mkdir()
        for link, target in zip(pair(tmp_path / name), order):
            os.symlink(target, link)
    assert same(half_sets_beside(*pair(tmp_path / "links")), HALF_SETS)
    assert same(half_sets_beside(*pair(tmp_path / "exchanged")), HALF_SETS.swapped)
    write_half_sets(tmp_path / "exchanged", HALF_SETS)
    assert same(half_sets_beside(*pair(tmp_path / "exchanged")), HALF_SETS)


def test_without_a_record(tmp_path):
    assert half_sets_beside(*pair(tmp_path)) is None
    write_half_sets(tmp_path / "run", HALF_SETS)
    assert half_sets_beside(*pair(tmp_path / "run" / "others" / "01")) is None
    assert half_sets_beside(pair(tmp_path / "run")[0], pair(tmp_path)[1]) is None


def test_a_damaged_record(tmp_path):
    (tmp_path / HALF_SETS_FILE).write_bytes(b"PK nothing")
    with pytest.raises(InputError, match=r"half_sets.npz is damaged .* Remove it, or run again what made the half maps\."):
        half_sets_beside(*pair(tmp_path))
