"""Optics tables that joining, converting or editing left without numbers, or with a number twice."""

import pytest

from gmmrefine.errors import InputError
from gmmrefine.io.star import read_star
from gmmrefine.io.star_particles import read_particles, write_particles

ONE = {"rlnOpticsGroup": None, "rlnOpticsGroupName": ["only"], "rlnAmplitudeContrast": ["0.08"]}


def refused(path):
    with pytest.raises(InputError) as caught:
        read_particles(path)
    assert "\n" not in str(caught.value) and "particles.star" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "number, groups",
    [
        (None, ["7"] * 4),
        (None, None),
        (None, ["<NA>"] * 4),
        (["None"], ["7", "7", "<NA>", "7"]),
        (["3"], ["3", "None", "3", "3"]),
        (None, ["only"] * 4),
    ],
)
def test_one_row_is_the_group_of_all_particles(make_star, tmp_path, number, groups):
    particles = read_particles(make_star(dict(ONE, rlnOpticsGroup=number), {"rlnOpticsGroup": groups}))
    assert particles.ctf.amplitude_contrast.tolist() == [0.08] * 4
    write_particles(tmp_path / "out.star", particles)
    blocks = read_star(tmp_path / "out.star")
    expected = 7 if groups and "7" in groups else 3 if number == ["3"] else 1
    assert blocks["optics"].integers("rlnOpticsGroup").tolist() == [expected]
    assert blocks["particles"].integers("rlnOpticsGroup").tolist() == [expected] * 4


def test_one_row_but_two_groups(make_star):
    text = refused(make_star(ONE, {"rlnOpticsGroup": ["1", "2", "1", "2"]}))
    assert "data_particles has the optics groups 1, 2, but data_optics only one row" in text


def test_a_number_that_stands_in_two_rows(make_star):
    text = refused(make_star({"rlnOpticsGroup": ["1", "1"]}, {"rlnOpticsGroup": ["1"] * 4}))
    assert "row 2: optics group 1 stands in two rows (1 and 2): rlnOpticsGroupName first and second" in text
    assert "rlnAmplitudeContrast 0.10 and 0.07" in text
    same = {"rlnOpticsGroupName": ["a", "a"], "rlnAmplitudeContrast": ["0.1", "0.1"], "myNote": ["a", "a"]}
    text = refused(make_star(dict(same, rlnOpticsGroup=["1", "1.0"]), {"rlnOpticsGroup": ["1"] * 4}))
    assert "stands in two rows (1 and 2): the two are equal. Remove one" in text


@pytest.mark.parametrize(
    "numbers, words",
    [
        (None, "data_optics: column rlnOpticsGroup is missing, and there are 2 rows"),
        (["<NA>", "None"], "column rlnOpticsGroup is missing, and there are 2 rows"),
        (["1", "<NA>"], "data_optics, row 2: rlnOpticsGroup is missing; the other groups have one"),
        (["1", "b"], "data_optics, row 2: rlnOpticsGroup is 'b'; expected a finite number"),
        (["1", "1.5"], "data_optics, row 2: rlnOpticsGroup is 1.5; expected a whole number"),
    ],
)
def test_several_rows_need_their_numbers(make_star, numbers, words):
    assert words in refused(make_star({"rlnOpticsGroup": numbers}))


def test_a_particle_without_a_group_among_several(make_star):
    text = refused(make_star(particles={"rlnOpticsGroup": ["1", "2", "<NA>", "2"]}))
    assert "data_particles, row 3: rlnOpticsGroup is '<NA>'" in text


NAMES = ["first", "second", "first", "second"]


@pytest.mark.parametrize(
    "numbers, columns",
    [
        (["1", "2"], {"rlnOpticsGroup": NAMES}),
        (["5", "3"], {"rlnOpticsGroup": NAMES}),
        (None, {"rlnOpticsGroup": NAMES}),
        (None, {"rlnOpticsGroup": None, "rlnOpticsGroupName": NAMES}),
    ],
)
def test_groups_by_name(make_star, tmp_path, numbers, columns):
    particles = read_particles(make_star({"rlnOpticsGroup": numbers}, columns))
    assert particles.ctf.amplitude_contrast.tolist() == [0.1, 0.07, 0.1, 0.07]
    write_particles(tmp_path / "out.star", particles)
    written = read_star(tmp_path / "out.star")["particles"].integers("rlnOpticsGroup").tolist()
    assert written == [int(number) for number in (numbers or ["1", "2"])] * 2


def test_a_name_that_is_not_there_or_not_alone(make_star):
    text = refused(make_star(particles={"rlnOpticsGroup": ["first", "second", "third", "2"]}))
    assert "row 3: rlnOpticsGroup is 'third', but data_optics has only 1, 2, first, second" in text
    text = refused(make_star({"rlnOpticsGroupName": ["a", "a"]}, {"rlnOpticsGroup": ["1", "a", "1", "2"]}))
    assert "row 2: rlnOpticsGroup is 'a', which 2 groups of data_optics are called" in text
