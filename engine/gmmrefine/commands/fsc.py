"""Fourier shell correlation of two half maps, with a mask and its phase-randomised correction.

Writes DIR/fsc.star, of half maps directions.star too (the resolution in cones), and prints both. Without --mask the maps are
compared as they are; --make-mask makes a mask from them (DIR/mask.mrc). Half maps are looked at first: clipped and identical
ones are refused, filtered ones give nothing finer than the filter, masked and sharpened ones are named. A mask that is too
tight is said, and the resolution is that under a wider one. With --truth a map is
compared with a truth or a model, and nothing of this applies.
"""

import time

from gmmrefine.commands.options import Command, add_output, add_settings, settings_from, values_of
from gmmrefine.settings import FSC_THRESHOLD, FscSettings

COMMAND = Command("fsc", ())
_OF_TRUTH = 0.5  # threshold where one of the maps has no noise


def add_arguments(parser):
    """Declare the options of this command."""
    parser.add_argument("map_a", help="first half map, or a map (.mrc)")
    parser.add_argument("map_b", help="second half map, or with --truth a truth or a map of a model (.mrc)")
    add_output(parser)
    add_settings(parser, FscSettings)
    parser.set_defaults(fsc_threshold=None)  # to know whether one was given


def run(args):
    """Compare and write."""
    from gmmrefine.pipelines.fsc import compare_maps
    from gmmrefine.runs.command_record import write_run_record

    started = time.time()
    if args.fsc_threshold is None:
        args.fsc_threshold = _OF_TRUTH if args.truth else FSC_THRESHOLD.default
    settings = settings_from(args, FscSettings)
    with COMMAND.held(args):
        results, notes = compare_maps((args.map_a, args.map_b), settings, args.output)
        write_run_record(
            args.output,
            COMMAND.name,
            values_of(settings),
            results,
            inputs=[args.map_a, args.map_b, settings.mask],
            started=started,
        )
    for note in notes:
        print(f"note: {note}")
    if "directions_text" in results:
        print(f"by direction: {results['directions_text']}")
    print(f"resolution {results['resolution_text']}")
