"""Fourier shell correlation of two half maps, with a mask and its phase-randomised correction.

Writes DIR/fsc.star and prints the resolution. Without --mask the maps are compared as they are.
"""
import time

from gmmrefine.commands.options import add_output, add_settings, check_limits, values_of
from gmmrefine.errors import InputError
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
    from gmmrefine.io.mrc import read_map, read_mask
    from gmmrefine.maps.fsc import gold_standard_fsc
    from gmmrefine.pipelines.reconstruct import write_fsc
    from gmmrefine.pipelines.run_record import write_run_record

    started = time.time()
    check_limits(args, _SETTINGS)
    a, b = read_map(args.map_a), read_map(args.map_b)
    if a.data.shape != b.data.shape:
        raise InputError(
            f"{args.map_b} is {len(b.data)}³ but {args.map_a} is {len(a.data)}³; half maps must match. Use maps of one "
            "run.")
    if abs(a.voxel_size - b.voxel_size) > 1e-3 * a.voxel_size:
        raise InputError(
            f"{args.map_b} has voxels of {b.voxel_size:g} Å but {args.map_a} of {a.voxel_size:g} Å; half maps must "
            "match. Correct the header or use maps of one run.")
    mask = read_mask(args.mask, len(a.data), a.voxel_size) if args.mask else None
    curve = gold_standard_fsc(a.data, b.data, mask, a.voxel_size, args.seed)
    write_fsc(f"{args.output}/fsc.star", curve)
    text = curve.resolution_text(args.fsc_threshold)
    results = {"resolution": curve.resolution(args.fsc_threshold), "resolution_text": text}
    write_run_record(
        args.output, "fsc", values_of(args, _SETTINGS), results, [args.map_a, args.map_b, args.mask], started)
    print(f"resolution {text}")
