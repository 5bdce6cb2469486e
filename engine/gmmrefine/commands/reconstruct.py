"""Reconstruct half maps from particles at their poses and measure the gold-standard FSC.

Writes DIR/half_map_1.mrc, half_map_2.mrc (unfiltered), map.mrc (low-passed at the resolution), mask.mrc, fsc.star
and directions.star (the resolution in cones).
"""

from gmmrefine.commands.options import Command, add_output, add_settings, settings_from
from gmmrefine.settings import ReconstructSettings

COMMAND = Command("reconstruct", ("half_map_1.mrc", "half_map_2.mrc", "map.mrc", "mask.mrc", "fsc.star", "directions.star"))


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("particles", help="particles with poses (.star, .cs)")
    add_output(parser)
    add_settings(parser, ReconstructSettings)


def run(args):
    """Reconstruct and write."""
    from gmmrefine.commands.particles_in import read_for_computing
    from gmmrefine.pipelines.odd_images import without_odd_images
    from gmmrefine.pipelines.particle_scales import check_weighting
    from gmmrefine.pipelines.pose_weights import check_pose_weighting, with_known_blur
    from gmmrefine.pipelines.reconstruct import reconstruct

    particles, settings, notes = read_for_computing(args.particles, settings_from(args, ReconstructSettings))
    check_weighting(settings, particles)
    check_pose_weighting(settings, particles)
    run = COMMAND.open(args, settings, [args.particles], particles, notes)
    particles = without_odd_images(particles, settings, run)
    run.describe_particles(particles)
    results = reconstruct(with_known_blur(particles, settings), settings, run)
    run.finish(results)
    if "directions_text" in results:
        run.progress.say(f"by direction: {results['directions_text']}")
    run.progress.say(f"resolution {results['resolution_text']}")
