"""Command line options made from the settings, and the start common to all commands that compute."""
from gmmrefine.errors import InputError
from gmmrefine.settings import names


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


def add_output(parser):
    """Declare ``-o DIR``."""
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="folder of the results; the same command continues it")


def check_limits(args, *groups):
    """Refuse numbers outside a setting's limits."""
    for group in groups:
        for setting in group:
            value = getattr(args, setting.name)
            low, high = setting.minimum, setting.maximum
            if (low is not None and value < low) or (high is not None and value > high):
                expected = f"at least {low:g}" if high is None else f"from {low:g} to {high:g}"
                raise InputError(f"{setting.option} {value:g}: expected {expected} {setting.unit}".rstrip() + ".")


def values_of(args, *groups):
    """The settings among the parsed arguments, as a dict."""
    return {name: getattr(args, name) for group in groups for name in names(group)}


def start_computing(args, progress):
    """Set up TensorFlow for a command with ``COMPUTING`` settings and say on what it runs."""
    from gmmrefine.backend import set_up

    device = set_up(args.threads, args.device)
    progress.say(f"computing on {device}")


def open_run(args, command, groups, inputs):
    """Check the settings' limits and open the run record and the progress log of a computing command.

    Returns
    -------
    tuple
        RunRecord, Progress.
    """
    from gmmrefine.pipelines.run_record import RunRecord
    from gmmrefine.progress import Progress

    check_limits(args, *groups)
    run = RunRecord(args.output, command, values_of(args, *groups), inputs)
    progress = Progress(args.output)
    start_computing(args, progress)
    return run, progress
