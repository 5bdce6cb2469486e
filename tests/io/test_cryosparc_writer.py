"""Particle sets as cryoSPARC files, new or made from the file they came from."""

from dataclasses import replace

import numpy as np
import pytest
from cryosparc_rows import ABERRATIONS, PLACES, POSES, particle_rows, save_rows, without
from scipy.spatial.transform import Rotation

from gmmrefine.errors import InputError
from gmmrefine.io.cryosparc import read_cs
from gmmrefine.io.cryosparc_writer import write_cs
from gmmrefine.io.star_particles import read_particles, write_particles

PHASE_FLIPPED = {"rlnCtfDataArePhaseFlipped": ["0", "1"]}
PREMULTIPLIED = {"rlnCtfDataAreCtfPremultiplied": ["1", "1"]}
PLACED = {
    "rlnMicrographName": ["a.mrc", "a.mrc", "b.mrc", "b.mrc"],
    "rlnCoordinateX": ["10", "20", "30", "40"],
    "rlnCoordinateY": ["1", "2", "3", "4"],
}


@pytest.fixture
def round_trip(tmp_path):
    """A function that takes rows to STAR in another folder, changes what was read from there, and writes .cs again."""

    def make(rows, change=lambda particles: particles, template=True, **options):
        source = save_rows(tmp_path / "project" / "particles.cs", rows)
        star = tmp_path / "elsewhere" / "refined.star"
        write_particles(star, change(read_cs(source)))
        write_cs(tmp_path / "out.cs", read_particles(star), source if template else None, **options)
        return np.load(tmp_path / "out.cs")

    return make


def column_without(label):
    """A change that takes a column from the table."""

    def change(particles):
        block = particles.table.particles
        columns = {name: text for name, text in block.columns.items() if name != label}
        return replace(particles, table=replace(particles.table, particles=block.with_columns(columns)))

    return change


def test_new_particles(particle_file, tmp_path):
    particles = read_particles(particle_file)
    for name in ("a.cs", "b.cs"):
        assert write_cs(tmp_path / name, particles) == []
    assert (tmp_path / "a.cs").read_bytes() == (tmp_path / "b.cs").read_bytes()
    again = read_cs(tmp_path / "a.csg")
    assert again.rotations == pytest.approx(particles.rotations, abs=1e-6)
    assert again.shifts == pytest.approx(particles.shifts, abs=1e-5)
    assert again.ctf.defocus_u.tolist() == particles.ctf.defocus_u.tolist()
    assert again.ctf.phase_shift_deg == pytest.approx(particles.ctf.phase_shift_deg, abs=1e-5)
    assert again.ctf.amplitude_contrast == pytest.approx(particles.ctf.amplitude_contrast)
    assert again.stacks == particles.stacks and again.half_set.tolist() == particles.half_set.tolist()
    rows = np.load(tmp_path / "a.cs")
    assert len(np.unique(rows["uid"])) == 4 and rows["ctf/exp_group_id"].tolist() == [0, 1, 0, 1]


def test_new_particles_have_the_fields_of_cryosparcs_own_files(particle_file, tmp_path, test_data):
    write_cs(tmp_path / "new.cs", read_particles(particle_file))
    new = np.load(tmp_path / "new.cs")
    for name in ("cryosparc_P12_J24_001_particles.cs", "cryosparc_J2_particles_exported.cs"):
        real = np.load(test_data / "metadata" / name)
        asked_for = [field for field in real.dtype.names if not field.startswith("alignments2D/")]
        assert set(asked_for) <= set(new.dtype.names)
        texts = ("blob/path", "ctf/type")
        assert all(new.dtype[field] == real.dtype[field] for field in asked_for if field not in texts)
    assert (new["alignments3D/class_posterior"] == 1).all() and (new["alignments3D/class"] == 0).all()
    assert (new["alignments3D/alpha"] == 1).all() and (new["ctf/scale"] == 1).all() and (new["blob/sign"] == 1).all()


@pytest.mark.parametrize(
    "optics, words",
    [(PHASE_FLIPPED, "2 of 4 images are phase-flipped"), (PREMULTIPLIED, "4 of 4 images are multiplied by the CTF")],
)
def test_states_that_cs_cannot_tell_are_refused(make_star, make_stack, tmp_path, optics, words):
    with pytest.raises(InputError, match=f"{words}, which a .cs file cannot say.*Export to .star"):
        write_cs(tmp_path / "x.cs", read_particles(make_star(optics)))
    assert not list(tmp_path.glob("x.cs*"))


