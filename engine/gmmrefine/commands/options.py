"""Command line options made from the settings, and the start common to all commands that compute."""
import math
import os
from contextlib import contextmanager

from gmmrefine.errors import InputError
from gmmrefine.settings import TAKE_OVER, names


def add_settings(parser, *groups):
    """Declare one option per setting.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    groups : sequence of Setting
    """
    for group in groups:
        for setting in group:
            text = setting.help.replace("%", "%%")
            if setting.kind is bool:
                parser.add_argument(setting.option, action="store_true", help=text)
                continue
            unit = f" [{setting.unit}]" if setting.unit else ""
            parser.add_argument(
                setting.option, type=setting.kind, default=setting.default, choices=setting.choices or None,
                metavar=None if setting.choices else setting.kind.__name__.upper(),
                help=f"{text}{unit} (default: {setting.default!r})".replace("''", "none"))


def add_output(parser, text="folder of the results; the same command continues it"):
    """Declare ``-o DIR`` and who may write there."""
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help=text)
    add_settings(parser, (TAKE_OVER,))


def check_limits(args, *groups):
    """Refuse numbers outside a setting's limits."""
    for group in groups:
        for setting in group:
            value = getattr(args, setting.name)
            low, high = setting.minimum, setting.maximum
            if setting.kind is float and not math.isfinite(value):
                raise InputError(f"{setting.option} {value}: expected a finite number.")
            if (low is not None and value < low) or (high is not None and value > high):
                expected = f"at least {low:g}" if high is None else f"from {low:g} to {high:g}"
                raise InputError(f"{setting.option} {value:g}: expected {expected} {setting.unit}".rstrip() + ".")


def values_of(args, *groups):
    """The settings among the parsed arguments, as a dict."""
    return {name: getattr(args, name) for group in groups for name in names(group)}


def refuse_to_overwrite(directory, outputs, inputs):
    """Refuse inputs that are named as an output is and lie where it will be written."""
    written = {os.path.realpath(os.path.join(directory, name)) for name in outputs}
    for path in inputs:
        if path and os.path.realpath(path) in written:
            raise InputError(f"{path} would be overwritten by the result of the same name. Use another folder with -o.")


def refuse_missing(inputs):
    """Refuse input files that cannot be opened; empty names are left out."""
    from gmmrefine.regular_file import open_regular

    for path in filter(None, inputs):
        try:
            open_regular(path).close()
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}). Check the path.") from error


def open_run(args, command, outputs, groups, inputs, particles=None):
    """Check the settings' limits and the folder, set up TensorFlow, and open record and log of a computing command.

    Nothing is written, and TensorFlow not loaded, before all is checked.

    Parameters
    ----------
    args : argparse.Namespace
    command : str
    outputs : sequence of str
        Files the command will write in ``args.output``.
    groups : sequence of sequence of Setting
    inputs : list of str
        Files whose content decides the result; empty names are left out.
    particles : ParticleSet, optional
        What the run is about, checked against an earlier or a pinned one.

    Returns
    -------
    tuple
        RunRecord, Progress.
    """
    from gmmrefine.backend import set_up

    run = _checked_record(args, command, outputs, groups, inputs)
    if getattr(args, "pin_exchanges", ""):
        run.pin_exchanges(args.pin_exchanges)
    if particles is not None:
        run.look_at(particles)
    device = set_up(args.threads, args.device)
    run.begin()
    run.set(device=device)
    progress = run.progress()
    progress.say(f"computing on {device}")
    return run, progress


def begin_refinement(args, command, outputs, groups, inputs, particles, notes):
    """``open_run`` of a refinement, which may continue an earlier one or follow pinned exchanges.

    Parameters
    ----------
    particles : ParticleSet
    notes : list of str
        What a user should know about the particles.

    Returns
    -------
    tuple
        RunRecord, Progress.
    """
    run, progress = open_run(args, command, outputs, groups, inputs, particles)
    for note in notes:
        progress.say(note)
    if run.resumed:
        progress.say(f"continuing the run in {run.directory}")
    return run, progress


def open_record(args, command, outputs, groups, inputs):
    """As ``open_run``, for a command that needs no TensorFlow."""
    run = _checked_record(args, command, outputs, groups, inputs)
    run.begin()
    return run, run.progress()


def _checked_record(args, command, outputs, groups, inputs):
    """The record of a run that may be written; nothing is yet."""
    from gmmrefine.pipelines.run_record import RunRecord

    check_limits(args, *groups)
    refuse_to_overwrite(args.output, outputs, inputs)
    return RunRecord(args.output, command, values_of(args, *groups), inputs, args.take_over, begin=False)


@contextmanager
def held_folder(args, command):
    """Hold ``args.output`` while a command without a RunRecord works; refuses a folder with results of another command."""
    from gmmrefine.io.folder_lock import FolderLock
    from gmmrefine.pipelines.earlier_run import refuse_other_command

    with FolderLock(args.output, command, args.take_over) as lock:
        refuse_other_command(args.output, command)
        if lock.taken_over:
            print(lock.taken_over)
        yield
