"""Controls of a finished refine or refine-patches run: what it would have found without a signal to find.

RUN is refined again as it was, four times: images of noise with the same poses, CTF and half sets; the images from start maps
whose phases are random beyond their resolution; the final poses with half sets drawn anew; images of noise against the final
maps. Of refine-patches the first is made, and judged patch by patch. A control passes when it gains no more than a tenth of the
resolution (in 1/Å) that the run gained, and changes poses (rms) by no more than the run expects their errors to be. For start
maps with random phases the gain is the part of their invented detail that the final maps have; poses are compared with those
of the run.

Writes DIR/controls.star (a row for each control), controls.json (the same with a sentence for Methods) and report.html. Exit
code 0 when all pass, and also when one does not: the last line says so. It takes about three times as long as the run did; an
interrupted one continues.
"""
from gmmrefine.commands.options import add_output, add_settings, check_limits, open_run
from gmmrefine.settings import COMPUTING, CONTROLS

OUTPUTS = ("controls.star", "controls.json")
COMMANDS = "refine", "refine-patches"


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("run_folder", metavar="RUN", help="folder of a finished refine or refine-patches run")
    add_output(parser)
    add_settings(parser, CONTROLS, COMPUTING)


def run(args):
    """Control and write."""
    import os

    from gmmrefine.commands.particles_in import read_for_computing
    from gmmrefine.pipelines.control_files import write_controls
    from gmmrefine.pipelines.control_runs import settings_of
    from gmmrefine.pipelines.controls import check_names, control_run
    from gmmrefine.pipelines.report import report

    check_limits(args, CONTROLS, COMPUTING)
    check_names(args.controls)
    of_run = settings_of(args.run_folder, COMMANDS)
    particles, _ = read_for_computing(of_run)
    record, progress = open_run(
        args, "controls", OUTPUTS, (CONTROLS, COMPUTING), [of_run.particles, os.path.join(args.run_folder, "run.json")])
    results = control_run(args.run_folder, particles, of_run, args, record, progress)
    write_controls(record, results)
    record.finish(results, progress.seconds)
    report(args.output)
    progress.say(results["methods"])
    failed = [row["title"] for row in results["controls"] if not row["passes"]]
    progress.say("all controls passed" if not failed else f"not passed: {'; '.join(failed)}")
