"""Make a symmetric map from a focused refinement of one asymmetric unit, by a mask-weighted average of its turned copies.

MAPS is the folder of the focused refinement or its two half maps. Writes DIR/half_map_1.mrc, half_map_2.mrc (unfiltered),
map.mrc (low-passed at the resolution), mask.mrc (the union of the turned masks) and fsc.star. Where the turned masks leave
room the maps are those of --background, blended in over the soft edge, or 0. A symmetry that the background does not have, or
without one the maps where the mask holds all units, is refused.
"""

import os

from gmmrefine.commands.options import Command, add_output, add_settings, refuse_to_overwrite, settings_from
from gmmrefine.errors import InputError
from gmmrefine.settings import ImposeSettings

COMMAND = Command("impose-symmetry", ("half_map_1.mrc", "half_map_2.mrc", "map.mrc", "mask.mrc", "fsc.star"))


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("maps", nargs="+", metavar="MAPS", help="folder of the focused refinement, or its two half maps")
    parser.add_argument("--mask", required=True, metavar="MRC", help="focus mask (values 0 to 1): how much a voxel counts")
    parser.add_argument(
        "--background",
        nargs="+",
        default=[],
        metavar="MAPS",
        help="folder or two half maps of the whole molecule, of the same half sets, for what lies outside all masks",
    )
    add_output(parser)
    add_settings(parser, ImposeSettings)


def run(args):
    """Impose and write."""
    from gmmrefine.geometry.symmetry import point_group
    from gmmrefine.io.half_sets_file import write_half_sets
    from gmmrefine.io.mrc import read_half_maps
    from gmmrefine.pipelines.impose_symmetry import impose_symmetry
    from gmmrefine.pipelines.map_inputs import read_mask_on_molecule, refuse_same_half_maps
    from gmmrefine.runs.earlier_run import refuse_unfinished_run
    from gmmrefine.runs.same_half_sets import agreed_half_sets

    settings = settings_from(args, ImposeSettings)
    operators = point_group(settings.symmetry)
    if len(operators) == 1:
        raise InputError("--symmetry C1: nothing to impose. Give the point group of the molecule, e.g. --symmetry C3.")
    files, behind = half_map_files(args.maps), half_map_files(args.background) if args.background else []
    inputs = [*files, *behind, args.mask]
    refuse_to_overwrite(args.output, COMMAND.outputs, inputs)
    for source in {os.path.dirname(path) for path in [*files, *behind]}:
        refuse_unfinished_run(source)
    halves, backgrounds = read_half_maps(*files), None
    refuse_same_half_maps([half.data for half in halves], files)
    if behind:
        read_half_maps(files[0], behind[0])  # refuses another grid
        backgrounds = [volume.data for volume in read_half_maps(*behind)]
        refuse_same_half_maps(backgrounds, behind)
    whole = backgrounds or [half.data for half in halves]
    mask = read_mask_on_molecule(args.mask, whole[0] + whole[1], halves[0].voxel_size, operators)
    named = {" ".join(args.maps): files, f"--background {' '.join(args.background)}": behind}
    half_sets, notes = agreed_half_sets({name: paths for name, paths in named.items() if paths})
    run = COMMAND.open(args, settings, inputs, notes=notes)
    if half_sets is not None:
        write_half_sets(args.output, half_sets)
    results = impose_symmetry(halves, mask, backgrounds, settings, run)
    run.finish(results)
    run.progress.say(f"resolution {results['resolution_text']}")


def half_map_files(named):
    """Paths of two half maps that a user named as such or by the folder they lie in."""
    if len(named) == 1 and os.path.isdir(named[0]):
        from gmmrefine.io.mrc import half_maps_in

        return half_maps_in(named[0])
    if len(named) != 2:
        raise InputError(f"{' '.join(named)}: expected the folder of a run, or its two half maps.")
    return named
