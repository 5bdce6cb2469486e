"""Maps that are put together must come from the same half sets, or an image is compared with itself."""
from itertools import combinations
from typing import List, Mapping, Optional, Sequence, Tuple

from gmmrefine.errors import InputError
from gmmrefine.io.half_sets_file import half_sets_beside
from gmmrefine.particles.half_sets import HalfSets


def agreed_half_sets(half_maps: Mapping[str, Sequence[str]]) -> Tuple[Optional[HalfSets], List[str]]:
    """Refuse half maps of which one has an image in half 1 that another has in half 2. Images may be missing.

    Parameters
    ----------
    half_maps : dict of str to pair of str
        What the maps are, for messages, and the paths of both half maps.

    Returns
    -------
    tuple
        HalfSets of all together, or None where they are not all known; list of str with what could not be compared.

    Raises
    ------
    InputError
        The half sets differ.
    """
    found = {name: half_sets_beside(*paths) for name, paths in half_maps.items()}
    unknown = [name for name, half_sets in found.items() if half_sets is None]
    notes = []
    if unknown and len(found) > 1:
        notes.append(
            f"note: half sets unknown, as no half_sets.npz lies beside the half maps: {', '.join(unknown)}. Make sure that all "
            "parts have the same")
    known = {name: half_sets for name, half_sets in found.items() if half_sets is not None}
    for (name, half_sets), (other, others) in combinations(known.items(), 2):
        shared, crossed = half_sets.shared(others), half_sets.crossed(others)
        if crossed:
            raise InputError(
                f"{name} and {other} have different half sets: of the {shared} images that both hold, {crossed} are in half 1 "
                "of one and in half 2 of the other. Maps of both together would show a false resolution; make them from "
                "particles with the same rlnRandomSubset.")
        if not shared:
            notes.append(f"note: half sets of {name} and {other} cannot be compared: they hold no image in common")
    if unknown:
        return None, notes
    first, *rest = known.values()
    for half_sets in rest:
        first = first.joined(half_sets)
    return first, notes
