"""Fourier shell correlation of two half maps, looked at before they are believed, or of a map with a truth."""
import numpy as np

from gmmrefine.io.mrc import read_half_maps
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.pipelines.directions import measure_directions
from gmmrefine.pipelines.half_map_inputs import believed_fsc, examined
from gmmrefine.pipelines.map_inputs import read_mask_on_molecule
from gmmrefine.pipelines.reconstruct import write_fsc


def compare_maps(paths, settings, directory):
    """Measure and write the FSC of two maps.

    Parameters
    ----------
    paths : pair of str
    settings : object
        ``settings.FSC_THRESHOLD, MASK, SEED, TRUTH``.
    directory : str

    Returns
    -------
    tuple
        Results for run.json, list of str: what a reader must know.
    """
    a, b = read_half_maps(*paths)
    mask = read_mask_on_molecule(settings.mask, a.data + b.data, a.voxel_size) if settings.mask else None
    if settings.truth:
        curve, notes, found = gold_standard_fsc(a.data, b.data, mask, a.voxel_size, settings.seed), [], None
    else:
        found = examined((a, b), paths)
        if mask is None and found.support is not None:
            mask = found.support.astype(np.float32)
        mask, curve, notes = believed_fsc((a.data, b.data), mask, a.voxel_size, settings, found)
        notes = found.notes + notes
    write_fsc(f"{directory}/fsc.star", curve)
    threshold = settings.fsc_threshold
    results = {"resolution": curve.resolution(threshold), "resolution_text": curve.resolution_text(threshold)}
    if found and not found.misplaced:
        results.update(measure_directions((a.data, b.data), mask, curve, threshold, f"{directory}/directions.star"))
    if notes:
        results["notes"] = notes
    return results, notes

