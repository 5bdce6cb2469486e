"""Pose refinement of a half set: scale, noise and prior learned on a sample, then every batch through the march, read once."""

from functools import partial

import numpy as np

from gmmrefine.alignment.fisher import LOWEST_RING, Pose, climb
from gmmrefine.alignment.likelihood import ImageFit, ShellWeights, weights_from_sums
from gmmrefine.alignment.motion_prior import estimate_motion_prior
from gmmrefine.alignment.pose_covariance import posterior_covariance
from gmmrefine.alignment.prior import PosePrior, estimate_prior, outweighs
from gmmrefine.alignment.prior_search import HeldOutSearch, informative_radius
from gmmrefine.backend import overlapped, tf
from gmmrefine.particles.images import CHUNK, chunks_in
from gmmrefine.particles.symmetry import parents, shuffled

SAMPLE_SIZE = 256
_PART_SAMPLE_SIZE = 512  # a small part says less: by 256 images one of six moving patches of 6MSM was taken for a resting one
WIDE_PRIOR = PosePrior.from_rms(rotation_deg=12.0, shift=6.0)
_RADIUS_STEP = 2
_LEAST_RELIABLE = 1e-3  # part of a reference; rings of less are given no weight
_NARROWER = 1, 0.7, 0.5, 0.35, 0.25, 0.18, 0.125, 0.06
_PART_NARROWER = 1, 0.25, 0.03  # few: every patch is searched


