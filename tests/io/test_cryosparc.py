"""cryoSPARC particle files in, RELION and cryoSPARC files out."""
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gmmrefine.errors import InputError
from gmmrefine.io.cryosparc import read_cs, write_cs
from gmmrefine.io.star import read_star
from gmmrefine.io.star_particles import read_particles, write_particles

DTYPE = [
    ("uid", "<u8"), ("blob/path", "S40"), ("blob/idx", "<u4"), ("blob/shape", "<u4", (2,)), ("blob/psize_A", "<f4"),
    ("blob/sign", "<f4"), ("ctf/exp_group_id", "<u4"), ("ctf/accel_kv", "<f4"), ("ctf/cs_mm", "<f4"),
    ("ctf/amp_contrast", "<f4"), ("ctf/df1_A", "<f4"), ("ctf/df2_A", "<f4"), ("ctf/df_angle_rad", "<f4"),
    ("ctf/phase_shift_rad", "<f4"), ("alignments3D/split", "<u4"), ("alignments3D/shift", "<f4", (2,)),
    ("alignments3D/pose", "<f4", (3,)), ("alignments3D/psize_A", "<f4")]
PLACES = [("location/micrograph_path", "S20"), ("location/center_x_frac", "<f4"), ("location/center_y_frac", "<f4"),
          ("location/micrograph_shape", "<u4", (2,))]


def _rows(count=4, further=()):
    rows = np.zeros(count, DTYPE + list(further))
    rows["uid"] = np.arange(count, dtype=np.uint64) + np.uint64(2**63)
    rows["blob/path"], rows["blob/idx"] = b">J1/imported/7_particles.mrc", np.arange(count)
    rows["blob/shape"], rows["blob/psize_A"], rows["blob/sign"] = 16, 3.0, 1
    rows["ctf/exp_group_id"] = np.arange(count) // 2
    rows["ctf/accel_kv"], rows["ctf/cs_mm"], rows["ctf/amp_contrast"] = 300, 2.7, 0.1
    rows["ctf/df1_A"], rows["ctf/df2_A"], rows["ctf/df_angle_rad"] = 12000, 11000, np.pi / 6
    rows["ctf/phase_shift_rad"] = np.pi / 2
    rows["alignments3D/split"] = np.arange(count) % 2
    rows["alignments3D/shift"] = [2, -1]
    rows["alignments3D/pose"] = np.random.default_rng(1).normal(size=(count, 3))
    rows["alignments3D/psize_A"] = 1.5
    return rows


@pytest.fixture
def make_cs(tmp_path):
    def make(rows, name="particles.cs"):
        with open(tmp_path / name, "wb") as file:
            np.save(file, rows)
        return tmp_path / name
    return make


def test_conventions(make_cs, tmp_path):
    rows = _rows()
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
    assert len(particles.table.optics) == 2


def test_split_with_one_value_is_no_split(make_cs):
    rows = _rows()
    rows["alignments3D/split"] = 0
    assert not read_cs(make_cs(rows)).half_set.any()
    assert sorted(read_cs(make_cs(rows), split_halves=3).half_set) == [1, 1, 2, 2]


def test_dark_molecule_and_aberrations_are_told(make_cs):
    rows = _rows(further=[("ctf/tilt_A", "<f4", (2,))])
    rows["blob/sign"], rows["ctf/tilt_A"] = -1, 0.5
    table = read_cs(make_cs(rows)).table
    assert table.contrast_sign == -1
    assert "blob/sign is -1" in table.notes[0] and "ctf/tilt_A" in table.notes[1]


def test_star_of_cs_holds_all_that_relion_needs(make_cs, tmp_path):
    rows = _rows(further=PLACES)
    rows["location/micrograph_path"] = b">J1/mic.mrc"
    rows["location/center_x_frac"], rows["location/center_y_frac"] = 0.25, 0.75
    rows["location/micrograph_shape"] = [400, 1000]
    particles = read_cs(make_cs(rows))
    write_particles(tmp_path / "out.star", particles)
    block = read_star(tmp_path / "out.star")["particles"]
    assert block.strings("rlnImageName")[2] == "000003@J1/imported/7_particles.mrc:mrcs"
    assert block.strings("rlnMicrographName")[0] == "J1/mic.mrc"
    assert block.numbers("rlnCoordinateX").tolist() == [250] * 4
    assert block.numbers("rlnCoordinateY").tolist() == [300] * 4
    again = read_particles(tmp_path / "out.star")
    assert again.rotations == pytest.approx(particles.rotations, abs=1e-12)
    assert again.stacks == particles.stacks and again.half_set.tolist() == [1, 2, 1, 2]


def test_passthrough_is_joined_by_uid(make_cs):
    rows = _rows()
    rows["ctf/df1_A"] = 11000 + np.arange(4)
    ctf = [name for name in rows.dtype.names if name.startswith("ctf/")]
    main = make_cs(rows[[name for name in rows.dtype.names if name not in ctf]].copy())
    with pytest.raises(InputError, match="field ctf/accel_kv, .* is missing. Give the passthrough file"):
        read_cs(main)
    passthrough = make_cs(rows[["uid", *ctf]][::-1].copy(), "passthrough.cs")
    assert read_cs(main, passthrough).ctf.defocus_u.tolist() == [11000, 11001, 11002, 11003]
    with pytest.raises(InputError, match="row 4: uid 9223372036854775811 is not in .*passthrough.cs"):
        read_cs(main, make_cs(rows[["uid", *ctf]][:3].copy(), "passthrough.cs"))


