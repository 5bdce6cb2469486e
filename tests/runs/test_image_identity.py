"""Stacks that changed are noticed, and what was made from which images can be told."""

import os
import shutil

import mrcfile
import numpy as np
import pytest
from molecules import ctf_parameters, particle_set, random_rotations

from gmmrefine.errors import InputError
from gmmrefine.runs.image_identity import Stacks, half_set_hash, made_from
from gmmrefine.runs.input_marks import READ_WHOLE

BOX = 8


@pytest.fixture
def stack(tmp_path, rng):
    """A stack of 30 images."""
    path = tmp_path / "stack.mrcs"
    with mrcfile.new(path) as file:
        file.set_data(rng.standard_normal((30, BOX, BOX)).astype(np.float32))
        file.set_image_stack()
    return path


@pytest.fixture
def large(tmp_path):
    """A stack of 48 MB, of which the blocks are a third."""
    path = tmp_path / "large.mrcs"
    with open(path, "wb") as file:
        file.truncate(3 * READ_WHOLE)
    return path


def particles_of(rng, *stacks, count=30, **changes):
    return particle_set(
        random_rotations(count),
        np.zeros((count, 2)),
        ctf_parameters(count, rng),
        box_size=BOX,
        stacks=tuple(map(str, stacks)),
        **changes,
    )


def written(path, place):
    """One byte of a file changed."""
    with open(path, "r+b") as file:
        file.seek(place)
        old = file.read(1)
        file.seek(place)
        file.write(bytes([old[0] ^ 1]))


def between_blocks():
    """A place of ``large`` that is in no block."""
    return (3 * READ_WHOLE) // 2 + 4


def test_a_stack_that_is_as_it_was_is_not_read_again(large, tmp_path, monkeypatch):
    first = Stacks([large], tmp_path, {})
    monkeypatch.setattr("gmmrefine.runs.image_identity.stack_mark", lambda path: pytest.fail("read again"))
    assert Stacks([large], tmp_path, first.notes).notes == first.notes
    assert set(first.notes["large.mrcs"]) == {"size", "modified_ns", "changed_ns", "inode", "blocks"}


def test_a_change_with_the_old_time_of_change_is_noticed(stack, tmp_path):
    noted, status = Stacks([stack], tmp_path, {}).notes, stack.stat()
    written(stack, 2000)
    os.utime(stack, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(InputError, match=r"holds a run on other images: stack.mrcs .*\(same size, other content\)"):
        Stacks([stack], tmp_path, noted)


def test_a_copy_of_the_same_content_is_the_same_stack(stack, tmp_path):
    noted = Stacks([stack], tmp_path, {}).notes
    shutil.copy(stack, tmp_path / "copy.mrcs")
    os.replace(tmp_path / "copy.mrcs", stack)
    assert not Stacks([stack], tmp_path, noted).doubts
    moved = tmp_path / "elsewhere" / "stack.mrcs"
    moved.parent.mkdir()
    shutil.move(stack, moved)
    assert not Stacks([moved], tmp_path, noted).doubts
    written(moved, 3000)
    with pytest.raises(InputError, match="other content"):
        Stacks([moved], tmp_path, noted)


def test_what_the_blocks_miss_is_said_and_seen_by_verify(large, tmp_path):
    noted, verified = Stacks([large], tmp_path, {}).notes, Stacks([large], tmp_path, {}, verify=True).notes
    written(large, between_blocks())
    doubts = Stacks([large], tmp_path, noted).doubts
    assert len(doubts) == 1 and "64 blocks" in doubts[0] and "--verify" in doubts[0]
    with pytest.raises(InputError, match="same blocks, but the hash of the whole file differs"):
        Stacks([large], tmp_path, verified, verify=True)
    assert Stacks([large], tmp_path, verified).notes["large.mrcs"]["whole"] == verified["large.mrcs"]["whole"]


def test_two_stacks_of_one_name_that_changed_places(tmp_path, rng):
    paths = []
    for name, value in (("a", 1), ("b", 2)):
        paths.append(tmp_path / name / "stack.mrcs")
        paths[-1].parent.mkdir()
        with mrcfile.new(paths[-1]) as file:
            file.set_data(np.full((30, BOX, BOX), value, np.float32))
    noted = Stacks(paths, tmp_path, {})
    halves = particles_of(rng, *paths, stack_index=np.arange(30) % 2, half_set=1 + np.arange(30) % 2)
    before = half_set_hash(halves, noted.marks)
    os.rename(paths[0], tmp_path / "between")
    os.rename(paths[1], paths[0])
    os.rename(tmp_path / "between", paths[1])
    with pytest.raises(InputError, match="a/stack.mrcs and 1 other stacks changed"):
        Stacks(paths, tmp_path, noted.notes)
    now = Stacks(paths, tmp_path, {})
    assert half_set_hash(halves, now.marks) != before


def test_stacks_of_one_content_are_told_by_their_path(tmp_path, rng):
    paths = [tmp_path / "a.mrcs", tmp_path / "b.mrcs"]
    for path in paths:
        path.write_bytes(b"images")
    marks = Stacks(paths, tmp_path, {}).marks
    halves = particles_of(rng, *paths, stack_index=np.arange(30) % 2, half_set=1 + np.arange(30) % 2)
    swapped = particles_of(rng, *paths, stack_index=np.arange(30) % 2, half_set=2 - np.arange(30) % 2)
    assert marks[0] == marks[1] and half_set_hash(halves, marks) != half_set_hash(swapped, marks)


def test_a_stack_written_while_the_run_works_ends_it(stack, tmp_path):
    stacks = Stacks([stack], tmp_path, {})
    os.utime(stack)
    stacks.refuse_changed()
    written(stack, 2000)
    with pytest.raises(InputError, match="was changed while the run was at work"):
        stacks.refuse_changed()


def test_the_hash_of_a_half_follows_its_own_images_alone(stack, rng):
    particles = particles_of(rng, stack)
    one, two = (particles.subset(particles.half_set == half) for half in (1, 2))
    before = made_from(one)
    assert before.half == 1 and made_from(one.subset(np.arange(15)[::-1])) == before != made_from(two)
    assert made_from(one.subset(np.arange(14))) != before
    written(stack, 1024 + 4 * BOX**2)  # the second image, of half 2
    assert made_from(one) == before
    written(stack, 1024)
    assert made_from(one) != before
    assert made_from(particles_of(rng, "missing.mrcs").subset([0, 2])) is None


def test_a_note_of_another_form_is_no_traceback(stack, tmp_path):
    mark = Stacks([stack], tmp_path, {}).marks[0]
    assert Stacks([stack], tmp_path, {"stack.mrcs": mark}).marks == [mark]
    for odd in ("", 3, [], {"size": 3}, None):
        with pytest.raises(InputError, match="other images"):
            Stacks([stack], tmp_path, {"stack.mrcs": odd})
