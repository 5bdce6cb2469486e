"""A symmetry that the maps do not have is refused with its numbers, and the one they do have is named."""

import io

import numpy as np
import pytest
from molecules import PIXEL_SIZE, molecule
from scipy.spatial.transform import Rotation

from gmmrefine.errors import InputError
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.render import render_map
from gmmrefine.pipelines.symmetry_check import check_symmetry, described
from gmmrefine.progress import Progress

BOX = 48


def half_maps(name, noise=1.0, bend=0.0):
    """Maps of an oligomer of Gaussians; its first copy is bent by some degrees."""
    gmm, operators = molecule(25), point_group(name)
    turn = Rotation.from_euler("y", bend, degrees=True).as_matrix()
    units = [
        (gmm.centers * 0.6 @ (turn.T if number == 0 else np.eye(3)) + [16.0, 0, 4.0]) @ operator.T
        for number, operator in enumerate(operators)
    ]
    clean = render_map(
        Gmm(np.concatenate(units), np.tile(gmm.amplitudes, len(units)), np.tile(gmm.widths, len(units))), BOX, PIXEL_SIZE
    )
    rng = np.random.default_rng(2)
    return [clean + noise * clean.std() * rng.standard_normal(clean.shape).astype(np.float32) for _ in range(2)]


def check(maps, name):
    """What the check returns, and what it says."""
    said = io.StringIO()
    return check_symmetry(maps, name, PIXEL_SIZE, Progress(stream=said)), said.getvalue()


@pytest.mark.parametrize("name", ("C2", "c3", "D2"))
def test_a_symmetry_that_is_there(name):
    result, said = check(half_maps(name), name)
    assert result["symmetry_agreement"] > 0.95 and said == ""


def test_another_symmetry_is_named():
    with pytest.raises(InputError) as caught:
        check(half_maps("C4"), "C3")
    text = str(caught.value)
    assert text.startswith("the map does not have C3: turned by 120° about z it correlates ")
    assert " with itself, expected 0." in text and "as between its half maps (mean FSC to " in text
    assert text.endswith("It does have C4; did you mean --symmetry C4?")
    assert "\n" not in text


@pytest.mark.parametrize("asked, there", [("Dx3", "DY3"), ("T", "T222")])
def test_another_frame_is_named(asked, there):
    name = asked.replace("x", "")
    with pytest.raises(InputError, match=f"does not have {name}: .* It does have {there}; did you mean --symmetry {there}"):
        check(half_maps(there), asked)


def test_no_other_symmetry_fits():
    with pytest.raises(InputError, match="does not have D3: .*No other point group with its main axis along z fits; leave"):
        check(half_maps("C1"), "D3")


def test_a_rough_symmetry_is_noted():
    result, said = check(half_maps("C3", bend=30), "C3")
    assert 0.6 < result["symmetry_agreement"] < 0.95
    assert said.startswith("note: the map has C3 only roughly: turned by 120° about z it correlates")


def test_noise_tells_nothing():
    rng = np.random.default_rng(4)
    noise = [rng.standard_normal((BOX,) * 3).astype(np.float32) for _ in range(2)]
    result, said = check(noise, "C3")
    assert result == {"symmetry_agreement": None}
    assert said.startswith("note: the half maps agree too little (mean FSC")
    assert said.endswith("to tell whether the map has C3\n")


def test_rotations_in_words():
    assert described(point_group("C3")[1]) == "120° about z"
    assert described(point_group("D2")[1]) in ("180° about x", "180° about y", "180° about z")
    assert described(Rotation.from_rotvec(np.radians(72) * np.array([0.525731, 0, 0.850651])).as_matrix()) == (
        "72° about (0.53, 0.00, 0.85)"
    )
