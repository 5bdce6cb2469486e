"""Files that end in no traceback, no hang and no command of somebody else's: each in one line."""

import os
import subprocess
import sys
import time

import pytest
from small_run import assert_refused, gmmrefine

from gmmrefine.errors import InputError
from gmmrefine.io.chimerax import refuse_unscriptable
from gmmrefine.io.star import read_star
from gmmrefine.runs.input_marks import different_names, stack_mark


@pytest.fixture
def map_file(refined):
    return refined / "map.mrc"


@pytest.mark.parametrize(
    "command",
    [
        "import .star",
        "import .cs",
        "import .csg",
        "import .txt --box 32 --pixel-size 2",
        "qscore .cif map",
        "qscore model .mrc",
        "fsc .mrc map",
        "reconstruct .star",
    ],
)
def test_a_pipe_is_refused_and_not_waited_for(command, simulated, map_file, tmp_path):
    name, *words = command.split()
    pipe = tmp_path / f"pipe{next(word for word in words if word.startswith('.'))}"
    os.mkfifo(pipe)
    given = {pipe.suffix: pipe, "map": map_file, "model": simulated / "model.cif"}
    outcome = gmmrefine(name, *(given.get(word, word) for word in words), "-o", tmp_path / "run")
    assert outcome.code == 1 and outcome.err.count("\n") == 1 and str(pipe) in outcome.err
    assert not (tmp_path / "run").exists()


def test_an_empty_mmcif_file(map_file, tmp_path):
    (tmp_path / "empty.cif").write_bytes(b"")
    assert_refused(gmmrefine("qscore", tmp_path / "empty.cif", map_file, "-o", tmp_path / "run"), "qscore", "empty.cif")


def test_a_run_json_of_brackets(tmp_path):
    (tmp_path / "run.json").write_text("[" * 100_000)
    assert_refused(gmmrefine("report", tmp_path), "report", "run.json is damaged")


def test_a_hundred_thousand_columns_are_read_in_seconds(tmp_path):
    labels = "".join(f"_column{number}\n" for number in range(100_000))
    (tmp_path / "wide.star").write_text(f"data_\n\nloop_\n{labels}{'1 ' * 100_000}\n")
    began = time.process_time()
    assert len(read_star(tmp_path / "wide.star")[""].columns) == 100_000
    assert time.process_time() - began < 5


def test_a_reader_that_leaves(repository):
    shell = f"'{sys.executable}' -m gmmrefine doctor | head -n 1"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, cwd=repository, check=False)
    assert done.returncode == 0 and done.stderr == "" and done.stdout.startswith("gmmrefine ")


@pytest.mark.parametrize("name", ['m"\nopen http:evil.py\n#.mrc', 'm".mrc', "m\\.mrc", "m\r.mrc"])
def test_a_name_never_becomes_a_command_of_chimerax(name, simulated, map_file, tmp_path):
    with pytest.raises(InputError, match="ChimeraX would take for a command"):
        refuse_unscriptable([tmp_path / name])
    (tmp_path / name).write_bytes(map_file.read_bytes())
    for command, *maps in (("qscore", tmp_path / name), ("audit", map_file, tmp_path / name)):
        outcome = gmmrefine(command, simulated / "model.cif", *maps, "-o", tmp_path / "run")
        assert_refused(outcome, command, "Rename the file or its folder")
    assert not (tmp_path / "run").exists()


def test_a_change_anywhere_in_a_small_stack_is_seen(tmp_path):
    path = tmp_path / "stack.mrcs"
    data = bytearray(os.urandom(1 << 20))
    marks = []
    for place in (None, 1 << 16, (1 << 20) - 1):
        if place is not None:
            data[place] ^= 1
        path.write_bytes(data)
        marks.append(stack_mark(path))
    assert len(set(marks)) == 3


def test_a_change_of_a_large_stack_is_seen_in_blocks_all_over_it(tmp_path):
    path = tmp_path / "stack.mrcs"
    with open(path, "wb") as file:
        file.truncate(64 << 20)
    before = stack_mark(path)
    with open(path, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"1")
    assert stack_mark(path) != before
    with open(path, "r+b") as file:
        file.truncate(64 << 20)
        file.seek((64 << 20) // 3)
        file.write(b"1" * (1 << 20))  # as much as lies between two blocks
    assert stack_mark(path) != before


def test_stacks_of_one_name_are_told_by_their_folders():
    assert different_names(["/a/x/s.mrcs", "/b/x/s.mrcs", "/b/y/s.mrcs", "/c/t.mrcs"]) == [
        "a/x/s.mrcs",
        "b/x/s.mrcs",
        "y/s.mrcs",
        "t.mrcs",
    ]
