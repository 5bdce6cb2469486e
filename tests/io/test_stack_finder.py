"""Relative stack paths: from RELION's project, from beside the file, through links; what was tried is listed."""

import os

import numpy as np
import pytest
from star_files import star_text, write_stack

from gmmrefine.errors import InputError
from gmmrefine.io.stacks import check_stacks, find_stack, plain_path
from gmmrefine.io.star import read_star
from gmmrefine.io.star_particles import read_particles, write_particles


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A RELION project that is not the current folder, with an empty job folder for the particle file."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "project" / "Refine3D" / "job010").mkdir(parents=True)
    return tmp_path / "project"


def star_of(folder, name="Extract/job003/s.mrcs"):
    """A particle file whose images are in one stack."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "particles.star"
    path.write_text(star_text({}, {"rlnImageName": [f"{number}@{name}" for number in range(1, 5)]}))
    return path


def test_the_project_of_a_job_comes_before_the_folder_of_the_file(project):
    star = star_of(project / "Refine3D" / "job010")
    places = [folder / "Extract/job003/s.mrcs" for folder in (star.parent.parent, star.parent, project)]
    for place in places:  # each is preferred to those before
        write_stack(place, 4)
        assert read_particles(star).stacks == (str(place),)
    notes = read_particles(star).table.notes
    assert len(notes) == 1 and f"{places[2]} is read, but {places[1]} has the same name (1 of 1 stacks" in notes[0]


@pytest.mark.parametrize("mark", ["default_pipeline.star", ".gui_projectdir"])
def test_a_project_is_known_by_what_relion_leaves_there(project, mark):
    star = star_of(project / "Import" / "mine", "Extract/s.mrcs")
    for place in (project / "Import", star.parent, project):
        write_stack(place / "Extract" / "s.mrcs", 4)
    assert find_stack("Extract/s.mrcs", star) == str(star.parent / "Extract" / "s.mrcs")
    (project / mark).touch()
    assert find_stack("Extract/s.mrcs", star) == str(project / "Extract" / "s.mrcs")


def test_the_current_folder_is_the_project_where_the_file_lies_below_it(project, monkeypatch):
    star = star_of(project / "selected" / "good", "Extract/s.mrcs")
    for place in (project / "selected", project, star.parent):
        write_stack(place / "Extract" / "s.mrcs", 4)
    assert find_stack("Extract/s.mrcs", star) == str(star.parent / "Extract" / "s.mrcs")
    monkeypatch.chdir(project)
    assert find_stack("Extract/s.mrcs", star) == str(project / "Extract" / "s.mrcs")
    assert find_stack("Extract/s.mrcs", os.path.relpath(star)) == str(project / "Extract" / "s.mrcs")


def test_a_name_without_folder_is_meant_beside_the_file(project, monkeypatch):
    star = star_of(project / "Refine3D" / "job010", "s.mrcs")
    monkeypatch.chdir(project)
    for place in (project, star.parent):
        write_stack(place / "s.mrcs", 4)
        assert read_particles(star).stacks == (str(place / "s.mrcs"),)
    assert f"but {project / 's.mrcs'} has the same name" in read_particles(star).table.notes[0]


def test_links(project, tmp_path):
    """To the file, to its folder, and from one project into another."""
    star, stack = star_of(project / "Refine3D" / "job010"), write_stack(project / "Extract" / "job003" / "s.mrcs", 4)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "linked.star").symlink_to(star)
    (tmp_path / "work" / "folder").symlink_to(star.parent)
    for path in (tmp_path / "work" / "linked.star", tmp_path / "work" / "folder" / "particles.star"):
        assert read_particles(path).stacks == (str(stack),)
    nearer = write_stack(tmp_path / "work" / "Extract" / "job003" / "s.mrcs", 4)
    assert read_particles(tmp_path / "work" / "linked.star").stacks != (str(nearer),)
    os.rename(stack, stack.with_suffix(".moved"))
    assert read_particles(tmp_path / "work" / "linked.star").stacks == (str(nearer),)


def test_two_dots_after_a_link_mean_the_folder_above_its_target(project, tmp_path):
    real = write_stack(project / "images" / "s.mrcs", 4)
    (project / "images" / "deep").mkdir()
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "deep").symlink_to(project / "images" / "deep")
    star = star_of(tmp_path / "work", "deep/../s.mrcs")
    (found,) = read_particles(star).stacks
    assert os.path.samefile(found, real)
    write_stack(tmp_path / "work" / "s.mrcs", 4)  # where the path leads when it is tidied without looking
    assert os.path.samefile(read_particles(star).stacks[0], real)


@pytest.mark.parametrize(
    "name",
    [
        "a b/s 1.mrcs",
        "10:30 grid/s.mrcs",
        "a:b.mrc",
        "s:mrcs.mrcs",
        "it's/s.mrcs",
        "x@y/s.mrcs",
        "s.MRC",
        "no_suffix",
        "ü/s.mrcs",
    ],
)
def test_odd_names(project, name):
    stack = write_stack(project / name, 4)
    for written in (f'"{name}"', f'"{name}:mrcs"', f'"{stack}:mrc"'):
        path = project / "particles.star"
        names = [f'"{number}@{written[1:]}' for number in range(1, 5)]
        path.write_text(star_text({}, {"rlnImageName": names}), encoding="utf-8")
        particles = read_particles(path)
        assert particles.stacks == (str(stack),)
        check_stacks(particles)
        write_particles(project / "moved" / "out.star", particles)
        assert read_particles(project / "moved" / "out.star").stacks == (str(stack),)


def test_format_suffixes():
    for name in ("s.mrc:mrcs", "s.mrc:mrc", "s.mrc:MRCS", "s.mrc:st"):
        assert plain_path(name) == "s.mrc"
    for name in ("a:b/s.mrc", "s:5.mrc", "s.mrc", "C:mrcs/s.mrc"):
        assert plain_path(name) == name


def missing(star):
    with pytest.raises(InputError) as caught:
        check_stacks(read_particles(star))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_was_tried_is_listed(project, tmp_path):
    text = missing(star_of(project / "Refine3D" / "job010"))
    expected = [project, project / "Refine3D" / "job010", tmp_path / "here", project / "Refine3D", tmp_path]
    assert f"looked in {', '.join(map(str, expected))}, " in text and "row 1: image stack of 1@Extract/job003/s.mrcs" in text
    assert "not found (an absolute path)" in missing(star_of(project, str(tmp_path / "gone" / "s.mrcs")))


def test_what_stands_in_its_place_is_told(project):
    star = star_of(project, "s.mrcs")
    (project / "s.mrcs.gz").touch()
    assert f"; {project / 's.mrcs.gz'} is there: unpack it)" in missing(star)
    (project / "s.mrcs").symlink_to("/gone/s.mrcs")
    assert f"; {project / 's.mrcs'} is a link to /gone/s.mrcs, which is not there)" in missing(star)
    (project / "s.mrcs").unlink()
    (project / "s.mrcs").mkdir()
    assert f"; {project / 's.mrcs'} is a folder)" in missing(star)


def test_stacks_of_one_name_in_two_folders(project):
    for folder in ("a", "b"):
        write_stack(project / folder / "s.mrcs", 2)
    names = ["1@a/s.mrcs", "1@b/s.mrcs", "2@a/s.mrcs", "2@b/s.mrcs"]
    (project / "particles.star").write_text(star_text({}, {"rlnImageName": names}))
    particles = read_particles(project / "particles.star")
    assert particles.stacks == tuple(str(project / folder / "s.mrcs") for folder in "ab")
    assert particles.stack_index.tolist() == [0, 1, 0, 1] and particles.table.notes == ()


def test_files_of_one_image_need_no_number(project):
    names = [f"img/{number}.mrc" for number in range(4)]
    for name in names:
        write_stack(project / name, 1)
    path = project / "particles.star"
    path.write_text(star_text({}, {"rlnImageName": names}))
    particles = read_particles(path)
    check_stacks(particles)
    assert particles.slice_index.tolist() == [0] * 4 and particles.stack_index.tolist() == [0, 1, 2, 3]
    write_particles(project / "out.star", particles)
    assert read_star(project / "out.star")["particles"].strings("rlnImageName")[2] == "000001@img/2.mrc:mrcs"
    assert np.array_equal(read_particles(project / "out.star").stack_index, particles.stack_index)
    write_stack(project / names[2], 3)
    assert "row 3: rlnImageName img/2.mrc does not say which of its 3 images it is" in missing(path)
    (project / names[2]).unlink()
    assert f"row 3: rlnImageName img/2.mrc has no image number, and {project / names[2]} is not there" in missing(path)


@pytest.mark.parametrize("name", ["s.mrcs", "@s.mrcs", "x@s.mrcs", "-1@s.mrcs", "1@", "<NA>", '""', "²@s.mrcs", "1.0@s.mrcs"])
def test_names_that_name_no_image(project, name):
    (project / "particles.star").write_text(
        star_text({}, {"rlnImageName": ["1@s.mrcs", name, "2@s.mrcs", "3@s.mrcs"]}), encoding="utf-8"
    )
    assert "row 2: rlnImageName is" in missing(project / "particles.star")
