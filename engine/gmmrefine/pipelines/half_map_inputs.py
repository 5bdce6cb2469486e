"""Half maps that a user gives, looked at before they are believed, and the FSC that may be believed of them."""

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.maps.fsc import LOOSE_ENOUGH, gold_standard_fsc
from gmmrefine.maps.mask import widened
from gmmrefine.pipelines.map_inputs import refuse_constant
from gmmrefine.runs.same_half_sets import refuse_mixed_halves
from gmmrefine.validation.half_maps import examine_half_maps

_WIDER_BY = (3, 6, 10, 15, 22, 30)  # px
_HARD = 0.02  # of the voxels of a mask, at which it jumps
_MUCH_FINER = 1.25  # times finer; a mask that fits a molecule gains less
_FULL = 0.7  # of the box; a mask of more is none


def examined(halves, paths):
    """What is noticed about two half maps.

    Parameters
    ----------
    halves : pair of Volume
    paths : pair of str

    Returns
    -------
    Findings

    Raises
    ------
    InputError
        Constant, identical or clipped maps, or of opposite contrast.
    """
    for half, path in zip(halves, paths):
        refuse_constant(half, path)
    refuse_mixed_halves(*paths)
    found = examine_half_maps(*(half.data for half in halves), halves[0].voxel_size)
    if found.refusal:
        raise InputError(
            f"{paths[0]} and {paths[1]} {found.refusal}. Give the half maps of one refinement as it wrote them; to "
            "compare a map with a truth or a model use gmmrefine fsc --truth."
        )
    return found


def believed_fsc(maps, mask, pixel_size, settings, found):
    """The FSC of half maps up to where they hold something, under a mask that is not too tight.

    Parameters
    ----------
    maps : pair of (Z, Y, X) float
    mask : (Z, Y, X) float or None
    pixel_size : float
        Å/px.
    settings : object
        ``fsc_threshold, seed``.
    found : Findings

    Returns
    -------
    tuple
        The mask (Z, Y, X) used or None, FscCurve, list of str: what a reader must know.
    """

    def measured(region):
        return gold_standard_fsc(*maps, region, pixel_size, settings.seed).ended_at(found.end)

    threshold = settings.fsc_threshold
    given = measured(mask)
    leak = 0.0 if mask is None else given.randomised_at_resolution(threshold)
    if leak <= LOOSE_ENOUGH and not (mask is not None and _is_hard(mask)):
        return mask, given, []
    for pixels in _WIDER_BY:
        wider = widened(mask, pixels)
        if wider.mean() > _FULL:
            break
        curve = measured(wider)
        if leak <= LOOSE_ENOUGH and not _is_finer(given, curve, threshold):
            return mask, given, []
        if curve.randomised_at_resolution(threshold) <= LOOSE_ENOUGH:
            return wider, curve, [_too_tight(given, leak, threshold, f"a mask {pixels} px wider", curve)]
    curve = measured(None)
    if leak <= LOOSE_ENOUGH and not _is_finer(given, curve, threshold):
        return mask, given, []
    return None, curve, [_too_tight(given, leak, threshold, "no mask", curve)]


def _is_hard(mask):
    """Whether a mask (Z, Y, X) has an edge of one voxel along much of its surface, as one cut from a map has."""
    return np.count_nonzero(np.abs(np.diff(mask, axis=2)) > 0.5) > _HARD * float(mask.sum())


def _is_finer(given, wider, threshold):
    """Whether a mask gives a resolution so much finer than a wider one that it must have been cut from the maps' noise."""
    fine, coarse = given.resolution(threshold), wider.resolution(threshold)
    return fine is not None and (coarse is None or coarse > _MUCH_FINER * fine)


def _too_tight(given, leak, threshold, instead, curve):
    if leak <= LOOSE_ENOUGH:
        return (
            "the mask is too tight: its hard edge follows the noise of the maps, and it gives "
            f"{given.resolution(threshold):.2f} Å. With {instead} the resolution is "
            f"{curve.resolution_text(threshold)}; that one counts"
        )
    return (
        f"the mask is too tight: at {given.resolution(threshold):.2f} Å, which it gives, the FSC with randomised phases is "
        f"{leak:.2f} (more than {LOOSE_ENOUGH:.2f}), so the mask itself makes the halves agree. With {instead} the resolution "
        f"is {curve.resolution_text(threshold)}; that one counts"
    )