class FisherRefiner:
    """Refines poses against one reference.

    Scale and noise of every stage, and the width of the prior, are learned on a sample of the half set; then any batch can be
    taken through the whole march.

    Parameters
    ----------
    projector : ExactProjector or SliceProjector
    reliability : (S,) float
        Part of the reference that is signal, by ring (1 for a reference that never saw these images).
    stages : list of Stage
    prior : PosePrior or None
        None estimates it.
    is_part : bool
        The reference is a part that moves against the rest: estimate a ``MotionPrior``.
    samples : (K,) bool, optional
        What poses may see of the images; all of them by default.
    lowest_ring : int
        Rings below are not used.
    certain : (S,) float, optional
        The least part of the reference that is signal, by ring, for errors that are not too small; as ``reliability`` by
        default.
    """

    def __init__(
        self, projector, reliability, stages, prior=None, is_part=False, samples=None, lowest_ring=LOWEST_RING, certain=None
    ):
        self.reliability = reliability
        self._certain = reliability if certain is None else np.minimum(certain, reliability[: len(certain)])
        self.stages = stages
        self.prior = prior
        self.is_part = is_part
        self._samples = samples
        self._lowest_ring = lowest_ring
        # few radii, so that few kernels are compiled; rings beyond a stage's radius get no weight
        self._projectors = [projector.for_radius(_rounded_up(stage.radius, projector.disc.radius)) for stage in stages]
        self._disc = projector.disc
        self._schedule = self._honest = None

    def learn(self, fits, poses, rng, parent):
        """Learn from a sample and take it through the march; its poses are changed.

        Parameters
        ----------
        fits : list of ImageFit
        poses : list of Pose
        rng : numpy.random.Generator
        parent : (N,) int
            The particle that each image of the sample shows.
        """
        if self.prior is None:
            self.prior = self._learn_prior(fits, [pose.copy() for pose in poses], rng, parent)
        self._schedule, _ = self._learn_schedule(fits, poses, self.prior, self._samples)
        self._honest = self._honest_weights(poses[0].rotations)

    def march(self, fit, pose):
        """Take a batch through all stages; its pose is changed. Gives ``covariance``."""
        for stage, projector, weights in zip(self.stages, self._projectors, self._schedule):
            climb(fit, projector, weights, self.prior, pose, stage.steps)
        return self.covariance(fit, pose)

    def covariance(self, fit, pose):
        """Covariance (B, 5, 5) of the errors of a batch at the end of its march, in rad and Å; see ``posterior_covariance``."""
        found = fit.score_covariance(self._projectors[-1], *self._honest, pose.rotations, pose.shifts)
        return posterior_covariance(*found, self.prior.precision_at(pose.expected_rotations))

    def strength(self, fit, pose):
        """``ImageFit.strength`` of a batch at a pose, by all that the last stage sees."""
        return fit.strength(self._projectors[-1], self._schedule[-1], pose.rotations, pose.shifts)

    def _learn_schedule(self, fits, poses, prior, samples=None):
        """Shell weights of every stage and the sample's information at the end; the sample's poses go through the march.

        ``samples`` (K,) bool restricts what the poses see of the images.
        """
        schedule = []
        for stage, projector in zip(self.stages, self._projectors):
            sums = _ring_sums(fits, projector, [(pose.rotations, pose.shifts) for pose in poses])
            weights = self._weights(sums, stage.radius, fits[0].noise).restricted_to(samples)
            step = partial(climb, projector=projector, weights=weights, prior=prior, steps=stage.steps)
            information = list(overlapped(lambda pair, step=step: step(pair[0], pose=pair[1]), zip(fits, poses)))
            schedule.append(weights)
        return schedule, information

    def _honest_weights(self, rotations):
        """The last ShellWeights with no more signal than is certain, and the noise of the reference (S,) over that of an image.

        Images that a reference was made from agree with its noise too, so that they seem to hold more of its signal. Of the
        power P of the reference, seen at rotations (B, 3, 3), the part r is signal. What is expected of an image is r times the
        reference, and its signal differs from that by the variance r (1 - r) P.
        """
        projector, weights, ring = self._projectors[-1], self._schedule[-1], self._projectors[-1].disc.ring
        real, imag = (part.numpy() for part in projector.images(tf.constant(rotations, tf.float32)))
        power = np.bincount(ring, np.mean(real**2 + imag**2, axis=0)) / np.maximum(np.bincount(ring), 1)
        rings = min(len(power), len(self._certain))
        certain = np.maximum(self._certain[:rings], _LEAST_RELIABLE)
        scale = weights.scale[:rings] * certain / np.maximum(self.reliability[:rings], _LEAST_RELIABLE)
        noise = 0.5 * weights.precision[:rings] * scale**2 * (1 / certain - 1) * power[:rings]
        beyond = (0, len(power) - rings)
        return ShellWeights(np.pad(scale, beyond), weights.precision, weights.samples), np.pad(noise, beyond)

    def _weights(self, sums, radius, noise):
        return weights_from_sums(sums, self.reliability, self._lowest_ring, radius, noise)

    def _learn_prior(self, fits, poses, rng, parent):
        """The prior under which the changes that the sample asks for are most probable.

        Where noise dominates, these changes follow the noise to wherever it fits best, and say too much; then the width is
        the smallest whose poses, found on one half of the Fourier samples, agree with the other half as well as any.
        """
        _, information = self._learn_schedule(fits, poses, WIDE_PRIOR, self._samples)
        information = np.concatenate(information)
        change = np.concatenate([pose.change() for pose in poses])
        rotations = np.concatenate([pose.expected_rotations for pose in poses])
        if self.is_part:
            prior = estimate_motion_prior(change, information, rotations, WIDE_PRIOR)
        else:
            prior = estimate_prior(change, information, WIDE_PRIOR)
        if not outweighs(prior, information, rotations):
            return prior
        seen = rng.random(len(self._disc.ring)) < 0.5
        allowed = np.ones(len(seen), bool) if self._samples is None else self._samples
        # likelihoods compare under one set of weights only, learned at poses that were not fitted to any noise
        starts = [(pose.expected_rotations, pose.expected_shifts) for pose in poses]
        sums = _ring_sums(fits, self._projectors[-1], starts)
        weights = self._weights(sums, self.stages[-1].radius, fits[0].noise)
        trials = [Pose(start, start) for start in starts]
        schedule, _ = self._learn_schedule(fits, trials, prior, seen & allowed)
        projector = self._projectors[-1].for_radius(max(self._lowest_ring + 2, informative_radius(sums, weights)))
        search = HeldOutSearch(fits, projector, (schedule[-1], weights.restricted_to(~seen & allowed)), trials, parent)
        if self.is_part:
            # turn and move of a part belong together
            return search.narrowest([prior.narrowed(factor, factor) for factor in _PART_NARROWER])
        prior = search.narrowest([prior.narrowed(rotation=factor) for factor in _NARROWER])
        return search.narrowest([prior.narrowed(shift=factor) for factor in _NARROWER])


