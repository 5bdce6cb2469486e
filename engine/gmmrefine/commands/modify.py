"""Density modification without a learned prior, from two half maps, with its audit.

Give unfiltered, unmasked half maps. Every band of their mean is weighted around every voxel by the signal and noise that the
half maps show there; in the solvent, flat but for noise, no signal is expected. Nothing is known of proteins, and what stands
clear of the noise outside the mask is kept.

Writes DIR/modified.mrc, beside it unmodified.mrc (the mean of the half maps up to their resolution), modified_half_1.mrc and
modified_half_2.mrc (each made from its own half map, the FSC and the mask), fsc.star (of the half maps given and of the
modified ones), modified_error.mrc (how sure every voxel is: the standard error of modified.mrc), error_model.star, mask.mrc,
figures/slices.png and figures/error_model.png. With --model the maps are
audited: DIR/audit says what became of every ligand, ion, lipid and water.

Half maps are looked at first: clipped and identical ones are refused, filtered, masked and sharpened ones are named.
"""

from gmmrefine.commands.options import Command, add_output, add_settings, settings_from
from gmmrefine.settings import ModifySettings

COMMAND = Command(
    "modify",
    (
        "modified.mrc",
        "unmodified.mrc",
        "modified_half_1.mrc",
        "modified_half_2.mrc",
        "mask.mrc",
        "modified_error.mrc",
        "fsc.star",
        "error_model.star",
        "figures/slices.png",
        "figures/error_model.png",
    ),
)


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("half_map_1", help="first half map, unfiltered (.mrc)")
    parser.add_argument("half_map_2", help="second half map, unfiltered (.mrc)")
    add_output(parser)
    parser.add_argument(
        "--model",
        default="",
        metavar="MODEL",
        help="atomic model fitted to the map (mmCIF or PDB), for the audit (default: none)",
    )
    add_settings(parser, ModifySettings)


def run(args):
    """Modify, write and audit."""
    from gmmrefine.io.atoms import read_model
    from gmmrefine.io.mrc import read_half_maps
    from gmmrefine.pipelines.half_map_inputs import examined
    from gmmrefine.pipelines.local_resolution import refuse_small_boxes
    from gmmrefine.pipelines.modify import check_modify, modify_half_maps

    settings = settings_from(args, ModifySettings)
    check_modify(settings, args.model)
    paths = args.half_map_1, args.half_map_2
    halves = read_half_maps(*paths)
    refuse_small_boxes(halves, paths)
    found = examined(halves, paths)
    atoms, left_out = read_model(args.model) if args.model else (None, None)
    run = COMMAND.open(args, settings, [*paths, args.model])
    results = modify_half_maps(halves, paths, found, atoms, left_out, args.model, settings, run)
    run.finish(results)
