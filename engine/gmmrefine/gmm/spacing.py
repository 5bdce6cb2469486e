"""How close Gaussians should lie: as close as serves a map of the same molecule that they were not fitted to."""

import numpy as np

from gmmrefine.gmm.fit import MapTarget, fit_gaussians, gmm_map_fsc
from gmmrefine.gmm.render import centered_from_map
from gmmrefine.gmm.seed import automatic_count, molecule_voxels, seed_gaussians
from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.mask import molecular_volume, molecule_threshold, spherical_mask

SPACINGS = 0.95, 0.75, 0.6  # of the resolution, coarse to fine: each has twice the Gaussians of the one before
_REGION = 600.0  # Gaussians at a spacing of 0.75 in the region that is tried
_EDGE = 0.5  # of the resolution, of the region
_EVALUATIONS = 25
_LEAST_GAIN = 0.015  # of the mean correlation; below, poses of whole runs did not gain from twice the Gaussians


def held_out_agreement(maps, mask, pixel_size, shell_weights, spacing, rng):
    """Mean weighted FSC of the Gaussians of one map with the other map, in one region of the molecule.

    Parameters
    ----------
    maps : tuple of (Z, Y, X) float
        Two maps of independent images.
    mask : (Z, Y, X) float
        Of the molecule.
    pixel_size : float
        Å/px.
    shell_weights : (R + 1,) float
        Weight of each shell in fit and agreement; R is the resolution.
    spacing : float
        Of Gaussians, in units of the resolution.
    rng : numpy.random.Generator

    Returns
    -------
    float
    """
    regions, weights = _regions(maps, mask, pixel_size, shell_weights)
    transforms = [centered_from_map(region) for region in regions]
    filtered = [low_pass(region, len(weights) - 1) for region in regions]
    radius, agreements = len(weights) - 1, []
    resolution = len(regions[0]) * pixel_size / radius
    volume = np.mean([molecular_volume(region, np.ones(region.shape), pixel_size) for region in filtered])
    count = automatic_count(volume, resolution, spacing)  # one for both: a kernel is compiled for each number
    for region, transform, other in zip(filtered, transforms, transforms[::-1]):
        voxels = molecule_voxels(region, None, molecule_threshold(region))
        seeds = seed_gaussians(region, voxels, count, pixel_size, resolution, rng)
        gmm = fit_gaussians(seeds, MapTarget(transform, pixel_size, weights), _EVALUATIONS)
        fsc = gmm_map_fsc(gmm, other, pixel_size, radius) if len(gmm) else np.zeros(radius + 1)
        agreements.append(np.sum(weights * fsc) / np.sum(weights))
    return float(np.mean(agreements))


def best_spacing(maps, mask, pixel_size, shell_weights, rng):
    """The widest of ``SPACINGS`` from which a closer one gains nothing, and the agreements of those tried.

    The parameters are those of ``held_out_agreement``.

    Returns
    -------
    tuple
        Spacing in units of the resolution; agreements, list of float.
    """
    agreements = []
    for spacing in SPACINGS:
        agreements.append(held_out_agreement(maps, mask, pixel_size, shell_weights, spacing, rng))
        if len(agreements) > 1 and agreements[-1] < agreements[-2] + _LEAST_GAIN:
            return SPACINGS[len(agreements) - 2], agreements
    return SPACINGS[-1], agreements


def _regions(maps, mask, pixel_size, shell_weights):
    """The same dense region of two maps in a small box of their own (z, y, x), and the weights (R' + 1,) of its shells."""
    size, radius = len(mask), len(shell_weights) - 1
    resolution = size * pixel_size / radius
    reach = (3 / (4 * np.pi) * _REGION * (0.75 / 0.85 * resolution) ** 3) ** (1 / 3)
    reach = min(reach, 0.5 * size * pixel_size - _EDGE * resolution)
    side = min(size, 2 * int(np.ceil((reach + _EDGE * resolution) / pixel_size + 1)))
    # where most density lies within reach
    dense = low_pass((maps[0] + maps[1]) * mask, size * pixel_size / (2 * reach))
    half = side // 2
    inner = dense[(slice(half, size - half + 1),) * 3]
    corner = np.array(np.unravel_index(np.argmax(inner), inner.shape))
    window = tuple(slice(start, start + side) for start in corner)
    sphere = spherical_mask(np.zeros(3), reach, side, pixel_size, _EDGE * resolution / pixel_size)
    shells = np.arange(int(radius * side / size) + 1)
    weights = np.interp(shells * size / side, np.arange(radius + 1), shell_weights)
    return [(volume * mask)[window] * sphere for volume in maps], weights
