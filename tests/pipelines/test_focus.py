"""The region of a focused refinement: read from a mask, a sphere or a model, and refused where it means nothing."""

import numpy as np
import pytest
from model_files import residue, write_pdb
from molecules import ctf_parameters, molecule, particle_set, random_rotations

from gmmrefine.errors import InputError
from gmmrefine.gmm.model import Gmm
from gmmrefine.io.mrc import write_map
from gmmrefine.maps.mask import spherical_mask
from gmmrefine.pipelines.focus import Masks, has_focus, read_focus, refuse_focus_outside
from gmmrefine.pipelines.half_iteration import Body, reference_of
from gmmrefine.pipelines.refine import check_settings
from gmmrefine.settings import RefineSettings

BOX, PIXEL_SIZE = 40, 2.0
READ_BETWEEN = np.sqrt(3) * PIXEL_SIZE  # Å: how far apart the voxels are that a mask is read from
SPOTS = {("A", 1): (20.0, 30.0, 40.0), ("A", 2): (40.0, 40.0, 40.0), ("B", 1): (60.0, 40.0, 20.0)}  # x, y, z in Å


def settings(**changes):
    return RefineSettings(**changes)


def focus_of(**changes):
    return read_focus(settings(**changes), BOX, PIXEL_SIZE)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Three atoms far apart, in the frame of a map whose first voxel is at 0."""
    residues = [residue("ALA", name, number, "CA:C", at=position) for (name, number), position in SPOTS.items()]
    return str(write_pdb(tmp_path_factory.mktemp("model") / "spots.pdb", *residues))


def test_without_a_region_there_is_no_focus():
    assert focus_of() is None and not has_focus(settings())
    for name in ("focus_mask", "focus_sphere", "focus_model"):
        assert has_focus(settings(**{name: "something"}))


def test_a_mask_is_taken_as_it_is(tmp_path, rng):
    given = rng.uniform(0, 1, (BOX,) * 3).astype(np.float32)
    write_map(tmp_path / "given.mrc", given, PIXEL_SIZE)
    assert np.array_equal(focus_of(focus_mask=str(tmp_path / "given.mrc")), given)


@pytest.mark.parametrize("text", ("20 30 50 8", "20, 30, 50, 8", " 20.0,30.0 50.0  8.0 "))
def test_a_sphere_is_in_the_frame_of_a_viewer(text):
    """First voxel at 0: 20 30 50 Å is voxel 10, 15, 25."""
    mask = focus_of(focus_sphere=text)
    assert mask[25, 15, 10] == 1
    z, y, x = np.indices(mask.shape) * PIXEL_SIZE
    distance = np.sqrt((x - 20) ** 2 + (y - 30) ** 2 + (z - 50) ** 2)
    assert (mask[distance <= 8] == 1).all() and (mask[distance >= 8 + 5 * PIXEL_SIZE] == 0).all()
    edge = np.isclose(distance, 12)
    assert edge.any() and mask[edge] == pytest.approx(0.5 + 0.5 * np.cos(np.pi * 0.4), abs=1e-5)


def test_a_sphere_may_lie_at_the_rim():
    mask = focus_of(focus_sphere="0 0 0 8")
    assert mask[0, 0, 0] == 1 and mask[-1, -1, -1] == 0


@pytest.mark.parametrize(
    "selection, chosen",
    [
        ("", [("A", 1), ("A", 2), ("B", 1)]),
        ("chain A", [("A", 1), ("A", 2)]),
        ("chain B", [("B", 1)]),
        ("chain A and 2", [("A", 2)]),
    ],
)
def test_a_model_is_in_the_frame_of_a_viewer(model, selection, chosen):
    mask = focus_of(focus_model=model, focus_selection=selection)
    z, y, x = np.indices(mask.shape) * PIXEL_SIZE
    nearest = np.min([np.linalg.norm([x - a, y - b, z - c], axis=0) for a, b, c in map(SPOTS.get, chosen)], axis=0)
    assert (mask[nearest <= 2.0] == 1).all() and (mask[nearest >= 2.0 + 5 * PIXEL_SIZE] == 0).all()
    assert (mask == 1).sum() == 7 * len(chosen)  # a voxel and its neighbours 2 Å away


def test_the_edge_is_a_setting(model):
    sizes = [
        [np.sum(focus_of(focus_edge=edge, **region) > 0) for edge in (0.0, 5.0, 8.0)]
        for region in ({"focus_sphere": "40 40 40 8"}, {"focus_model": model, "focus_selection": "chain A and 2"})
    ]
    assert sizes[0] == pytest.approx([4 / 3 * np.pi * radius**3 for radius in (4, 9, 12)], rel=0.06)
    assert sizes[1] == pytest.approx([7, 4 / 3 * np.pi * 6**3, 4 / 3 * np.pi * 9**3], rel=0.06)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"focus_mask": "m.mrc", "focus_sphere": "1 2 3 4"}, "--focus-mask and --focus-sphere name two regions"),
        ({"focus_sphere": "1 2 3 4", "focus_model": "a.cif"}, "--focus-sphere and --focus-model name two regions"),
        ({"focus_selection": "chain A"}, "--focus-selection names part of a model, but there is none"),
        ({"focus_selection": "chain A", "focus_sphere": "40 40 40 8"}, "--focus-selection names part of a model"),
        ({"focus_mask": "none.mrc"}, "none.mrc: no such file"),
        ({"focus_model": "none.cif"}, "none.cif: no such file"),
        ({"focus_sphere": "100 40 40 5"}, "--focus-sphere '100 40 40 5' lies outside the box, which runs from 0 to 80 Å"),
        ({"focus_sphere": "-20 -20 -20 5"}, "lies outside the box"),
        ({"focus_sphere": "40 40 40"}, "--focus-sphere '40 40 40': expected four numbers x y z radius in Å"),
        ({"focus_sphere": "40 40 40 8 1"}, "expected four numbers"),
        ({"focus_sphere": "a b c d"}, "expected four numbers"),
        ({"focus_sphere": "40 40 40 0"}, "the radius above 0"),
        ({"focus_sphere": "40 40 40 -8"}, "the radius above 0"),
        ({"focus_sphere": "40 nan 40 8"}, "expected four numbers"),
        ({"focus_sphere": "40 40 40 inf"}, "expected four numbers"),
    ],
)
def test_regions_that_are_refused(changes, words):
    with pytest.raises(InputError) as caught:
        focus_of(**changes)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_models_that_are_refused(model):
    with pytest.raises(InputError, match="spots.pdb lies outside the box"):
        read_focus(settings(focus_model=model), 8, PIXEL_SIZE)
    with pytest.raises(InputError, match="the model has no chain Q; it has A, B"):
        focus_of(focus_model=model, focus_selection="chain Q")


def test_a_mask_of_another_grid_is_refused(tmp_path):
    write_map(tmp_path / "mask.mrc", np.ones((32,) * 3), PIXEL_SIZE)
    with pytest.raises(InputError, match="mask.mrc is 32×32×32 but the box is 40"):
        focus_of(focus_mask=str(tmp_path / "mask.mrc"))
    write_map(tmp_path / "mask.mrc", np.ones((BOX,) * 3), 3.0)
    with pytest.raises(InputError, match="voxels of the mask are 3 Å but the pixel size is 2 Å"):
        focus_of(focus_mask=str(tmp_path / "mask.mrc"))


def test_a_focus_outside_the_molecule_is_refused():
    """Less than 1 % of the focus inside, whatever the molecule's size."""
    focus, molecule_mask = np.zeros((20,) * 3), np.zeros((20,) * 3)
    focus[:10, :10, :10] = 1
    molecule_mask[0, 0, :9] = 1
    with pytest.raises(InputError) as caught:
        refuse_focus_outside(focus, molecule_mask)
    assert "the focus mask lies outside the molecule: 0.9 % of it" in str(caught.value)
    molecule_mask[0, 1, :2] = 1
    refuse_focus_outside(focus, molecule_mask)
    refuse_focus_outside(focus * molecule_mask, molecule_mask)
    with pytest.raises(InputError, match="outside the molecule: 0.0 %"):
        refuse_focus_outside(np.flip(focus), molecule_mask)


