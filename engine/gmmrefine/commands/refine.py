"""Refine poses and map of particles against Gaussian mixture models, one per half set.

With --focus-mask, --focus-sphere or --focus-model only one region is aligned; the rest of the molecule
stays where it is.
Writes DIR/particles.star (new poses, every column kept, and how far each particle moved), half_map_1.mrc,
half_map_2.mrc, map.mrc, mask.mrc, fsc.star, directions.star (the resolution in cones),
gmm_half_1.star, gmm_half_2.star, gmm_fsc.star, and each iteration in
iterations/NN; focus_mask.mrc too when there is a focus.
An interrupted run continues when the same command is given again.
"""
from gmmrefine.commands.options import add_output, add_settings, begin_refinement, check_limits
from gmmrefine.settings import COMPUTING, REFINE

OUTPUTS = (
    "particles.star", "half_map_1.mrc", "half_map_2.mrc", "map.mrc", "mask.mrc", "fsc.star", "directions.star",
    "gmm_half_1.star", "gmm_half_2.star", "gmm_fsc.star", "focus_mask.mrc")


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("particles", help="particles with poses (.star, .cs)")
    add_output(parser)
    add_settings(parser, REFINE, COMPUTING)


def run(args):
    """Refine and write."""
    from gmmrefine.commands.particles_in import read_for_computing
    from gmmrefine.pipelines.focus import read_focus
    from gmmrefine.pipelines.odd_images import without_odd_images
    from gmmrefine.pipelines.refine import check_settings, refine
    from gmmrefine.pipelines.start_map_place import refuse_model_outside

    check_limits(args, REFINE, COMPUTING)
    particles, notes = read_for_computing(args)
    check_settings(args, particles)
    for refuse_what_is_wrong in (read_focus, refuse_model_outside):  # before anything is written
        refuse_what_is_wrong(args, particles.box_size, particles.pixel_size)
    record, progress = begin_refinement(args, "refine", OUTPUTS, (REFINE, COMPUTING), [
        args.particles, args.mask, args.model, args.focus_mask, args.focus_model], particles, notes)
    particles = without_odd_images(particles, args, progress, record)
    results = refine(particles, args, record, progress)
    record.finish(results, progress.seconds)
    if "directions_text" in results:
        progress.say(f"by direction: {results['directions_text']}")
    progress.say(f"final map of iteration {results['iteration']}: resolution {results['resolution_text']}")
