"""Reconstruct half maps from particles at their poses and measure the gold-standard FSC.

Writes DIR/half_map_1.mrc, half_map_2.mrc (unfiltered), map.mrc (low-passed at the resolution), mask.mrc, fsc.star
and directions.star (the resolution in cones).
"""
from gmmrefine.commands.options import add_output, add_settings, check_limits, open_run
from gmmrefine.settings import COMPUTING, RECONSTRUCT

OUTPUTS = ("half_map_1.mrc", "half_map_2.mrc", "map.mrc", "mask.mrc", "fsc.star", "directions.star")


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("particles", help="particles with poses (.star, .cs)")
    add_output(parser)
    add_settings(parser, RECONSTRUCT, COMPUTING)


def run(args):
    """Reconstruct and write."""
    from gmmrefine.commands.particles_in import read_for_computing
    from gmmrefine.pipelines.odd_images import without_odd_images
    from gmmrefine.pipelines.particle_scales import check_weighting
    from gmmrefine.pipelines.pose_weights import check_pose_weighting, with_known_blur
    from gmmrefine.pipelines.reconstruct import reconstruct

    check_limits(args, RECONSTRUCT, COMPUTING)
    particles, notes = read_for_computing(args)
    check_weighting(args, particles)
    check_pose_weighting(args, particles)
    record, progress = open_run(
        args, "reconstruct", OUTPUTS, (RECONSTRUCT, COMPUTING), [args.particles, args.mask], particles)
    for note in notes:
        progress.say(note)
    particles = without_odd_images(particles, args, progress, record)
    record.describe_particles(particles)
    results = reconstruct(with_known_blur(particles, args), args, record, progress)
    record.finish(results, progress.seconds)
    if "directions_text" in results:
        progress.say(f"by direction: {results['directions_text']}")
    progress.say(f"resolution {results['resolution_text']}")
