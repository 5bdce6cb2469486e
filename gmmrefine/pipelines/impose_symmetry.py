"""A symmetric map from one asymmetric unit that was refined alone, each half set on its own."""
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.maps.symmetry import impose
from gmmrefine.pipelines.reconstruct import write_maps


def impose_symmetry(half_maps, mask, backgrounds, pixel_size, settings, run):
    """Impose a point group on two half maps by a mask-weighted average and write them with their FSC.

    Parameters
    ----------
    half_maps : pair of (Z, Y, X) float
        Unfiltered, of the focused refinement.
    mask : (Z, Y, X) float
        The focus mask, 0 to 1.
    backgrounds : pair of (Z, Y, X) float or None
        Half maps of the whole molecule, of the same half sets.
    pixel_size : float
        Å/px.
    settings : object
        ``symmetry``, ``fsc_threshold`` and ``seed``.
    run : RunRecord

    Returns
    -------
    dict
        Results for run.json.
    """
    maps, union = impose(half_maps, mask, point_group(settings.symmetry), backgrounds)
    curve = gold_standard_fsc(*maps, union, pixel_size, settings.seed)
    return write_maps(run.path, maps, union, curve, settings)
