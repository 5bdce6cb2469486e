"""What both half sets are told as they are refined: the mask in which they are compared, and their FSC there."""

import os

from gmmrefine.fourier.shells import shell_of_resolution
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.io.mrc import read_mask, write_map
from gmmrefine.maps.fsc import FscCurve, gold_standard_fsc
from gmmrefine.pipelines.map_inputs import read_or_make_mask
from gmmrefine.pipelines.reconstruct import write_fsc
from gmmrefine.settings import FEWEST_SHELLS

_COARSEST_START = 25.0  # Å; with less than that there is nothing to align to


def shared_mask(halves, particles, settings, run):
    """The mask both halves use: given, made from the sum of the start maps, or taken from a pinned run.

    Parameters
    ----------
    halves : Halves of HalfState
    particles : ParticleSet
    settings : object
        ``mask``, ``mask_resolution``, ``mask_edge`` and ``symmetry``.
    run : Run

    Returns
    -------
    (Z, Y, X) float
    """
    path = run.path("mask.mrc")

    def measure():
        # a mask that lies here is only ours if this run has recorded it
        if not (run.was_told("mask", 0) and os.path.exists(path)) or run.has_lost_its_mask():
            sum_of_maps = sum(half.volume for half in halves.both())
            mask = read_or_make_mask(sum_of_maps, particles.pixel_size, settings, point_group(settings.symmetry))
            write_map(path, mask, particles.pixel_size)
        return os.path.abspath(path)

    used = run.told("mask", 0, measure)
    mask = read_mask(used, particles.box_size, particles.pixel_size)
    if used != os.path.abspath(path):
        write_map(path, mask, particles.pixel_size)
    run.seal_mask("mask.mrc")
    return mask


def shared_fsc(halves, masks, iteration, settings, run):
    """The FSC of the half maps (Halves of HalfState), or that of a pinned run."""
    told = run.told("fsc", iteration, lambda: measured_fsc(halves, masks, settings).to_lists())
    particles = halves.first.particles
    curve = FscCurve.from_lists(told, particles.box_size, particles.pixel_size)
    write_fsc(run.path("iterations", f"{iteration:02d}", "fsc.star"), curve)
    return curve


def measured_fsc(halves, masks, settings):
    """The FSC of the half maps (Halves of HalfState) under the masks."""
    maps = (half.volume for half in halves.both())
    return gold_standard_fsc(*maps, masks.fsc, halves.first.particles.pixel_size, settings.seed)


def usable_radius(curve, iteration, settings):
    """Shell up to which an iteration uses signal: the measured resolution, within the limits set."""
    box_size, pixel_size = curve.box_size, curve.pixel_size

    def shell(resolution):
        return shell_of_resolution(resolution, box_size, pixel_size)

    measured = curve.resolution(settings.fsc_threshold)
    radius = max(0 if measured is None else shell(measured), shell(_COARSEST_START), FEWEST_SHELLS)
    if iteration == 1 and settings.initial_resolution:
        radius = min(radius, shell(settings.initial_resolution))
    if settings.max_resolution:
        radius = min(radius, shell(settings.max_resolution))
    return radius
