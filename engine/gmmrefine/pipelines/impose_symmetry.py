"""A symmetric map from one asymmetric unit that was refined alone, each half set on its own."""

from gmmrefine.geometry.symmetry import point_group
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.maps.symmetry import impose
from gmmrefine.pipelines.reconstruct import write_maps
from gmmrefine.pipelines.symmetry_check import check_symmetry

# Of the union of the turned masks: one unit of n holds little more than 1/n. A mask of all units holds all, and that of a
# trimer turned by a group it does not have 0.70 (C7) to 0.86 (D3), so that a wrong group is noticed too.
_WHOLE = 0.65


def impose_symmetry(halves, mask, backgrounds, settings, run):
    """Impose a point group on two half maps by a mask-weighted average and write them with their FSC.

    Parameters
    ----------
    halves : pair of Volume
        Unfiltered, of the focused refinement.
    mask : (Z, Y, X) float
        The focus mask, 0 to 1.
    backgrounds : pair of (Z, Y, X) float or None
        Half maps of the whole molecule, of the same half sets.
    settings : object
        ``symmetry``, ``fsc_threshold`` and ``seed``.
    run : Run

    Returns
    -------
    dict
        Results for run.json.

    Raises
    ------
    InputError
        The map of the whole molecule clearly does not have the symmetry.
    """
    half_maps, pixel_size = [half.data for half in halves], halves[0].voxel_size
    with run.progress.step("impose symmetry"):
        maps, union = impose(half_maps, mask, point_group(settings.symmetry), backgrounds)
    whole = half_maps if backgrounds is None and mask.sum() > _WHOLE * union.sum() else backgrounds
    measured = _measured_symmetry(whole, pixel_size, settings, run.progress)
    curve = gold_standard_fsc(*maps, union, pixel_size, settings.seed)
    return dict(write_maps(run.path, maps, union, curve, settings, halves[0].origin), **measured)


def _measured_symmetry(whole, pixel_size, settings, progress):
    """What is known of the symmetry of half maps of the whole molecule, pair of (Z, Y, X); None where there are none."""
    if whole is not None:
        return check_symmetry(whole, settings.symmetry, pixel_size, progress)
    progress.say(
        f"note: it was not measured whether the molecule has {settings.symmetry.upper()}: the mask holds a part of it. Give "
        "half maps of the whole, refined without that symmetry, with --background"
    )
    return {"symmetry_agreement": None}
