"""All that the half sets of a run are told of one another; the list is closed.

What is not here never crosses: no map, GMM, network, pose or particle. ``Run.told`` measures, writes the value into
run.json, and replays it in a run that is pinned to an earlier one.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Exchange:
    """One kind of value that both half sets are told.

    Parameters
    ----------
    title : str
        In a report.
    crosses, resolution, why : str
        What crosses and how many numbers, up to which resolution it was measured, and what it is needed for.
    once : bool
        Decided once in a folder, and kept when the run is continued; measured anew otherwise.
    """

    title: str
    crosses: str
    resolution: str
    why: str
    once: bool = False


EXCHANGES = {
    "fsc": Exchange(
        "FSC curves of the half maps",
        "5 curves of n / 2 + 1 numbers per iteration, n the box in px: FSC without mask, with mask, of randomised phases, "
        "corrected, and the power that the halves share; of patches side by side as many for each",
        "all shells",
        "how much of each half map is signal, how far it reaches, which iteration is best, and when to stop",
    ),
    "mask": Exchange(
        "mask of the molecule",
        "the mask, from the sum of both start maps",
        "mask resolution, 15 Å by default",
        "both half maps are compared in the same region",
    ),
    "frame": Exchange(
        "frame of the molecule",
        "6 numbers per iteration, a turn and a move",
        "15 Å",
        "half maps of particles refined apart lie on one another",
    ),
    "gaussians": Exchange(
        "spacing of the Gaussians",
        "1 number of three, told again when the resolution has changed by 15 %",
        "all shells",
        "Gaussians are as close as serves the map of the other half, and no closer",
    ),
    "settled": Exchange(
        "whether poses are settled",
        "1 bit per iteration",
        "none",
        "a run goes on where poses still change by more than a fifth of their expected errors",
    ),
    "contrast": Exchange(
        "contrast of the start maps",
        "2 numbers, how much brighter than solvent each half's molecule is",
        "20 Å",
        "a run on dark molecules is refused; nothing else follows from it",
    ),
    "place": Exchange(
        "place of the maps in the frame of an atomic model",
        "3 numbers per model: one of the few places possible",
        "all shells of the start maps",
        "models, and regions named in them, lie the same in both halves",
    ),
    "patches": Exchange(
        "geometry of the patches",
        "4 numbers per sphere, some spheres per patch",
        "8 Å with --patches auto, else none: positions of Gaussians",
        "both halves are cut into the same patches",
        once=True,
    ),
    "converted": Exchange(
        "whether any particle was converted",
        "1 bit",
        "none",
        "poses of conformations that neither half prefers need no refinement",
    ),
    "axis": Exchange(
        "sign of a conformation's axis",
        "1 number, the cosine between the motions of the halves",
        "none",
        "classes of the halves that lie at the same end of a motion are joined",
    ),
    "grey_scales": Exchange(
        "grey scale and level of the parts of a composite",
        "2 numbers per part",
        "each part's resolution",
        "parts of another grey scale are brought to one, in both half maps alike",
    ),
    "smearing": Exchange(
        "pose errors that smear half maps",
        "2 numbers, degrees and Å",
        "resolution of the half maps",
        "modify undoes the smearing in both half maps alike",
    ),
    "weights": Exchange(
        "weights of the parts of a composite",
        "a map per part, smooth",
        "half as fine as the parts' resolution",
        "both half maps of a composite are averaged alike",
    ),
}
