"""Command line options made from the settings, and the start common to all commands that compute."""

import argparse
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Tuple

from gmmrefine.errors import InputError
from gmmrefine.settings import TAKE_OVER, Computing, File, groups_of, settings_of, values_of
from gmmrefine.threads import use_threads


class _HelpAll(argparse.Action):
    """Print the help with the settings for experts."""

    def __call__(self, parser, namespace, values, option_string=None):
        for action in parser._actions:
            action.help = getattr(action, "text_for_experts", action.help)
        parser.print_help()
        parser.exit()


def add_settings(parser, values):
    """Declare one option per setting, in groups by concern; those for experts are shown by ``--help-all``.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    values : type
        A class of settings.
    """
    for title, settings in groups_of(values):
        group = parser.add_argument_group(title)
        for setting in settings:
            _add_setting(group, setting)
    if any(setting.advanced for setting in settings_of(values)):
        parser.add_argument("--help-all", action=_HelpAll, nargs=0, help="show the settings for experts too")


def _add_setting(parser, setting):
    """Declare the option of one setting."""
    text = setting.help.replace("%", "%%")
    if setting.kind is bool:
        action = parser.add_argument(setting.option, action="store_true", help=text)
    else:
        unit = f" [{setting.unit}]" if setting.unit else ""
        action = parser.add_argument(
            setting.option,
            type=_reader(setting),
            default=setting.default,
            choices=setting.choices or None,
            metavar=None if setting.choices else setting.metavar,
            help=f"{text}{unit} (default: {setting.default_text})",
        )
    if setting.advanced:
        action.text_for_experts, action.help = action.help, argparse.SUPPRESS


def _reader(setting):
    """What makes a value of a word of the command line."""

    def read(text):
        try:
            return setting.read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    read.kind = setting.kind
    return read


def add_output(parser, text="folder of the results; the same command continues it"):
    """Declare ``-o DIR`` and who may write there."""
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help=text)
    add_take_over(parser)


def add_take_over(parser):
    """Declare the option of who may go on in a folder."""
    _add_setting(parser, TAKE_OVER)


def settings_from(args, values):
    """The settings among parsed arguments.

    Parameters
    ----------
    args : argparse.Namespace
    values : type
        A class of settings.

    Returns
    -------
    Settings

    Raises
    ------
    InputError
        A number lies outside a setting's limits, or a file cannot be opened.
    """
    found = {setting.name: getattr(args, setting.name) for setting in settings_of(values)}
    for setting in settings_of(values):
        value = found[setting.name]
        try:
            setting.check(value)
        except ValueError as error:
            raise InputError(f"{setting.option} {error}") from error
        if value is not None and issubclass(setting.kind, File):
            refuse_missing([value], f"{setting.option} ")
    if "threads" in found:
        use_threads(found["threads"] or 0)
    return values(**found)


def files_of(settings):
    """The files that settings name, list of str; their content decides the result."""
    named = (getattr(settings, setting.name) for setting in settings_of(type(settings)) if issubclass(setting.kind, File))
    return [path for path in named if path]


def refuse_to_overwrite(directory, outputs, inputs):
    """Refuse inputs that are named as an output is and lie where it will be written."""
    written = {os.path.realpath(os.path.join(directory, name)) for name in outputs}
    for path in inputs:
        if path and os.path.realpath(path) in written:
            raise InputError(f"{path} would be overwritten by the result of the same name. Use another folder with -o.")


def refuse_missing(inputs, named=""):
    """Refuse input files, ``named`` by a setting, that cannot be opened; empty names are left out."""
    from gmmrefine.regular_file import open_regular

    for path in filter(None, inputs):
        try:
            open_regular(path).close()
        except OSError as error:
            raise InputError(f"{named}{path}: cannot be read ({error.strerror}). Check the path.") from error


@dataclass(frozen=True)
class Command:
    """A command that leaves results in a folder.

    Parameters
    ----------
    name : str
    outputs : tuple of str
        Files it writes there.
    """

    name: str
    outputs: Tuple[str, ...]

    def open(self, args, settings, inputs=(), particles=None, notes=()):
        """Check the folder, set TensorFlow up where the settings are of computing, and open record and log.

        Nothing is written, and TensorFlow not loaded, before all is checked.

        Parameters
        ----------
        args : argparse.Namespace
            ``output`` and ``take_over``.
        settings : Settings
            The files they name are inputs.
        inputs : sequence of str
            Further files whose content decides the result; empty names are left out.
        particles : ParticleSet, optional
            What the run is about, checked against an earlier or a pinned one.
        notes : sequence of str
            What a user should know about what was read.

        Returns
        -------
        Run
        """
        from gmmrefine.runs.run import Run

        inputs = [*inputs, *files_of(settings)]
        refuse_to_overwrite(args.output, self.outputs, inputs)
        run = Run(args.output, self.name, values_of(settings), inputs, args.take_over, begin=False)
        if getattr(settings, "pin_exchanges", None):
            run.pin_exchanges(settings.pin_exchanges)
        if particles is not None:
            run.look_at(particles)
        device = self._device(settings)
        run.begin()
        if device:
            run.set(device=device)
            run.progress.say(f"computing on {device}")
        for note in notes:
            run.progress.say(note)
        if run.resumed and particles is not None:
            run.progress.say(f"continuing the run in {run.directory}")
        return run

    @contextmanager
    def held(self, args):
        """Hold ``args.output`` while a command without a Run works; refuses a folder with results of another one."""
        from gmmrefine.runs.earlier_run import refuse_other_command
        from gmmrefine.runs.folder_lock import FolderLock

        with FolderLock(args.output, self.name, args.take_over) as lock:
            refuse_other_command(args.output, self.name)
            if lock.taken_over:
                print(lock.taken_over)
            yield

    @staticmethod
    def _device(settings):
        """Where TensorFlow computes, once it is set up; None for settings without computing."""
        if not isinstance(settings, Computing):
            return None
        from gmmrefine.backend import set_up

        return set_up(settings.threads, settings.device)
