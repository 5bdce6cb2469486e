"""Repeat a run from its record: the same command with the same inputs, settings and seed, in another folder.

RECORD is the run.json of simulate, reconstruct, build, refine, refine-patches or heterogeneity, or its folder. Inputs are
looked up where they were; files that are not there, or whose content has changed, are refused, as is the record of another
version unless --any-version. On one machine the same version gives the same bytes. Of a run that was continued with more
iterations, or done in parts with --only, it repeats the whole with the last settings.
"""

from gmmrefine.commands.options import add_settings, add_take_over, settings_from
from gmmrefine.settings import RerunSettings


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("record", metavar="RECORD", help="run.json of the run to repeat, or its folder")
    parser.add_argument(
        "-o", "--output", metavar="DIR", help="folder of the results (default: that of the run, with _rerun at its end)"
    )
    add_take_over(parser)
    add_settings(parser, RerunSettings)


def run(args):
    """Repeat, and say the command line."""
    import argparse
    import importlib
    import os
    import shlex

    from gmmrefine.commands import COMMANDS
    from gmmrefine.errors import InputError
    from gmmrefine.pipelines.rerun import arguments_of, read_for_rerun

    record, folder = read_for_rerun(args.record, settings_from(args, RerunSettings).any_version)
    module = importlib.import_module(f"gmmrefine.commands.{COMMANDS[record['command']]}")
    parser = argparse.ArgumentParser(prog=record["command"])
    module.add_arguments(parser)
    args.output = args.output or f"{folder}_rerun"
    if os.path.realpath(args.output) == os.path.realpath(folder):
        raise InputError(f"-o {args.output} is the folder of the run itself, where nothing would be computed. Name another.")
    words = arguments_of(record, parser, folder, args.output)
    print(f"gmmrefine {record['command']} {shlex.join(words)}", flush=True)
    module.run(parser.parse_args(words + ["--take-over"] * args.take_over))
