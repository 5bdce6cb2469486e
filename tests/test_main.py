"""Parsing, dispatch and exit codes, with commands that do nothing."""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import gmmrefine
from gmmrefine import __main__ as main_module
from gmmrefine.__main__ import COMMANDS, main, make_parser
from gmmrefine.backend import tf
from gmmrefine.errors import ConvergenceError, InputError, ResourceError
from gmmrefine.runs import folder_lock
from gmmrefine.runs.folder_lock import FolderLock


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


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGHUP))
def test_a_signal_of_a_queue_or_a_closed_terminal_ends_a_command_and_releases_its_folder(command, capsys, tmp_path, number):
    def fail(args):
        FolderLock(tmp_path / "run", "refine")
        os.kill(os.getpid(), number)
        time.sleep(20)

    command(fail)
    outside = signal.signal(number, signal.SIG_DFL)  # nohup has one ignored, and then a command ignores it too
    try:
        assert main([]) == 1
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, outside)
    assert capsys.readouterr().err == "gmmrefine doctor: interrupted; the same command continues where it stopped\n"
    assert not (tmp_path / "run").exists()


def test_a_run_that_has_lost_its_folder_says_so_at_once(command, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(folder_lock, "_BEAT", 0.02)

    def work(args):
        FolderLock(tmp_path / "run", "refine")
        (tmp_path / "run").rename(tmp_path / "moved")
        time.sleep(20)

    command(work)
    assert main([]) == 1
    said = f"{tmp_path / 'run'} was removed while this run worked in it; the run ends."
    assert capsys.readouterr().err == f"gmmrefine doctor: {said}\n"


def test_another_program_that_runs_commands_in_threads_keeps_its_signals(command, tmp_path):
    seen = []
    command(lambda args: seen.extend([signal.getsignal(signal.SIGTERM), folder_lock._end_process]))
    thread = threading.Thread(target=main, args=([],))
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM), None]


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
        "simulate",
        "reconstruct",
        "fsc",
        "build",
        "refine",
        "refine-patches",
        "heterogeneity",
        "conformations",
        "conformation-to-pose",
        "composite",
        "expand-symmetry",
        "impose-symmetry",
        "local-resolution",
        "local-filter",
        "sharpen",
        "modify",
        "qscore",
        "audit",
        "import",
        "export",
        "controls",
        "rerun",
        "report",
        "doctor",
        "selftest",
    ]
    for name in COMMANDS:
        assert f"    {name}" in text


def test_an_interruption_behind_another_error_is_one(monkeypatch, capsys):
    def run(args):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as interruption:
            raise SystemError("a compiled function returned a result with an exception set") from interruption

    monkeypatch.setattr("gmmrefine.commands.doctor.run", run)
    assert main(["doctor"]) == 1
    assert capsys.readouterr().err == "gmmrefine doctor: interrupted; the same command continues where it stopped\n"


def test_a_program_that_failed_ends_at_once(tmp_path):
    """What computes in other threads must not see Python taken down."""
    code = (
        "import atexit, sys; from gmmrefine.__main__ import program; atexit.register(print, 'taken down'); "
        "sys.argv = ['gmmrefine', *sys.argv[1:]]; program()"
    )
    failed, done = (
        subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
        for words in (("report", str(tmp_path / "nowhere")), ("--version",))
    )
    assert (failed.returncode, failed.stdout) == (1, "") and failed.stderr.startswith("gmmrefine report: ")
    assert done.returncode == 0 and done.stdout.endswith("taken down\n")
