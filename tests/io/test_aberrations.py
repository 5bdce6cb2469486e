"""What the CTF model leaves out is said."""
from gmmrefine.io.aberrations import particle_warnings, unmodelled_aberrations
from gmmrefine.io.star_particles import read_particles

ZERO = {"rlnBeamTiltX": ["0", "0.000"], "rlnOddZernike": ["[0,0,0]", "[]"],
        "rlnMagMat00": ["1.0", "1"], "rlnMagMat01": ["0", "0"], "rlnMagMat10": ["0", "0"], "rlnMagMat11": ["1", "1"]}


def test_neutral_values_say_nothing(make_star):
    assert unmodelled_aberrations(read_particles(make_star(ZERO))) == []


def test_effects_are_named_with_their_groups(make_star):
    optics = dict(ZERO, rlnBeamTiltX=["0.5", "0"], rlnOddZernike=["[0,0,0]", "[0,-1.5,0]"], rlnMagMat01=["0", "0.01"])
    particles = read_particles(make_star(optics, {"rlnCtfBfactor": ["0", "0", "0", "20"]}))
    assert [line.split(": ")[1] for line in unmodelled_aberrations(particles)] == [
        "beam tilt (first)", "odd Zernike aberrations (second)", "CTF B-factors (single particles)",
        "anisotropic magnification (second)"]
    assert len(unmodelled_aberrations(particles.subset([0, 2]))) == 1


def test_notes_of_the_file_come_first(make_star):
    particles = read_particles(make_star({"rlnAmplitudeContrast": None, "rlnBeamTiltY": ["1", "1"]}))
    lines = particle_warnings(particles)
    assert "rlnAmplitudeContrast" in lines[0] and "beam tilt (first, second)" in lines[1]
