"""Sharpen a map: by a B factor, by an atomic model's amplitudes, or locally.

Writes DIR/sharpened.mrc, beside it unmodified.mrc (the map as it was given), amplitudes.star (root mean square amplitude by
shell before and after), figures/guinier.png (with the range of the fit) and figures/slices.png (both maps).

Give the resolution by --low-pass or, voxel by voxel, by --local-resolution. Sharpening changes how a map looks and what can be
seen in it, ligands above all: compare both maps with gmmrefine audit before believing a feature, and build models with both.
"""

from gmmrefine.commands.options import Command, add_output, add_settings, settings_from
from gmmrefine.settings import SharpenSettings

COMMAND = Command(
    "sharpen", ("sharpened.mrc", "unmodified.mrc", "amplitudes.star", "figures/guinier.png", "figures/slices.png")
)


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("map", help="unsharpened, unmasked map (.mrc)")
    add_output(parser)
    add_settings(parser, SharpenSettings)


def run(args):
    """Sharpen and write."""
    from gmmrefine.io.mrc import read_map
    from gmmrefine.pipelines.map_inputs import read_local_resolution, refuse_constant
    from gmmrefine.pipelines.sharpen import check_sharpening, sharpen

    settings = settings_from(args, SharpenSettings)
    volume = read_map(args.map)
    refuse_constant(volume, args.map)
    check_sharpening(settings, volume.voxel_size)
    resolution = read_local_resolution(settings.local_resolution, volume) if settings.local_resolution else None
    run = COMMAND.open(args, settings, [args.map])
    results = sharpen(volume, resolution, settings, run)
    run.finish(results)
