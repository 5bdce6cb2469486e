"""Refine a molecule patch by patch and join the patches into a composite map.

The Gaussians are cut into patches, the same for both halves; each patch is refined as a focus of its own, and the half maps are
averaged by the patches' masks. Writes DIR/composite_half_1.mrc, composite_half_2.mrc, composite.mrc, mask.mrc, fsc.star,
seams.mrc, overlaps.star, patches.star (the spheres), patch_table.star (a row per patch), and in patches/NN the poses, half
maps, map, masks and FSC of each patch; with --patches auto patch_evidence.star and patch_evidence.png. An interrupted
run continues when the same command is given again. For queues and several GPUs give the same command once with --patch-mode
apart --only geometry, then with --only 1, --only 2 … side by side, and at last with --only composite.
"""
from gmmrefine.commands.options import add_output, add_settings, begin_refinement, check_limits, values_of
from gmmrefine.settings import COMPUTING, REFINE_PATCHES

OUTPUTS = (
    "composite_half_1.mrc", "composite_half_2.mrc", "composite.mrc", "mask.mrc", "fsc.star", "seams.mrc", "overlaps.star",
    "patches.star", "patch_table.star")


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("particles", help="particles with poses, as refined globally (.star, .cs)")
    add_output(parser)
    add_settings(parser, REFINE_PATCHES, COMPUTING)
    parser.set_defaults(symmetry="C1")  # of a symmetric molecule the particles are expanded first


def run(args):
    """Refine all patches, or the part of the work that --only names, and write."""
    from gmmrefine.backend import set_up
    from gmmrefine.commands.particles_in import read_for_computing
    from gmmrefine.pipelines.odd_images import without_odd_images
    from gmmrefine.pipelines.refine_patches import check_settings, refine_patch, refine_patches
    from gmmrefine.pipelines.run_record import refuse_other_run
    from gmmrefine.pipelines.start_map_place import refuse_model_outside
    from gmmrefine.progress import Progress

    check_limits(args, REFINE_PATCHES, COMPUTING)
    particles, notes = read_for_computing(args)
    check_settings(args, particles)
    refuse_model_outside(args, particles.box_size, particles.pixel_size)
    inputs = [args.particles, args.mask, args.model]
    if args.only.isdecimal():
        refuse_other_run(args.output, "refine-patches", values_of(args, REFINE_PATCHES, COMPUTING), inputs)
        set_up(args.threads, args.device)
        particles = without_odd_images(particles, args, Progress())
        refine_patch(particles, int(args.only), args.output, inputs, args, args.take_over)
        return
    record, progress = begin_refinement(args, "refine-patches", OUTPUTS, (REFINE_PATCHES, COMPUTING), inputs, particles, notes)
    particles = without_odd_images(particles, args, progress, record)
    results = refine_patches(particles, args, record, progress)
    record.finish(results, progress.seconds)
    if "resolution_text" in results:
        progress.say(f"composite of {results['patches']} patches: resolution {results['resolution_text']}")
    else:
        progress.say(f"{results['patches']} patches; now --only 1 … {results['patches']}, then --only composite")
