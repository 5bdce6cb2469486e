"""RELION particle files in, the same files with new poses out."""

import os
import tracemalloc

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gmmrefine.io.particle_table import read_table
from gmmrefine.io.star import read_star, write_star
from gmmrefine.io.star_particles import particles_from_table, read_particles, write_particles
from gmmrefine.particles.particle_set import CTF_PREMULTIPLIED, CTF_RAW, CtfParameters, ParticleSet

POSES = {"rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst"}


def test_values_of_a_small_file(particle_file, tmp_path):
    particles = read_particles(particle_file)
    expected = Rotation.from_euler("ZYZ", [[10, 30, 50], [-20, 95, 60], [0, 0, -70], [170, 180, 80]], degrees=True)
    assert particles.rotations == pytest.approx(expected.inv().as_matrix(), abs=1e-9)
    assert particles.shifts.tolist() == [[1.5, 0.5], [-2.25, 0.75], [0, -4.5], [3, 0]]
    assert particles.half_set.tolist() == [1, 2, 1, 2]
    assert (particles.box_size, particles.pixel_size) == (16, 1.5)
    assert particles.stacks == (str(tmp_path / "stack.mrcs"), str(tmp_path / "sub" / "other.mrcs"))
    assert particles.stack_index.tolist() == [0, 0, 0, 1] and particles.slice_index.tolist() == [0, 1, 2, 0]
    assert particles.ctf.defocus_u.tolist() == [10000, 11000.5, 12000, 13000]
    assert particles.ctf.amplitude_contrast.tolist() == [0.1, 0.07, 0.1, 0.07]
    assert particles.ctf.phase_shift_deg.tolist() == [0, 90, 0, 0]
    assert particles.ctf.state.tolist() == [CTF_RAW] * 4


def test_premultiplied_group(make_star):
    ctf = read_particles(make_star({"rlnCtfDataAreCtfPremultiplied": ["0", "1"]})).ctf
    assert ctf.state.tolist() == [CTF_RAW, CTF_PREMULTIPLIED] * 2


def test_write_replaces_poses_only(particle_file, tmp_path, rng):
    before = read_particles(particle_file)
    rotations = Rotation.random(4, random_state=1).as_matrix()
    moved = before.with_poses(rotations, rng.normal(size=(4, 2)))
    write_particles(tmp_path / "out.star", moved, {"rlnExtra": np.arange(4) / 2})
    after = read_particles(tmp_path / "out.star")
    assert after.rotations == pytest.approx(rotations, abs=5e-8)
    assert after.shifts == pytest.approx(moved.shifts, abs=1e-6)
    old, new = read_star(particle_file), read_star(tmp_path / "out.star")
    for block in ("optics", "particles"):
        for label in set(old[block].columns) - POSES:
            assert new[block].columns[label].tolist() == old[block].columns[label].tolist(), label
    assert new["particles"].columns["rlnExtra"].tolist() == [b"0.000000", b"0.500000", b"1.000000", b"1.500000"]


def test_subset_is_written_in_its_order(particle_file, tmp_path):
    write_particles(tmp_path / "out.star", read_particles(particle_file).subset([3, 1]))
    block = read_star(tmp_path / "out.star")["particles"]
    assert block.strings("unknownText") == ["1e05", "[1,2,3]"]
    assert block.strings("rlnImageName") == ["1@sub/other.mrcs", "000002@stack.mrcs"]
    again = read_particles(tmp_path / "out.star")
    assert again.row.tolist() == [0, 1] and again.half_set.tolist() == [2, 2]


def test_two_writes_are_byte_equal(particle_file, tmp_path):
    particles = read_particles(particle_file)
    for name in ("a.star", "b.star"):
        write_particles(tmp_path / name, particles)
    assert (tmp_path / "a.star").read_bytes() == (tmp_path / "b.star").read_bytes()


def test_further_blocks_survive(make_star, tmp_path):
    further = "\ndata_general\n_rlnTomoName TS_01\n\ndata_list\nloop_\n_x #1\n007\n"
    write_particles(tmp_path / "out.star", read_particles(make_star(further=further)))
    blocks = read_star(tmp_path / "out.star")
    assert blocks["general"].strings("rlnTomoName") == ["TS_01"] and not blocks["general"].is_loop
    assert blocks["list"].strings("x") == ["007"]


