"""Learn how the molecule moves from the particles, each half set by itself.

Particles keep the poses they have. Writes DIR/latent.star (conformation of every particle), network_half_1.npz and
network_half_2.npz, latent_half_1.npz and latent_half_2.npz (latents by half of the signal, for conversion), gmm_half_1.star and
gmm_half_2.star (the neutral state), motions.star (what moves how far, and whether
the half sets agree), training.star and training.png (loss of every epoch), latent.png, mask.mrc, fsc.star and conformations/
(maps along the first axis and their movie, see the command conformations). An interrupted run continues when the same command
is given again.
"""
import os

from gmmrefine.commands.options import add_output, add_settings, begin_refinement, check_limits
from gmmrefine.settings import COMPUTING, HETEROGENEITY

OUTPUTS = (
    "latent.star", "network_half_1.npz", "network_half_2.npz", "latent_half_1.npz", "latent_half_2.npz", "gmm_half_1.star",
    "gmm_half_2.star", "motions.star", "training.star", "training.png", "latent.png", "mask.mrc", "fsc.star")


def add_arguments(parser):
    """Declare the command line."""
    parser.add_argument("particles", help="particles with poses and half sets: .star, .cs or a cryoSPARC job's .csg")
    add_output(parser)
    add_settings(parser, HETEROGENEITY, COMPUTING)
    parser.set_defaults(symmetry="C1")  # of a symmetric molecule the particles are expanded first


def run(args):
    """Train both halves and write."""
    from gmmrefine.commands.particles_in import read_for_computing
    from gmmrefine.pipelines.focus import read_focus
    from gmmrefine.pipelines.heterogeneity import check_settings, heterogeneity
    from gmmrefine.pipelines.odd_images import without_odd_images
    from gmmrefine.pipelines.start_map_place import refuse_model_outside

    check_limits(args, HETEROGENEITY, COMPUTING)
    particles, notes = read_for_computing(args)
    check_settings(args, particles)
    for refuse_what_is_wrong in (read_focus, refuse_model_outside):  # before anything is written
        refuse_what_is_wrong(args, particles.box_size, particles.pixel_size)
    record, progress = begin_refinement(args, "heterogeneity", OUTPUTS, (HETEROGENEITY, COMPUTING), [
        args.particles, args.mask, args.model, args.focus_mask, args.focus_model], particles, notes)
    record.set(particle_file=os.path.relpath(args.particles, args.output))  # for conformation-to-pose, wherever both are moved
    particles = without_odd_images(particles, args, progress, record)
    results = heterogeneity(particles, args, record, progress)
    record.finish(results, progress.seconds)
    progress.say(results["verdict"])
