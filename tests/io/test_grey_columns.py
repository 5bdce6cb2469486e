"""What particle files say about the grey values of images."""

import numpy as np
import pytest
from molecules import ctf_parameters, particle_set, random_rotations

from gmmrefine.errors import InputError
from gmmrefine.io.star import read_star
from gmmrefine.io.star_particles import read_particles, write_particles

COUNT = 4


@pytest.fixture
def particles(rng):
    return particle_set(random_rotations(COUNT), np.zeros((COUNT, 2)), ctf_parameters(COUNT, rng), stacks=("particles.mrcs",))


def written(folder, particles, **columns):
    write_particles(folder / "in.star", particles, columns)
    return folder / "in.star"


def test_a_file_that_says_nothing(tmp_path, particles):
    found = read_particles(written(tmp_path, particles))
    assert found.contrast_sign is None and found.scale is None


def test_sign_and_strength_travel(tmp_path, particles):
    path = written(tmp_path, particles, gmmContrastSign=np.array([1, -1, -1, 1]), gmmScale=np.array([1, 0.5, 0, 1.25]))
    found = read_particles(path)
    assert found.contrast_sign.tolist() == [1, -1, -1, 1] and found.scale.tolist() == [1, 0.5, 0, 1.25]
    part = found.subset(np.array([2, 1]))
    assert part.contrast_sign.tolist() == [-1, -1] and part.scale.tolist() == [0, 0.5]
    write_particles(tmp_path / "out.star", part)
    again = read_particles(tmp_path / "out.star")
    assert again.contrast_sign.tolist() == [-1, -1] and again.scale.tolist() == [0, 0.5]


def test_rows_of_a_set_that_had_no_such_column(tmp_path, particles):
    """As pandas joins a set with the columns and one without."""
    found = read_particles(
        written(tmp_path, particles, gmmContrastSign=["-1", "<NA>", "-1", "None"], gmmScale=["0.5", "2", "<NA>", "nan"])
    )
    assert found.contrast_sign.tolist() == [-1, 1, -1, 1] and found.scale.tolist() == [0.5, 2, 1, 1]
    empty = read_particles(written(tmp_path, particles, gmmContrastSign=["<NA>"] * COUNT, gmmScale=["None"] * COUNT))
    assert empty.contrast_sign is None and empty.scale is None


def test_strengths_found_since_are_written(tmp_path, particles):
    found = read_particles(written(tmp_path, particles, gmmScale=np.ones(COUNT)))
    found.scale[:] = [0.9, 1.1, 1.0, 1.0]
    write_particles(tmp_path / "out.star", found)
    assert read_star(tmp_path / "out.star")["particles"].numbers("gmmScale").tolist() == [0.9, 1.1, 1.0, 1.0]


@pytest.mark.parametrize(
    "label, value, words",
    (
        ("gmmContrastSign", 0, "row 2: gmmContrastSign is 0; expected 1 for a bright molecule or -1"),
        ("gmmContrastSign", 0.5, "row 2: gmmContrastSign is 0.5; expected a whole number"),
        ("gmmScale", -0.25, "row 2: gmmScale is -0.25; expected 0"),
        ("gmmScale", np.inf, "expected a finite number"),
    ),
)
def test_values_that_make_no_sense(tmp_path, particles, label, value, words):
    values = np.ones(COUNT)
    values[1] = value
    with pytest.raises(InputError) as caught:
        read_particles(written(tmp_path, particles, **{label: values}))
    assert words in str(caught.value) and "\n" not in str(caught.value)
