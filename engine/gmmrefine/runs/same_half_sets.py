"""Maps that are put together must come from the same half sets, or an image is compared with itself."""

from itertools import combinations
from typing import List, Mapping, Optional, Sequence, Tuple

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.half_sets_file import half_sets_beside, half_sets_of_map
from gmmrefine.io.made_from import read_made_from
from gmmrefine.particles.half_sets import HalfSets
from gmmrefine.regular_file import FilePath


def refuse_mixed_halves(path_1: FilePath, path_2: FilePath) -> None:
    """Refuse two half maps of which one says that it was made from images that are in the other too.

    Parameters
    ----------
    path_1, path_2 : str
        Maps; those of other programs carry no mark and are believed.

    Raises
    ------
    InputError
        One is of both half sets, or both are of one, or the half sets of their two runs share images.
    """
    first, second = read_made_from(path_1), read_made_from(path_2)
    if first is None or second is None:
        return
    for path, mark in ((path_1, first), (path_2, second)):
        if mark.half == 0:
            raise InputError(
                f"{path} was made from both half sets (mark '{mark}'); its FSC with anything made from the same images would "
                "be false. Give the two half maps; to compare a map with a truth use gmmrefine fsc --truth."
            )
    sets = half_sets_of_map(path_1), half_sets_of_map(path_2)
    same = first.half == second.half
    shared = same
    if sets[0] is not None and sets[1] is not None:
        one, other = ((each.first, each.second)[mark.half - 1] for each, mark in ((sets[0], first), (sets[1], second)))
        shared = len(np.intersect1d(one, other, assume_unique=True)) > 0
    if shared:
        why = f"both are of half {first.half}" if same else "they are of runs with different half sets"
        raise InputError(
            f"{path_1} and {path_2} share images: {why} (marks '{first}' and '{second}'). Their FSC would be false. Give "
            "half map 1 and half map 2 of one run."
        )


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
    for paths in half_maps.values():
        refuse_mixed_halves(*paths)
    found = {name: half_sets_beside(*paths) for name, paths in half_maps.items()}
    unknown = [name for name, half_sets in found.items() if half_sets is None]
    notes = []
    if unknown and len(found) > 1:
        notes.append(
            f"note: half sets unknown, as no half_sets.npz lies beside the half maps: {', '.join(unknown)}. Make sure that all "
            "parts have the same"
        )
    known = {name: half_sets for name, half_sets in found.items() if half_sets is not None}
    for (name, half_sets), (other, others) in combinations(known.items(), 2):
        shared, crossed = half_sets.shared(others), half_sets.crossed(others)
        if crossed:
            raise InputError(
                f"{name} and {other} have different half sets: of the {shared} images that both hold, {crossed} are in half 1 "
                "of one and in half 2 of the other. Maps of both together would show a false resolution; make them from "
                "particles with the same rlnRandomSubset."
            )
        if not shared:
            notes.append(f"note: half sets of {name} and {other} cannot be compared: they hold no image in common")
    if unknown:
        return None, notes
    first, *rest = known.values()
    for half_sets in rest:
        first = first.joined(half_sets)
    return first, notes
