"""Local resolution of two half maps, with what it is measured in."""

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.figures.maps import write_overlay_figure
from gmmrefine.fourier.shells import resolution_of_shell
from gmmrefine.io.mrc import write_map
from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.local_resolution import band_centers, local_resolution
from gmmrefine.maps.mask import widened
from gmmrefine.pipelines.half_map_inputs import believed_fsc
from gmmrefine.pipelines.map_inputs import read_or_make_mask

_INSIDE = 0.5  # of the mask, for statistics
_SMALLEST_BOX = 24
_FEWEST_BANDS = 2
_WINDOW_VOLUME = (2 * np.sqrt(np.pi)) ** 3  # of a Gaussian of standard deviation 1: as many samples as a box of that volume has
_WIDER_BY = (3, 6, 10, 15, 22)  # px


def measure_local_resolution(halves, found, settings, run):
    """Measure the resolution around every voxel and write it as a map and a figure.

    Parameters
    ----------
    halves : pair of Volume
        Half maps.
    found : Findings
        What was noticed about them.
    settings : LocalResolutionSettings
    run : Run

    Returns
    -------
    dict
        Results for run.json.
    """
    maps, pixel_size = [half.data for half in halves], halves[0].voxel_size
    mean = 0.5 * (maps[0] + maps[1])
    mask = read_or_make_mask(mean, pixel_size, settings)
    wider, curve, notes = believed_fsc(maps, mask, pixel_size, settings, found)
    whole = curve.resolution(settings.fsc_threshold)
    mask, more = _wide_enough(mask if wider is None else wider, whole, pixel_size, settings)
    for note in found.notes + notes + more:
        run.progress.note(note, note)
    if found.end is not None and len(band_centers(len(mask), found.end)) < _FEWEST_BANDS:
        held = resolution_of_shell(found.end, len(mask), pixel_size)
        raise InputError(
            f"the half maps hold nothing beyond {held:.1f} Å, which leaves too few shells to "
            "compare locally. Give the unfiltered half maps."
        )
    with run.progress.step("local resolution", len(band_centers(len(mask), found.end)), unit="bands") as report:
        resolution = local_resolution(
            *maps,
            mask,
            pixel_size,
            window=settings.local_window,
            threshold=settings.fsc_threshold,
            report=report,
            end=found.end,
        )
    shown = low_pass(mean, len(mean) * pixel_size / (whole or settings.mask_resolution))
    write_map(run.path("local_resolution.mrc"), resolution, pixel_size, halves[0].origin)
    write_map(run.path("mask.mrc"), mask, pixel_size, halves[0].origin)
    results = statistics(resolution[mask > _INSIDE], len(mask), pixel_size, found.end)
    write_overlay_figure(
        run.path("figures", "local_resolution.png"),
        f"local resolution, median {results['median']:.2f} Å",
        shown,
        resolution,
        pixel_size,
        unit="local resolution (Å)",
    )
    return {"resolution": whole, "resolution_text": curve.resolution_text(settings.fsc_threshold), **results}


def _wide_enough(mask, resolution, pixel_size, settings):
    """The mask (Z, Y, X), or one wide enough to hold a window of the resolution in Å, and what to say of it, list of str."""
    needed = _WINDOW_VOLUME * (settings.local_window * (resolution or settings.mask_resolution)) ** 3
    volume = float(mask.sum()) * pixel_size**3
    if volume >= needed:
        return mask, []
    for pixels in _WIDER_BY:
        wider = widened(mask, pixels)
        if wider.sum() * pixel_size**3 >= needed:
            break
    return wider, [
        f"the mask holds {volume:.0f} Å³ but one window in which half maps are compared {needed:.0f} Å³: it was made "
        f"{pixels} px wider for this measurement (mask.mrc)"
    ]


def statistics(values, box_size, pixel_size, end=None):
    """Quartiles in Å of local resolutions (M,), and the shares at the ends of what can be measured."""
    low, median, high = (float(value) for value in np.percentile(values, (25, 50, 75)))
    coarsest = box_size * pixel_size / band_centers(box_size)[0]
    finest = resolution_of_shell(end or box_size / 2, box_size, pixel_size)
    return {
        "median": median,
        "quartiles": [low, median, high],
        "share_at_nyquist": float(np.mean(values < 2 * pixel_size * 1.001)),
        "finest_measured": finest,
        "share_unresolved": float(np.mean(values > coarsest * 0.999)),
        "coarsest_measured": coarsest,
    }


def refuse_small_boxes(halves, paths):
    """Refuse half maps whose box has too few shells."""
    if len(halves[0].data) < _SMALLEST_BOX:
        raise InputError(
            f"{paths[0]} is {len(halves[0].data)}³; expected a box of {_SMALLEST_BOX} or more, as smaller ones have too few "
            "shells to compare locally. Give the whole half maps."
        )
