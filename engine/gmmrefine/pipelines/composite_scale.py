"""The parts of a composite brought to one grey scale and contrast before they are joined, or refused."""

from dataclasses import replace

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.fourier.grey import grey_scale
from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.fsc import shell_correlation
from gmmrefine.maps.overlap_scale import common_scales, overlap_scale

_LEAST_OVERLAP = 50.0  # voxels of both masks together
_AGREE = 0.5  # FSC up to which maps are compared
_FEWEST_SHELLS = 4
_MOST_APART = 3.0  # times; density of parts that share no place


def measured_scales(focused, background):
    """Scale and level that bring the parts of a composite, and its background, to one grey scale.

    Parameters
    ----------
    focused : list of FocusedMap
    background : pair of (Z, Y, X) float or None
        Half maps.

    Returns
    -------
    (M, 2) float or None
        None where all are on one scale already, within what their noise leaves open: such maps are not touched.

    Raises
    ------
    InputError
        The scale of a part cannot be told and is clearly another, or overlaps contradict each other.
    """
    halves, weights, names = _all_maps(focused, background)
    radius = _radius(halves, weights)
    halves = [[low_pass(half, radius) for half in pair] for pair in halves]
    pairs = _pairs(halves, weights, radius)
    known = {key: (found, weight) for key, (found, weight) in pairs.items() if found.is_known}
    scales, consistent = common_scales(len(halves), known)
    if not consistent:
        raise InputError(
            "the overlaps of the parts contradict each other about which have the contrast the other way round; expected parts "
            "of one molecule. Give parts whose contrast is the same."
        )
    _refuse_apart(names, halves, weights, scales, radius)
    if all(found.is_one for found, _ in known.values()):
        return None
    return _bright(halves, weights, np.where(np.isnan(scales), [1.0, 0.0], scales))


def on_one_scale(parts, run):
    """Parts with their measured scales applied, those scales by map, and what to say.

    Parameters
    ----------
    parts : Parts
    run : Run
        Keeps scales that were applied as an exchange: one scale and level per map, the same for both halves.

    Returns
    -------
    tuple
        Parts, list of [scale, level], list of str.
    """
    halves, _, names = _all_maps(parts.focused, parts.background)
    if parts.scales is None:
        if run.was_told("grey_scales", 0):  # for a composite that this one replaces
            run.withdraw("grey_scales")
        return parts, [[1.0, 0.0]] * len(halves), []
    scales = run.told("grey_scales", 0, parts.scales.tolist)
    halves = [[(scale * half + level).astype(np.float32) for half in pair] for pair, (scale, level) in zip(halves, scales)]
    focused = [replace(part, halves=pair) for part, pair in zip(parts.focused, halves)]
    background = None if parts.background is None else halves[-1]
    notes = [_note(name, *each) for name, each in zip(names, scales) if each != [1.0, 0.0]]
    return replace(parts, focused=focused, background=background), scales, notes


def _all_maps(focused, background):
    """Half maps, weights (Z, Y, X) and names of the parts and the background."""
    halves, weights, names = zip(*((part.halves, part.mask, part.name) for part in focused))
    if background is None:
        return list(halves), list(weights), list(names)
    return [*halves, background], [*weights, np.ones_like(weights[0])], [*names, "the background"]


def _note(name, scale, level):
    inverted = "its contrast was the other way round; " if scale < 0 else ""
    return f"note: {name} has another grey scale, found where the maps overlap: {inverted}multiplied by {scale:.4g}" + (
        f", {level:+.3g}" if level else ""
    )


def _radius(halves, weights):
    """Shell up to which all maps are clear."""
    last = []
    for pair, weight in zip(halves, weights):
        scale = grey_scale(*pair)
        fsc = shell_correlation(*(half / scale * weight for half in pair))
        below = np.flatnonzero(fsc[1 : len(weight) // 2] < _AGREE)
        last.append(below[0] if len(below) else len(weight) // 2 - 1)
    return max(_FEWEST_SHELLS, min(last))


def _pairs(halves, weights, radius):
    """OverlapScale and weight of all pairs of maps that overlap, by their numbers."""
    found = {}
    for first in range(len(halves)):
        for second in range(first + 1, len(halves)):
            shared = weights[first] * weights[second]
            if shared.sum() >= _LEAST_OVERLAP:
                found[first, second] = overlap_scale(halves[first], halves[second], shared, radius), float(shared.sum())
    return found


def _refuse_apart(names, halves, weights, scales, radius):
    """Refuse maps whose scale nothing tells, where their density is clearly of another scale than the first's."""
    alone = [overlap_scale(pair, pair, weight, radius) for pair, weight in zip(halves, weights)]
    for number in np.flatnonzero(np.isnan(scales[:, 0])):
        if not (alone[0].is_known and alone[number].is_known):  # nothing but noise
            continue
        ratio = alone[number].deviation / alone[0].deviation
        if not 1 / _MOST_APART < ratio < _MOST_APART:
            raise InputError(
                f"{names[number]} has {ratio:.3g} times the density of {names[0]}, and they show no common density from which "
                "the grey scale could be found; expected maps of one scale. Give the map of the whole with --background, or "
                "bring them to one scale."
            )


def _bright(halves, weights, scales):
    """Scales (M, 2) of maps, turned over where the first is dark and others are not.

    A molecule is bright where the density inside the masks leans to high values.
    """
    if (scales[:, 0] > 0).all():
        return scales
    mean = (halves[0][0] + halves[0][1]).astype(float)
    centred = mean - np.median(mean)
    dark = np.average(centred, weights=weights[0]) < 0
    return -scales if dark else scales
