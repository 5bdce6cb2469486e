"""The command line of a benchmark of several points: those named are measured, or all."""

import argparse


def parser_of(description, points):
    """A parser of benchmarks with several points, of which those named are measured, or all; and of a folder for their data."""

    def named(text):
        if text not in points:
            raise argparse.ArgumentTypeError(f"{text}: expected {', '.join(points)}")
        return text

    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("points", nargs="*", default=list(points), type=named, metavar="POINT", help=", ".join(points))
    parser.add_argument("--folder", help="keep the simulated data there")
    return parser
