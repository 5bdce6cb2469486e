"""Does the molecule have the symmetry that was asked for? Measured on half maps made without any."""

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.geometry.rotations import rotation_vectors
from gmmrefine.geometry.symmetry import point_group, point_group_name
from gmmrefine.maps.symmetry import SymmetryMeasure

# Shares of what the half maps allow; measured in docs/method.md, "Symmetry"
ABSENT, DOUBTFUL = 0.6, 0.95
_LEAST_TO_TELL = 0.4  # mean FSC of the half maps; below, there is too little signal
_CANDIDATES = (
    "I",
    "I1",
    "I3",
    "I4",
    "O",
    "T",
    "T222",
    *(f"{kind}{order}" for order in range(12, 1, -1) for kind in (("D", "DY", "C") if order % 2 else ("D", "C"))),
)


def check_symmetry(half_maps, name, pixel_size, progress):
    """Refuse a symmetry that the maps clearly do not have, and say so where it is doubtful.

    Parameters
    ----------
    half_maps : pair of (Z, Y, X) float
        No symmetry imposed.
    name : str
        Point group.
    pixel_size : float
        Å/px.
    progress : Progress

    Returns
    -------
    dict
        For run.json: ``symmetry_agreement``, the smallest correlation of the map with its turned self as a share of that of
        the half maps; None where these agree too little to tell.

    Raises
    ------
    InputError
        The share is below 0.6.
    """
    measure, name, operators = SymmetryMeasure(half_maps, pixel_size), point_group_name(name), point_group(name)
    if measure.unturned < _LEAST_TO_TELL:
        progress.say(
            f"note: the half maps agree too little (mean FSC {measure.unturned:.2f}) to tell whether the map has {name}"
        )
        return {"symmetry_agreement": None}
    found = [measure.correlation(operator) for operator in operators[1:]]
    worst = int(np.argmin(found))
    share = found[worst] / measure.unturned
    numbers = (
        f"turned by {described(operators[1 + worst])} it correlates {found[worst]:.2f} with itself, expected "
        f"{measure.unturned:.2f} as between its half maps (mean FSC to {measure.resolution:.0f} Å)"
    )
    if share < ABSENT:
        raise InputError(f"the map does not have {name}: {numbers}. {_advice(measure, name)}")
    if share < DOUBTFUL:
        progress.say(f"note: the map has {name} only roughly: {numbers}")
    return {"symmetry_agreement": round(share, 4)}


def described(operator):
    """Angle and axis of a rotation (3, 3) in words, e.g. 120° about z."""
    vector = rotation_vectors(operator[None])[0]
    axis = vector / np.linalg.norm(vector)
    if np.abs(axis).max() > 1 - 1e-6:
        name = "xyz"[int(np.argmax(np.abs(axis)))]
    else:
        name = f"({', '.join(f'{value:.2f}' for value in axis + 0.0)})"
    return f"{np.degrees(np.linalg.norm(vector)):.0f}° about {name}"


def _advice(measure, asked):
    """Which point group the map does have, or what else may be wrong; other frames of the one asked for come first."""
    frames = [name for name in _CANDIDATES if name != asked and _kind(name) == _kind(asked)]
    for name, least in [*((name, ABSENT) for name in frames), *((name, DOUBTFUL) for name in _CANDIDATES)]:
        if all(measure.correlation(operator) >= least * measure.unturned for operator in point_group(name)[1:]):
            return f"It does have {name}; did you mean --symmetry {name}?"
    return (
        "No other point group with its main axis along z fits; leave --symmetry out, or bring the axis of the molecule to z "
        "through the box centre before this step."
    )


def _kind(name):
    """A point group without its frame: D3 for DY3, I for I1."""
    return name.replace("Y", "") if name[0] in "CD" else name[0]
