"""One pixel size, whatever a file says it by; two that differ are refused."""

import pytest

from gmmrefine.errors import InputError
from gmmrefine.io.star_particles import read_particles

NONE = {"rlnImagePixelSize": None}
DETECTOR = {"rlnDetectorPixelSize": ["7.5"] * 4, "rlnMagnification": ["50000"] * 4}


@pytest.mark.parametrize(
    "optics, particles",
    [
        ({}, {}),
        (NONE, {"rlnPixelSize": ["1.5"] * 4}),
        (NONE, DETECTOR),
        (NONE, {"rlnImagePixelSize": ["1.5"] * 4}),
        (dict(NONE, rlnPixelSize=["1.5", "1.5"]), {}),
        (dict(NONE, rlnDetectorPixelSize=["7.5"] * 2, rlnMagnification=["5e4"] * 2), {}),
        (dict(NONE, rlnDetectorPixelSize=["7.5"] * 2), {"rlnMagnification": ["50000"] * 4}),
        ({"rlnImagePixelSize": ["1.5", "<NA>"]}, {"rlnPixelSize": ["<NA>", "1.5", "None", "1.5"]}),
        ({}, dict(DETECTOR, rlnPixelSize=["1.501"] * 4)),
        ({}, {"rlnPixelSize": ["0"] * 4}),
        ({}, {"rlnDetectorPixelSize": ["0"] * 4, "rlnMagnification": ["0"] * 4}),
        ({}, {"rlnDetectorPixelSize": ["9"] * 4}),
    ],
)
def test_one_pixel_size(make_star, optics, particles):
    assert read_particles(make_star(optics, particles)).pixel_size == pytest.approx(1.5)


def refused(path):
    with pytest.raises(InputError) as caught:
        read_particles(path)
    assert "\n" not in str(caught.value) and "particles.star" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "optics, particles, words",
    [
        (
            {},
            {"rlnPixelSize": ["1.5", "1.5", "1.503", "1.5"]},
            "row 3: two pixel sizes, 1.5 Å/px from rlnImagePixelSize (data_optics) and 1.503 Å/px "
            "from rlnPixelSize (data_particles)",
        ),
        (
            {},
            dict(DETECTOR, rlnMagnification=["50000", "25000", "50000", "50000"]),
            "row 2: two pixel sizes, 1.5 Å/px from rlnImagePixelSize (data_optics) and 3 Å/px from rlnDetectorPixelSize and",
        ),
        ({"rlnPixelSize": ["1.5", "1.6"]}, {}, "row 2: two pixel sizes, 1.5 Å/px from rlnImagePixelSize (data_optics) and 1.6"),
        (NONE, dict(DETECTOR, rlnPixelSize=["1.4"] * 4), "1.4 Å/px from rlnPixelSize (data_particles) and 1.5 Å/px from"),
        ({"rlnImagePixelSize": ["1.5", "<NA>"]}, {}, "row 2: the pixel size is unknown, rlnImagePixelSize is missing"),
        (NONE, {"rlnDetectorPixelSize": ["7.5"] * 4}, "row 1: the pixel size is unknown"),
        (NONE, dict(DETECTOR, rlnMagnification=["0"] * 4), "and rlnMagnification is 0 Å/px; expected more than 0"),
        ({"rlnImagePixelSize": ["-1", "-1"]}, {}, "rlnImagePixelSize is -1 Å/px; expected more than 0"),
    ],
)
def test_contradicting_or_missing(make_star, optics, particles, words):
    assert words in refused(make_star(optics, particles))


def test_files_without_optics_table(tmp_path):
    """RELION 3.0 and what other programs write in its form."""
    poses = "_rlnImageName\n_rlnVoltage\n_rlnSphericalAberration\n_rlnAmplitudeContrast\n_rlnAngleRot\n_rlnAngleTilt\n"
    poses += "_rlnAnglePsi\n_rlnDefocusU\n_rlnDefocusV\n_rlnDefocusAngle\n_rlnImageSize\n"
    values = "1@s.mrcs 300 2.7 0.1 1 2 3 9000 9000 0 16"
    path = tmp_path / "particles.star"

    def write(labels, numbers):
        path.write_text(f"data_\nloop_\n{poses}" + "".join(f"_rln{label}\n" for label in labels) + f"{values} {numbers}\n")
        return path

    assert read_particles(write(["DetectorPixelSize", "Magnification"], "5 10000")).pixel_size == 5
    assert read_particles(write(["PixelSize", "OriginX", "OriginY"], "1.25 2 -4")).shifts.tolist() == [[2.5, -5]]
    both = read_particles(write(["ImagePixelSize", "OriginX", "OriginXAngst"], "1.25 7 2.5"))
    assert both.shifts.tolist() == [[2.5, 0]]
    assert read_particles(write(["PixelSize", "OriginX", "OriginXAngst"], "1.25 2 <NA>")).shifts.tolist() == [[2.5, 0]]
    with pytest.raises(InputError, match="row 1: rlnOriginXAngst is 'two'; expected a finite number"):
        read_particles(write(["PixelSize", "OriginXAngst"], "1.25 two"))
    assert "two pixel sizes, 1.25 Å/px from rlnPixelSize (data_) and 5 Å/px from rlnDetectorPixelSize" in refused(
        write(["PixelSize", "DetectorPixelSize", "Magnification"], "1.25 5 10000")
    )
    assert "rlnImagePixelSize is missing" in refused(write(["CtfBfactor"], "0"))
