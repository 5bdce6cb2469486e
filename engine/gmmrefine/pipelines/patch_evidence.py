"""Patches found in the data: regions that move rigidly together against the global poses."""

from collections import namedtuple

import numpy as np

from gmmrefine.alignment.fisher import LOWEST_RING
from gmmrefine.alignment.likelihood import ImageFit, weights_from_sums
from gmmrefine.alignment.motion_prior import in_molecule_frame
from gmmrefine.alignment.refiner import SAMPLE_SIZE
from gmmrefine.alignment.rigid_regions import PatchMotions, evidence
from gmmrefine.figures.patches import draw_evidence
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.patches import Patch, nearest_patch, sphere_around
from gmmrefine.io.curves import write_curves
from gmmrefine.particles.images import CHUNK, ImageReader, chunks_in
from gmmrefine.particles.symmetry import parents, shuffled
from gmmrefine.pipelines.half_iteration import PROJECTORS
from gmmrefine.pipelines.patch_geometry import smallest_patches
from gmmrefine.random_streams import stream

_MOST_PATCHES = 16
_LAYOUTS = 4  # ways to cut the molecule; where a cut runs through two bodies, what they do cannot be told
_PARTICLES = 1000  # of each half; enough to tell what moves together
_FINEST = 8.0  # Å; finer detail does not follow motions of some Å linearly


def rigid_patches(halves, gmms, reliability, molecule_volume, settings, run):
    """Patches whose number and shapes come from the particles, with the evidence in ``patch_evidence.star`` and ``.png``.

    The molecule is cut into many small patches, and the images are asked how all of them move at once. Patches are joined into
    regions, and the number of regions is the smallest whose motions make the other half set's images as probable as any. Of
    several ways to cut, the one is taken whose regions make them most probable.

    Parameters
    ----------
    halves : pair of HalfState
        At their global poses.
    gmms : pair of Gmm
    reliability : pair of (R + 1,) float
        Part of each GMM that is signal, by ring.
    molecule_volume : float
        Å³.
    settings : PatchesSettings
    run : Run

    Returns
    -------
    list of Patch
    """
    centers = np.concatenate([gmm.centers for gmm in gmms])
    layouts = [
        held_by_all(smallest_patches(centers, _MOST_PATCHES, molecule_volume, settings.seed * _LAYOUTS + layout), gmms)
        for layout in range(_LAYOUTS)
    ]
    if len(layouts[0]) == 1:
        run.progress.say("the molecule is too small for more than one patch")
        return [Patch(sphere_around(centers)[None])]
    found = [
        regions_of_layout(small, halves, gmms, reliability, layout, settings, run.progress)
        for layout, small in enumerate(layouts, 1)
    ]
    best = max(found, key=lambda one: one.curve[len(one.patches) - 1])
    write_curves(
        run.path("patch_evidence.star"),
        {"gmmPatches": np.arange(1, len(best.curve) + 1.0), "gmmEvidence": best.curve, "gmmEvidenceError": best.error},
        block="evidence",
    )
    draw_evidence(run.path("patch_evidence.png"), best.curve, best.error, len(best.patches))
    return best.patches


def held_by_all(patches, gmms):
    """The patches in each of which every half's GMM has a Gaussian; those of one left out go to its neighbours."""
    while len(patches) > 1:
        fewest = np.min([np.bincount(nearest_patch(gmm.centers, patches), minlength=len(patches)) for gmm in gmms], axis=0)
        if fewest.all():
            break
        patches = [patch for number, patch in enumerate(patches) if number != np.argmin(fewest)]
    return patches


# evidence by number of regions (R,) and its standard error (R,), list of Patch
Layout = namedtuple("Layout", "curve error patches")


def regions_of_layout(small, halves, gmms, reliability, layout, settings, progress):
    """Small patches joined into the regions that move apart, a Layout; ``layout`` is the number of this way to cut."""
    owners = [nearest_patch(gmm.centers, small) for gmm in gmms]
    shapes = [np.concatenate([gmm.centers[owner == patch] for gmm, owner in zip(gmms, owners)]) for patch in range(len(small))]
    motions = [
        measured_motions(half.particles, gmm, known, small, settings, progress)
        for half, gmm, known in zip(halves, gmms, reliability)
    ]
    with progress.step("compare patches", layout=layout):
        curve, error, regions = evidence(motions, shapes)
    count = len(regions)
    progress.say(
        f"way {layout} of {_LAYOUTS} to cut: {len(small)} patches form {count} regions that move apart: evidence "
        f"{curve[count - 1]:.2f} per particle, of one region {curve[0]:.2f}"
    )
    return Layout(curve, error, [Patch(np.concatenate([small[member].spheres for member in members])) for members in regions])


def measured_motions(half, gmm, reliability, patches, settings, progress):
    """What some particles of a half set say about the motions of all patches together; PatchMotions."""
    rng = stream("images that show rigid regions", settings.seed, half.half)
    order = shuffled(half, rng)[:_PARTICLES]
    half, sample = half.subset(np.sort(order)), np.argsort(np.argsort(order))[:SAMPLE_SIZE]
    radius = min(len(reliability) - 1, int(half.box_size * half.pixel_size / _FINEST))
    disc = half_disc(half.box_size, radius)
    reader = ImageReader(half, disc, settings.invert_contrast)
    ahead, project = chunks_in(settings.batch_size), PROJECTORS[settings.projector]
    owner = nearest_patch(gmm.centers, patches)
    parts = [project(gmm.subset(owner == patch), disc, half.pixel_size) for patch in range(len(patches))]
    whole = project(gmm, disc, half.pixel_size)

    def fit_of(batch):
        return ImageFit(batch, disc, half.pixel_size), half.rotations[batch.index], half.shifts[batch.index]

    sums = sum(
        fit.ring_sums(whole, rotations, shifts)
        for fit, rotations, shifts in map(fit_of, reader.batches(CHUNK, np.sort(sample), ahead))
    )
    weights = weights_from_sums(sums, reliability, LOWEST_RING, radius)
    found = []
    with progress.step("measure motions", len(half), half=half.half) as report:
        for batch in reader.batches(CHUNK, ahead=ahead):
            fit, rotations, shifts = fit_of(batch)
            found.append(in_molecule_frame(*fit.joint_equations(parts, weights, rotations, shifts), rotations))
            report(int(batch.index[-1]) + 1)
    pull, information = (np.concatenate(part) for part in zip(*found))
    shape = len(half), len(patches), 6
    return PatchMotions(pull.reshape(shape), information.reshape(*shape, *shape[1:]), parents(half))
