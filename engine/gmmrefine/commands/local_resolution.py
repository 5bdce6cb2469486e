"""Resolution around every voxel, from two half maps.

Give unfiltered, unmasked half maps. Writes DIR/local_resolution.mrc (Å at every voxel, 0 outside the mask), mask.mrc and
figures/local_resolution.png; run.json holds the quartiles inside the mask next to the global resolution. Voxels where the
halves agree in no band get the coarsest resolution that is measured, a sixth of the box; those where they agree in all get
Nyquist.

Half maps are looked at first: clipped and identical ones are refused, filtered ones give nothing finer than the filter, masked
and sharpened ones are named. A mask too tight or too small for the measurement is made wider, which is said.
"""

from gmmrefine.commands.options import Command, add_output, add_settings, settings_from
from gmmrefine.settings import LocalResolutionSettings

COMMAND = Command("local-resolution", ("local_resolution.mrc", "mask.mrc", "figures/local_resolution.png"))


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("half_map_1", help="first half map, unfiltered (.mrc)")
    parser.add_argument("half_map_2", help="second half map, unfiltered (.mrc)")
    add_output(parser)
    add_settings(parser, LocalResolutionSettings)


def run(args):
    """Measure and write."""
    from gmmrefine.io.mrc import read_half_maps
    from gmmrefine.pipelines.half_map_inputs import examined
    from gmmrefine.pipelines.local_resolution import measure_local_resolution, refuse_small_boxes

    settings = settings_from(args, LocalResolutionSettings)
    paths = args.half_map_1, args.half_map_2
    halves = read_half_maps(*paths)
    refuse_small_boxes(halves, paths)
    found = examined(halves, paths)
    run = COMMAND.open(args, settings, paths)
    results = measure_local_resolution(halves, found, settings, run)
    run.finish(results)
    low, median, high = results["quartiles"]
    run.progress.say(f"local resolution: median {median:.2f} Å, half of the voxels between {low:.2f} and {high:.2f} Å")
