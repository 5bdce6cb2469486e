"""Point groups: closed, of the right order, oriented as RELION's are, and what they leave free."""
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gmmrefine.errors import InputError
from gmmrefine.geometry.symmetry import coset_representatives, free_directions, grid_operators, point_group

ORDERS = {"C1": 1, "C2": 2, "C3": 3, "C7": 7, "C12": 12, "D1": 2, "D2": 4, "D3": 6, "D7": 14, "T": 12, "O": 24, "I": 60}
# order and axis of RELION's own generators of each group
RELION = {
    "C3": [(3, (0, 0, 1))], "D3": [(3, (0, 0, 1)), (2, (1, 0, 0))], "D4": [(4, (0, 0, 1)), (2, (1, 0, 0))],
    "T": [(3, (0, 0, 1)), (2, (0, 0.816496, 0.577350))], "O": [(3, (1, 1, 1)), (4, (0, 0, 1))],
    "I": [(2, (0, 0, 1)), (5, (0.525731114, 0, 0.850650807)), (3, (0, 0.356822076, 0.934172364))]}


def is_in(rotation, group, within=1e-5):
    return np.abs(group - rotation).max(axis=(1, 2)).min() < within


@pytest.mark.parametrize("name", ORDERS)
def test_a_group_is_closed_and_of_its_order(name):
    group = point_group(name)
    assert group.shape == (ORDERS[name], 3, 3) and np.array_equal(group[0], np.eye(3))
    assert np.linalg.det(group) == pytest.approx(np.ones(len(group)))
    distances = np.abs(group[:, None] - group[None]).max(axis=(2, 3))
    assert np.all(distances[~np.eye(len(group), dtype=bool)] > 0.05)
    for a in group:
        assert all(is_in(a @ b, group, 1e-9) for b in group)


@pytest.mark.parametrize("name", RELION)
def test_axes_are_those_of_relion(name):
    for order, axis in RELION[name]:
        turn = Rotation.from_rotvec(2 * np.pi / order * np.array(axis) / np.linalg.norm(axis)).as_matrix()
        assert is_in(turn, point_group(name))


def test_i_is_not_relions_i1():
    turn = Rotation.from_rotvec(2 * np.pi / 5 * np.array([0.8506508, 0, -0.5257311])).as_matrix()
    assert not is_in(turn, point_group("I"), within=0.1)


def test_names_are_read_as_people_write_them():
    assert np.array_equal(point_group(" c4 "), point_group("C4"))
    for wrong in ("C0", "C", "X3", "I1", "", "C3v", "D100", "-C3"):
        with pytest.raises(InputError) as caught:
            point_group(wrong)
        expected = f"--symmetry {wrong}: not a point group; expected Cn, Dn, T, O or I (RELION's I2), e.g. C3."
        assert str(caught.value) == expected


@pytest.mark.parametrize("name, kept", [("C1", (1, 1, 1)), ("C2", (0, 0, 1)), ("C5", (0, 0, 1)), ("D2", (0, 0, 0)),
                                        ("D5", (0, 0, 0)), ("T", (0, 0, 0)), ("O", (0, 0, 0)), ("I", (0, 0, 0))])
def test_free_directions(name, kept):
    assert free_directions(point_group(name)) == pytest.approx(np.diag(kept), abs=1e-12)


@pytest.mark.parametrize("name, count", [
    ("C2", 2), ("C3", 1), ("C4", 4), ("C6", 2), ("D2", 4), ("D3", 2), ("D4", 8), ("T", 1), ("O", 24), ("I", 12)])
def test_cosets_give_every_operator_once(name, count):
    group = point_group(name)
    on_grid = grid_operators(group)
    assert len(on_grid) == count
    representatives = coset_representatives(group, on_grid)
    assert len(representatives) * count == len(group) and np.array_equal(representatives[0], np.eye(3))
    products = (representatives[:, None] @ on_grid[None]).reshape(-1, 3, 3)
    assert all(is_in(operator, products, 1e-9) for operator in group)
