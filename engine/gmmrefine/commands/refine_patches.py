"""Refine a molecule patch by patch and join the patches into a composite map.

The Gaussians are cut into patches, the same for both halves; each patch is refined as a focus of its own, and the half maps are
averaged by the patches' masks. Writes DIR/composite_half_1.mrc, composite_half_2.mrc, composite.mrc, mask.mrc, fsc.star,
seams.mrc, overlaps.star, patches.star (the spheres), patch_table.star (a row per patch), and in patches/NN the poses, half
maps, map, masks and FSC of each patch; with --patches auto patch_evidence.star and patch_evidence.png. An interrupted
run continues when the same command is given again. For queues and several GPUs give the same command once with --patch-mode
apart --only geometry, then with --only 1, --only 2 … side by side, and at last with --only composite.
"""

from gmmrefine.commands.options import Command, add_output, add_settings, files_of, settings_from, values_of
from gmmrefine.settings import PatchesSettings

COMMAND = Command(
    "refine-patches",
    (
        "composite_half_1.mrc",
        "composite_half_2.mrc",
        "composite.mrc",
        "mask.mrc",
        "fsc.star",
        "seams.mrc",
        "overlaps.star",
        "patches.star",
        "patch_table.star",
    ),
)


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("particles", help="particles with poses, as refined globally (.star, .cs)")
    add_output(parser)
    add_settings(parser, PatchesSettings)


def run(args):
    """Refine all patches, or the part of the work that --only names, and write."""
    from gmmrefine.backend import set_up
    from gmmrefine.commands.particles_in import read_for_computing
    from gmmrefine.pipelines.odd_images import without_odd_images
    from gmmrefine.pipelines.refine_patches import Whole, check_settings, refine_patch, refine_patches
    from gmmrefine.pipelines.start_map_place import refuse_model_outside
    from gmmrefine.runs.same_run import refuse_other_run

    particles, settings, notes = read_for_computing(args.particles, settings_from(args, PatchesSettings))
    check_settings(settings, particles)
    refuse_model_outside(settings, particles.box_size, particles.pixel_size)
    if (settings.only or "").isdecimal():
        inputs = [args.particles, *files_of(settings)]
        refuse_other_run(args.output, COMMAND.name, values_of(settings), inputs)
        set_up(settings.threads, settings.device)
        particles = without_odd_images(particles, settings)
        refine_patch(particles, int(settings.only), Whole(args.output, inputs, args.take_over), settings)
        return
    run = COMMAND.open(args, settings, [args.particles], particles, notes)
    particles = without_odd_images(particles, settings, run)
    results = refine_patches(particles, settings, run)
    run.finish(results)
    if "resolution_text" in results:
        run.progress.say(f"composite of {results['patches']} patches: resolution {results['resolution_text']}")
    else:
        run.progress.say(f"{results['patches']} patches; now --only 1 … {results['patches']}, then --only composite")