def test_aberrations_and_signs_are_written(make_star, tmp_path):
    tilted = {
        "rlnBeamTiltX": ["0.4", "0"],
        "rlnOddZernike": ["[0,0,0.1]", "[]"],
        "rlnMagMat00": ["1.01", "1"],
        "rlnMagMat01": ["0", "0"],
        "rlnMagMat10": ["0", "0"],
        "rlnMagMat11": ["1", "1"],
    }
    particles = read_particles(make_star(tilted, {"gmmContrastSign": ["1", "-1", "1", "<NA>"], "rlnClassNumber": list("1243")}))
    write_cs(tmp_path / "x.cs", particles)
    rows = np.load(tmp_path / "x.cs")
    assert rows["ctf/tilt_A"] == pytest.approx(np.array([[10800, 0], [0, 0]] * 2), abs=1e-2)
    assert rows["ctf/anisomag"] == pytest.approx(np.array([[0.01, 0, 0, 0], [0] * 4] * 2), abs=1e-8)
    assert (rows["ctf/trefoil_A"][::2, 1] < -100).all() and not rows["ctf/trefoil_A"][1::2].any()
    assert rows["blob/sign"].tolist() == [1, -1, 1, 1] and rows["alignments3D/class"].tolist() == [0, 1, 3, 2]
    again = read_cs(tmp_path / "x.cs").table
    assert again.optics.numbers("rlnBeamTiltX") == pytest.approx([0.4, 0])
    assert again.particles.integers("gmmContrastSign").tolist() == [1, -1, 1, 1]
    with pytest.raises(InputError, match="row 2: gmmContrastSign is 0; expected 1 for a bright molecule or -1 for a dark one"):
        write_cs(tmp_path / "y.cs", read_particles(make_star({}, {"gmmContrastSign": ["1", "0", "1", "1"]})))


def test_groups_of_two_grids_with_aberrations_there_and_back(make_star, tmp_path):
    """Every group keeps box, pixel, shifts in Å, and the phases that its images have."""
    particles = read_particles(
        make_star(
            {
                "rlnImagePixelSize": ["1.5", "2.0"],
                "rlnImageSize": ["16", "13"],
                "rlnBeamTiltX": ["0.3", "0"],
                "rlnBeamTiltY": ["-0.1", "0"],
                "rlnOddZernike": ["[1,2,5,3,4,-2]", "None"],
                "rlnEvenZernike": ["[0,0,0,0,7,0,0,0,3]", "[]"],
                "rlnMagMat00": ["1.01", "1"],
                "rlnMagMat01": ["0.002", "0"],
                "rlnMagMat10": ["-0.003", "0"],
                "rlnMagMat11": ["0.99", "1"],
            }
        )
    )
    write_cs(tmp_path / "out.cs", particles)
    again = read_cs(tmp_path / "out.cs")
    assert again.image_boxes.tolist() == [16, 13, 16, 13] and again.image_pixels == pytest.approx(particles.image_pixels)
    assert again.shifts == pytest.approx(particles.shifts, abs=1e-5)
    write_particles(tmp_path / "again.star", again)
    for found in (again, read_particles(tmp_path / "again.star")):
        assert found.optics.index.tolist() == particles.optics.index.tolist() and found.pixel_size == particles.pixel_size
        for one, other in zip(found.optics.groups, particles.optics.groups):
            assert one.magnification == pytest.approx(other.magnification, abs=1e-6)
            for name in ("odd", "even"):
                expected = np.array(getattr(other, name))
                largest = np.abs((*expected, 0)).max()
                assert np.array(getattr(one, name)) == pytest.approx(expected, rel=1e-5, abs=1e-4 * largest)


