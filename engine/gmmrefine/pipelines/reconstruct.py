"""Half maps and their gold-standard FSC from particles at their present poses."""

from functools import partial

import numpy as np

from gmmrefine.backend import overlapped
from gmmrefine.fourier.shells import shell_of_resolution
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.io.curves import write_curves
from gmmrefine.io.mrc import write_map
from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.fsc import gold_standard_fsc
from gmmrefine.maps.reconstruct import FourierGrid
from gmmrefine.particles.image_survey import ImageSurvey
from gmmrefine.particles.images import CHUNK, ImageReader, chunks_in
from gmmrefine.particles.particle_set import split_half_sets
from gmmrefine.pipelines.contrast_check import refuse_dark
from gmmrefine.pipelines.directions import measure_directions
from gmmrefine.pipelines.map_inputs import read_or_make_mask
from gmmrefine.pipelines.odd_images import tell_of_images
from gmmrefine.pipelines.symmetry_check import check_symmetry
from gmmrefine.threads import thread_count

_FEWEST_SHELLS = 4  # left in a map whose halves agree nowhere
_MOST_IMAGES_CHECKED = 5000  # of each half: enough for the coarse maps whose symmetry is measured


def reconstruct(particles, settings, run):
    """Reconstruct both half sets and measure their agreement.

    Parameters
    ----------
    particles : ParticleSet
    settings : ReconstructSettings
    run : Run

    Returns
    -------
    dict
        Results for run.json.
    """
    halves = split_half_sets(particles)
    symmetry = symmetry_agreement(halves, settings, run.progress)
    volumes = halves.map(lambda half: start_map(half, settings, run))
    refuse_dark(volumes, particles, settings, run)
    maps = volumes.both()
    mask = read_or_make_mask(maps[0] + maps[1], particles.pixel_size, settings, point_group(settings.symmetry))
    curve = gold_standard_fsc(*maps, mask, particles.pixel_size, settings.seed)
    views = particles.rotations, point_group(settings.symmetry)
    directions = measure_directions(maps, mask, curve, settings.fsc_threshold, run.path("directions.star"), views)
    return dict(write_maps(run.path, maps, mask, curve, settings), **symmetry, **directions)


def symmetry_agreement(halves, settings, progress):
    """How well the map at the present poses has its symmetry, for run.json; refused where it does not. Empty for C1."""
    if len(point_group(settings.symmetry)) == 1:
        return {}

    def map_without(half):
        some = half.subset(np.arange(0, len(half), 1 + (len(half) - 1) // _MOST_IMAGES_CHECKED))
        return half_map(some, settings, progress, "C1", symmetry="C1")

    return check_symmetry(halves.map(map_without).both(), settings.symmetry, halves.first.pixel_size, progress)


def start_map(half, settings, run, **where):
    """The unfiltered map (Z, Y, X) of one half set whose images are read for the first time, and looked at."""
    survey = ImageSurvey(len(half))
    volume = half_map(half, settings, run.progress, survey=survey, **where)
    tell_of_images(survey, half, run)
    return volume


def half_map(half, settings, progress, group=None, survey=None, **where):
    """The unfiltered map (Z, Y, X) of one half set, with the symmetry of the settings or another point group."""
    (volume,) = half_maps([half], settings, progress, group, survey, **where)
    return volume


def half_maps(sets, settings, progress, group=None, survey=None, **where):
    """Unfiltered maps (Z, Y, X) of the same images of one half set at several sets of poses; every image is read once.

    ``survey``, an ImageSurvey, looks at the images as they are read.
    """
    grids = [FourierGrid(half.box_size, point_group(group or settings.symmetry)) for half in sets]
    reader = ImageReader(sets[0], grids[0].disc, settings.invert_contrast, survey)
    insert = partial(_insert, by_scale=settings.weight_by_scale)
    with progress.step("reconstruct", len(sets[0]), half=sets[0].half, **where) as report:
        done = 0
        for batch in reader.batches_in_place(CHUNK, chunks_in(settings.batch_size)):
            if len(grids) == 1:
                insert(batch, (grids[0], sets[0]), threads=thread_count())
            else:
                list(overlapped(partial(insert, batch), zip(grids, sets)))
            done += len(batch.index)
            report(done)
    return [grid.map() for grid in grids]


def _insert(batch, grid_and_half, by_scale, threads=1):
    grid, half = grid_and_half
    blur = None if half.blur is None else half.blur[batch.index] / half.pixel_size**2
    grid.insert(
        batch,
        half.rotations[batch.index],
        half.shifts[batch.index] / half.pixel_size,
        by_scale=by_scale,
        blur_px2=blur,
        threads=threads,
    )


def write_maps(path, maps, mask, curve, settings, origin=(0.0, 0.0, 0.0)):
    """Write half maps, the map at its resolution, mask and FSC where ``path(name)`` says; gives the results for run.json."""
    pixel_size, box_size = curve.pixel_size, curve.box_size
    resolution = curve.resolution(settings.fsc_threshold)
    for number, half in enumerate(maps, 1):
        write_map(path(f"half_map_{number}.mrc"), half, pixel_size, origin)
    radius = _FEWEST_SHELLS if resolution is None else shell_of_resolution(resolution, box_size, pixel_size)
    write_map(path("map.mrc"), low_pass(0.5 * (maps[0] + maps[1]), radius), pixel_size, origin)
    write_map(path("mask.mrc"), mask, pixel_size, origin)
    write_fsc(path("fsc.star"), curve)
    return {"resolution": resolution, "resolution_text": curve.resolution_text(settings.fsc_threshold)}


def write_fsc(path, curve):
    """Write an FscCurve as STAR."""
    write_curves(
        path,
        {
            "gmmFrequency": curve.frequency,
            "gmmFsc": curve.fsc,
            "gmmFscUnmasked": curve.unmasked,
            "gmmFscMasked": curve.masked,
            "gmmFscRandomised": curve.randomised,
        },
    )


def mean_correlation(curve):
    """Mean of the corrected FSC up to Nyquist, a figure that moves before the resolution does."""
    return float(np.mean(np.clip(curve.fsc[1:], 0, 1)))