def test_stack_path_becomes_absolute_only_where_it_must(particle_file, tmp_path, tmp_path_factory):
    particles = read_particles(particle_file)
    inside, outside = tmp_path / "run" / "out.star", tmp_path_factory.mktemp("elsewhere") / "out.star"
    for path in (inside, outside):
        write_particles(path, particles)
        assert read_particles(path).stacks == particles.stacks
    assert read_star(inside)["particles"].strings("rlnImageName")[1] == "000002@stack.mrcs"
    assert read_star(outside)["particles"].strings("rlnImageName")[1] == f"000002@{tmp_path / 'stack.mrcs'}"


def test_particles_without_a_file_become_a_relion_file(tmp_path):
    two = np.ones(2)
    ctf = CtfParameters(9000 * two, 8000 * two, 10 * two, 0 * two, 300 * two, 2.7 * two, 0.1 * two, np.zeros(2, int))
    made = ParticleSet(
        (str(tmp_path / "particles.mrcs"),),
        np.zeros(2, int),
        np.array([4, 7]),
        np.stack([np.eye(3)] * 2),
        np.array([[1.0, 2], [3, 4]]),
        np.array([1, 2]),
        ctf,
        32,
        1.8,
        np.arange(2),
    )
    write_particles(tmp_path / "particles.star", made)
    read = read_particles(tmp_path / "particles.star")
    assert read_star(tmp_path / "particles.star")["particles"].strings("rlnImageName")[1] == "000008@particles.mrcs"
    assert read.stacks == made.stacks and read.slice_index.tolist() == [4, 7]
    assert (read.box_size, read.pixel_size, read.half_set.tolist()) == (32, 1.8, [1, 2])
    assert read.shifts.tolist() == made.shifts.tolist()
    for name in CtfParameters.__dataclass_fields__:
        assert getattr(read.ctf, name) == pytest.approx(getattr(ctf, name)), name


def test_halves_are_drawn_only_when_asked_and_none_are_known(make_star):
    without = make_star(particles={"rlnRandomSubset": None})
    assert not read_particles(without).half_set.any()
    drawn = read_particles(without, split_halves=5).half_set
    assert sorted(drawn) == [1, 1, 2, 2]
    assert drawn.tolist() == read_particles(without, split_halves=5).half_set.tolist()
    assert read_particles(make_star(), split_halves=5).half_set.tolist() == [1, 2, 1, 2]


def test_table_of_many_particles_is_small(make_star, tmp_path):
    table = read_table(make_star())
    many = table.particles.subset(np.arange(20000) % 4)
    write_star(tmp_path / "many.star", [table.optics, many])
    tracemalloc.start()
    particles = read_particles(tmp_path / "many.star")
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(particles) == 20000
    assert kept < 15e6 and peak < 40e6


# Files of other programs


def test_six_optics_groups_come_back_as_they_were(test_data, tmp_path):
    source = test_data / "metadata" / "relion31.6opticsgroups.star"
    table = read_table(source)
    one_size = table.optics.numbers("rlnImagePixelSize")[table.optics_rows()] == 1.25
    block = table.particles.subset(one_size)
    write_star(tmp_path / "part.star", [table.optics, block])
    write_particles(tmp_path / "out.star", read_particles(tmp_path / "part.star"))
    old, new = read_star(source), read_star(tmp_path / "out.star")
    assert len(old["particles"]) == 139 and len(old["optics"]) == 6 and len(new["particles"]) == one_size.sum() > 50
    for label, text in old["optics"].columns.items():
        assert new["optics"].columns[label].tolist() == text.tolist(), label
    for label in set(old["particles"].columns) - POSES:
        assert new["particles"].columns[label].tolist() == old["particles"].columns[label][one_size].tolist(), label


def test_all_139_particles_come_back_through_the_table(test_data, tmp_path):
    source = test_data / "metadata" / "relion31.6opticsgroups.star"
    table = read_table(source)
    write_star(tmp_path / "out.star", [table.optics, table.particles, *table.others])
    old, new = read_star(source), read_star(tmp_path / "out.star")
    for block in ("optics", "particles"):
        assert list(new[block].columns) == list(old[block].columns)
        for label, text in old[block].columns.items():
            assert new[block].columns[label].tolist() == text.tolist(), label


def test_two_pixel_sizes_are_seen_on_the_coarser_grid(test_data, tmp_path):
    particles = read_particles(test_data / "metadata" / "relion31.6opticsgroups.star")
    assert (particles.box_size, particles.pixel_size) == (196, 1.25)
    assert sorted(set(particles.image_pixels)) == [1.24, 1.25] and set(particles.image_boxes) == {196}
    assert len(particles.optics.groups) == 6
    write_particles(tmp_path / "out.star", particles)
    again = read_particles(tmp_path / "out.star")
    assert np.array_equal(again.image_pixels, particles.image_pixels) and again.optics.groups == particles.optics.groups
    assert again.shifts == pytest.approx(particles.shifts, abs=1e-6)


