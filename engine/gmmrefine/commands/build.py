"""Build a Gaussian mixture model of a map, or of an atomic model fitted to a map.

Writes DIR/gmm.star, gmm_map.mrc (what the GMM looks like at the resolution) and gmm_fsc.star (its agreement with the
map).
"""
from gmmrefine.commands.options import add_output, add_settings, check_limits, open_run, refuse_missing
from gmmrefine.settings import BUILD, COMPUTING

OUTPUTS = ("gmm.star", "gmm_map.mrc", "gmm_fsc.star")


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("map", help="map (.mrc)")
    add_output(parser)
    add_settings(parser, BUILD, COMPUTING)


def run(args):
    """Build and write."""
    from gmmrefine.io.mrc import read_map
    from gmmrefine.pipelines.build import build, check_settings

    check_limits(args, BUILD, COMPUTING)
    refuse_missing([args.model])
    volume = read_map(args.map)
    check_settings(volume, args)
    record, progress = open_run(args, "build", OUTPUTS, (BUILD, COMPUTING), [args.map, args.mask, args.model])
    results = build(volume, args, record, progress)
    record.finish(results, progress.seconds)
    progress.say(
        f"{results['gaussians']} Gaussians, mean FSC with the map {results['mean_fsc']:.3f} up to "
        f"{results['resolution']:.2f} Å ({results['fsc_at_resolution']:.3f} there)")
