"""Simulate particle images of an atomic model, with the truth beside them.

Writes DIR/particles.star and particles.mrcs (start poses), truth.star (true poses), truth.mrc, mask.mrc and model.cif (the
model where the map shows it); for every domain that swings truth_domain_N.star and mask_domain_N.mrc too. MODEL is an mmCIF
or PDB file, or 6msm for the ABC transporter inside this package.
"""
from gmmrefine.commands.options import add_output, add_settings, check_limits, open_run, refuse_missing
from gmmrefine.settings import COMPUTING, SIMULATE

EMBEDDED = "6msm"
OUTPUTS = ("particles.star", "particles.mrcs", "truth.star", "truth.mrc", "mask.mrc", "model.cif")


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("model", help=f"atomic model (.cif, .pdb, also gzipped), or {EMBEDDED} for the embedded one")
    add_output(parser)
    add_settings(parser, SIMULATE, COMPUTING)


def run(args):
    """Simulate and write."""
    from gmmrefine.io.atoms import embedded_model
    from gmmrefine.pipelines.simulate import molecule_to_simulate, simulate

    model = embedded_model() if args.model.lower() == EMBEDDED else args.model
    check_limits(args, SIMULATE, COMPUTING)
    refuse_missing([model, args.end_model])
    molecule_to_simulate(model, args)  # refuses what is wrong before anything is written
    record, progress = open_run(args, "simulate", OUTPUTS, (SIMULATE, COMPUTING), [model, args.end_model])
    results = simulate(model, args, record, progress)
    record.finish(results, progress.seconds)
    progress.say(
        f"{results['particles']} particles in {record.path('particles.star')}, the truth in truth.star and truth.mrc")
