"""Sizes, names and contents of the files: small, found by name, and at home on any machine."""

import re
import shutil
import subprocess

import pytest
from source_tree import REPOSITORY, functions, place, python_files

LONGEST_FILE, LONGEST_FUNCTION = 400, 100  # as ruff format lays code out, an argument a line where a call is long
LONGEST_TESTS = 460
FORM_DEFINITION = re.compile(r"_define\w*Params?$")
NAMES_THAT_SAY_NOTHING = {"utils", "util", "core", "common", "helpers", "misc"}
FORKED_BY_SUFFIX = re.compile(r"_(new|old|v\d+|copy|tmp)$")
THIS_MACHINE = re.compile(r"(?<![\w.])/(?:work|root)/\w")
SOURCES = ("engine", "scipion_gmmrefine", "tests", "benchmarks", "examples")


def test_files_are_short():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files(*SOURCES)}
    long = [
        f"{path.relative_to(REPOSITORY)}: {length} lines"
        for path, length in lengths.items()
        if length > (LONGEST_TESTS if "tests" in path.parts else LONGEST_FILE)
    ]
    assert not long, "\n".join(long)


def test_functions_are_short():
    long = [
        f"{place(path, node)} {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for path in python_files(*SOURCES)
        for node in functions(path)
        if node.end_lineno - node.lineno >= LONGEST_FUNCTION and not FORM_DEFINITION.search(node.name)
    ]
    assert not long, "\n".join(long)


def test_file_names_say_what_is_inside():
    names = (path.relative_to(REPOSITORY).with_suffix("") for path in python_files(*SOURCES))
    wrong = [
        str(name)
        for name in names
        if any(part in NAMES_THAT_SAY_NOTHING or FORKED_BY_SUFFIX.search(part) for part in name.parts)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_file_names_a_path_of_the_machine_it_was_written_on():
    if not shutil.which("git") or not (REPOSITORY / ".git").exists():
        pytest.skip("not a git checkout, so the project's own files are not known")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True, text=True)
    wrong = []
    for name in filter(None, listing.stdout.split("\0")):
        path = REPOSITORY / name
        if path.is_file():
            text = path.read_bytes().decode("utf-8", errors="ignore")
            wrong.extend(f"{name}: {match.group()}" for match in THIS_MACHINE.finditer(text))
    assert not wrong, "\n".join(wrong)
