"""Point groups: closed, of the right order, oriented as other programs' are, and what they leave free."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gmmrefine.errors import InputError
from gmmrefine.geometry.symmetry import (
    coset_representatives,
    cryosparc_name,
    free_directions,
    grid_operators,
    point_group,
    point_group_name,
)

ORDERS = {
    "C1": 1,
    "C2": 2,
    "C3": 3,
    "C7": 7,
    "C12": 12,
    "D1": 2,
    "D2": 4,
    "D3": 6,
    "D7": 14,
    "T": 12,
    "O": 24,
    "I": 60,
    "I1": 60,
    "I2": 60,
    "I3": 60,
    "I4": 60,
    "DY7": 14,
    "T222": 12,
    "I2N3R": 60,
}
# order and axis of RELION's own generators of each group
RELION = {
    "C3": [(3, (0, 0, 1))],
    "D3": [(3, (0, 0, 1)), (2, (1, 0, 0))],
    "D4": [(4, (0, 0, 1)), (2, (1, 0, 0))],
    "T": [(3, (0, 0, 1)), (2, (0, 0.816496, 0.577350))],
    "O": [(3, (1, 1, 1)), (4, (0, 0, 1))],
    "I": [(2, (0, 0, 1)), (5, (0.525731114, 0, 0.850650807)), (3, (0, 0.356822076, 0.934172364))],
    "I1": [(2, (1, 0, 0)), (5, (0.8506508, 0, -0.5257311)), (3, (0.934172364, 0.356822076, 0))],
    "I2": [(2, (0, 0, 1)), (5, (0.525731114, 0, 0.850650807)), (3, (0, 0.356822076, 0.934172364))],
    "I3": [(2, (-0.5257311, 0, 0.8506508)), (5, (0, 0, 1)), (3, (-0.49112348, 0.35682208, 0.79465448))],
    "I4": [(2, (0.5257311, 0, 0.8506508)), (5, (0.89442719, 0, 0.4472136)), (3, (0.49112348, 0.35682208, 0.79465448))],
}
# cryoSPARC's, as its makers give them: cryosparc-issues 127 for I1 and I2, the forum's topic 12482 for Dn
CRYOSPARC = {
    "I1": [(2, (0, 1, 0)), (5, (-0.8506508, 0, 0.5257311)), (3, (-0.934172364, 0.356822076, 0))],
    "I2": [(2, (0, 0, 1)), (5, (-1.618033989, -1, 0)), (3, (-0.53934467, -1.4120227, 0))],
    "D7": [(7, (0, 0, 1)), (2, (0, 1, 0))],
    "D4": [(4, (0, 0, 1)), (2, (0, 1, 0))],
    "T": [(3, (0, 0, 1))],
    "O": [(4, (0, 0, 1))],
    "C7": [(7, (0, 0, 1))],
}
SCIPION = [
    "Dx3",
    "Dy3",
    "Dx4",
    "Dy4",
    "T222",
    "Tz3",
    "Tz3r",
    "O",
    "I222",
    "I222r",
    "In25",
    "In25r",
    "I2n3",
    "I2n3r",
    "I2n5",
    "I2n5r",
]


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


@pytest.mark.parametrize("name", CRYOSPARC)
def test_axes_are_those_of_cryosparc(name):
    for order, axis in CRYOSPARC[name]:
        turn = Rotation.from_rotvec(2 * np.pi / order * np.array(axis) / np.linalg.norm(axis)).as_matrix()
        assert is_in(turn, point_group(cryosparc_name(name)))


def test_what_cryosparc_names_differently():
    names = ("d7", "D1", "D4", "C7", "T", "O", "I", "I1", "I2")
    assert [cryosparc_name(name) for name in names] == ["DY7", "DY1", "D4", "C7", "T", "O", "I", "I1", "I2"]
    about_y = Rotation.from_rotvec([0, np.pi, 0]).as_matrix()
    assert is_in(about_y, point_group("D4")) and not is_in(about_y, point_group("D7"), within=0.1)


def test_frames_are_different_frames():
    frames = {name: point_group(name) for name in ("I1", "I2", "I3", "I4")}
    for name, group in frames.items():
        assert all(same_group(group, other) == (name == which) for which, other in frames.items())
    assert same_group(frames["I2"], point_group("I"))


def same_group(one, other, within=1e-5):
    return len(one) == len(other) and all(is_in(operator, other, within) for operator in one)


@pytest.mark.parametrize(
    "turn, name", [(("z", 90), "I1"), (("y", 0), "I2"), (("y", -31.7174744), "I3"), (("y", 31.7174744), "I4")]
)
def test_the_rotation_from_our_frame(turn, name):
    """As CONVENTIONS.md has it: the molecule of I2, turned about an axis, is that of the named frame."""
    matrix = Rotation.from_euler(*turn, degrees=True).as_matrix()
    assert same_group(matrix @ point_group("I2") @ matrix.T, point_group(name))


@pytest.mark.parametrize("name", ["I", "I1", "I2", "I3", "I4", "T", "O", "D3", "D4", "C5"])
def test_operators_are_those_that_relion_prints(name, tmp_path):
    relion = shutil.which("relion_refine")
    if relion is None:
        pytest.skip("RELION is not installed: no relion_refine")
    printed = subprocess.run(
        [relion, "--sym", name, "--print_symmetry_ops", "--o", "x"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    matrices = re.split(r"R\(\d+\)=", printed.stdout)[1:]
    found = np.array([[float(number) for number in text.split()[:9]] for text in matrices]).reshape(-1, 3, 3)
    assert same_group(point_group(name), found, within=2e-5)  # it prints five digits


@pytest.mark.parametrize("name", SCIPION)
def test_operators_are_those_of_scipions_names(name):
    constants = pytest.importorskip("pwem.constants")
    symmetry = pytest.importorskip("pwem.convert.symmetry")
    order = int(name[2:]) if name[0] == "D" else 1
    wanted = f"{name[:2]}n" if name[0] == "D" else name
    number = next(number for number, known in constants.SCIPION_SYM_NAME.items() if known == wanted)
    found = np.array(symmetry.getSymmetryMatrices(number, n=order))[:, :3, :3]
    assert same_group(point_group(name), found, within=1e-4)


def test_names_are_read_as_people_write_them():
    assert np.array_equal(point_group(" c4 "), point_group("C4"))
    assert (point_group_name("dx7"), point_group_name(" i3 "), point_group_name("Dy5")) == ("D7", "I3", "DY5")
    for wrong in ("C0", "C", "X3", "I5", "I1H", "", "C3v", "D100", "-C3", "CY3", "Dx0"):
        with pytest.raises(InputError) as caught:
            point_group(wrong)
        expected = f"--symmetry {wrong}: not a point group; expected Cn, Dn, T, O or I (RELION's I2), e.g. C3. RELION's I1"
        assert str(caught.value).startswith(expected)


@pytest.mark.parametrize(
    "name, kept",
    [
        ("C1", (1, 1, 1)),
        ("C2", (0, 0, 1)),
        ("C5", (0, 0, 1)),
        ("D2", (0, 0, 0)),
        ("D5", (0, 0, 0)),
        ("T", (0, 0, 0)),
        ("O", (0, 0, 0)),
        ("I", (0, 0, 0)),
    ],
)
def test_free_directions(name, kept):
    assert free_directions(point_group(name)) == pytest.approx(np.diag(kept), abs=1e-12)


@pytest.mark.parametrize(
    "name, count", [("C2", 2), ("C3", 1), ("C4", 4), ("C6", 2), ("D2", 4), ("D3", 2), ("D4", 8), ("T", 1), ("O", 24), ("I", 12)]
)
def test_cosets_give_every_operator_once(name, count):
    group = point_group(name)
    on_grid = grid_operators(group)
    assert len(on_grid) == count
    representatives = coset_representatives(group, on_grid)
    assert len(representatives) * count == len(group) and np.array_equal(representatives[0], np.eye(3))
    products = (representatives[:, None] @ on_grid[None]).reshape(-1, 3, 3)
    assert all(is_in(operator, products, 1e-9) for operator in group)
