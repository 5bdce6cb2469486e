"""Local resolution of two half maps, with what it is measured in."""

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.map_figures import write_overlay_figure
from gmmrefine.io.mrc import write_map
from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.maps.local_resolution import band_centers, local_resolution
from gmmrefine.pipelines.map_inputs import read_or_make_mask, refuse_constant, refuse_same_half_maps

_INSIDE = 0.5  # of the mask, for statistics
_SMALLEST_BOX = 24


def measure_local_resolution(halves, settings, run, progress):
    """Measure the resolution around every voxel and write it as a map and a figure.

    Parameters
    ----------
    halves : pair of Volume
        Unfiltered half maps.
    settings : object
        ``settings.LOCAL_RESOLUTION``.
    run : RunRecord
    progress : Progress

    Returns
    -------
    dict
        Results for run.json.
    """
    maps, pixel_size = [half.data for half in halves], halves[0].voxel_size
    mean = 0.5 * (maps[0] + maps[1])
    mask = read_or_make_mask(mean, pixel_size, settings)
    with progress.step("local resolution", len(band_centers(len(mask))), unit="bands") as report:
        resolution = local_resolution(
            *maps, mask, pixel_size, settings.local_window, settings.fsc_threshold, report)
    whole = gold_standard_fsc(*maps, mask, pixel_size, settings.seed).resolution(settings.fsc_threshold)
    shown = low_pass(mean, len(mean) * pixel_size / (whole or settings.mask_resolution))
    write_map(run.path("local_resolution.mrc"), resolution, pixel_size, halves[0].origin)
    write_map(run.path("mask.mrc"), mask, pixel_size, halves[0].origin)
    results = statistics(resolution[mask > _INSIDE], len(mask), pixel_size)
    write_overlay_figure(
        run.path("figures", "local_resolution.png"), f"local resolution, median {results['median']:.2f} Å", shown, resolution,
        pixel_size, "local resolution (Å)")
    return {"resolution": whole, **results}


def statistics(values, box_size, pixel_size):
    """Quartiles in Å of local resolutions (M,), and the shares at the ends of what can be measured."""
    low, median, high = (float(value) for value in np.percentile(values, (25, 50, 75)))
    coarsest = box_size * pixel_size / band_centers(box_size)[0]
    return {
        "median": median, "quartiles": [low, median, high],
        "share_at_nyquist": float(np.mean(values < 2 * pixel_size * 1.001)),
        "share_unresolved": float(np.mean(values > coarsest * 0.999)), "coarsest_measured": coarsest}


def refuse_unfit_half_maps(halves, paths):
    """Refuse a box with too few shells, a constant half map, and two that are the same."""
    if len(halves[0].data) < _SMALLEST_BOX:
        raise InputError(
            f"{paths[0]} is {len(halves[0].data)}³; expected a box of {_SMALLEST_BOX} or more, as smaller ones have too few "
            "shells to compare locally. Give the whole half maps.")
    for half, path in zip(halves, paths):
        refuse_constant(half, path)
    refuse_same_half_maps([half.data for half in halves], paths)
