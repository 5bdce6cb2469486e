"""The place of a map in the frame of a model: what is tried, chosen, said and refused."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from placed_maps import BOX, SIDE, VOXEL, MapsOf6msm, legitimate_maps, misplacements

from gmmrefine.errors import InputError
from gmmrefine.io.mrc import MapGrid
from gmmrefine.pipelines.model_place import PlacedModel, check_place, place_model, places_of
from gmmrefine.settings import Placed

CENTER = -BOX // 2 * VOXEL
OFF = "only .* atoms lie inside the map and in its density"


@pytest.fixture(scope="module")
def maps():
    return MapsOf6msm()


@pytest.fixture(scope="module")
def noisy(maps):
    return maps.grid(maps.clean + maps.noise(1))


def placed(positions, grid, **settings):
    """place_model's map and record, and what it said."""
    said = []
    made, found = place_model(positions, grid, ("model.cif", "folder/map.mrc"), Placed(**settings), said.append)
    return made, found["place"], said


def some_grid(origin, start=None, shape=(6, 8, 10)):
    return MapGrid(np.zeros(shape, np.float32), np.array([1.0, 2.0, 3.0]), np.array(origin, float), start)


@pytest.mark.parametrize(
    "origin, start, tried",
    [
        ((0, 0, 0), None, {"header": (0, 0, 0), "center": (-5, -8, -9)}),
        ((7, 8, 9), None, {"header": (7, 8, 9), "corner": (0, 0, 0), "center": (-5, -8, -9)}),
        ((4, 8, 3), (4, 8, 3), {"header": (4, 8, 3), "corner": (0, 0, 0), "center": (-5, -8, -9)}),
        ((7, 8, 9), (4, 8, 3), {"header": (7, 8, 9), "nstart": (4, 8, 3), "corner": (0, 0, 0), "center": (-5, -8, -9)}),
        ((-5, -8, -9), None, {"header": (-5, -8, -9), "corner": (0, 0, 0)}),
    ],
)
def test_places_that_a_header_allows_each_once(origin, start, tried):
    found = places_of(some_grid(origin, None if start is None else np.array(start, float)), Placed())
    assert {place.choice: tuple(place.origin) for place in found} == tried
    assert [place.choice for place in found] == list(tried)


def test_a_place_that_is_given_comes_first_and_one_that_is_chosen_is_alone():
    grid, given = some_grid((7, 8, 9), np.array([4.0, 8, 3])), np.array([1.0, 2, 3])
    assert [place.choice for place in places_of(grid, Placed(), given)] == ["given", "header", "nstart", "corner", "center"]
    for choice, origin in (
        ("header", (7, 8, 9)),
        ("nstart", (4, 8, 3)),
        ("given", (1, 2, 3)),
        ("corner", (0, 0, 0)),
        ("center", (-5, -8, -9)),
    ):
        (place,) = places_of(grid, Placed(place_from=choice), given)
        assert (place.choice, tuple(place.origin)) == (choice, origin)


def test_first_voxels_of_one_and_of_several_maps():
    assert check_place(Placed(), 2) == [None, None]
    same = check_place(Placed(first_voxel="1, -2 3.5"), 2)
    assert [place.tolist() for place in same] == [[1, -2, 3.5]] * 2
    each = check_place(Placed(first_voxel="1 2 3; 4 5 6"), 2)
    assert [place.tolist() for place in each] == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    "settings, maps_given, words",
    [
        ({"place_from": "given"}, 1, "--place-from given: no place is given"),
        ({"place_from": "header", "first_voxel": "1 2 3"}, 1, "--first-voxel would have no effect with --place-from header"),
        ({"first_voxel": "1 2"}, 1, "--first-voxel '1 2': expected three numbers x y z in Å."),
        ({"first_voxel": "a b c"}, 1, "expected three numbers"),
        ({"first_voxel": "1 2 nan"}, 1, "expected three numbers"),
        ({"first_voxel": "1 2 3; 4 5 6"}, 1, "expected three numbers"),
        ({"first_voxel": "1 2 3; 4 5 6"}, 3, "once or 3 times separated by semicolons"),
    ],
)
def test_places_that_mean_nothing(settings, maps_given, words):
    with pytest.raises(InputError) as caught:
        check_place(Placed(**settings), maps_given)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "choice, origin, start",
    [
        ("header", (7.0, 8, 9), None),
        ("header", (4.0, 8, 2), (4.0, 8, 2)),
        ("nstart", (7.0, 8, 9), (400.0, 8, -20)),
        ("corner", (7.0, 8, 9), None),
        ("center", (7.0, 8, 9), None),
        ("center", (0.0, 0, 0), None),
    ],
)
def test_the_place_where_the_atoms_lie_in_the_density_is_taken_and_said(maps, noisy, choice, origin, start):
    origin, start = np.array(origin), start if start is None else np.array(start)
    right = {"header": origin, "nstart": start, "corner": np.zeros(3), "center": np.full(3, CENTER)}[choice]
    grid = replace(noisy, origin=origin, start=start)
    made, place, said = placed(maps.positions - maps.origin + right, grid)
    assert place["from"] == choice and made.origin == pytest.approx(right) == place["first_voxel"]
    assert place["part_in_density"] > 0.99 and place["atoms_outside_box"] == 0
    assert len(said) == 1 and said[0].startswith("place of map.mrc: ")
    assert "; 100 % of the atoms lie in its density (" in said[0]
    assert " ".join(f"{value:.1f}" for value in right) in said[0]


