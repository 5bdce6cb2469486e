"""Help comes at once, without TensorFlow."""
import resource
import subprocess
import sys

import pytest

from gmmrefine.__main__ import COMMANDS

LONGEST = 1.5  # seconds of the processor: other tests may run beside this one
SLOW_TO_LOAD = ("tensorflow", "keras", "sklearn", "matplotlib", "plotly", "pwem", "pyworkflow")


def processor_seconds():
    """Of all processes that this one has started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help(command):
    words = [command, "--help"] if command else ["--help"]
    code = (
        "import atexit, runpy, sys\n"
        f"atexit.register(lambda: print('LOADED', [name for name in {SLOW_TO_LOAD} if name in sys.modules]))\n"
        f"sys.argv = ['gmmrefine', *{words!r}]\n"
        "runpy.run_module('gmmrefine', run_name='__main__')\n")
    before = processor_seconds()
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    seconds = processor_seconds() - before
    assert result.returncode == 0 and result.stderr == ""
    *text, loaded = result.stdout.splitlines()
    assert loaded == "LOADED []"
    assert text[0].startswith(f"usage: gmmrefine {command or ''}".rstrip())
    assert seconds < LONGEST
    if command is None:
        assert all(name in result.stdout for name in COMMANDS)


def test_version():
    result = subprocess.run([sys.executable, "-m", "gmmrefine", "--version"], capture_output=True, text=True)
    assert result.returncode == 0 and result.stdout.startswith("gmmrefine ")
