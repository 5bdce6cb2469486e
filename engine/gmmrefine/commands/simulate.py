"""Simulate particle images of an atomic model, with the truth beside them.

Writes DIR/particles.star and particles.mrcs (start poses), truth.star (true poses), truth.mrc, mask.mrc and model.cif (the
model where the map shows it); for every domain that swings truth_domain_N.star and mask_domain_N.mrc too. MODEL is an mmCIF
or PDB file, or 6msm for the ABC transporter inside this package.
"""

from gmmrefine.commands.options import Command, add_output, add_settings, refuse_missing, settings_from
from gmmrefine.settings import SimulateSettings

EMBEDDED = "6msm"
COMMAND = Command("simulate", ("particles.star", "particles.mrcs", "truth.star", "truth.mrc", "mask.mrc", "model.cif"))


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("model", help=f"atomic model (.cif, .pdb, also gzipped), or {EMBEDDED} for the embedded one")
    add_output(parser)
    add_settings(parser, SimulateSettings)


def run(args):
    """Simulate and write."""
    from gmmrefine.io.atoms import embedded_model
    from gmmrefine.pipelines.simulate import molecule_to_simulate, simulate

    model = embedded_model() if args.model.lower() == EMBEDDED else args.model
    settings = settings_from(args, SimulateSettings)
    refuse_missing([model])
    molecule_to_simulate(model, settings)  # refuses what is wrong before anything is written
    run = COMMAND.open(args, settings, [model])
    results = simulate(model, settings, run)
    run.finish(results)
    run.progress.say(f"{results['particles']} particles in {run.path('particles.star')}, the truth in truth.star and truth.mrc")
