"""The command line: ``python -m gmmrefine COMMAND …``."""

import argparse
import importlib
import os
import signal
import sys
import threading
from contextlib import contextmanager

import gmmrefine
from gmmrefine.commands import COMMANDS
from gmmrefine.errors import EngineError
from gmmrefine.runs.folder_lock import released_at_end

# Read by NumPy's BLAS when a command imports it: threads for matrices of 6 × 6 only wait for one another on shared cores.
# What is large here has threads of its own.
os.environ.setdefault("OMP_NUM_THREADS", "1")


class _Parser(argparse.ArgumentParser):
    """A parser that ends with exit code 1 and one line."""

    def error(self, message):
        """Say what is wrong with the command line."""
        self.exit(1, f"{self.prog}: {message}. '{self.prog} --help' lists what is possible.\n")


def make_parser():
    """The parser of all commands; each command's module docstring is its help."""
    parser = _Parser(prog="gmmrefine", description="Refine cryoEM particle poses against Gaussian mixture models.")
    parser.add_argument("--version", action="version", version=f"gmmrefine {gmmrefine.__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module_name in COMMANDS.items():
        module = importlib.import_module(f"gmmrefine.commands.{module_name}")
        subparser = subparsers.add_parser(
            name,
            help=module.__doc__.splitlines()[0],
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(subparser)
        subparser.set_defaults(run=module.run)
    return parser


def main(arguments=None):
    """Run one command; an EngineError becomes one line on standard error and exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # names of files may have characters that the terminal has not
            stream.reconfigure(errors="backslashreplace")
    args = make_parser().parse_args(arguments)
    try:
        with ended_by_signals() as end_process, released_at_end(end_process):
            args.run(args)
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has left, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except EngineError as error:
        print(f"gmmrefine {args.command}: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        if _comes_of_interruption(error):
            return _say_interrupted(args)
        if not _is_lack_of_memory(error):
            raise
        print(
            f"gmmrefine {args.command}: not enough memory ({type(error).__name__}). Use a smaller --batch-size, bin the "
            "images, or use a larger machine.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        return _say_interrupted(args)
    return 0


def program():
    """Run the command of the command line and end this program.

    One that failed or was interrupted ends at once: compiled code may still compute in other threads, and would crash while
    Python takes down what it works on. Files and folders were put in order when ``main`` returned.
    """
    code = main()
    if code:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
    sys.exit(code)


def _say_interrupted(args):
    print(f"gmmrefine {args.command}: interrupted; the same command continues where it stopped", file=sys.stderr)
    return 1


def _comes_of_interruption(error):
    """Whether an interruption lies behind an error, as where it reached a callback of compiled code."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


@contextmanager
def ended_by_signals():
    """What queues and closed terminals send ends a command as Ctrl-C does, so that it leaves its folder to others.

    Yields what does so from another thread, or None where the program around has its own ways.
    """

    def end(*_):
        raise KeyboardInterrupt

    is_main = threading.current_thread() is threading.main_thread()
    before = {
        number: signal.signal(number, end)
        for number in (signal.SIGTERM, signal.SIGHUP)
        if is_main and signal.getsignal(number) is signal.SIG_DFL
    }
    try:
        yield (lambda: os.kill(os.getpid(), signal.SIGTERM)) if signal.SIGTERM in before else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_lack_of_memory(error):
    """Python's or TensorFlow's own error for it; TensorFlow is not imported here."""
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"


if __name__ == "__main__":
    program()
