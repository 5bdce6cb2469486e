"""Maps with planted faults, and sound ones: what is said about each.

audit: parts of molecules erased, maps turned, mirrored and otherwise treated. halves: filtered, masked, clipped, copied half
maps. directions: distributions of views. modify: density modification with poses off, and how sure it is of each voxel.

Usage: python benchmarks/honest_maps.py [audit] [halves] [directions] [modify] [--folder DIR for the simulated data] [--seed 1]
[--quick, of audit]
"""

import os
import tempfile

from honest_maps_audit import audits
from honest_maps_directions import directions
from honest_maps_halves import halves
from honest_maps_modify import modified
from points import parser_of

POINTS = {
    "audit": lambda chosen, folder: audits(chosen.quick),
    "halves": lambda chosen, folder: halves(chosen.seed),
    "directions": lambda chosen, folder: directions(chosen.seed),
    "modify": lambda chosen, folder: modified(folder),
}


def main(chosen, folder):
    """Measure and print the tables of each point; gives the number of rows that are wrong."""
    return sum(POINTS[point](chosen, os.path.join(folder, point)) or 0 for point in chosen.points)


if __name__ == "__main__":
    parser = parser_of(__doc__.splitlines()[0], POINTS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        raise SystemExit(main(given, given.folder or scratch) > 0)
