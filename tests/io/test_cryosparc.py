"""cryoSPARC particle files as particle sets and RELION tables."""

import numpy as np
import pytest
from cryosparc_rows import ABERRATIONS, PLACES, POSES, particle_rows, save_rows, without
from scipy.spatial.transform import Rotation

from gmmrefine.errors import InputError
from gmmrefine.io.cryosparc import read_cs
from gmmrefine.io.star import read_star
from gmmrefine.io.star_particles import read_particles, write_particles
from gmmrefine.particles.symmetry import particle_count


@pytest.fixture
def make_cs(tmp_path):
    def make(rows, name="particles.cs"):
        return save_rows(tmp_path / name, rows)

    return make


def test_conventions(make_cs, tmp_path):
    rows = particle_rows()
    particles = read_cs(make_cs(rows))
    matrices = Rotation.from_rotvec(rows["alignments3D/pose"]).as_matrix()
    assert particles.rotations == pytest.approx(np.swapaxes(matrices, 1, 2), abs=1e-7)
    assert particles.shifts == pytest.approx(np.array([[3.0, -1.5]] * 4))
    assert (particles.pixel_size, particles.box_size) == (3.0, 16)
    assert particles.half_set.tolist() == [1, 2, 1, 2]
    assert particles.ctf.defocus_angle == pytest.approx(np.full(4, 30), abs=1e-5)
    assert particles.ctf.phase_shift_deg == pytest.approx(np.full(4, 90), abs=1e-5)
    assert particles.stacks == (str(tmp_path / "J1/imported/7_particles.mrc"),)
    assert particles.slice_index.tolist() == [0, 1, 2, 3]
    assert len(particles.table.optics) == 2 and particles.table.notes == ()


def test_split_with_one_value_is_no_split(make_cs):
    rows = particle_rows()
    rows["alignments3D/split"] = 0
    assert not read_cs(make_cs(rows)).half_set.any()
    assert sorted(read_cs(make_cs(rows), split_halves=3).half_set) == [1, 1, 2, 2]


def test_contrast_sign_is_of_every_particle(make_cs):
    rows = particle_rows()
    table = read_cs(make_cs(rows)).table
    assert table.particles.columns["gmmContrastSign"].tolist() == [b"1"] * 4 and table.notes == ()
    rows["blob/sign"] = [-1, 1, 1, -1]
    table = read_cs(make_cs(rows)).table
    assert table.particles.columns["gmmContrastSign"].tolist() == [b"-1", b"1", b"1", b"-1"]
    assert "blob/sign is -1, a molecule dark in the image, for 2 of 4 particles" in table.notes[0]
    assert "gmmContrastSign" not in read_cs(make_cs(without(rows, "blob/sign"))).table.particles  # which means +1


def test_star_of_cs_holds_all_that_relion_needs(make_cs, tmp_path):
    rows = particle_rows(4, POSES + PLACES + [("location/micrograph_psize_A", "<f4"), ("ctf/bfactor", "<f4")])
    rows["alignments3D/class"], rows["blob/sign"], rows["ctf/bfactor"] = [0, 1, 2, 0], -1, [0, 0, 50, 0]
    rows["location/micrograph_psize_A"] = 0.75
    particles = read_cs(make_cs(rows))
    write_particles(tmp_path / "out.star", particles)
    blocks = read_star(tmp_path / "out.star")
    block = blocks["particles"]
    assert block.strings("rlnImageName")[2] == "000003@J1/imported/7_particles.mrc:mrcs"
    assert block.strings("rlnMicrographName")[0] == "J1/mic.mrc"
    assert block.numbers("rlnCoordinateX").tolist() == [250, 375, 500, 625]
    assert block.numbers("rlnCoordinateY").tolist() == [300] * 4  # three quarters of 400 rows, from the first
    assert [block.integers(f"gmmMicrographSize{axis}")[0] for axis in "XY"] == [1000, 400]
    assert block.integers("rlnClassNumber").tolist() == [1, 2, 3, 1]
    assert block.strings("gmmCryosparcUid") == [str(2**63 + row) for row in range(4)]
    assert block.numbers("rlnCtfBfactor").tolist() == [0, 0, 50, 0] and block.integers("gmmContrastSign").tolist() == [-1] * 4
    assert blocks["optics"].numbers("rlnMicrographPixelSize").tolist() == [0.75, 0.75]
    again = read_particles(tmp_path / "out.star")
    assert again.rotations == pytest.approx(particles.rotations, abs=1e-12)
    assert again.stacks == particles.stacks and again.half_set.tolist() == [1, 2, 1, 2]


def test_y_may_count_from_the_last_row(make_cs):
    path = make_cs(particle_rows(4, POSES + PLACES))
    assert read_cs(path, flip_coordinate_y=True).table.particles.numbers("rlnCoordinateY").tolist() == [100] * 4


@pytest.mark.parametrize("missing", ["location/center_x_frac", "location/center_y_frac", "location/micrograph_shape", None])
def test_no_coordinates_without_all_of_them(make_cs, missing):
    rows = particle_rows(4, POSES + PLACES)
    if missing is None:
        rows["location/micrograph_shape"] = 0
    table = read_cs(make_cs(without(rows, missing) if missing else rows)).table
    assert not {"rlnCoordinateX", "rlnCoordinateY", "gmmMicrographSizeX"} & set(table.particles.columns)
    assert table.particles.strings("rlnMicrographName") == ["J1/mic.mrc"] * 4


