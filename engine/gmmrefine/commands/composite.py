"""Join focused refinements into one map per half set, and show the seams.

Each FOLDER is that of a focused refinement (half maps and focus_mask.mrc). Writes DIR/composite_half_1.mrc,
composite_half_2.mrc, composite.mrc, mask.mrc, fsc.star, seams.mrc (how much the maps disagree where one passes into another)
and overlaps.star. Parts whose half sets differ are refused; parts of another grey scale or contrast are
brought to that of the first, found where maps overlap, or refused. A composite is not one reconstruction: deposit it with its
parts and masks.
"""

from gmmrefine.commands.options import Command, add_output, add_settings, refuse_missing, refuse_to_overwrite, settings_from
from gmmrefine.settings import CompositeSettings

COMMAND = Command(
    "composite",
    ("composite_half_1.mrc", "composite_half_2.mrc", "composite.mrc", "mask.mrc", "fsc.star", "seams.mrc", "overlaps.star"),
)


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("folders", nargs="+", metavar="FOLDER", help="folders of focused refinements")
    add_output(parser)
    add_settings(parser, CompositeSettings)


def run(args):
    """Join and write."""
    from gmmrefine.io.mrc import half_maps_in
    from gmmrefine.pipelines.composite import join, mask_of, read_parts

    settings = settings_from(args, CompositeSettings)
    folders = args.folders + ([settings.background] if settings.background else [])
    inputs = [path for folder in folders for path in half_maps_in(folder)] + [mask_of(folder) for folder in args.folders]
    refuse_to_overwrite(args.output, COMMAND.outputs, [*inputs, settings.mask])
    refuse_missing(inputs)
    parts = read_parts(args.folders, settings)
    run = COMMAND.open(args, settings, inputs)
    results = join(parts, settings, run)
    run.finish(results)
    run.progress.say(f"composite of {len(args.folders)} parts: resolution {results['resolution_text']}")
