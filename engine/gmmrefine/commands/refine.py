"""Refine poses and map of particles against Gaussian mixture models, one per half set.

With --focus-mask, --focus-sphere or --focus-model only one region is aligned; the rest of the molecule
stays where it is.
Writes DIR/particles.star (new poses, every column kept, and how far each particle moved), half_map_1.mrc,
half_map_2.mrc, map.mrc, mask.mrc, fsc.star, directions.star (the resolution in cones),
gmm_half_1.star, gmm_half_2.star, gmm_fsc.star, and each iteration in
iterations/NN; focus_mask.mrc too when there is a focus.
An interrupted run continues when the same command is given again.
"""

from gmmrefine.commands.options import Command, add_output, add_settings, settings_from
from gmmrefine.settings import RefineSettings

COMMAND = Command(
    "refine",
    (
        "particles.star",
        "half_map_1.mrc",
        "half_map_2.mrc",
        "map.mrc",
        "mask.mrc",
        "fsc.star",
        "directions.star",
        "gmm_half_1.star",
        "gmm_half_2.star",
        "gmm_fsc.star",
        "focus_mask.mrc",
    ),
)


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("particles", help="particles with poses (.star, .cs)")
    add_output(parser)
    add_settings(parser, RefineSettings)


def run(args):
    """Refine and write."""
    from gmmrefine.commands.particles_in import read_for_computing
    from gmmrefine.pipelines.focus import read_focus
    from gmmrefine.pipelines.odd_images import without_odd_images
    from gmmrefine.pipelines.refine import check_settings, refine
    from gmmrefine.pipelines.start_map_place import refuse_model_outside

    particles, settings, notes = read_for_computing(args.particles, settings_from(args, RefineSettings))
    check_settings(settings, particles)
    for refuse_what_is_wrong in (read_focus, refuse_model_outside):  # before anything is written
        refuse_what_is_wrong(settings, particles.box_size, particles.pixel_size)
    run = COMMAND.open(args, settings, [args.particles], particles, notes)
    particles = without_odd_images(particles, settings, run)
    results = refine(particles, settings, run)
    run.finish(results)
    if "directions_text" in results:
        run.progress.say(f"by direction: {results['directions_text']}")
    run.progress.say(f"final map of iteration {results['iteration']}: resolution {results['resolution_text']}")