def test_paths_as_unicode(make_cs, tmp_path):
    rows = particle_rows()
    text = np.zeros(4, [(name, "<U40" if name == "blob/path" else rows.dtype[name]) for name in rows.dtype.names])
    for name in rows.dtype.names:
        text[name] = rows[name]
    text["blob/path"] = ">J1/é.mrcs"
    particles = read_cs(make_cs(text))
    assert particles.stacks == (str(tmp_path / "J1/é.mrcs"),)
    assert particles.table.particles.strings("rlnImageName")[3] == "000004@J1/é.mrcs"


def test_symmetry_copies_and_filaments(make_cs):
    further = [("sym_expand/src_uid", "<u8"), ("sym_expand/idx", "<u4"), ("filament/filament_uid", "<u8")]
    rows = particle_rows(6, POSES + further)
    rows["sym_expand/src_uid"] = np.uint64(2**63) + np.arange(6, dtype=np.uint64) // np.uint64(3)
    rows["sym_expand/idx"], rows["filament/filament_uid"] = [0, 1, 2] * 2, [7, 7, 7, 2**40, 2**40, 5]
    particles = read_cs(make_cs(rows))
    assert particle_count(particles) == 2
    block = particles.table.particles
    assert block.strings("gmmParentParticle")[::3] == [str(2**63), str(2**63 + 1)]
    assert block.integers("gmmSymmetryCopy").tolist() == [1, 2, 3] * 2
    assert block.integers("rlnHelicalTubeID").tolist() == [2, 2, 2, 3, 3, 1]


def test_rows_that_belong_to_nothing_are_particles_of_their_own(make_cs):
    rows = particle_rows(6, POSES + [("sym_expand/src_uid", "<u8"), ("filament/filament_uid", "<u8")])
    block = read_cs(make_cs(rows)).table.particles
    assert "gmmParentParticle" not in block and "rlnHelicalTubeID" not in block
    for name in ("sym_expand/src_uid", "filament/filament_uid"):
        rows[name] = [0, 2, 2, 0, 1, 0]
    for table in (rows, without(rows, "uid")):
        particles = read_cs(make_cs(table))
        assert particle_count(particles) == 5
        tubes = particles.table.particles.integers("rlnHelicalTubeID")
        assert len(set(tubes)) == 5 and tubes[1] == tubes[2]


def test_aberrations_are_in_the_optics_table(make_cs):
    rows = particle_rows(4, POSES + ABERRATIONS)
    assert not [label for label in read_cs(make_cs(rows)).table.optics.columns if "Tilt" in label or "Zernike" in label]
    rows["ctf/tilt_A"][2:], rows["ctf/shift_A"][2:] = [10800, -5400], [1 / np.pi, 0]
    rows["ctf/anisomag"][2:] = [0.01, 0, 0, -0.01]
    optics = read_cs(make_cs(rows)).table.optics
    assert optics.numbers("rlnBeamTiltX") == pytest.approx([0, 0.4])
    assert optics.numbers("rlnBeamTiltY") == pytest.approx([0, -0.2])
    assert optics.numbers("rlnMagMat11") == pytest.approx([1, 0.99])
    first, second = optics.strings("rlnOddZernike")
    assert first == "[0,0,0,0,0,0]" and np.array(second[1:-1].split(","), float) == pytest.approx([0, -2, 0, 0, 0, 0])
    assert "rlnEvenZernike" not in optics


def test_aberrations_of_single_particles_make_groups(make_cs):
    rows = particle_rows(4, POSES + ABERRATIONS)
    rows["ctf/exp_group_id"], rows["ctf/tetra_A"][1, 0] = 0, 1e5
    table = read_cs(make_cs(rows)).table
    assert len(table.optics) == 2 and len(set(table.optics_rows()[[0, 2, 3]])) == 1


@pytest.mark.parametrize(
    "field, value, words",
    [
        ("ctf/df1_A", -5000, "row 2: rlnDefocusU is -5000 Å"),
        ("ctf/df1_A", np.nan, "row 2: rlnDefocusU is 'nan'"),
        ("alignments3D/pose", np.nan, "row 2: alignments3D/pose is"),
        ("blob/sign", 0, "row 2: blob/sign is 0 (1 of 4 rows)"),
        ("blob/sign", np.nan, "row 2: blob/sign is nan"),
        ("ctf/tilt_A", np.nan, "row 2: ctf/tilt_A is"),
        ("location/center_y_frac", np.inf, "row 2: location/center_y_frac is inf"),
        ("blob/shape", (16, 18), "row 2: the image is 18×16 px"),
    ],
)
def test_wrong_values(make_cs, field, value, words):
    rows = particle_rows(4, POSES + PLACES + ABERRATIONS)
    rows[field][1] = value
    with pytest.raises(InputError) as caught:
        read_cs(make_cs(rows))
    assert words in str(caught.value) and "particles.cs" in str(caught.value) and "\n" not in str(caught.value)


def test_2d_alignments_only(test_data):
    with pytest.raises(InputError, match="exported.cs: 2D alignments only; expected alignments3D/pose"):
        read_cs(test_data / "metadata" / "cryosparc_J2_particles_exported.cs")


def test_poses_of_a_real_refinement(test_data):
    expected = np.load(test_data / "metadata" / "cryosparc_P12_J24_expected_poses.npz")
    particles = read_cs(test_data / "metadata" / "cryosparc_P12_J24_001_particles.cs")
    assert len(particles) == 2019 and (particles.box_size, particles.pixel_size) == (180, 2.95)
    assert particles.rotations == pytest.approx(expected["rotations"], abs=1e-5)
    fractions = particles.shifts / (particles.pixel_size * particles.box_size)
    assert fractions == pytest.approx(expected["translations_fraction_of_box"], abs=1e-5)
    assert [(particles.half_set == half).sum() for half in (1, 2)] == [1010, 1009]
    assert (particles.table.particles.integers("gmmContrastSign") == -1).all()
