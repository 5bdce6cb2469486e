"""Every wrong value in a particle file ends in one line that names file, row and column."""

import pytest

from gmmrefine.errors import InputError
from gmmrefine.io.star_particles import read_particles

NO_ANGLES = {"rlnAngleRot": None, "rlnAngleTilt": None, "rlnAnglePsi": None}


@pytest.mark.parametrize(
    "optics, particles, words",
    [
        ({}, NO_ANGLES, "column rlnAngleRot, rlnAngleTilt, rlnAnglePsi is missing; it says the orientation"),
        ({}, {"rlnAngleRot": None, "rlnAngleTilt": None}, "in-plane angles only (2D classification)"),
        ({}, {"rlnDefocusU": None}, "column rlnDefocusU is missing; it says the CTF"),
        ({}, {"rlnDefocusU": ["1", "2", "-15000", "4"]}, "row 3: rlnDefocusU is -15000 Å; RELION's defocus is positive"),
        ({}, {"rlnDefocusV": ["nan", "2", "3", "4"]}, "row 1: rlnDefocusV is 'nan'; expected a finite number"),
        ({}, {"rlnAngleRot": ["0", "x", "0", "0"]}, "row 2: rlnAngleRot is 'x'; expected a finite number"),
        ({}, {"rlnRandomSubset": ["1", "2", "3", "2"]}, "row 3: rlnRandomSubset is 3; expected 1 or 2"),
        ({}, {"rlnRandomSubset": ["1", "0", "1", "2"]}, "row 2: rlnRandomSubset is 0 (1 of 4 rows)"),
        ({}, {"rlnOpticsGroup": ["1", "2", "5", "2"]}, "row 3: rlnOpticsGroup is 5, but data_optics has only 1, 2"),
        ({}, {"rlnOpticsGroup": None}, "column rlnOpticsGroup is missing"),
        ({}, {"rlnImageName": ["stack.mrcs", "1@a", "2@a", "3@a"]}, "row 1: rlnImageName is 'stack.mrcs'"),
        ({}, {"rlnImageName": ["1@a", "0@a", "2@a", "3@a"]}, "row 2: rlnImageName is '0@a'; expected an image number"),
        ({"rlnVoltage": None}, {}, "rlnVoltage is in neither data_optics nor data_particles"),
        ({"rlnVoltage": ["300", "0"]}, {}, "row 2: rlnVoltage is 0 kV; expected 1 to 2000"),
        ({"rlnSphericalAberration": None}, {}, "rlnSphericalAberration is in neither"),
        ({"rlnAmplitudeContrast": ["0.1", "10"]}, {}, "row 2: rlnAmplitudeContrast is 10"),
        ({"rlnImagePixelSize": None}, {}, "rlnImagePixelSize is missing"),
        ({"rlnImagePixelSize": ["0", "0"]}, {}, "rlnImagePixelSize is 0 Å/px; expected more than 0"),
        ({"rlnImageSize": ["16", "16.5"]}, {}, "row 2: rlnImageSize is 16.5 px; expected a whole number"),
        ({"rlnImageSize": ["0", "16"]}, {}, "row 1: rlnImageSize is 0 px; expected a whole number of at least 2"),
    ],
)
def test_wrong_values(make_star, optics, particles, words):
    with pytest.raises(InputError) as caught:
        read_particles(make_star(optics, particles))
    assert words in str(caught.value) and "particles.star" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_empty_table(make_star):
    with pytest.raises(InputError, match="data_particles is empty"):
        read_particles(make_star(particles={"rlnImageName": []}))


def test_a_star_file_without_particles(tmp_path):
    path = tmp_path / "fsc.star"
    path.write_text("data_fsc\nloop_\n_rlnFourierShellCorrelation\n1\n")
    with pytest.raises(InputError, match=r"fsc.star: no particles in it \(no column rlnImageName in data_fsc\)"):
        read_particles(path)


def test_box_comes_from_the_stack_when_the_file_does_not_tell(particle_file, make_star, tmp_path):
    path = make_star({"rlnImageSize": None})
    assert read_particles(path).box_size == 16
    (tmp_path / "sub" / "other.mrcs").unlink()
    with pytest.raises(InputError, match="data_particles, row 4: image stack of 1@sub/other.mrcs not found"):
        read_particles(path)


def test_origins_may_be_absent_or_in_pixels(make_star):
    angstrom = {"rlnOriginXAngst": None, "rlnOriginYAngst": None}
    assert not read_particles(make_star(particles=angstrom)).shifts.any()
    in_pixels = dict(angstrom, rlnOriginX=["2", "0", "0", "0"], rlnOriginY=["0", "-1", "0", "0"])
    assert read_particles(make_star(particles=in_pixels)).shifts.tolist() == [[3, 0], [0, -1.5], [0, 0], [0, 0]]