@pytest.mark.parametrize(
    "name, count, box, pixel_size, halves",
    [
        ("metadata/relion31.star", 5, 256, 2.806, (5, 0)),
        ("metadata/relion5.star", 17, 448, 0.89, (11, 6)),
        ("relion_projection/relion_proj_batch_pfac3.star", 24, 64, 3.54, (0, 0)),
    ],
)
def test_relion_files(test_data, tmp_path, name, count, box, pixel_size, halves):
    particles = read_particles(test_data / name)
    assert (len(particles), particles.box_size, particles.pixel_size) == (count, box, pixel_size)
    assert tuple((particles.half_set == half).sum() for half in (1, 2)) == halves
    block = read_star(test_data / name)["particles"]
    angles = np.column_stack([block.numbers(f"rlnAngle{axis}") for axis in ("Rot", "Tilt", "Psi")])
    expected = Rotation.from_euler("ZYZ", angles, degrees=True).inv().as_matrix()
    assert particles.rotations == pytest.approx(expected, abs=1e-9)
    assert particles.shifts[:, 0] == pytest.approx(block.numbers("rlnOriginXAngst"))
    write_particles(tmp_path / "out.star", particles)
    written = read_star(tmp_path / "out.star")["particles"]
    assert "rlnOriginX" not in written
    kept = set(block.columns) - POSES - {"rlnOriginX", "rlnOriginY", "rlnImageName"}
    assert all(written.columns[label].tolist() == block.columns[label].tolist() for label in kept)
    assert read_particles(tmp_path / "out.star").stacks == particles.stacks or not os.path.exists(particles.stacks[0])


def test_relion_30_has_origins_in_pixels(test_data, tmp_path, make_stack):
    name = "FinalRefinement-OriginalParticles-PfCRT.star"
    (tmp_path / name).write_bytes((test_data / "metadata" / name).read_bytes())
    make_stack(tmp_path / "Extract" / "job012" / name.replace(".star", ".mrcs"), 5, 20)
    particles = read_particles(tmp_path / name)
    assert (len(particles), particles.box_size, particles.pixel_size) == (5, 20, pytest.approx(1.035))
    assert particles.shifts[0] == pytest.approx([-0.14063 * 1.035, -0.04688 * 1.035], abs=1e-6)
    assert particles.half_set.tolist() == [2, 1, 2, 2, 2]
    assert set(particles.ctf.voltage_kv) == {300} and set(particles.ctf.cs_mm) == {0.001}
    assert "no rlnAmplitudeContrast; 0.1 is assumed" in particles.table.notes[0]
    write_particles(tmp_path / "out.star", particles)
    blocks = read_star(tmp_path / "out.star")
    assert blocks["optics"].strings("rlnVoltage") == ["300.000000"]
    assert blocks["optics"].numbers("rlnImagePixelSize").tolist() == [1.035]
    assert "rlnMagnification" not in blocks["particles"] and "rlnOriginX" not in blocks["particles"]
    assert blocks["particles"].columns["rlnImageOriginalName"][4] == b"000006@J407/imported/subtracted.mrcs"
    again = read_particles(tmp_path / "out.star")
    assert again.rotations == pytest.approx(particles.rotations, abs=5e-8)
    assert again.shifts == pytest.approx(particles.shifts, abs=1e-6)


def test_relion_30_optics_are_grouped(tmp_path, make_stack):
    make_stack(tmp_path / "s.mrcs", 3)
    labels = [
        "rlnImageName",
        "rlnVoltage",
        "rlnSphericalAberration",
        "rlnAmplitudeContrast",
        "rlnMagnification",
        "rlnDetectorPixelSize",
        "rlnAngleRot",
        "rlnAngleTilt",
        "rlnAnglePsi",
        "rlnOriginX",
        "rlnOriginY",
        "rlnDefocusU",
        "rlnDefocusV",
        "rlnDefocusAngle",
    ]
    rows = [
        f"{number}@s.mrcs {voltage} 2.7 0.1 50000 7.5 0 0 0 2 -4 9000 9000 0"
        for number, voltage in ((1, "300.0"), (2, "200.0"), (3, "300.0"))
    ]
    path = tmp_path / "old.star"
    path.write_text("\n".join(["data_", "loop_", *(f"_{label}" for label in labels), *rows]) + "\n")
    particles = particles_from_table(read_table(path))
    assert particles.ctf.voltage_kv.tolist() == [300, 200, 300]
    assert len(particles.table.optics) == 2
    assert particles.shifts.tolist() == [[3.0, -6.0]] * 3
