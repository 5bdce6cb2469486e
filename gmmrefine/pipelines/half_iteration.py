"""One half set through one iteration: its map to a GMM, its poses against the GMM, its images to a new map."""
import os
from dataclasses import dataclass

import numpy as np

from gmmrefine.alignment.adam import AdamRefiner
from gmmrefine.alignment.fisher import LOWEST_RING, FisherRefiner, march
from gmmrefine.alignment.frame import anchored
from gmmrefine.alignment.prior import PosePrior
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.fourier.shells import smooth_curve
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.gmm.project import ExactProjector, SliceProjector
from gmmrefine.io.atomic import atomic_path
from gmmrefine.io.curves import read_curves, write_curves
from gmmrefine.io.gmm_file import write_gmm
from gmmrefine.io.mrc import read_map, write_map
from gmmrefine.particles.images import ImageReader
from gmmrefine.pipelines.build import gmm_of_map
from gmmrefine.pipelines.reconstruct import half_map

_SMALLEST_FIT_WEIGHT = 0.05
_SAMPLING = 2  # first number of the random streams of this file; the seeds of Gaussians have another


@dataclass(frozen=True)
class HalfState:
    """One half set at the end of an iteration.

    Parameters
    ----------
    particles : ParticleSet
        At their present poses.
    volume : (Z, Y, X) float32
        Their unfiltered map.
    pose_error : (N, 2) float
        Expected error of rotation (rms angle, degrees) and shift (rms length, Å); 0 where none was estimated.
    """

    particles: object
    volume: np.ndarray
    pose_error: np.ndarray


@dataclass(frozen=True)
class Shared:
    """All that a half iteration is told about the other half: the FSC and the mask.

    Parameters
    ----------
    fsc : (S,) float
        Corrected gold-standard FSC of the maps before the iteration.
    mask : (Z, Y, X) float
    radius : int
        Shell up to which signal is used.
    """

    fsc: np.ndarray
    mask: np.ndarray
    radius: int


def improve_half(start, state, shared, iteration, number, settings, run, progress):
    """Refine one half set, or load what an interrupted run had already finished.

    Parameters
    ----------
    start : ParticleSet
        The half at the poses the run began with; centre of the prior and anchor of the frame.
    state : HalfState
        The half after the previous iteration.
    shared : Shared
    iteration, number : int
        Iteration, and 1 or 2 for the half.
    settings : object
        ``settings.REFINE`` and computing settings.
    run : RunRecord
    progress : Progress

    Returns
    -------
    HalfState
    """
    folder = run.path("iterations", f"{iteration:02d}")
    done = load_half(folder, start, number)
    if done is not None:
        return done
    where = {"iteration": iteration, "half": number}
    ring = np.arange(shared.radius + 1)
    weights = np.where(ring >= LOWEST_RING, np.maximum(shared.fsc[ring], _SMALLEST_FIT_WEIGHT), 0)
    pixel_size = start.pixel_size
    gmm, gmm_fsc = gmm_of_map(state.volume, shared.mask, pixel_size, weights, settings, progress, **where)
    reliability = reference_reliability(shared.fsc[ring], gmm_fsc)
    rotations, shifts, pose_error = refine_poses(gmm, reliability, start, state.particles, settings, progress, where)
    rotations, shifts = anchored(
        rotations, shifts, start.rotations, start.shifts, point_group(settings.symmetry))
    particles = state.particles.with_poses(rotations, shifts)
    volume = half_map(particles, number, settings, progress, iteration=iteration)
    result = HalfState(particles, volume, pose_error)
    write_gmm(os.path.join(folder, f"gmm_half_{number}.star"), gmm)
    frequency = ring / (start.box_size * pixel_size)
    write_curves(os.path.join(folder, f"gmm_fsc_half_{number}.star"), {"gmmFrequency": frequency, "gmmFsc": gmm_fsc})
    save_half(folder, result, number)
    return result