def test_places_on_micrographs(make_star, make_stack, tmp_path):
    star = make_star({"rlnMicrographOriginalPixelSize": ["0.8", "0.8"]}, PLACED)
    notes = write_cs(tmp_path / "x.cs", read_particles(star))
    assert "sizes of 2 of 2 micrographs are not known" in notes[0]
    assert not [name for name in np.load(tmp_path / "x.cs").dtype.names if name.startswith("location/")]
    make_stack(tmp_path / "a.mrc", 1, 40)
    make_stack(tmp_path / "b.mrc", 1, 80)
    assert write_cs(tmp_path / "x.cs", read_particles(star)) == []
    rows = np.load(tmp_path / "x.cs")
    assert rows["location/center_x_frac"].tolist() == [0.25, 0.5, 0.375, 0.5]
    assert rows["location/center_y_frac"] == pytest.approx([1 / 40, 2 / 40, 3 / 80, 4 / 80])
    assert rows["location/micrograph_shape"].tolist() == [[40, 40]] * 2 + [[80, 80]] * 2
    assert rows["location/micrograph_path"][3] == str(tmp_path / "b.mrc").encode()
    assert [len(set(rows["location/micrograph_uid"][part])) for part in (slice(2), slice(None))] == [1, 2]
    assert rows["location/micrograph_psize_A"] == pytest.approx(np.full(4, 0.8))
    assert read_cs(tmp_path / "x.cs").table.particles.numbers("rlnCoordinateY") == pytest.approx([1, 2, 3, 4], abs=1e-5)
    write_cs(tmp_path / "x.cs", read_particles(star), flip_coordinate_y=True)
    assert np.load(tmp_path / "x.cs")["location/center_y_frac"] == pytest.approx([39 / 40, 38 / 40, 77 / 80, 76 / 80])
    make_stack(tmp_path / "b.mrc", 1, 36)
    assert "40, 4 px lies outside of" in write_cs(tmp_path / "x.cs", read_particles(star))[0]


def test_without_a_template_uids_and_places_are_kept(round_trip, make_stack, tmp_path):
    rows = particle_rows(4, POSES + PLACES)
    rows["blob/sign"] = [-1, -1, 1, 1]
    new = round_trip(rows, template=False)
    for name in ("uid", "blob/sign", "alignments3D/split", "blob/shape", "location/micrograph_shape"):
        assert new[name].tolist() == rows[name].tolist()
    for name in ("ctf/df1_A", "ctf/df_angle_rad", "location/center_x_frac", "location/center_y_frac"):
        assert new[name] == pytest.approx(rows[name], rel=1e-6)
    assert new["blob/path"].tolist() == [b"J1/imported/7_particles.mrc"] * 4  # as in the project
    stack = make_stack(tmp_path / "project" / "J1" / "imported" / "7_particles.mrc", 4)
    assert round_trip(rows, template=False)["blob/path"].tolist() == [str(stack).encode()] * 4


@pytest.mark.parametrize("change", [lambda particles: particles, column_without("gmmCryosparcUid")])
@pytest.mark.parametrize("further", [[], PLACES, PLACES + ABERRATIONS])
def test_rows_of_the_template_are_found_again(round_trip, tmp_path, make_stack, change, further):
    make_stack(tmp_path / "project" / "J1" / "imported" / "7_particles.mrc", 4)
    original = particle_rows(4, POSES + further)
    if ABERRATIONS[0] in further:
        original["ctf/tilt_A"], original["ctf/tetra_A"] = [1000, 2000], [1e5, 2e5, 3e5, 4e5]
    rotations = Rotation.random(2, random_state=3).as_matrix()

    def refined(particles):
        return change(particles).subset([3, 0]).with_poses(rotations, np.array([[3.0, 6], [-1.5, 0]]))

    rows = round_trip(original, refined)
    assert rows.dtype == original.dtype and rows["uid"].tolist() == [2**63 + 3, 2**63]
    assert rows["alignments3D/shift"].tolist() == [[2, 4], [-1, 0]] and rows["alignments3D/split"].tolist() == [1, 0]
    matrices = Rotation.from_rotvec(rows["alignments3D/pose"]).as_matrix()
    assert np.swapaxes(matrices, 1, 2) == pytest.approx(rotations, abs=1e-6)
    same = [name for name in rows.dtype.names if name not in ("alignments3D/pose", "alignments3D/shift")]
    assert all(rows[name].tolist() == original[name][[3, 0]].tolist() for name in same)


