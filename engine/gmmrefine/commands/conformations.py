"""Show what a heterogeneity run has learned: maps along a motion, a model morphed by it, particles sorted by it.

HETERO_DIR is a finished heterogeneity run. Frames follow an axis of the latent space, or the line through points of it, for
each half set by its own network. Writes DIR/half_1/frame_NN.star and .mrc (GMM and map of every frame) and the same of half_2,
frames.star (where each lies in the latent space), movie.cxc (plays them in ChimeraX, side by side), motion.png (how far the
particles are from neutral); with --model half_1/morph.cif and half_2/morph.cif (the atoms of every frame, the first
voxel of the maps at 0); with --subsets particles_subset_NN.star and subset_NN/ with half_map_1.mrc, half_map_2.mrc, map.mrc,
mask.mrc and fsc.star of every class.
"""

import os

from gmmrefine.commands.options import Command, add_output, add_settings, settings_from
from gmmrefine.errors import InputError
from gmmrefine.settings import ConformationsSettings, ReconstructSettings, taken_as

COMMAND = Command("conformations", ("frames.star", "movie.cxc", "motion.png"))
_LEARNED = ("latent.star", "network_half_1.npz", "network_half_2.npz")


def add_arguments(parser):
    """Declare the command line."""
    parser.add_argument("source", metavar="HETERO_DIR", help="folder of a finished heterogeneity run")
    parser.add_argument(
        "--model", default="", metavar="ATOMS", help="atomic model (mmCIF or PDB) fitted into its maps, to be morphed"
    )
    add_output(parser)
    add_settings(parser, ConformationsSettings)


def run(args):
    """Make and write."""
    from gmmrefine.backend import set_up
    from gmmrefine.commands.particles_in import read_for_computing
    from gmmrefine.io.mrc import read_mask
    from gmmrefine.pipelines.conformations import check_settings, conformations
    from gmmrefine.pipelines.heterogeneity_folder import (
        finished_record,
        read_grid,
        read_halves,
        read_latents,
        settings_as_learned,
    )
    from gmmrefine.pipelines.latent_subsets import latent_classes, reconstruct_class
    from gmmrefine.pipelines.morph import model_in_mask
    from gmmrefine.pipelines.odd_images import without_odd_images
    from gmmrefine.pipelines.particle_motions import learned_latents

    settings = settings_from(args, ConformationsSettings)
    learned = finished_record(args.source)
    if os.path.realpath(args.output) == os.path.realpath(os.path.join(args.source, "conformations")):
        raise InputError(f"{args.output} holds what heterogeneity itself has made. Use another folder with -o.")
    grid, mask = read_grid(args.source, learned), os.path.join(args.source, "mask.mrc")
    check_settings(settings, args.model, read_latents(args.source))
    model, found, notes = None, {}, []
    if args.model:
        model, found = model_in_mask(
            args.model, read_mask(mask, grid.box_size, grid.pixel_size), grid.pixel_size, settings, notes.append
        )
    files = [os.path.join(args.source, name) for name in _LEARNED]
    particles, latent, of_maps = None, None, taken_as(ReconstructSettings, settings, mask=mask)
    if settings.subsets:
        of_maps, images_by_mask = settings_as_learned(of_maps, args.source, learned)
        particles, of_maps, more = read_for_computing(learned["particle_file"], of_maps, images_by_mask)
        notes += more
        particles = without_odd_images(particles, of_maps)
        latent = learned_latents(args.source, particles)
        files += [learned["particle_file"], mask]
    set_up(settings.threads, settings.device)  # networks are TensorFlow's from the moment they are read
    halves = read_halves(args.source)
    if not learned["results"]["reproducible"]:
        notes = ["note: the half sets showed no reproducible motion; what is shown here may be noise", *notes]
    run = COMMAND.open(args, settings, [*files, args.model], particles, notes)
    results = {**conformations(halves, grid, model, settings, args.output, run.progress), **found}
    if particles is not None:
        run.describe_particles(particles)
        classes, cosine = latent_classes(particles, latent, halves, settings, run)
        results.update(subset_cosine=cosine, subsets=[reconstruct_class(chosen, particles, of_maps, run) for chosen in classes])
    run.finish(results)
    run.progress.say(f"{results['frames']} conformations by half in {args.output}; movie.cxc plays them in ChimeraX")
