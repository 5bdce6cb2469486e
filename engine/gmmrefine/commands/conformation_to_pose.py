"""Turn learned conformations into poses of one region, and refine them there.

HETERO_DIR is a finished heterogeneity run; with --motions it is a particle file instead. Each particle is given the pose that
puts the resting region where its conformation puts the moved one, unless held-out signal likes the usual focused pose better; a
focused refinement goes on from there, the rest of the molecule staying at its own poses. Without a region named, that of the
heterogeneity run is taken. Writes DIR/particles.star (poses of the region), half_map_1.mrc, half_map_2.mrc, map.mrc, mask.mrc,
focus_mask.mrc, fsc.star, motions.star (rigid motion of each particle, and whether it was used), gmm_half_1.star,
gmm_half_2.star and gmm_fsc.star: a part for "composite" like any focused refinement.
"""

from gmmrefine.commands.options import Command, add_output, add_settings, settings_from
from gmmrefine.settings import ConversionSettings

COMMAND = Command(
    "conformation-to-pose",
    (
        "particles.star",
        "half_map_1.mrc",
        "half_map_2.mrc",
        "map.mrc",
        "mask.mrc",
        "focus_mask.mrc",
        "fsc.star",
        "motions.star",
        "gmm_half_1.star",
        "gmm_half_2.star",
        "gmm_fsc.star",
    ),
)


def add_arguments(parser):
    """Declare the command line."""
    parser.add_argument("source", metavar="HETERO_DIR", help="folder of a heterogeneity run, or particles with --motions")
    add_output(parser)
    add_settings(parser, ConversionSettings)


def run(args):
    """Convert, refine and write."""
    from gmmrefine.commands.particles_in import read_for_computing
    from gmmrefine.pipelines.conformation_to_pose import check_settings, conformation_to_pose, source_of
    from gmmrefine.pipelines.focus import read_focus
    from gmmrefine.pipelines.odd_images import without_odd_images
    from gmmrefine.pipelines.start_map_place import refuse_model_outside

    source, settings = source_of(args.source, settings_from(args, ConversionSettings))
    particles, settings, notes = read_for_computing(source.particle_file, settings, source.images_by_mask)
    check_settings(settings, particles)
    for refuse_what_is_wrong in (read_focus, refuse_model_outside):  # before anything is written
        refuse_what_is_wrong(settings, particles.box_size, particles.pixel_size)
    run = COMMAND.open(args, settings, [source.particle_file, *source.learned], particles, notes)
    particles = without_odd_images(particles, settings, run)
    results = conformation_to_pose(particles, source, settings, run)
    run.finish(results)
    run.progress.say(results["verdict"])
