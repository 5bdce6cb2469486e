"""How start maps of particles lie to the models of a refinement."""

from types import SimpleNamespace

import numpy as np
import pytest
from model_files import residue, write_pdb

from gmmrefine.errors import InputError
from gmmrefine.particles.halves import Halves
from gmmrefine.pipelines.start_map_place import first_place_in_box, place_models, refuse_model_outside
from gmmrefine.settings import RefineSettings

BOX, PIXEL_SIZE = 32, 2.0
CENTER = BOX // 2 * PIXEL_SIZE
ATOMS = np.random.default_rng(6).normal(0, 5, (60, 3))  # Å from the box centre
PARTICLES = SimpleNamespace(pixel_size=PIXEL_SIZE, box_size=BOX)


def write_model(path, shift, more=()):
    """The atoms moved by (3,) Å as one residue of chain A, and residues more."""
    atoms = {f"C{number}": tuple(place + shift) for number, place in enumerate(ATOMS)}
    return str(write_pdb(path, residue("UNL", "A", 1, atoms, "ATOM"), *more))


def half_maps(atoms):
    """Maps of atoms (A, 3) in Å from the box centre, each with noise of its own."""
    axis = (np.arange(BOX) - BOX // 2) * PIXEL_SIZE
    x, y, z = (np.exp(-0.5 * ((axis - places[:, None]) / 1.5) ** 2) for places in atoms.T)
    density, rng = np.einsum("az,ay,ax->zyx", z, y, x), np.random.default_rng(7)
    return Halves(*(density + rng.normal(0, 0.2, density.shape) for _ in range(2)))


@pytest.fixture(scope="module")
def volumes():
    return half_maps(ATOMS)


class Run:
    """Keeps what the half sets exchange, or gives what it was told to."""

    def __init__(self, told=None):
        self._told, self.exchanged, self.is_pinned = told, {}, told is not None
        self.said = []
        self.progress = SimpleNamespace(say=self.said.append)

    def told(self, kind, key, measure):
        self.exchanged[kind, key] = self._told or measure()
        return self.exchanged[kind, key]


def place(volumes, run=None, **settings):
    run = run or Run()
    found = place_models(volumes, PARTICLES, RefineSettings(**settings), run)
    return found, run, run.said


def test_without_models_nothing_is_exchanged(volumes):
    found, run, said = place(volumes)
    assert found.model_origin is None is found.focus_model_origin and run.exchanged == {} and said == []


@pytest.mark.parametrize(
    "name, shift, settings",
    [
        ("corner", CENTER, {}),
        ("center", 0.0, {}),
        ("corner", CENTER, {"place_from": "header"}),
        ("center", 0.0, {"place_from": "center"}),
        ("given", CENTER + 100, {"first_voxel": "100 100 100"}),
    ],
)
def test_a_model_is_looked_for_in_the_sum_of_the_start_maps(volumes, tmp_path, name, shift, settings):
    model = write_model(tmp_path / "model.pdb", shift)
    expected = [{"corner": 0, "center": -CENTER, "given": 100}[name]] * 3
    found, run, said = place(volumes, model=model, **settings)
    assert found.model_origin == tuple(expected) and run.exchanged == {}  # the box holds it at this place only
    assert len(said) == 1 and said[0].startswith("place of the start map: ")
    both, _, said = place(volumes, model=model, focus_model=model, focus_selection="chain A", **settings)
    assert both.focus_model_origin == tuple(expected) and both.model_origin == tuple(expected) and len(said) == 2
    pinned, _, said = place(volumes.map(np.zeros_like), Run({}), model=model, **settings)
    assert pinned.model_origin == tuple(expected) and said == []


def test_which_of_two_places_is_told_to_both_halves_and_replayed(tmp_path):
    """A molecule aside of the middle, so that the box holds it with its first voxel at 0 as well."""
    volumes, model = (
        half_maps(ATOMS / 2 + 18),
        str(
            write_pdb(
                tmp_path / "aside.pdb",
                residue("UNL", "A", 1, {f"C{number}": tuple(place / 2 + 18) for number, place in enumerate(ATOMS)}, "ATOM"),
            )
        ),
    )
    found, run, said = place(volumes, model=model)
    assert found.model_origin == tuple([-CENTER] * 3) and "box centre at 0" in said[0]
    assert run.exchanged == {("place", 0): {"model": [-CENTER] * 3}}
    again, _, said = place(volumes.map(np.zeros_like), Run({"model": [1.0, 2, 3]}), model=model)
    assert again.model_origin == (1, 2, 3) and said == []


def test_a_model_in_neither_frame_is_refused(volumes, tmp_path):
    model = write_model(tmp_path / "model.pdb", CENTER + np.array([20.0, 0, 0]))
    for settings in ({"model": model}, {"focus_model": model, "focus_selection": "chain A"}):
        with pytest.raises(InputError, match="model.pdb: only .* the start map holds x y z from 0.0 0.0 0.0 to 62.0"):
            place(volumes, **settings)


def test_a_selected_part_suffices_where_the_rest_is_no_part_of_these_particles(volumes, tmp_path):
    far = residue("UNL", "B", 1, {f"C{number}": (150.0, 40.0, number) for number in range(50)}, "ATOM")
    model = write_model(tmp_path / "model.pdb", CENTER, [far])
    found, _, _ = place(volumes, focus_model=model, focus_selection="chain A")
    assert found.focus_model_origin == (0, 0, 0)
    for settings in ({"focus_model": model}, {"model": model}):
        with pytest.raises(InputError, match="50 lie outside the box"):
            place(volumes, **settings)


def test_the_first_place_that_holds_the_atoms_before_there_are_maps():
    settings = RefineSettings()
    for shift, expected in ((CENTER, 0), (0.0, -CENTER), (500.0, 0)):  # none holds the last: the likeliest
        assert first_place_in_box(ATOMS + shift, BOX, PIXEL_SIZE, settings).tolist() == [expected] * 3
    one_out = np.concatenate([ATOMS, [[0, 0, 99.0]]])
    assert first_place_in_box(one_out, BOX, PIXEL_SIZE, settings, 0.1).tolist() == [-CENTER] * 3
    assert first_place_in_box(one_out, BOX, PIXEL_SIZE, settings).tolist() == [0] * 3


def test_a_model_outside_every_box_is_refused_before_there_are_maps(tmp_path):
    for shift in (CENTER, 0.0):
        refuse_model_outside(RefineSettings(model=write_model(tmp_path / "in.pdb", shift)), BOX, PIXEL_SIZE)
    refuse_model_outside(RefineSettings(), BOX, PIXEL_SIZE)
    far = write_model(tmp_path / "far.pdb", 300.0)
    with pytest.raises(InputError, match="far.pdb: 60 of 60 atoms lie outside the box of the particles, which is 64 Å wide"):
        refuse_model_outside(RefineSettings(model=far), BOX, PIXEL_SIZE)
    refuse_model_outside(RefineSettings(model=far, first_voxel="270 270 270"), BOX, PIXEL_SIZE)
    with pytest.raises(InputError, match="--place-from nstart: particles have no map's header"):
        refuse_model_outside(RefineSettings(model=far, place_from="nstart"), BOX, PIXEL_SIZE)
