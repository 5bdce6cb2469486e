"""Help comes at once, without TensorFlow."""

import json
import subprocess
import sys

import pytest

from gmmrefine.__main__ import COMMANDS

LONGEST = 1.5  # seconds of the processor: other tests may run beside this one
SLOW_TO_LOAD = ("tensorflow", "keras", "sklearn", "matplotlib", "plotly", "pwem", "pyworkflow")
# Asks for help once for each command line; tells exit code, text, what it took since the start of Python, and what was loaded.
ASK = """
import contextlib, io, json, sys, time

start = time.process_time()
from gmmrefine.__main__ import main
start = time.process_time() - start + {startup}
for words in {lines!r}:
    text, code, before = io.StringIO(), None, time.process_time()
    with contextlib.redirect_stdout(text):
        try:
            code = main(words)
        except SystemExit as end:
            code = end.code
    print(json.dumps([
        code or 0, text.getvalue(), start + time.process_time() - before,
        [name for name in {slow!r} if name in sys.modules]]))
"""
STARTUP = 0.1  # seconds that Python itself takes


def ask(*lines):
    """Answers of one fresh process to several command lines, in order."""
    code = ASK.format(lines=lines, slow=SLOW_TO_LOAD, startup=STARTUP)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0 and result.stderr == ""
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(scope="module")
def answers():
    """Answer to ``--help`` of every command and of none, by its name."""
    names = ["", *COMMANDS]
    return dict(zip(names, ask(*([*name.split(), "--help"] for name in names))))


def assert_helpful(command, code, text, seconds, loaded):
    assert code == 0
    assert loaded == []
    assert text.startswith(f"usage: gmmrefine {command}".rstrip())
    assert seconds < LONGEST


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(answers, command):
    assert_helpful(command, *answers[command])


def test_help_names_all_commands(answers):
    assert all(name in answers[""][1] for name in COMMANDS)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_help_in_a_process_of_its_own(command):
    """The parser is one for all commands, so that the test above says the same."""
    (answer,) = ask([command, "--help"])
    assert_helpful(command, *answer)


@pytest.mark.parametrize("words, start", [(["--help"], "usage: gmmrefine"), (["--version"], "gmmrefine ")])
def test_as_a_program(words, start):
    result = subprocess.run([sys.executable, "-m", "gmmrefine", *words], capture_output=True, text=True)
    assert result.returncode == 0 and result.stderr == "" and result.stdout.startswith(start)