def _ring_sums(fits, projector, poses):
    """``ImageFit.ring_sums`` of several batches together; poses are rotations and shifts of each."""
    return sum(overlapped(lambda pair: pair[0].ring_sums(projector, *pair[1]), zip(fits, poses)))


def _rounded_up(radius, limit):
    return min(limit, -(-radius // _RADIUS_STEP) * _RADIUS_STEP)


def _sample_and_others(particles, refiners, rng):
    """Which particles are learned from, (M,) int, and the others, each ascending."""
    order = shuffled(particles, rng)
    size = _PART_SAMPLE_SIZE if any(refiner.is_part for refiner in refiners) else SAMPLE_SIZE
    return np.sort(order[:size]), np.sort(order[size:])


def refine_poses(
    refiners, reader, batch_size, expected, rng, current=None, scene=None, report=lambda done: None, strengths=None
):
    """New poses of a half set against one reference or several, every image read once.

    Parameters
    ----------
    refiners : list of FisherRefiner
        One for each reference.
    reader : ImageReader
        Of the half set, on the disc of the projectors, or of the scene where that has windows.
    batch_size : int
        Images that may be read in advance.
    expected : list of tuple
        For each reference rotations (N, 3, 3) and shifts (N, 2) in Å about which the prior is centred; as windows show them,
        where the scene has any. So are the results.
    rng : numpy.random.Generator
    current : list of tuple, optional
        The same of the poses to begin with; the expected ones by default.
    scene : Scene, optional
        Bodies the molecule is made of, the first ones those of the references: each reference is held against images from
        which the other bodies were taken.
    report : callable
        Called with the number of particles done.
    strengths : Strengths, optional
        Filled with what images at the new poses say about their signals against the first reference.

    Returns
    -------
    list of tuple
        For each reference rotations (N, 3, 3), shifts (N, 2) in Å, and the covariances of their errors (N, 5, 5) in rad and Å.
    """
    count, ahead = len(reader.particles), chunks_in(batch_size)
    sample, others = _sample_and_others(reader.particles, refiners, rng)
    results = [(np.empty((count, 3, 3)), np.empty((count, 2)), np.empty((count, 5, 5))) for _ in refiners]

    def fit_of(batch):
        return ImageFit(batch, reader.disc, reader.particles.pixel_size)

    def parts_of(fit, index, with_power=True):
        return [fit] * len(refiners) if scene is None else scene.parts(fit, index, len(refiners), with_power)

    def pose_of(number, index):
        return Pose(*([part[index] for part in poses[number]] for poses in (expected, current or expected)))

    def keep(number, index, pose, covariance):
        for kept, new in zip(results[number], (pose.rotations, pose.shifts, covariance)):
            kept[index] = new

    batches, parent = list(reader.batches(CHUNK, sample, ahead)), parents(reader.particles)[sample]
    fits, indices = [fit_of(batch) for batch in batches], [batch.index for batch in batches]
    if scene is not None:
        scene.learn(fits, indices)
    seen = list(overlapped(lambda pair: parts_of(*pair), zip(fits, indices)))
    for number, refiner in enumerate(refiners):
        poses = [pose_of(number, index) for index in indices]
        own = [parts[number] for parts in seen]
        refiner.learn(own, poses, rng, parent)
        for part in zip(indices, poses, overlapped(lambda pair, of=refiner: of.covariance(*pair), zip(own, poses))):
            keep(number, *part)
        if strengths is not None and number == 0:
            list(overlapped(lambda batch: strengths.add(batch[0], *refiners[0].strength(*batch[1:])), zip(indices, own, poses)))
    report(len(sample))

    def whole_march(batch):
        poses = [pose_of(number, batch.index) for number in range(len(refiners))]
        parts = parts_of(fit_of(batch), batch.index, with_power=False)
        marched = [(pose, refiner.march(part, pose)) for refiner, pose, part in zip(refiners, poses, parts)]
        if strengths is not None:
            strengths.add(batch.index, *refiners[0].strength(parts[0], poses[0]))
        return batch.index, marched

    done = len(sample)
    for index, marched in overlapped(whole_march, reader.batches(CHUNK, others, ahead)):
        for number, part in enumerate(marched):
            keep(number, index, *part)
        done += len(index)
        report(done)
    return results