def test_of_places_that_are_as_good_the_header_s_is_taken_and_one_beside_it_when_it_is_clearly_better(maps, noisy):
    positions = maps.positions - maps.origin
    for origin, expected in ((0.1, "header"), (VOXEL, "corner")):  # the atoms lie right with the first voxel at 0
        _, place, _ = placed(positions, replace(noisy, origin=np.full(3, origin)))
        assert place["from"] == expected


def test_a_place_given_for_a_map_whose_header_is_lost(maps, noisy):
    lost, where = replace(noisy, origin=np.zeros(3)), " ".join(map(str, maps.origin))
    with pytest.raises(InputError, match=OFF):
        placed(maps.positions, lost)
    for choice in ("auto", "given"):
        made, place, said = placed(maps.positions, lost, first_voxel=where, place_from=choice)
        assert made.origin == pytest.approx(maps.origin, abs=1e-5) and place["from"] == "given" and "as given" in said[0]


def test_a_place_that_was_chosen_is_not_exchanged_for_one_that_fits(maps, noisy):
    with pytest.raises(InputError, match="box centre at 0") as caught:
        placed(maps.positions, noisy, place_from="center")
    assert "tried" not in str(caught.value)
    assert placed(maps.positions, noisy, place_from="header")[1]["from"] == "header"


def test_legitimate_maps_are_taken(maps):
    """The hard ones of those whose numbers are tested with the placement."""
    made = legitimate_maps(maps)
    for name in ("half map of low contrast", "masked, on a level", "a domain absent at 15 Å", "nearly half absent"):
        _, place, said = placed(maps.positions, maps.grid(made[name]))
        assert place["from"] == "header", name
        notes = [line for line in said if line.startswith("note:")]
        assert len(notes) == ("absent" in name), name
        if notes:
            assert f"note: {place['atoms_in_empty_density']} of {len(maps.positions)} atoms lie where map.mrc shows" in notes[0]


def test_a_model_off_the_map_is_refused(maps):
    grid = maps.grid(legitimate_maps(maps)["a domain absent, masked"])
    made = misplacements(maps)
    for name in ("half a box along z", "15 Å along x and y", "axes exchanged", "in another map's frame"):
        with pytest.raises(InputError, match=OFF) as caught:
            placed(made[name], grid)
        assert "\n" not in str(caught.value), name


def test_the_refusal_says_what_was_found_expected_where_and_what_to_do(maps, noisy):
    with pytest.raises(InputError) as caught:
        placed(maps.positions + [SIDE / 2, 0, 0], noisy)
    text, count = str(caught.value), len(maps.positions)
    for words in (
        "model.cif: only ",
        f" of {count} atoms lie inside the map",
        "lie outside the box and ",
        "in empty density",
        "expected at least nine tenths",
        "folder/map.mrc holds x y z from",
        "ORIGIN of its header",
        "the model's atoms lie from",
        "at the places tried: ORIGIN of its header: ",
        "Fit the model into the map",
        "--place-from or --first-voxel",
    ):
        assert words in text, words


def test_a_tenth_outside_is_the_limit(maps, noisy):
    """However well the others lie: a model may lack density, but not be cut by the box."""
    order = np.argsort(maps.positions[:, 2])
    for part, is_refused in ((0.09, False), (0.12, True)):
        first = int((maps.positions[order[int(part * len(order))], 2] - maps.origin[2]) / VOXEL)
        cut = MapGrid(noisy.data[first + 1 :], noisy.voxel_sizes, noisy.origin + [0, 0, (first + 1) * VOXEL])
        outside = np.mean(maps.positions[:, 2] < cut.origin[2] - VOXEL / 2)
        assert (outside > 0.1) == is_refused
        if is_refused:
            with pytest.raises(InputError, match="lie outside the box and 0 in empty density"):
                placed(maps.positions, cut)
        else:
            assert placed(maps.positions, cut)[1]["atoms_outside_box"] == round(outside * len(order))


def test_a_part_to_look_at_suffices_where_the_rest_of_its_model_is_no_part_of_the_map(maps, noisy):
    """Two molecules of an assembly, one of them in the map."""
    both = np.concatenate([maps.positions, maps.positions + [0, 90, 0]])
    used, said = np.arange(len(both)) < len(maps.positions), []
    model = PlacedModel(both, noisy, places_of(noisy, Placed()))
    model.settle("model.cif", "map.mrc", said.append, used)
    assert len(said) == 1
    for others in (None, ~used):
        with pytest.raises(InputError, match=OFF):
            model.settle("model.cif", "map.mrc", said.append, others)


def test_a_handful_of_atoms(noisy, maps):
    """A ligand alone lies in some density wherever it is put, but no place is taken for that alone."""
    few = maps.positions[np.argsort(np.linalg.norm(maps.positions - maps.positions.mean(axis=0), axis=1))[:6]]
    assert placed(few, noisy)[1]["part_in_density"] == 1
    beside, elsewhere = few - maps.origin + [7, 0, 0], replace(noisy, origin=np.full(3, 500.0))
    with pytest.raises(InputError, match="only 0 of 6 .* places tried: ORIGIN of its header: 0 %, corner at 0: 100 %"):
        placed(beside, elsewhere)
    assert placed(beside, elsewhere, place_from="corner")[1]["part_in_density"] == 1


def test_settings_of_other_commands_do(maps, noisy):
    wanted = SimpleNamespace(place_from="auto", first_voxel="", sigma="0.6")
    assert place_model(maps.positions, noisy, ("m", "n"), wanted, lambda line: None)[1]["place"]["from"] == "header"
