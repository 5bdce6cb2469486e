"""Stacks are found where RELION and cryoSPARC put them, and looked at before work starts."""

import mrcfile
import numpy as np
import pytest

from gmmrefine.errors import InputError
from gmmrefine.io.stacks import check_stacks, find_stack, split_image_names, stack_header
from gmmrefine.io.star_particles import read_particles


def test_search_order(tmp_path, monkeypatch, make_stack):
    project, here = tmp_path / "project", tmp_path / "here"
    star = project / "Refine3D" / "job001" / "run_data.star"
    star.parent.mkdir(parents=True)
    here.mkdir()
    monkeypatch.chdir(here)
    assert find_stack("s.mrcs", star) == str(star.parent / "s.mrcs")
    for folder in (project, here, star.parent):
        make_stack(folder / "s.mrcs")
        assert find_stack("s.mrcs", star) == str(folder / "s.mrcs")
        assert find_stack("s.mrcs:mrcs", star) == str(folder / "s.mrcs")
    assert find_stack(str(here / "s.mrcs"), star) == str(here / "s.mrcs")


def test_image_names_are_split_once_per_stack():
    paths, stack_index, slice_index = split_image_names(["000002@a.mrcs", "1@b/c.mrcs", "10@a.mrcs"], str)
    assert paths == ["a.mrcs", "b/c.mrcs"]
    assert stack_index.tolist() == [0, 1, 0] and slice_index.tolist() == [1, 0, 9]


def test_good_stacks_pass(particle_file, test_data):
    check_stacks(read_particles(particle_file))
    check_stacks(read_particles(test_data / "metadata" / "relion31.star"))
    check_stacks(read_particles(test_data / "relion_projection" / "relion_proj_batch_pfac3.star"))


def _fails(particle_file):
    with pytest.raises(InputError) as caught:
        check_stacks(read_particles(particle_file))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_missing_stack(particle_file, tmp_path):
    (tmp_path / "sub" / "other.mrcs").unlink()
    text = _fails(particle_file)
    assert "row 4: image stack of 1@sub/other.mrcs not found" in text and f"looked in {tmp_path}" in text


def test_truncated_stack(particle_file, tmp_path):
    path = tmp_path / "stack.mrcs"
    path.write_bytes(path.read_bytes()[:-100])
    assert f"found {1024 + 3 * 1024 - 100} bytes, expected {1024 + 3 * 1024} for 3 images" in _fails(particle_file)


def test_too_few_images(particle_file, tmp_path, make_stack):
    make_stack(tmp_path / "stack.mrcs", 2)
    text = _fails(particle_file)
    assert "stack.mrcs has 2 images" in text and "row 3 asks for 3" in text


def test_another_box(particle_file, tmp_path, make_stack):
    make_stack(tmp_path / "stack.mrcs", 3, 20)
    assert "images are 20×20 px, but the particles say 16 px" in _fails(particle_file)


def test_complex_images_are_refused(particle_file, tmp_path):
    with mrcfile.new(tmp_path / "stack.mrcs", np.zeros((3, 16, 16), np.complex64), overwrite=True):
        pass
    assert "mode 4" in _fails(particle_file)


def test_what_is_no_mrc_file_is_refused(particle_file, tmp_path):
    (tmp_path / "stack.mrcs").write_text("not an image " * 200)
    assert "stack.mrcs: not a" in _fails(particle_file)
    (tmp_path / "stack.mrcs").write_text("short")
    assert "stack.mrcs: not a" in _fails(particle_file)


@pytest.mark.parametrize("dtype, mode", [(np.int8, 0), (np.int16, 1), (np.float32, 2), (np.uint16, 6), (np.float16, 12)])
def test_readable_modes(tmp_path, make_stack, dtype, mode):
    assert stack_header(make_stack(tmp_path / "s.mrcs", 2, 8, dtype)) == (mode, 2, 8, 8, 1024)


def test_a_stack_of_two_boxes_is_refused(make_star, make_stack, tmp_path):
    make_stack(tmp_path / "stack.mrcs", 3)
    make_stack(tmp_path / "sub" / "other.mrcs", 1, 18)
    groups = {"rlnOpticsGroup": ["1", "1", "1", "2"]}
    check_stacks(read_particles(make_star({"rlnImageSize": ["16", "18"]}, groups)))
    with pytest.raises(InputError, match=r"stack.mrcs: images are 16×16 px, but the particles say 16 and 18 px"):
        check_stacks(read_particles(make_star({"rlnImageSize": ["16", "18"]})))