def test_what_changed_since_goes_into_the_template(round_trip):
    original = particle_rows(4, POSES + [("ctf/bfactor", "<f4")])
    original["ctf/bfactor"], original["blob/sign"] = 3, [-1, 1, -1, 1]

    def changed(particles):
        columns = {
            **particles.table.particles.columns,
            "rlnDefocusU": np.array([b"12000", b"12010", b"12345.5", b"12030"]),
            "rlnClassNumber": np.array([b"1", b"1", b"2", b"1"]),
        }
        optics = particles.table.optics
        optics = optics.with_columns({**optics.columns, "rlnBeamTiltX": np.array([b"0.4", b"0"])})
        return replace(
            particles, table=replace(particles.table, particles=particles.table.particles.with_columns(columns), optics=optics)
        )

    rows = round_trip(original, changed)
    assert rows["ctf/df1_A"].tolist() == [12000, 12010, 12345.5, 12030] and rows["alignments3D/class"].tolist() == [0, 0, 1, 0]
    assert rows["ctf/tilt_A"] == pytest.approx(np.array([[10800, 0]] * 2 + [[0, 0]] * 2), abs=1e-2)
    assert rows["ctf/bfactor"].tolist() == [3] * 4 and rows["blob/sign"].tolist() == [-1, 1, -1, 1]
    assert "ctf/trefoil_A" not in rows.dtype.names


def test_a_set_that_says_nothing_of_the_sign_keeps_the_templates(round_trip):
    original = particle_rows()
    original["blob/sign"] = [-1, -1, 1, -1]
    assert round_trip(original, column_without("gmmContrastSign"))["blob/sign"].tolist() == [-1, -1, 1, -1]


def test_a_template_without_poses_gets_them(round_trip, tmp_path):
    original = particle_rows()
    given = without(original, "alignments3D")
    template = save_rows(tmp_path / "t.cs", given)
    write_cs(tmp_path / "new.cs", read_cs(save_rows(tmp_path / "all.cs", original)), template)
    rows = np.load(tmp_path / "new.cs")
    assert set(rows.dtype.names) - set(given.dtype.names) == {name for name, *_ in POSES}
    assert (rows["alignments3D/psize_A"] == 3).all() and rows["alignments3D/shift"].tolist() == [[1, -0.5]] * 4
    assert (rows["alignments3D/class_posterior"] == 1).all()


def test_pixel_size_0_of_a_template_is_filled(round_trip):
    original = particle_rows()
    original["alignments3D/psize_A"] = 0
    rows = round_trip(original)
    assert (rows["alignments3D/psize_A"] == 3).all() and rows["alignments3D/shift"].tolist() == [[2, -1]] * 4


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda rows: rows[1:], "uid 9223372036854775808 is there 0 times, expected once (1 of 4 particles are wrong)"),
        (lambda rows: rows[[0, 1, 2, 3, 3]], "uid 9223372036854775811 is there 2 times, expected once (1 of 4"),
    ],
)
def test_partial_matches_by_uid_are_refused(tmp_path, change, words):
    rows = particle_rows()
    particles = read_cs(save_rows(tmp_path / "all.cs", rows))
    with pytest.raises(InputError) as caught:
        write_cs(tmp_path / "out.cs", particles, save_rows(tmp_path / "t.cs", change(rows)))
    assert words in str(caught.value) and not list(tmp_path.glob("out.cs*"))


@pytest.mark.parametrize(
    "field, value, words",
    [
        ("blob/path", b"J2/imported/7_particles.mrc", "is there 0 times, expected once (4 of 4 particles are wrong)"),
        ("blob/path", b"7_particles.mrc", None),
        ("blob/path", b"/somewhere/J1/imported/7_particles.mrc", None),
        ("blob/path", b"ported/7_particles.mrc", "is there 0 times"),
        ("blob/idx", [0, 1, 2, 9], "000004@J1/imported/7_particles.mrc:mrcs is there 0 times, expected once (1 of 4"),
        ("blob/idx", [0, 1, 2, 2], "000003@J1/imported/7_particles.mrc:mrcs is there 2 times, expected once (2 of 4"),
        ("ctf/df1_A", [12000, 12010, 9000, 12030], None),
        (
            "location/center_x_frac",
            [0.25, 0.375, 0.9, 0.625],
            "000003@J1/imported/7_particles.mrc:mrcs is of another particle: x on the micrograph "
            "900 px there, 500 here (1 of 4",
        ),
    ],
)
def test_without_uids_path_and_place_must_agree(tmp_path, field, value, words):
    rows = particle_rows(4, POSES + PLACES)
    particles = column_without("gmmCryosparcUid")(read_cs(save_rows(tmp_path / "all.cs", rows)))
    template = rows.copy()
    template[field] = value
    template = save_rows(tmp_path / "t.cs", template)
    if words is None:
        write_cs(tmp_path / "out.cs", particles, template)
        assert np.load(tmp_path / "out.cs")["uid"].tolist() == rows["uid"].tolist()
    else:
        with pytest.raises(InputError) as caught:
            write_cs(tmp_path / "out.cs", particles, template)
        assert words in str(caught.value) and "t.cs" in str(caught.value)