def test_half_maps_are_compared_within_the_focus_and_the_molecule(rng):
    whole, focus = rng.uniform(0, 1, (2, 6, 6, 6))
    assert np.array_equal(Masks(whole).fsc, whole)
    assert Masks(whole, focus, 0.25).fsc == pytest.approx(whole * focus)


@pytest.fixture(scope="module")
def particles():
    rng = np.random.default_rng(1)
    return particle_set(random_rotations(4), np.zeros((4, 2)), ctf_parameters(4, rng), BOX, PIXEL_SIZE)


@pytest.mark.parametrize(
    "changes",
    [
        {"focus_sphere": "1 2 3 4"},
        {"focus_sphere": "1 2 3 4", "focus_edge": 3.0},
        {"focus_mask": "m.mrc", "focus_rest": "moves"},
        {"focus_mask": "m.mrc", "focus_rest": "moves", "focus_level": 0.5},
        {"focus_model": "a.cif", "focus_selection": "chain A", "focus_edge": 0.0},
    ],
)
def test_settings_of_a_focus_that_go_together(particles, changes):
    check_settings(settings(**changes), particles)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"focus_rest": "moves"}, "--focus-rest would have no effect with no region to focus on"),
        ({"focus_rest": "moves", "focus_level": 0.5}, "--focus-rest and --focus-level would have no effect with no region"),
        ({"focus_edge": 3.0}, "--focus-edge would have no effect with no region"),
        ({"focus_sphere": "1 2 3 4", "focus_level": 0.5}, "--focus-level would have no effect with --focus-rest fixed"),
        ({"focus_mask": "m.mrc", "focus_edge": 3.0}, "--focus-edge would have no effect with --focus-mask"),
    ],
)
def test_settings_of_a_focus_without_effect(particles, changes, words):
    with pytest.raises(InputError) as caught:
        check_settings(settings(**changes), particles)
    assert words in str(caught.value)


