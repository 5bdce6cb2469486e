"""Optics groups from the columns of a particle table."""

import numpy as np
import pytest

from gmmrefine.errors import InputError
from gmmrefine.io.aberrations import corrected_aberrations
from gmmrefine.io.star_particles import read_particles, write_particles
from gmmrefine.particles.aberrations import with_beam_tilt

MATRIX = {
    "rlnMagMat00": ["1.01", "1"],
    "rlnMagMat01": ["0.002", "0"],
    "rlnMagMat10": ["-0.003", "0"],
    "rlnMagMat11": ["0.99", "1"],
}


def test_a_group_has_its_own_grid_and_aberrations(make_star):
    particles = read_particles(
        make_star(
            dict(
                MATRIX,
                rlnImagePixelSize=["1.5", "2.0"],
                rlnImageSize=["16", "12"],
                rlnBeamTiltX=["0.3", "0"],
                rlnBeamTiltY=["-0.1", "0"],
                rlnOddZernike=["[0,0,5,0,0,-2]", "[]"],
                rlnEvenZernike=["[0,0,0,0,0,0,3]", "[0]"],
            )
        )
    )
    first, second = particles.optics.groups
    assert (first.box_size, first.pixel_size, second.box_size, second.pixel_size) == (16, 1.5, 12, 2.0)
    assert first.odd == pytest.approx(with_beam_tilt((0, 0, 5, 0, 0, -2), 0.3, -0.1, 2.7, 300))
    assert first.even == (0, 0, 0, 0, 0, 0, 3) and first.magnification == (1.01, 0.002, -0.003, 0.99)
    assert (second.odd, second.even, second.magnification) == ((), (), (1, 0, 0, 1))
    assert particles.optics.index.tolist() == [0, 1, 0, 1]
    assert particles.image_boxes.tolist() == [16, 12, 16, 12] and particles.image_pixels.tolist() == [1.5, 2.0, 1.5, 2.0]
    assert (particles.box_size, particles.pixel_size) == (12, 2.0)


def test_shifts_are_what_the_file_says(make_star):
    particles = read_particles(make_star(dict(MATRIX, rlnImagePixelSize=["1.5", "2.0"])))
    assert particles.shifts == pytest.approx(np.array([[1.5, 0.5], [-2.25, 0.75], [0, -4.5], [3, 0]]))


def test_groups_alike_are_one(make_star):
    assert len(read_particles(make_star()).optics.groups) == 1


def test_beam_tilt_of_single_particles(make_star):
    tilt = ["0.3", "0.3", "0", "-0.2"]
    particles = read_particles(make_star({}, {"rlnBeamTiltX": tilt, "rlnBeamTiltY": ["0"] * 4}))
    cubic = [group.odd[4] if group.odd else 0 for group in particles.optics.groups]
    expected = [with_beam_tilt((), float(x), 0, 2.7, 300)[4] if float(x) else 0 for x in tilt]
    assert np.array(cubic)[particles.optics.index] == pytest.approx(expected)


def test_groups_are_written_as_they_were_read(make_star, tmp_path):
    optics = dict(
        MATRIX,
        rlnImagePixelSize=["1.5", "2.0"],
        rlnImageSize=["16", "12"],
        rlnOddZernike=["[0,0,5.125]", "[]"],
        rlnEvenZernike=["[0,1,2]", "[0]"],
        rlnBeamTiltX=["0.25", "0"],
    )
    particles = read_particles(make_star(optics)).on_grid(20, 2.0)
    write_particles(tmp_path / "again.star", particles)
    text = (tmp_path / "again.star").read_text(encoding="utf-8")
    assert "[0,0,5.125]" in text and "0.25" in text
    again = read_particles(tmp_path / "again.star")
    assert again.optics.groups == particles.optics.groups and np.array_equal(again.optics.index, particles.optics.index)


@pytest.mark.parametrize(
    "optics, words",
    [
        ({"rlnOddZernike": ["[0,a]", "[]"]}, "row 1: rlnOddZernike is '[0,a]'; expected a list of numbers"),
        ({"rlnEvenZernike": ["[]", "[0,nan]"]}, "row 2: rlnEvenZernike is '[0,nan]'"),
        (dict(MATRIX, rlnMagMat00=["0", "1"], rlnMagMat11=["0", "1"]), "row 1: rlnMagMat00, 01, 10, 11 are 0 0.002 -0.003 0"),
        (
            dict(MATRIX, rlnMagMat00=["1", "-1"]),
            "row 2: rlnMagMat00, 01, 10, 11 are -1 0 0 1; expected a matrix close to 1 0 0 1",
        ),
        ({"rlnBeamTiltX": ["x", "0"]}, "rlnBeamTiltX is 'x'"),
    ],
)
def test_wrong_columns(make_star, optics, words):
    with pytest.raises(InputError) as caught:
        read_particles(make_star(optics))
    assert words in str(caught.value) and "particles.star" in str(caught.value) and "\n" not in str(caught.value)


def test_lists_without_a_value_are_none(make_star):
    optics = {"rlnOddZernike": ["None", "[0,0,5]"], "rlnEvenZernike": ["<NA>", '"[0,0,0,0,2]"']}
    particles = read_particles(make_star(optics))
    assert [(group.odd, group.even) for group in particles.optics.groups] == [((), ()), ((0, 0, 5), (0, 0, 0, 0, 2))]
    assert corrected_aberrations(particles) == ["odd Zernike aberrations (second)", "even Zernike aberrations (second)"]


def test_a_list_of_the_row_fills_in_for_the_group_and_must_not_contradict_it(make_star):
    rows = {"rlnOddZernike": ["[0,0,5]", "[0,0,1]", "[0,0,5]", "None"]}
    particles = read_particles(make_star({"rlnOddZernike": ["None", "[0,0,1]"]}, rows))
    odd = [particles.optics.groups[number].odd for number in particles.optics.index]
    assert odd == [(0, 0, 5), (0, 0, 1), (0, 0, 5), (0, 0, 1)]
    with pytest.raises(InputError) as caught:
        read_particles(make_star({"rlnOddZernike": ["None", "[0,0,2]"]}, rows))
    assert "row 2: rlnOddZernike is [0,0,1] in the row and [0,0,2] in its optics group" in str(caught.value)


def test_a_missing_element_of_the_matrix_is_that_of_identity(make_star):
    optics = {"rlnMagMat01": ["0.01", "0"]}
    assert read_particles(make_star(optics)).optics.groups[0].magnification == (1, 0.01, 0, 1)


def test_boxes_are_those_of_the_stacks_where_the_table_has_none(make_star, make_stack, tmp_path):
    make_stack(tmp_path / "stack.mrcs", 3, 16)
    make_stack(tmp_path / "sub" / "other.mrcs", 1, 15)
    particles = read_particles(make_star({"rlnImageSize": None}))
    assert particles.image_boxes.tolist() == [16, 16, 16, 15]