def reference_reliability(fsc, gmm_fsc):
    """Part of a GMM (S,) that is signal rather than noise of its own half set, by ring.

    With T the signal in the half map and N its noise, FSC = T/(T+N). A GMM that holds the signal and a part νN of the noise
    correlates with the map by ρ² = (T+νN)/(T+N), so that its share of signal is T/(T+νN) = FSC/ρ².

    Parameters
    ----------
    fsc : (S,) float
        Gold-standard FSC of the half maps.
    gmm_fsc : (S,) float
        Correlation ρ of the GMM with its own half map.
    """
    ratio = np.clip(smooth_curve(fsc), 0, 1) / np.maximum(smooth_curve(gmm_fsc), 0.1) ** 2
    return np.clip(ratio, 0, 1)


def refine_poses(gmm, reliability, start, particles, settings, progress, where):
    """Poses of one half set against its GMM.

    Returns
    -------
    tuple
        rotations (N, 3, 3), shifts (N, 2) in Å, expected errors (N, 2) in degrees and Å.
    """
    radius = len(reliability) - 1
    disc = half_disc(start.box_size, min(radius + 3, start.box_size // 2 - 1))
    reader = ImageReader(particles, disc, settings.invert_contrast)
    with progress.step("refine poses", len(particles), **where) as report:
        if settings.optimizer == "adam":
            projector = ExactProjector(gmm, disc.up_to(radius), start.pixel_size)
            reader = ImageReader(particles, projector.disc, settings.invert_contrast)
            refiner = AdamRefiner(projector, reader, settings.batch_size, settings.adam_steps, settings.learning_rate)
            return (*refiner.refine(particles.rotations, particles.shifts, report), np.zeros((len(particles), 2)))
        make_projector = {"slice": SliceProjector, "exact": ExactProjector}[settings.projector]
        padded = np.pad(reliability, (0, disc.radius - radius))
        stages = march(radius, [float(text) for text in settings.march.split()])
        refiner = FisherRefiner(
            make_projector(gmm, disc, start.pixel_size), reader, padded, stages, settings.batch_size, _given_prior(settings))
        rng = np.random.default_rng([_SAMPLING, settings.seed, *where.values()])
        result = refiner.refine(start.rotations, start.shifts, particles, rng, report)
    progress.event(
        step="prior", **where, rotation_rms_deg=round(refiner.prior.rotation_rms_deg, 3),
        shift_rms=round(refiner.prior.shift_rms, 3))
    return result


def _given_prior(settings):
    if settings.prior_rotation and settings.prior_shift:
        return PosePrior.from_rms(settings.prior_rotation, settings.prior_shift)
    return None


def save_half(folder, state, number):
    """Write map and poses of a half; the poses come last and mark it as finished."""
    write_map(os.path.join(folder, f"half_map_{number}.mrc"), state.volume, state.particles.pixel_size)
    with atomic_path(_poses_path(folder, number)) as temporary, open(temporary, "wb") as file:
        np.savez(
            file, rotations=state.particles.rotations, shifts=state.particles.shifts, pose_error=state.pose_error)


def load_half(folder, particles, number):
    """The finished half of an iteration, or None."""
    if not os.path.exists(_poses_path(folder, number)):
        return None
    with np.load(_poses_path(folder, number), allow_pickle=False) as poses:
        moved = particles.with_poses(poses["rotations"], poses["shifts"])
        return HalfState(moved, read_map(os.path.join(folder, f"half_map_{number}.mrc")).data, poses["pose_error"])


def read_gmm_fsc(folder, number):
    """Frequency and FSC (S,) of a half's GMM against its own map in an iteration's folder."""
    curves = read_curves(os.path.join(folder, f"gmm_fsc_half_{number}.star"))
    return curves["gmmFrequency"], curves["gmmFsc"]


def _poses_path(folder, number):
    return os.path.join(folder, f"poses_half_{number}.npz")
