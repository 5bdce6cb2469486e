"""Labels of several kinds become one, and images at one place of a micrograph are one particle."""

import numpy as np
import pytest

from gmmrefine.particles.identity import joined, numbered, same_place


def test_labels_are_counted_in_order_of_appearance():
    assert numbered(np.array([b"q", b"a", b"q", b"c"])).tolist() == [0, 1, 0, 2]


def test_any_labelling_holds_rows_together():
    """Rows 0 and 1 by the first, 1 and 3 by the second; row 2 is held by none."""
    assert joined(np.array([5, 5, 7, 8]), np.array([1, 2, 3, 2])).tolist() == [0, 0, 1, 0]
    assert joined(np.array([5, 5, 7, 8]), np.arange(4), np.array([0, 1, 0, 2])).tolist() == [0, 0, 0, 1]


def test_near_in_one_micrograph_is_the_same():
    positions = np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0], [500.0, 0.0], [504.9, 0.0], [505.1, 5.0]])
    micrograph = np.array([0, 0, 1, 0, 0, 0])
    found = same_place(micrograph, positions, np.full(6, 12000.0), 5.0)
    assert found.tolist() == [0, 0, 1, 2, 2, 3]
    assert same_place(micrograph, positions, np.full(6, 12000.0), 4.8).tolist() == [0, 1, 2, 3, 4, 5]


def test_another_defocus_is_another_micrograph_of_the_name():
    positions, micrograph = np.zeros((3, 2)), np.zeros(3, int)
    assert same_place(micrograph, positions, np.array([10000.0, 10900, 14000]), 5.0).tolist() == [0, 0, 1]


@pytest.mark.parametrize("distance", (1.0, 60.0))
def test_pairs_are_those_of_all_distances(rng, distance):
    positions, micrograph = rng.uniform(0, 400, (120, 2)), rng.integers(0, 3, 120)
    apart = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    linked = (apart <= distance) & (micrograph[:, None] == micrograph[None])
    for _ in range(7):  # powers of the links reach along chains of 128
        linked = (linked.astype(int) @ linked.astype(int)) > 0
    found = same_place(micrograph, positions, np.zeros(120), distance)
    assert np.array_equal(found[:, None] == found[None], linked)