def test_adam_with_a_rest_that_stays_is_refused(particles):
    with pytest.raises(InputError, match="--focus-rest"):
        check_settings(settings(focus_mask="m.mrc", optimizer="adam", loss="frc"), particles)


@pytest.fixture(scope="module")
def gmm():
    return molecule(200)


@pytest.fixture(scope="module")
def masks():
    return Masks(np.ones((BOX,) * 3), spherical_mask([10.0, 0, 0], 10.0, BOX, PIXEL_SIZE), 0.25)


def test_reference_without_a_focus_is_the_gmm(gmm):
    reference = reference_of(gmm, Body(None, None), Masks(np.ones((BOX,) * 3)), PIXEL_SIZE)
    assert reference.moving is gmm and reference.rest is None


def test_reference_whose_rest_moves_along_is_widened_outside(gmm, masks):
    reference = reference_of(gmm, Body(None, None), masks, PIXEL_SIZE)
    assert reference.rest is None and reference.moving.masses == pytest.approx(gmm.masses)
    far = np.linalg.norm(gmm.centers - [10.0, 0, 0], axis=1)
    factor = reference.moving.widths / gmm.widths
    inside, outside = far < 10 - READ_BETWEEN, far > 20 + READ_BETWEEN
    assert inside.sum() > 2 and outside.sum() > 2
    assert factor[inside] == pytest.approx(1) and factor[outside] == pytest.approx(4)
    gentle = reference_of(gmm, Body(None, None), Masks(masks.molecule, masks.focus, 0.5), PIXEL_SIZE)
    assert (gentle.moving.widths / gmm.widths)[outside] == pytest.approx(2)


@pytest.mark.parametrize("rest_stays", (True, False))
def test_reference_of_a_region_that_is_the_whole_molecule_is_the_gmm(gmm, rest_stays):
    masks = Masks(np.ones((BOX,) * 3), np.ones((BOX,) * 3), 0.25)
    reference = reference_of(gmm, Body(None, gmm if rest_stays else None), masks, PIXEL_SIZE)
    assert reference.moving is gmm and reference.rest is None


def test_reference_whose_rest_stays_has_two_parts(gmm, masks):
    """The region as it is now; the rest as it was at the start. Of one map, together they are the whole."""
    now = Gmm(gmm.centers + 0.3, 1.1 * gmm.amplitudes, gmm.widths)
    reference = reference_of(now, Body(None, gmm), masks, PIXEL_SIZE)
    assert np.isin(reference.moving.centers, now.centers).all() and np.isin(reference.rest.centers, gmm.centers).all()
    assert np.linalg.norm(reference.moving.centers - [10.0, 0, 0], axis=1).max() < 15 + READ_BETWEEN
    assert np.linalg.norm(reference.rest.centers - [10.0, 0, 0], axis=1).min() > 10 - READ_BETWEEN
    same = reference_of(gmm, Body(None, gmm), masks, PIXEL_SIZE)
    assert same.moving.masses.sum() + same.rest.masses.sum() == pytest.approx(gmm.masses.sum(), rel=1e-3)


def test_a_focus_that_covers_no_gaussian_is_refused(gmm):
    empty = Masks(np.ones((BOX,) * 3), spherical_mask([-30.0, -30.0, -30.0], 3.0, BOX, PIXEL_SIZE, 1.0), 0.25)
    for consensus in (None, gmm):
        with pytest.raises(InputError, match="the focus mask covers none of the 200 Gaussians"):
            reference_of(gmm, Body(None, consensus), empty, PIXEL_SIZE)
