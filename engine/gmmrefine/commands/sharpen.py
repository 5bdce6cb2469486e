"""Sharpen a map: by a B factor, by an atomic model's amplitudes, or locally.

Writes DIR/sharpened.mrc, beside it unmodified.mrc (the map as it was given), amplitudes.star (root mean square amplitude by
shell before and after), figures/guinier.png (with the range of the fit) and figures/slices.png (both maps).

Give the resolution by --low-pass or, voxel by voxel, by --local-resolution. Sharpening changes how a map looks and what can be
seen in it, ligands above all: compare both maps with gmmrefine audit before believing a feature, and build models with both.
"""
from gmmrefine.commands.options import add_output, add_settings, check_limits, open_record
from gmmrefine.settings import SHARPEN

OUTPUTS = ("sharpened.mrc", "unmodified.mrc", "amplitudes.star", "figures/guinier.png", "figures/slices.png")


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("map", help="unsharpened, unmasked map (.mrc)")
    add_output(parser)
    add_settings(parser, SHARPEN)


def run(args):
    """Sharpen and write."""
    from gmmrefine.io.mrc import read_map
    from gmmrefine.pipelines.map_inputs import read_local_resolution, refuse_constant
    from gmmrefine.pipelines.sharpen import check_sharpening, sharpen

    check_limits(args, SHARPEN)
    volume = read_map(args.map)
    refuse_constant(volume, args.map)
    check_sharpening(args, volume.voxel_size)
    resolution = read_local_resolution(args.local_resolution, volume) if args.local_resolution else None
    record, progress = open_record(
        args, "sharpen", OUTPUTS, (SHARPEN,), [args.map, args.local_resolution, args.reference_model, args.mask])
    results = sharpen(volume, resolution, args, record, progress)
    record.finish(results, progress.seconds)
