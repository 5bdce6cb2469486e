"""Fields from several files: passthrough files, given or found, and particle groups."""

import numpy as np
import pytest
from cryosparc_rows import PLACES, POSES, particle_rows, save_rows, without

from gmmrefine.errors import InputError
from gmmrefine.io.cryosparc import read_cs
from gmmrefine.io.cryosparc_group import group_path, write_group

GROUP = """created: 2021-05-05 16:51:52.716384
group:
  description: All particles that were processed,
    with alignments  # and more
  name: particles
  title: 'Bob''s: particles'
  type: particle
results:
  alignments3D:
    metafile: '>J4_particles.cs'
    num_items: 4
    type: particle.alignments3D
  blob: {metafile: '>J4_particles.cs', num_items: 4, type: particle.blob}
  ctf:
    metafile: ">passed/J4_ctf.cs"
    num_items: 4
    tags:
    - one
version: v3.2.0
"""


def _job(folder, name="J4_particles.cs", passthrough="J4_passthrough_particles.cs", kept=("blob", "uid", "align")):
    """A job's two files; returns the first and all rows."""
    rows = particle_rows(4, POSES + PLACES)
    others = {field.partition("/")[0] for field in rows.dtype.names if not field.startswith(kept)}
    path = save_rows(folder / name, without(rows, *others))
    save_rows(folder / passthrough, without(rows, "blob", "align")[[2, 0, 3, 1]])
    return path, rows


def test_a_given_passthrough_is_joined_by_uid(tmp_path):
    path, rows = _job(tmp_path, passthrough="elsewhere/further.cs")
    with pytest.raises(InputError, match="field ctf/accel_kv, .* is missing. Give the passthrough file"):
        read_cs(path)
    particles = read_cs(path, tmp_path / "elsewhere" / "further.cs")
    assert particles.ctf.defocus_u.tolist() == [12000, 12010, 12020, 12030]
    assert particles.table.particles.numbers("rlnCoordinateX").tolist() == [250, 375, 500, 625]
    short = save_rows(tmp_path / "short.cs", without(rows, "blob", "align")[:3])
    with pytest.raises(InputError, match=r"row 4: uid 9223372036854775811 is not in .*short.cs \(1 of 4 are not\)"):
        read_cs(path, short)
    twice = save_rows(tmp_path / "twice.cs", without(rows, "blob", "align")[[0, 1, 1, 2, 3]])
    with pytest.raises(InputError, match="twice.cs: uid 9223372036854775809 stands there more than once"):
        read_cs(path, twice)


@pytest.mark.parametrize(
    "name, passthrough",
    [
        ("J4_particles.cs", "J4_passthrough_particles.cs"),
        ("J4_017_particles.cs", "J4_passthrough_particles.cs"),
        ("cryosparc_P3_J4_017_particles.cs", "P3_J4_passthrough_particles.cs"),
        ("particles_selected.cs", "J4_passthrough_particles_selected.cs"),
        ("J4_particles_selected.cs", "passthrough_particles_selected.cs"),
    ],
)
def test_the_passthrough_of_the_job_is_found(tmp_path, name, passthrough):
    path, _ = _job(tmp_path, name, passthrough)
    particles = read_cs(path)
    assert particles.ctf.defocus_u.tolist() == [12000, 12010, 12020, 12030]
    assert particles.table.notes[0] == f"{path}: fields of ctf, location are taken from {passthrough} beside it"


def test_passthrough_files_of_other_jobs_are_not_taken(tmp_path):
    path, rows = _job(tmp_path, passthrough="J14_passthrough_particles.cs")
    with pytest.raises(InputError, match="field ctf/accel_kv, .* is missing"):
        read_cs(path)
    others = without(rows, "blob", "align")[:2]  # of the same job, but without half of these particles
    save_rows(tmp_path / "J4_passthrough_particles_class_0.cs", others)
    with pytest.raises(InputError, match="field ctf/accel_kv, .* is missing"):
        read_cs(path)


def test_several_passthrough_files(tmp_path):
    path, _ = _job(tmp_path)
    more = particle_rows(6, POSES + PLACES)
    save_rows(tmp_path / "J4_passthrough_particles_all_classes.cs", without(more, "blob", "align"))
    assert read_cs(path).ctf.defocus_u.tolist() == [12000, 12010, 12020, 12030]  # they say the same
    more["ctf/df1_A"] += 1
    save_rows(tmp_path / "J4_passthrough_particles_all_classes.cs", without(more, "blob", "align"))
    with pytest.raises(InputError, match="through_particles.cs, .*_all_classes.cs all hold these particles, with different"):
        read_cs(path)
    assert read_cs(path, tmp_path / "J4_passthrough_particles_all_classes.cs").ctf.defocus_u[0] == 12001


def test_damaged_passthrough_files_matter_only_where_they_are_needed(tmp_path):
    path, rows = _job(tmp_path, kept=("blob", "uid", "align", "ctf"))
    (tmp_path / "J4_passthrough_particles.cs").write_bytes(b"\x93NUMPY")
    particles = read_cs(path)
    assert "rlnCoordinateX" not in particles.table.particles and "not a whole" in particles.table.notes[0]
    save_rows(path, without(rows, "ctf"))
    with pytest.raises(InputError, match="J4_passthrough_particles.cs is not a whole"):
        read_cs(path)


