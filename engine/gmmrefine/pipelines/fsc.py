"""Fourier shell correlation of two half maps, looked at before they are believed, or of a map with a truth."""

import numpy as np

from gmmrefine.io.mrc import read_half_maps, write_map
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.pipelines.combinations import refuse_ignored
from gmmrefine.pipelines.directions import measure_directions
from gmmrefine.pipelines.half_map_inputs import believed_fsc, examined
from gmmrefine.pipelines.map_inputs import read_mask_on_molecule, read_or_make_mask
from gmmrefine.pipelines.reconstruct import write_fsc
from gmmrefine.settings import Masked, taken_as


def compare_maps(paths, settings, directory):
    """Measure and write the FSC of two maps.

    Parameters
    ----------
    paths : pair of str
    settings : FscSettings
    directory : str

    Returns
    -------
    tuple
        Results for run.json, list of str: what a reader must know.
    """
    a, b = read_half_maps(*paths)
    refuse_ignored(settings, [(bool(settings.mask), "--mask", ("make_mask",)), (settings.truth, "--truth", ("make_mask",))])
    mask = read_mask_on_molecule(settings.mask, a.data + b.data, a.voxel_size) if settings.mask else None
    if settings.make_mask:
        mask = read_or_make_mask(0.5 * (a.data + b.data), a.voxel_size, taken_as(Masked, settings))
    if settings.truth:
        curve, notes, found = gold_standard_fsc(a.data, b.data, mask, a.voxel_size, settings.seed), [], None
    else:
        found = examined((a, b), paths)
        if mask is None and found.support is not None:
            mask = found.support.astype(np.float32)
        mask, curve, notes = believed_fsc((a.data, b.data), mask, a.voxel_size, settings, found)
        notes = found.notes + notes
    write_fsc(f"{directory}/fsc.star", curve)
    if settings.make_mask and mask is not None:
        write_map(f"{directory}/mask.mrc", mask, a.voxel_size, a.origin)
    threshold = settings.fsc_threshold
    results = {"resolution": curve.resolution(threshold), "resolution_text": curve.resolution_text(threshold)}
    if found and not found.misplaced:
        results.update(measure_directions((a.data, b.data), mask, curve, threshold, f"{directory}/directions.star"))
    if notes:
        results["notes"] = notes
    return results, notes
