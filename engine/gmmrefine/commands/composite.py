"""Join focused refinements into one map per half set, and show the seams.

Each FOLDER is that of a focused refinement (half maps and focus_mask.mrc). Writes DIR/composite_half_1.mrc,
composite_half_2.mrc, composite.mrc, mask.mrc, fsc.star, seams.mrc (how much the maps disagree where one passes into another)
and overlaps.star. Parts whose half sets differ are refused; parts of another grey scale or contrast are
brought to that of the first, found where maps overlap, or refused. A composite is not one reconstruction: deposit it with its
parts and masks.
"""
from gmmrefine.commands.options import add_output, add_settings, check_limits, open_run, refuse_missing, refuse_to_overwrite
from gmmrefine.settings import COMPOSITE, COMPUTING

OUTPUTS = (
    "composite_half_1.mrc", "composite_half_2.mrc", "composite.mrc", "mask.mrc", "fsc.star", "seams.mrc", "overlaps.star")


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("folders", nargs="+", metavar="FOLDER", help="folders of focused refinements")
    add_output(parser)
    add_settings(parser, COMPOSITE, COMPUTING)


def run(args):
    """Join and write."""
    from gmmrefine.io.mrc import half_maps_in
    from gmmrefine.pipelines.composite import join, mask_of, read_parts

    folders = args.folders + ([args.background] if args.background else [])
    inputs = [path for folder in folders for path in half_maps_in(folder)] + [mask_of(folder) for folder in args.folders]
    check_limits(args, COMPOSITE, COMPUTING)
    refuse_to_overwrite(args.output, OUTPUTS, [*inputs, args.mask])
    refuse_missing([*inputs, args.mask])
    parts = read_parts(args.folders, args)
    record, progress = open_run(args, "composite", OUTPUTS, (COMPOSITE, COMPUTING), [*inputs, args.mask])
    results = join(parts, args, record, progress)
    record.finish(results, progress.seconds)
    progress.say(f"composite of {len(args.folders)} parts: resolution {results['resolution_text']}")