def test_poses_of_classes_go_before_poses_passed_on(tmp_path):
    rows = particle_rows(4)
    classes = [(f"alignments_class_0/{name.partition('/')[2]}", *form) for name, *form in POSES]
    own = particle_rows(4, classes)
    own["alignments_class_0/shift"], own["alignments_class_0/psize_A"] = [7, 8], 1
    path = save_rows(tmp_path / "J4_particles.cs", without(own, "ctf"))
    save_rows(tmp_path / "J4_passthrough_particles.cs", without(rows, "blob"))
    assert read_cs(path).shifts.tolist() == [[7, 8]] * 4
    assert read_cs(path, tmp_path / "J4_passthrough_particles.cs").shifts.tolist() == [[7, 8]] * 4


def test_missing_uids(tmp_path):
    rows = particle_rows(4)
    path = save_rows(tmp_path / "main.cs", without(rows, "uid", "ctf"))
    passthrough = save_rows(tmp_path / "passthrough.cs", without(rows, "blob", "align"))
    for given in (None, passthrough):
        with pytest.raises(InputError, match="main.cs: field uid is missing, by which its rows are joined to those of .*gh.cs"):
            read_cs(path, given)
    save_rows(path, without(rows, "ctf"))
    save_rows(passthrough, without(rows, "blob", "align", "uid"))
    with pytest.raises(InputError, match="passthrough.cs: field uid is missing"):
        read_cs(path, passthrough)
    alone = save_rows(tmp_path / "alone" / "main.cs", without(rows, "uid"))
    assert len(read_cs(alone)) == 4 and "gmmCryosparcUid" not in read_cs(alone).table.particles


@pytest.fixture
def group(tmp_path):
    """particles.csg of two files."""
    rows = particle_rows(4, POSES + PLACES)
    other = rows.copy()
    other["ctf/df1_A"] += 5000  # the group takes the CTF from the other file
    save_rows(tmp_path / "J4_particles.cs", without(other, "location"))
    save_rows(tmp_path / "passed" / "J4_ctf.cs", without(rows, "blob", "align")[[2, 0, 3, 1]])
    (tmp_path / "particles.csg").write_text(GROUP, encoding="utf-8")
    return tmp_path / "particles.csg"


def test_a_group_names_the_file_of_every_slot(group):
    particles = read_cs(group)
    assert particles.ctf.defocus_u.tolist() == [12000, 12010, 12020, 12030] and len(particles) == 4
    assert "rlnCoordinateX" not in particles.table.particles  # the group has no location


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("  type: particle\n", "  type: volume\n", "is a group of 'volume'; expected 'particle'"),
        ("J4_ctf", "J5_ctf", "passed/J5_ctf.cs, which results/ctf names, is not there"),
        ("results:", "outputs:", "it has no results"),
        ('    metafile: ">passed/J4_ctf.cs"\n', "", "results/ctf names no metafile"),
        ("  ctf:", "  pick_stats:", "J4_ctf.cs has no field of pick_stats"),
        (GROUP, "hello", "line 1: not understood"),
        (GROUP, "", "it has no results"),
    ],
)
def test_groups_that_cannot_be_used(group, old, new, words):
    group.write_text(GROUP.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_cs(group)
    assert words in str(caught.value) and "particles.csg" in str(caught.value) and "\n" not in str(caught.value)


def test_a_group_that_is_no_text_or_not_there(group):
    group.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="it is no text"):
        read_cs(group)
    with pytest.raises(InputError, match="none.csg: cannot be read"):
        read_cs(group.with_name("none.csg"))


def test_a_written_group_is_read_again(tmp_path):
    rows = particle_rows(3)
    path = save_rows(tmp_path / "Bob's.cs", rows)
    write_group(path, rows.dtype.names, len(rows))
    assert group_path(str(path)) == str(tmp_path / "Bob's.csg")
    assert read_cs(group_path(path)).shifts.tolist() == read_cs(path).shifts.tolist()
    lines = (tmp_path / "Bob's.csg").read_text(encoding="utf-8").splitlines()
    assert lines[5:11] == [
        "  type: particle",
        "results:",
        "  alignments3D:",
        "    metafile: '>Bob''s.cs'",
        "    num_items: 3",
        "    type: particle.alignments3D",
    ]
    assert [line for line in lines if line.endswith(":")] == ["group:", "results:", "  alignments3D:", "  blob:", "  ctf:"]


def test_passthrough_files_are_not_looked_for_beside_a_group(group):
    rows = particle_rows(4, PLACES)
    save_rows(group.with_name("passthrough.cs"), without(rows, "blob", "ctf"))
    assert "rlnCoordinateX" not in read_cs(group).table.particles
    given = read_cs(group, group.with_name("passthrough.cs"))
    assert np.allclose(given.table.particles.numbers("rlnCoordinateX"), [250, 375, 500, 625])
