"""What the optics of a file do to its images is said."""

from gmmrefine.io.aberrations import corrected_aberrations, particle_warnings
from gmmrefine.io.star_particles import read_particles

ZERO = {
    "rlnBeamTiltX": ["0", "0.000"],
    "rlnOddZernike": ["[0,0,0]", "[]"],
    "rlnMagMat00": ["1.0", "1"],
    "rlnMagMat01": ["0", "0"],
    "rlnMagMat10": ["0", "0"],
    "rlnMagMat11": ["1", "1"],
}


def test_neutral_values_say_nothing(make_star):
    particles = read_particles(make_star(ZERO))
    assert corrected_aberrations(particles) == [] and particle_warnings(particles) == []
    assert particles.is_uniform


def test_effects_are_named_with_their_groups(make_star):
    optics = dict(ZERO, rlnBeamTiltX=["0.5", "0"], rlnOddZernike=["[0,0,0]", "[0,-1.5,0]"], rlnMagMat01=["0", "0.01"])
    particles = read_particles(make_star(optics))
    assert corrected_aberrations(particles) == [
        "beam tilt (first)",
        "odd Zernike aberrations (second)",
        "anisotropic magnification (second)",
    ]
    assert corrected_aberrations(particles.subset([0, 2])) == ["beam tilt (first)"]


def test_many_groups_with_an_effect_are_counted(make_star):
    names = [f"group{number}" for number in range(1, 5)]
    numbers = {"rlnOpticsGroup": ["1", "2", "3", "4"]}
    optics = {
        label: [value] * 4
        for label, value in (
            ("rlnVoltage", "300"),
            ("rlnSphericalAberration", "2.7"),
            ("rlnAmplitudeContrast", "0.1"),
            ("rlnImagePixelSize", "1.5"),
            ("rlnImageSize", "16"),
            ("rlnBeamTiltX", "0.2"),
            ("myNote", "a"),
        )
    }
    particles = read_particles(make_star(dict(numbers, rlnOpticsGroupName=names, **optics), numbers))
    assert corrected_aberrations(particles) == ["beam tilt (all 4 groups)"]


def test_what_is_not_modelled_is_said_after_the_notes_of_the_file(make_star):
    particles = read_particles(
        make_star({"rlnAmplitudeContrast": None, "rlnBeamTiltY": ["1", "1"]}, {"rlnCtfBfactor": ["0", "0", "0", "20"]})
    )
    lines = particle_warnings(particles)
    assert "rlnAmplitudeContrast" in lines[0] and "corrected for beam tilt (first, second)" in lines[1]
    assert "CTF B-factors are kept in the file but not modelled" in lines[2]
    assert len(particle_warnings(particles.subset([0, 1]))) == 2