def test_export_through_star_finds_its_rows_again(make_cs, tmp_path, make_stack, tmp_path_factory):
    make_stack(tmp_path / "J1" / "imported" / "7_particles.mrc", 4)
    original = make_cs(_rows())
    star = tmp_path_factory.mktemp("elsewhere") / "refined.star"
    rotations = Rotation.random(2, random_state=3).as_matrix()
    write_particles(star, read_cs(original).subset([3, 0]).with_poses(rotations, np.array([[3.0, 6], [-1.5, 0]])))
    write_cs(tmp_path / "out.cs", read_particles(star), original)
    rows = np.load(tmp_path / "out.cs")
    assert rows["uid"].tolist() == [2**63 + 3, 2**63] and rows.dtype == np.dtype(DTYPE)
    assert rows["alignments3D/shift"].tolist() == [[2, 4], [-1, 0]]
    assert rows["alignments3D/split"].tolist() == [1, 0]
    assert read_cs(tmp_path / "out.cs").rotations == pytest.approx(rotations, abs=1e-6)


def test_export_without_template(particle_file, tmp_path):
    particles = read_particles(particle_file)
    for name in ("a.cs", "b.cs"):
        write_cs(tmp_path / name, particles)
    assert (tmp_path / "a.cs").read_bytes() == (tmp_path / "b.cs").read_bytes()
    again = read_cs(tmp_path / "a.cs")
    assert again.rotations == pytest.approx(particles.rotations, abs=1e-6)
    assert again.shifts == pytest.approx(particles.shifts, abs=1e-5)
    assert again.ctf.defocus_u.tolist() == particles.ctf.defocus_u.tolist()
    assert again.ctf.amplitude_contrast == pytest.approx(particles.ctf.amplitude_contrast)
    assert again.stacks == particles.stacks and again.half_set.tolist() == particles.half_set.tolist()
    assert len(np.unique(np.load(tmp_path / "a.cs")["uid"])) == 4


def test_export_with_another_template(particle_file, make_cs, tmp_path):
    with pytest.raises(InputError, match="image 000001@stack.mrcs is there 0 times, expected once"):
        write_cs(tmp_path / "out.cs", read_particles(particle_file), make_cs(_rows()))
    assert not (tmp_path / "out.cs").exists()


@pytest.mark.parametrize("field, value, words", [
    ("ctf/df1_A", -5000, "row 2: rlnDefocusU is -5000 Å"), ("ctf/df1_A", np.nan, "row 2: rlnDefocusU is 'nan'"),
    ("alignments3D/pose", np.nan, "row 2: alignments3D/pose is"), ("blob/sign", -1, "blob/sign is"),
    ("blob/shape", (16, 18), "row 2: the image is 18×16 px")])
def test_wrong_values(make_cs, field, value, words):
    rows = _rows()
    rows[field][1] = value
    with pytest.raises(InputError) as caught:
        read_cs(make_cs(rows))
    assert words in str(caught.value) and "particles.cs" in str(caught.value) and "\n" not in str(caught.value)


def test_every_group_keeps_its_grid(tmp_path, make_cs):
    rows = _rows()
    rows["blob/psize_A"][1] *= 1.25
    particles = read_cs(make_cs(rows))
    assert particles.image_pixels == pytest.approx(rows["blob/psize_A"]) and particles.pixel_size == particles.image_pixels[1]
    write_cs(tmp_path / "out.cs", replace(particles, table=None))
    written = np.load(tmp_path / "out.cs")
    assert written["blob/psize_A"] == pytest.approx(rows["blob/psize_A"])
    assert written["alignments3D/psize_A"] == pytest.approx(rows["blob/psize_A"])
    assert written["alignments3D/shift"] == pytest.approx(particles.shifts / rows["blob/psize_A"][:, None])


def test_damaged_files(tmp_path, make_cs):
    path = make_cs(_rows())
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputError, match="not a whole cryoSPARC .cs file"):
        read_cs(path)
    path.write_text("text")
    with pytest.raises(InputError, match="not a whole cryoSPARC .cs file"):
        read_cs(path)
    with pytest.raises(InputError, match="holds no table"):
        read_cs(make_cs(np.zeros(4)))
    with pytest.raises(InputError, match="is empty"):
        read_cs(make_cs(_rows()[:0]))
    with pytest.raises(InputError, match="cannot be read"):
        read_cs(tmp_path / "none.cs")


def test_2d_alignments_only(test_data):
    with pytest.raises(InputError, match="exported.cs: 2D alignments only; expected alignments3D/pose"):
        read_cs(test_data / "metadata" / "cryosparc_J2_particles_exported.cs")


def test_poses_of_a_real_refinement(test_data, tmp_path):
    source = test_data / "metadata" / "cryosparc_P12_J24_001_particles.cs"
    expected = np.load(test_data / "metadata" / "cryosparc_P12_J24_expected_poses.npz")
    particles = read_cs(source)
    assert len(particles) == 2019 and (particles.box_size, particles.pixel_size) == (180, 2.95)
    assert particles.rotations == pytest.approx(expected["rotations"], abs=1e-5)
    fractions = particles.shifts / (particles.pixel_size * particles.box_size)
    assert fractions == pytest.approx(expected["translations_fraction_of_box"], abs=1e-5)
    assert [(particles.half_set == half).sum() for half in (1, 2)] == [1010, 1009]
    write_cs(tmp_path / "out.cs", particles, source)
    old, new = np.load(source), np.load(tmp_path / "out.cs")
    assert new.dtype == old.dtype
    moved = ("alignments3D/pose", "alignments3D/shift")
    assert all((new[name] == old[name]).all() for name in old.dtype.names if name not in moved)
    assert new["alignments3D/shift"] == pytest.approx(old["alignments3D/shift"], abs=1e-5)
    assert read_cs(tmp_path / "out.cs").rotations == pytest.approx(particles.rotations, abs=1e-6)
