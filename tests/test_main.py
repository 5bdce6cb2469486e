"""Parsing, dispatch and exit codes, with commands that do nothing."""
import argparse

import pytest

import gmmrefine
from gmmrefine import __main__ as main_module
from gmmrefine.__main__ import COMMANDS, main, make_parser
from gmmrefine.backend import tf
from gmmrefine.errors import ConvergenceError, InputError, ResourceError


@pytest.fixture
def command(monkeypatch):
    """Lets ``doctor`` do what a test wants."""
    def set_to(action):
        parser = argparse.ArgumentParser()
        parser.set_defaults(run=action, command="doctor")
        monkeypatch.setattr(main_module, "make_parser", lambda: parser)
    return set_to


def test_success(command):
    command(lambda args: None)
    assert main([]) == 0


@pytest.mark.parametrize("error", [InputError, ResourceError, ConvergenceError])
def test_an_engine_error_is_one_line(command, capsys, error):
    def fail(args):
        raise error("map.mrc is empty. Make it again.")

    command(fail)
    assert main([]) == 1
    assert capsys.readouterr() == ("", "gmmrefine doctor: map.mrc is empty. Make it again.\n")


def test_an_interrupt_is_one_line(command, capsys):
    def interrupt(args):
        raise KeyboardInterrupt

    command(interrupt)
    assert main([]) == 1
    assert capsys.readouterr().err == "gmmrefine doctor: interrupted; the same command continues where it stopped\n"


def test_lack_of_memory_is_one_line(command, capsys):
    for error in (MemoryError(), tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\na tensor")):
        def fail(args, error=error):
            raise error

        command(fail)
        assert main([]) == 1
        said = capsys.readouterr().err
        assert said.startswith("gmmrefine doctor: not enough memory (") and "--batch-size" in said and said.count("\n") == 1


def test_a_fault_of_the_program_keeps_its_traceback(command):
    def fail(args):
        raise ZeroDivisionError

    command(fail)
    with pytest.raises(ZeroDivisionError):
        main([])


def test_version(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0 and capsys.readouterr().out == f"gmmrefine {gmmrefine.__version__}\n"


def test_every_command_has_a_help_line_of_one_sentence():
    text = make_parser().format_help()
    assert list(COMMANDS) == [
        "simulate", "reconstruct", "fsc", "build", "refine", "refine-patches", "heterogeneity", "conformations",
        "conformation-to-pose", "composite", "expand-symmetry", "impose-symmetry", "local-resolution", "local-filter",
        "sharpen", "modify", "qscore", "audit", "import", "export", "report", "doctor"]
    for name in COMMANDS:
        assert f"    {name}" in text
