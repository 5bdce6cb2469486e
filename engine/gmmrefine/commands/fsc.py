"""Fourier shell correlation of two half maps, with a mask and its phase-randomised correction.

Writes DIR/fsc.star and prints the resolution. Without --mask the maps are compared as they are.
"""
import time

from gmmrefine.commands.options import add_output, add_settings, check_limits, held_folder, values_of
from gmmrefine.settings import FSC_THRESHOLD, MASK, SEED

_SETTINGS = (FSC_THRESHOLD, MASK, SEED)


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("map_a", help="first half map (.mrc)")
    parser.add_argument("map_b", help="second half map (.mrc)")
    add_output(parser)
    add_settings(parser, _SETTINGS)


def run(args):
    """Compare and write."""
    from gmmrefine.io.mrc import read_half_maps
    from gmmrefine.maps.fsc import gold_standard_fsc
    from gmmrefine.pipelines.map_inputs import read_mask_on_molecule
    from gmmrefine.pipelines.reconstruct import write_fsc
    from gmmrefine.pipelines.run_record import write_run_record

    started = time.time()
    check_limits(args, _SETTINGS)
    with held_folder(args, "fsc"):
        a, b = read_half_maps(args.map_a, args.map_b)
        mask = read_mask_on_molecule(args.mask, a.data + b.data, a.voxel_size) if args.mask else None
        curve = gold_standard_fsc(a.data, b.data, mask, a.voxel_size, args.seed)
        write_fsc(f"{args.output}/fsc.star", curve)
        text = curve.resolution_text(args.fsc_threshold)
        results = {"resolution": curve.resolution(args.fsc_threshold), "resolution_text": text}
        write_run_record(
            args.output, "fsc", values_of(args, _SETTINGS), results, [args.map_a, args.map_b, args.mask], started)
    print(f"resolution {text}")
