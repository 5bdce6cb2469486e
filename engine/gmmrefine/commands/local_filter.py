"""Low-pass of a map to its local resolution, voxel by voxel.

Writes DIR/filtered.mrc, beside it unmodified.mrc (the map as it was given), and figures/slices.png with both. Voxels without a
local resolution (0) get that of the nearest one that has it.
"""

from gmmrefine.commands.options import Command, add_output, add_settings, settings_from
from gmmrefine.errors import InputError
from gmmrefine.settings import LocalFilterSettings

COMMAND = Command("local-filter", ("filtered.mrc", "unmodified.mrc", "figures/slices.png"))


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("map", help="map to filter (.mrc)")
    add_output(parser)
    add_settings(parser, LocalFilterSettings)


def run(args):
    """Filter and write."""
    from gmmrefine.io.mrc import read_map
    from gmmrefine.pipelines.local_filter import filter_locally
    from gmmrefine.pipelines.map_inputs import read_local_resolution, refuse_constant

    settings = settings_from(args, LocalFilterSettings)
    if not settings.local_resolution:
        raise InputError("--local-resolution: none given. Make it with: gmmrefine local-resolution HALF1 HALF2 -o DIR.")
    volume = read_map(args.map)
    refuse_constant(volume, args.map)
    resolution = read_local_resolution(settings.local_resolution, volume)
    run = COMMAND.open(args, settings, [args.map])
    results = filter_locally(volume, resolution, run)
    run.finish(results)
    run.progress.say(f"filtered to {results['median']:.2f} Å (median)")