def test_without_places_the_defocus_must_agree(tmp_path):
    rows = particle_rows()
    particles = column_without("gmmCryosparcUid")(read_cs(save_rows(tmp_path / "all.cs", rows)))
    rows["ctf/df1_A"][1] += 500
    with pytest.raises(InputError, match="is of another particle: defocus 12510 Å there, 12010 here .1 of 4 particles differ"):
        write_cs(tmp_path / "out.cs", particles, save_rows(tmp_path / "t.cs", rows))
    with pytest.raises(InputError, match="tells neither places nor defoci"):
        write_cs(tmp_path / "out.cs", particles, save_rows(tmp_path / "t.cs", without(rows, "ctf")))


def test_a_template_of_new_uids_is_matched_by_path(tmp_path):
    rows = particle_rows()
    particles = read_cs(save_rows(tmp_path / "all.cs", rows))
    rows["uid"] = [5, 6, 7, 8]
    write_cs(tmp_path / "out.cs", particles.subset([2, 1]), save_rows(tmp_path / "t.cs", rows))
    assert np.load(tmp_path / "out.cs")["uid"].tolist() == [7, 6]


def test_links_to_stacks_are_followed(tmp_path, make_stack):
    rows = particle_rows()
    make_stack(tmp_path / "J1" / "imported" / "7_particles.mrc", 4)
    (tmp_path / "link.mrcs").symlink_to(tmp_path / "J1" / "imported" / "7_particles.mrc")
    linked = rows.copy()
    linked["blob/path"] = b"link.mrcs"
    particles = column_without("gmmCryosparcUid")(read_cs(save_rows(tmp_path / "linked.cs", linked)))
    write_cs(tmp_path / "out.cs", particles, save_rows(tmp_path / "t.cs", rows))
    assert np.load(tmp_path / "out.cs")["blob/path"].tolist() == rows["blob/path"].tolist()


def test_doubled_particles_are_refused(tmp_path):
    rows = particle_rows()
    particles = read_cs(save_rows(tmp_path / "all.cs", rows)).subset([0, 1, 1])
    with pytest.raises(InputError, match="row 2 repeats row 2"):
        write_cs(tmp_path / "out.cs", particles)
    rows["uid"][2] = rows["uid"][1]
    with pytest.raises(InputError, match="row 2: gmmCryosparcUid 9223372036854775809 stands there more than once"):
        write_cs(tmp_path / "out.cs", read_cs(save_rows(tmp_path / "all.cs", rows)))


def test_copies_that_cryosparc_made_keep_their_uids(round_trip):
    rows = particle_rows(4, POSES + [("sym_expand/src_uid", "<u8")])
    rows["sym_expand/src_uid"], rows["blob/idx"], rows["alignments3D/split"] = [1, 1, 2, 2], [0, 0, 1, 1], [0, 0, 1, 1]
    assert round_trip(rows)["uid"].tolist() == rows["uid"].tolist()
    assert round_trip(rows, template=False)["uid"].tolist() == rows["uid"].tolist()


def test_a_real_refinement_keeps_all_its_bits_but_the_poses(test_data, tmp_path):
    source = test_data / "metadata" / "cryosparc_P12_J24_001_particles.cs"
    particles = read_cs(source)
    write_cs(tmp_path / "out.cs", particles, source)
    old, new = np.load(source), np.load(tmp_path / "out.cs")
    assert new.dtype == old.dtype
    moved = ("alignments3D/pose", "alignments3D/shift")
    assert all((new[name] == old[name]).all() for name in old.dtype.names if name not in moved)
    assert new["alignments3D/shift"] == pytest.approx(old["alignments3D/shift"], abs=1e-5)
    assert read_cs(tmp_path / "out.cs").rotations == pytest.approx(particles.rotations, abs=1e-6)
