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

from gmmrefine.commands.options import Command, add_output, add_settings, settings_from
from gmmrefine.settings import ControlsSettings

COMMAND = Command("controls", ("controls.star", "controls.json"))
OF = "refine", "refine-patches"


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("run_folder", metavar="RUN", help="folder of a finished refine or refine-patches run")
    add_output(parser)
    add_settings(parser, ControlsSettings)


def run(args):
    """Control and write."""
    import os
    from dataclasses import replace

    from gmmrefine.commands.particles_in import read_for_computing
    from gmmrefine.pipelines.control_files import write_controls
    from gmmrefine.pipelines.control_runs import read_run_to_control
    from gmmrefine.pipelines.controls import check_names, control_run
    from gmmrefine.report.report import report

    settings = settings_from(args, ControlsSettings)
    check_names(settings.controls)
    controlled = read_run_to_control(args.run_folder, OF)
    particles, of_run, _ = read_for_computing(controlled.particle_file, controlled.settings)
    run = COMMAND.open(args, settings, [controlled.particle_file, os.path.join(args.run_folder, "run.json")])
    results = control_run(replace(controlled, settings=of_run), particles, settings, run)
    write_controls(run, results)
    run.finish(results)
    report(args.output)
    run.progress.say(results["methods"])
    failed = [row["title"] for row in results["controls"] if not row["passes"]]
    run.progress.say("all controls passed" if not failed else f"not passed: {'; '.join(failed)}")
