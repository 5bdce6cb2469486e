"""Files appear whole or not at all."""

import errno
import os

import pytest

from gmmrefine.errors import ResourceError
from gmmrefine.io.atomic import LOCK_FILE, atomic_path, remove_leftovers


def test_file_takes_its_name_at_the_end(tmp_path):
    target = tmp_path / "new" / "result.star"
    with atomic_path(target) as temporary:
        with open(temporary, "w") as file:
            file.write("whole")
        assert not target.exists()
        assert os.path.dirname(temporary) == str(target.parent)
    assert target.read_text() == "whole"
    assert os.listdir(target.parent) == ["result.star"]


def test_failure_leaves_the_older_file_and_nothing_else(tmp_path):
    target = tmp_path / "result.star"
    target.write_text("older")
    with pytest.raises(KeyError), atomic_path(target) as temporary:
        with open(temporary, "w") as file:
            file.write("half")
        raise KeyError("stopped")
    assert target.read_text() == "older"
    assert os.listdir(tmp_path) == ["result.star"]


@pytest.mark.parametrize(
    "number, words", [(errno.ENOSPC, "disk is full"), (errno.EDQUOT, "disk is full"), (errno.EACCES, "cannot be written")]
)
def test_system_errors_become_one_line_with_the_path(tmp_path, number, words):
    target = tmp_path / "map.mrc"
    with pytest.raises(ResourceError, match=f"map.mrc: .*{words}") as caught, atomic_path(target) as temporary:
        with open(temporary, "w") as file:
            file.write("half")
        raise OSError(number, os.strerror(number))
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError, match="cannot be written"), atomic_path(tmp_path / "file" / "x.star"):
        pass


def test_leftovers_of_killed_writers_are_removed_and_nothing_else(tmp_path):
    (tmp_path / "iterations").mkdir()
    for name in (".map.mrc.4711.tmp", "iterations/.poses.npz.1.tmp", ".mine.tmp", "map.mrc"):
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".mine.tmp", "iterations", "map.mrc"]


def test_what_another_run_below_has_in_hand_stays(tmp_path):
    for name in ("other", "other/patches", "patches"):
        (tmp_path / name).mkdir()
    for name in (LOCK_FILE, f"other/{LOCK_FILE}", "other/patches/.map.mrc.7.tmp", "patches/.map.mrc.8.tmp"):
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.rglob("*.tmp")] == [".map.mrc.7.tmp"]
