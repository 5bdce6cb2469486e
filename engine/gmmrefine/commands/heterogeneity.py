"""Learn how the molecule moves from the particles, each half set by itself.

Particles keep the poses they have. Writes DIR/latent.star (conformation of every particle), network_half_1.npz and
network_half_2.npz, latent_half_1.npz and latent_half_2.npz (latents by half of the signal, for conversion), gmm_half_1.star and
gmm_half_2.star (the neutral state), motions.star (what moves how far, and whether
the half sets agree), training.star and training.png (loss of every epoch), latent.png, mask.mrc, fsc.star and conformations/
(maps along the first axis and their movie, see the command conformations). An interrupted run continues when the same command
is given again.
"""

import os

from gmmrefine.commands.options import Command, add_output, add_settings, settings_from
from gmmrefine.settings import HeterogeneitySettings

COMMAND = Command(
    "heterogeneity",
    (
        "latent.star",
        "network_half_1.npz",
        "network_half_2.npz",
        "latent_half_1.npz",
        "latent_half_2.npz",
        "gmm_half_1.star",
        "gmm_half_2.star",
        "motions.star",
        "training.star",
        "training.png",
        "latent.png",
        "mask.mrc",
        "fsc.star",
    ),
)


def add_arguments(parser):
    """Declare the command line."""
    parser.add_argument("particles", help="particles with poses and half sets: .star, .cs or a cryoSPARC job's .csg")
    add_output(parser)
    add_settings(parser, HeterogeneitySettings)


def run(args):
    """Train both halves and write."""
    from gmmrefine.commands.particles_in import read_for_computing
    from gmmrefine.pipelines.focus import read_focus
    from gmmrefine.pipelines.heterogeneity import check_settings, heterogeneity
    from gmmrefine.pipelines.odd_images import without_odd_images
    from gmmrefine.pipelines.start_map_place import refuse_model_outside

    particles, settings, notes = read_for_computing(args.particles, settings_from(args, HeterogeneitySettings))
    check_settings(settings, particles)
    for refuse_what_is_wrong in (read_focus, refuse_model_outside):  # before anything is written
        refuse_what_is_wrong(settings, particles.box_size, particles.pixel_size)
    run = COMMAND.open(args, settings, [args.particles], particles, notes)
    run.set(particle_file=os.path.relpath(args.particles, args.output))  # for conformation-to-pose, wherever both are moved
    particles = without_odd_images(particles, settings, run)
    results = heterogeneity(particles, settings, run)
    run.finish(results)
    run.progress.say(results["verdict"])
