"""Patches found in the data: regions that move rigidly together between the global and the focused poses."""
import numpy as np

from gmmrefine.alignment.fisher import Pose
from gmmrefine.alignment.refiner import WIDE_PRIOR, refine_poses
from gmmrefine.alignment.rigid_regions import PatchMotions, affinity, evidence, regions_of
from gmmrefine.alignment.scene import Scene
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.gmm.patches import Patch, nearest_patch
from gmmrefine.io.curves import write_curves
from gmmrefine.io.patch_figures import draw_evidence
from gmmrefine.particles.images import ImageReader
from gmmrefine.pipelines.half_iteration import make_refiner
from gmmrefine.pipelines.patch_geometry import smallest_patches

_MOST_PATCHES = 16
_PARTICLES = 1000  # of each half; enough to tell what moves together
_SAMPLING = 4  # first number of the random streams of this file


def rigid_patches(halves, gmms, reliability, molecule_volume, settings, run, progress):
    """Patches whose number and shapes come from the particles, with the evidence in ``patch_evidence.star`` and ``.png``.

    The molecule is cut into many small patches and each is aligned by itself. Patches are joined into regions, and the number
    of regions is the smallest that predicts the motions of held-out patches in the other half set as well as any.

    Parameters
    ----------
    halves : list of HalfState
        At their global poses.
    gmms : list of Gmm
        One per half.
    reliability : list of (R + 1,) float
        Part of each GMM that is signal, by ring.
    molecule_volume : float
        Å³.
    settings : object
        ``settings.REFINE_PATCHES`` and computing settings.
    run : RunRecord
    progress : Progress

    Returns
    -------
    list of Patch
    """
    centers = np.concatenate([gmm.centers for gmm in gmms])
    small = smallest_patches(centers, _MOST_PATCHES, molecule_volume, settings.seed)
    count = len(small)
    if count == 1:
        progress.say("the molecule is too small for more than one patch")
        return small
    motions = [
        measured_motions(half.particles, gmm, known, small, number, settings, progress)
        for number, (half, gmm, known) in enumerate(zip(halves, gmms, reliability), 1)]
    curve, error, best = evidence(motions)
    write_curves(run.path("patch_evidence.star"), {
        "gmmPatches": np.arange(1, count + 1.0), "gmmEvidence": curve, "gmmEvidenceError": error}, block="evidence")
    draw_evidence(run.path("patch_evidence.png"), curve, error, best)
    regions = regions_of(sum(affinity(part) for part in motions), best)
    progress.say(
        f"{best} of {count} regions move apart: evidence {curve[best - 1]:.2f} per particle, of one region {curve[0]:.2f}")
    return [Patch(np.concatenate([small[member].spheres for member in members])) for members in regions]


def measured_motions(half, gmm, reliability, patches, number, settings, progress):
    """What some particles of a half set say about the pose of every patch by itself; PatchMotions."""
    rng = np.random.default_rng([_SAMPLING, settings.seed, number])
    half = half.subset(np.sort(rng.permutation(len(half))[:_PARTICLES]))
    radius = len(reliability) - 1
    disc = half_disc(half.box_size, min(radius + 3, half.box_size // 2 - 1))
    owner = nearest_patch(gmm.centers, patches)
    projectors, refiners = zip(*[
        make_refiner(gmm.subset(owner == patch), reliability, disc, half.pixel_size, settings, True, WIDE_PRIOR)
        for patch in range(len(patches))])
    scene = Scene([(projector, half.rotations, half.shifts) for projector in projectors], refiners[0].reliability)
    information = np.empty((len(patches), len(half), 5, 5), np.float32)
    expected = half.rotations, half.shifts
    with progress.step("measure motions", len(half), half=number) as report:
        results = refine_poses(
            refiners, ImageReader(half, disc, settings.invert_contrast), settings.batch_size, [expected] * len(patches), rng,
            scene=scene, report=report, information=information)
    change = np.array([Pose(expected, (rotations, shifts)).change() for rotations, shifts, _ in results])
    pull = np.einsum("pnij,pnj->pni", information + WIDE_PRIOR.precision_at(half.rotations), change)
    return PatchMotions(pull, information.astype(float), half.rotations)
