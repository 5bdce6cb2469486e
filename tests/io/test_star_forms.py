"""Particle files as other programs and people leave them: read as what they say, or refused in one line."""

import bz2
import gzip
import io
import zipfile

import pytest
from star_files import star_text

from gmmrefine.errors import InputError
from gmmrefine.io.star import read_star
from gmmrefine.io.star_particles import read_particles, write_particles

SHIFTS = [[1.5, 0.5], [-2.25, 0.75], [0, -4.5], [3, 0]]


def written(tmp_path, content):
    path = tmp_path / "particles.star"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def check_usual(particles):
    """The four particles of conftest, whatever the file looks like."""
    assert particles.shifts.tolist() == SHIFTS and particles.half_set.tolist() == [1, 2, 1, 2]
    assert particles.slice_index.tolist() == [0, 1, 2, 0] and particles.stack_index.tolist() == [0, 0, 0, 1]
    assert particles.ctf.amplitude_contrast.tolist() == [0.1, 0.07, 0.1, 0.07]
    assert (particles.box_size, particles.pixel_size) == (16, 1.5)


def refused(path):
    with pytest.raises(InputError) as caught:
        read_particles(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    return str(caught.value)


FORMS = {
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "marks of joined files": lambda text: b"\xef\xbb\xbf" + text.replace("data_particles", "\ufeffdata_particles").encode(),
    "UTF-16 of Windows": lambda text: text.encode("utf-16"),
    "UTF-16, big end first": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "CR of old Macs": lambda text: text.replace("\n", "\r").encode(),
    "no newline at the end": lambda text: text.rstrip("\n").encode(),
    "tabs": lambda text: text.replace("  ", "\t").encode(),
    "blanks after loop_ and labels": lambda text: text.replace("loop_\n", "loop_ \t\n").replace("#1\n", "#1  \n").encode(),
    "labels without number": lambda text: "\n".join(
        line.partition(" #")[0] if line.startswith("_") else line for line in text.split("\n")
    ).encode(),
    "comments": lambda text: (
        text.replace("loop_\n", "loop_ # it's a table\n")
        .replace("1e05", "1e05 # a comment")
        .replace("data_particles", "data_particles # 'all' of them")
        .encode()
    ),
    "keywords in capitals": lambda text: text.replace("loop_", "LOOP_").replace("data_", "DATA_").encode(),
    "labels beside loop_": lambda text: text.replace("loop_\n_rlnOpticsGroup #1\n", "loop_ _rlnOpticsGroup\n").encode(),
    "labels in other case": lambda text: (
        text.replace("_rlnImageName", "_rlnimagename")
        .replace("_rlnOpticsGroup ", "_RLNOPTICSGROUP ")
        .replace("_rlnAnglePsi", "_rlnAnglepsi")
        .encode()
    ),
    "quotes where none are needed": lambda text: (
        text.replace("000001@stack.mrcs", "'000001@stack.mrcs'").replace("-2.25 ", '"-2.25" ').encode()
    ),
    "data_images": lambda text: text.replace("data_particles", "data_images").encode(),
    "a block without name": lambda text: text.replace("data_particles", "data_").encode(),
    "another name": lambda text: text.replace("data_particles", "data_my_selection").encode(),
    "tables in the other order": lambda text: "\n".join(reversed(text.split("\n# version 50001\n"))).encode(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_forms_of_one_file(tmp_path, form):
    particles = read_particles(written(tmp_path, form(star_text())))
    check_usual(particles)
    write_particles(tmp_path / "out.star", particles)
    check_usual(read_particles(tmp_path / "out.star"))
    assert read_star(tmp_path / "out.star")["particles"].strings("unknownText") == ["0003", "[1,2,3]", "two words", "1e05"]


def test_one_optics_group_as_a_list(tmp_path):
    optics = "data_optics\n\n_rlnVoltage 300 # kV\n_rlnSphericalAberration 2.7\n_rlnImagePixelSize 1.5\n_rlnImageSize 16\n"
    table = star_text({}, {"rlnOpticsGroup": None}).partition("# version 50001\n\ndata_particles")[2]
    particles = read_particles(written(tmp_path, optics + "\ndata_particles" + table))
    assert particles.ctf.voltage_kv.tolist() == [300] * 4 and particles.shifts.tolist() == SHIFTS


def test_numbers_as_people_write_them(make_star):
    particles = read_particles(
        make_star(
            {"rlnVoltage": ["3e2", "300"], "rlnOpticsGroup": ["1.000000", "2.0"], "rlnImageSize": ["16.000000", "1.6E1"]},
            {
                "rlnRandomSubset": ["1.0", "2.000000", "1", "2"],
                "rlnOriginXAngst": ["15e-1", "-2.25", "+0", "3."],
                "rlnOpticsGroup": ["1", "2.000000", "1.0", "2"],
                "rlnImageName": ["1@stack.mrcs", "2@stack.mrcs", "03@stack.mrcs", "1@sub/other.mrcs"],
            },
        )
    )
    check_usual(particles)


NOTHING = ["<NA>", "None", "nan", '""']


def test_numbers_that_are_too_large(make_star):
    text = refused(make_star(particles={"rlnImageName": ["1@a", "99999999999999999999@a", "2@a", "3@a"]}))
    assert "row 2: rlnImageName is '99999999999999999999@a'; expected an image number" in text
    text = refused(make_star(particles={"rlnOpticsGroup": ["1", "2", "1e300", "2"]}))
    assert "row 3: rlnOpticsGroup is 1e+300; expected a whole number" in text
    assert "row 1: rlnPhaseShift is 'inf'" in refused(make_star(particles={"rlnPhaseShift": ["inf", "0", "0", "0"]}))


def test_missing_values_of_optional_columns(make_star):
    particles = read_particles(
        make_star(
            {"rlnAmplitudeContrast": ["<NA>", "0.07"], "rlnCtfDataArePhaseFlipped": ["None", "nan"]},
            {
                "rlnPhaseShift": NOTHING,
                "rlnRandomSubset": NOTHING,
                "rlnOriginXAngst": NOTHING,
                "rlnOriginX": ["1", "-1.5", "0", "2"],
            },
        )
    )
    assert particles.ctf.phase_shift_deg.tolist() == [0] * 4 and particles.ctf.state.tolist() == [0] * 4
    assert particles.half_set.tolist() == [0] * 4
    assert particles.shifts.tolist() == SHIFTS
    assert particles.ctf.amplitude_contrast.tolist() == [0.1, 0.07, 0.1, 0.07]
    assert "no rlnAmplitudeContrast for 2 of 4 particles; 0.1 is assumed" in particles.table.notes[0]


def test_a_column_of_which_only_some_rows_have_values(make_star):
    """As pandas joins a table with it and one without."""
    joined = {"rlnOriginXAngst": ["1.5", "-2.25", "<NA>", "<NA>"], "rlnOriginX": ["<NA>", "<NA>", "0", "2"]}
    assert read_particles(make_star(particles=joined)).shifts.tolist() == SHIFTS
    text = refused(make_star(particles={"rlnOriginXAngst": ["1.5", "<NA>", "0", "3"]}))
    assert "row 2: rlnOriginXAngst has no value (1 of 4 rows)" in text
    text = refused(make_star(particles={"rlnRandomSubset": ["1", "2", "1", "None"]}))
    assert "row 4: rlnRandomSubset is missing (1 of 4 rows); expected 1 or 2" in text
    text = refused(make_star(particles={"rlnDefocusU": ["1", "2", "<NA>", "4"]}))
    assert "row 3: rlnDefocusU is '<NA>'; expected a finite number" in text
    text = refused(make_star({"rlnVoltage": ["300", "<NA>"]}))
    assert "row 2: rlnVoltage is missing for 2 of 4 particles" in text


def test_values_of_a_group_that_no_particle_uses_do_not_matter(make_star):
    unused = {
        "rlnOpticsGroup": ["1", "7"],
        "rlnVoltage": ["300", "nan"],
        "rlnImagePixelSize": ["1.5", "9"],
        "rlnImageSize": ["16", "0"],
    }
    particles = read_particles(make_star(unused, {"rlnOpticsGroup": ["1"] * 4}))
    assert particles.pixel_size == 1.5 and particles.ctf.voltage_kv.tolist() == [300] * 4


def test_a_value_in_the_row_and_in_its_group(make_star):
    same = {"rlnVoltage": ["300", "300.0", "<NA>", "300"]}
    assert read_particles(make_star(particles=same)).ctf.voltage_kv.tolist() == [300] * 4
    text = refused(make_star(particles={"rlnVoltage": ["300", "200", "300", "300"]}))
    assert "row 2: rlnVoltage is 200 in the row and 300 in its optics group" in text


def test_names_in_any_encoding(tmp_path, make_stack):
    for name in ("größe.mrcs", b"gr\xf6\xdfe.mrcs".decode("utf-8", "surrogateescape")):
        make_stack(tmp_path / name, 4)
        text = star_text({}, {"rlnImageName": [f"{number}@{name}" for number in range(1, 5)]})
        particles = read_particles(written(tmp_path, text.encode("utf-8", "surrogateescape")))
        assert particles.stacks == (str(tmp_path / name),)
        write_particles(tmp_path / "out.star", particles)
        assert read_particles(tmp_path / "out.star").stacks == particles.stacks


ZIPPED = io.BytesIO()
with zipfile.ZipFile(ZIPPED, "w") as archive:
    archive.writestr("particles.star", star_text())


@pytest.mark.parametrize(
    "content, words",
    [
        (gzip.compress(star_text().encode()), "compressed with gzip. Unpack it (gunzip)"),
        (bz2.compress(star_text().encode()), "compressed with bzip2. Unpack it (bunzip2)"),
        (ZIPPED.getvalue(), "compressed with zip. Unpack it (unzip)"),
        (
            star_text().replace("data_particles", "data_a") + "\ndata_b\nloop_\n_rlnImageName\n1@x.mrcs\n",
            "rlnImageName stands in data_a, data_b; which of them the particles are is not known",
        ),
        (star_text().replace("_rlnAnglePsi", "_rlnangletilt"), "column rlnAngleTilt appears twice, once as rlnangletilt"),
        (star_text().replace("_rlnAnglePsi", "_rlnAngleTilt"), "column rlnAngleTilt appears twice"),
        (star_text() + star_text(), "a second block data_optics"),
        (star_text() + "loop_\n_x\n1\n", "a second loop_ in data_particles"),
        (star_text().replace('"two words"', '"two\r\nwords"'), "values for 13 columns"),
        (star_text().replace("0003\n", "#1\n"), "row 2 of data_optics has 7 values for 8 columns"),
        (star_text()[:-40], "The file is damaged or cut off"),
        (star_text().partition("# version 50001\n\ndata_particles")[0], "no particles in it (no column rlnImageName in data_"),
        ("data_\nloop_\n_cisTEMPositionInStack\n_cisTEMAnglePsi\n1 2\n", "It is in cisTEM's own form: export the"),
        ("# XMIPP_STAR_1 *\ndata_noname\nloop_\n_image\n_angleRot\n1@x.stk 2\n", "It is in Xmipp's own form"),
    ],
)
def test_refused_with_what_is_wrong(tmp_path, content, words):
    assert words in refused(written(tmp_path, content))


SERIES = {
    "rlnImageName": [f"Subtomograms/TS_01/{number}_stack2d.mrcs" for number in range(4)],
    "rlnTomoName": ["TS_01"] * 4,
    "rlnTomoVisibleFrames": ["[0,1,1]"] * 4,
}


@pytest.mark.parametrize(
    "optics, particles, further",
    [
        ({}, SERIES, ""),
        ({}, SERIES, "data_general\n_rlnTomoSubTomosAre2DStacks 1\n"),
        ({"rlnTomoTiltSeriesPixelSize": ["1.35"] * 2}, {"rlnImageName": SERIES["rlnImageName"]}, ""),
        ({"rlnImageDimensionality": ["3", "3"]}, {}, ""),
        ({}, {"rlnCtfImage": ["ctf.mrc"] * 4}, ""),
        ({}, {"rlnImageName": None, "rlnTomoName": ["TS_01"] * 4}, ""),
    ],
)
def test_tomography_is_named(make_star, optics, particles, further):
    text = refused(make_star(optics, particles, further))
    assert "a tomography file" in text and "subtomograms and tilt series are not supported" in text


def test_a_list_of_tilt_series_is_named(tmp_path):
    for name in ("rlnTomoParticlesFile matching.star", "rlnTomoTiltSeriesName TS_01"):
        assert "a tomography file" in refused(written(tmp_path, f"data_\n_{name}\n"))


def test_images_of_single_tilts_are_images(make_star):
    single = {"rlnTomoParticleName": ["TS_01/1", "TS_01/1", "TS_01/2", "TS_01/2"], "rlnGroupName": ["a", "a", "b", "b"]}
    check_usual(read_particles(make_star(particles=single)))


def test_text_that_would_be_taken_for_something_else_is_quoted(tmp_path, make_star):
    odd = ["#1", "_x", "it's", 'a "b" c']
    particles = read_particles(make_star())
    write_particles(tmp_path / "out.star", particles, {"myText": odd})
    assert read_star(tmp_path / "out.star")["particles"].strings("myText") == odd
    assert read_particles(tmp_path / "out.star").rotations == pytest.approx(particles.rotations, abs=1e-7)
