"""Pose refinement by damped Gauss-Newton steps (Fisher scoring) under frequency marching."""
from dataclasses import dataclass
from functools import partial

import numpy as np

from gmmrefine.alignment.likelihood import ImageFit, weights_from_sums
from gmmrefine.alignment.prior import PosePrior, estimate_prior
from gmmrefine.backend import overlapped
from gmmrefine.geometry.rotations import rotation_vectors, rotations_from_vectors

SAMPLE_SIZE = 256
LOWEST_RING = 2
WIDE_PRIOR = PosePrior.from_rms(rotation_deg=12.0, shift=6.0)
_LONGEST_STEP = np.radians(5.0), 4.0  # rad and Å: beyond, the quadratic picture does not hold
_RADIUS_STEP = 2
_NARROWER = 1, 0.7, 0.5, 0.35, 0.25, 0.18, 0.125, 0.06


@dataclass(frozen=True)
class Stage:
    """One part of the march: all rings up to ``radius``, ``steps`` accepted-or-rejected steps."""

    radius: int
    steps: int


def march(top_radius, fractions):
    """Stages of a frequency march.

    Parameters
    ----------
    top_radius : int
        Ring of the resolution reached.
    fractions : sequence of float
        Radii as fractions of it; a fraction named twice takes two steps.

    Returns
    -------
    list of Stage
    """
    radii = [max(LOWEST_RING + 2, int(round(top_radius * fraction))) for fraction in fractions]
    return [Stage(radius, radii.count(radius)) for radius in sorted(set(radii))]


class Pose:
    """Poses of a batch on their way.

    Parameters
    ----------
    expected : tuple
        Rotations (B, 3, 3) and shifts (B, 2) in Å about which the prior is centred.
    current : tuple
        Rotations and shifts to improve.
    """

    def __init__(self, expected, current):
        self.expected_rotations, self.expected_shifts = expected
        self.rotations, self.shifts = (part.copy() for part in current)

    def change(self, rotations=None, shifts=None):
        """Rotation vector (radians) and shift (Å) from the expected to these or the current poses, (B, 5)."""
        rotations = self.rotations if rotations is None else rotations
        shifts = self.shifts if shifts is None else shifts
        turned = np.einsum("bij,bkj->bik", rotations, self.expected_rotations)
        return np.concatenate([rotation_vectors(turned), shifts - self.expected_shifts], axis=1)

    def moved(self, step):
        """Rotations and shifts after steps (B, 5)."""
        return np.einsum("bij,bjk->bik", rotations_from_vectors(step[:, :3]), self.rotations), self.shifts + step[:, 3:]

    def accept(self, better, rotations, shifts):
        """Take new poses where they are better.

        Parameters
        ----------
        better : (B,) bool
        rotations : (B, 3, 3) float
            Reference → particle.
        shifts : (B, 2) float
            Å.
        """
        self.rotations[better], self.shifts[better] = rotations[better], shifts[better]


def climb(fit, projector, weights, prior, pose, steps):
    """Improve a batch of poses by Gauss-Newton steps; a step that does not improve the posterior is undone and damped.

    Parameters
    ----------
    fit : ImageFit
    projector : ExactProjector or SliceProjector
        Its disc is the one used.
    weights : ShellWeights
    prior : PosePrior
    pose : Pose
        Changed in place.
    steps : int

    Returns
    -------
    (B, 5, 5) float
        Fisher information of the likelihood at the last point of expansion.
    """
    damping = np.full(len(pose.shifts), 1e-2)
    for _ in range(steps):
        change = pose.change()
        value, gradient, information = fit.normal_equations(projector, weights, pose.rotations, pose.shifts)
        posterior = value + prior.log_density(change)
        slope = gradient - change * prior.precision
        curvature = information + np.diag(prior.precision)
        diagonal = np.einsum("bii->bi", curvature)
        damped = curvature + np.einsum("bi,ij->bij", diagonal * damping[:, None], np.eye(5))
        step = _shortened(np.linalg.solve(damped, slope[..., None])[..., 0])
        rotations, shifts = pose.moved(step)
        new_posterior = fit.value(projector, weights, rotations, shifts) + prior.log_density(pose.change(rotations, shifts))
        better = new_posterior > posterior
        pose.accept(better, rotations, shifts)
        damping = np.where(better, damping / 4, damping * 16)
    return information


def posterior_errors(information, prior):
    """Expected errors (B, 2) of poses: rms rotation angle in degrees, rms shift length in Å.

    Parameters
    ----------
    information : (B, 5, 5) float
        Fisher information of the likelihood, in rad and Å.
    prior : PosePrior
    """
    variance = np.einsum("bii->bi", np.linalg.inv(information + np.diag(prior.precision)))
    return np.sqrt(np.stack([variance[:, :3].sum(axis=1) * (180 / np.pi) ** 2, variance[:, 3:].sum(axis=1)], axis=1))


def _shortened(step):
    """Steps (B, 5) cut to the length over which the quadratic picture holds."""
    cut = step.copy()
    for part, longest in ((slice(0, 3), _LONGEST_STEP[0]), (slice(3, 5), _LONGEST_STEP[1])):
        length = np.linalg.norm(step[:, part], axis=1, keepdims=True)
        cut[:, part] *= np.minimum(1, longest / np.maximum(length, 1e-12))
    return cut


class FisherRefiner:
    """Refines the poses of one half set against its own reference.

    Scale and noise of every stage, and the width of the prior, are learned on a random sample of the half set; every other
    batch is then read once and taken through the whole march.

    Parameters
    ----------
    projector : ExactProjector or SliceProjector
    reader : ImageReader
        Of the half set, on the projector's disc.
    reliability : (S,) float
        Part of the reference that is signal, by ring (1 for a reference that never saw these images).
    stages : list of Stage
    batch_size : int
    prior : PosePrior or None
        None estimates it.
    """

    def __init__(self, projector, reader, reliability, stages, batch_size, prior=None):
        self.reader = reader
        self.reliability = reliability
        self.stages = stages
        self.batch_size = batch_size
        self.prior = prior
        # few radii, so that few kernels are compiled; rings beyond a stage's radius get no weight
        self._projectors = [projector.for_radius(_rounded_up(stage.radius, projector.disc.radius)) for stage in stages]

    def refine(self, start_rotations, start_shifts, particles, rng, report=lambda done: None):
        """New poses of the half set.

        Parameters
        ----------
        start_rotations : (N, 3, 3) float
            Centre of the prior: the poses the run began with.
        start_shifts : (N, 2) float
            Å.
        particles : ParticleSet
            At their present poses.
        rng : numpy.random.Generator
        report : callable
            Called with the number of particles done.

        Returns
        -------
        tuple
            rotations (N, 3, 3), shifts (N, 2) in Å, and their posterior errors (N, 2): rms rotation angle in degrees and rms
            shift length in Å.
        """
        count = len(start_shifts)
        order = rng.permutation(count)
        sample, rest = np.sort(order[:SAMPLE_SIZE]), np.sort(order[SAMPLE_SIZE:])
        rotations, shifts = np.empty((count, 3, 3)), np.empty((count, 2))
        pose_errors = np.empty((count, 2))

        def fresh_pose(batch):
            index = batch.index
            return Pose(
                (start_rotations[index], start_shifts[index]), (particles.rotations[index], particles.shifts[index]))

        def keep(batch, pose, information):
            rotations[batch.index], shifts[batch.index] = pose.rotations, pose.shifts
            pose_errors[batch.index] = posterior_errors(information, self.prior)

        batches = list(self.reader.batches(self.batch_size, sample))
        fits = [self._fit(batch) for batch in batches]
        if self.prior is None:
            self.prior = self._learn_prior(fits, [fresh_pose(batch) for batch in batches], rng)
        poses = [fresh_pose(batch) for batch in batches]
        schedule, information = self._learn_schedule(fits, poses, self.prior)
        for result in zip(batches, poses, information):
            keep(*result)
        done = len(sample)
        report(done)

        def whole_march(batch):
            fit, pose = self._fit(batch), fresh_pose(batch)
            for stage, projector, weights in zip(self.stages, self._projectors, schedule):
                part = climb(fit, projector, weights, self.prior, pose, stage.steps)
            return batch, pose, part

        for result in overlapped(whole_march, self.reader.batches(self.batch_size, rest)):
            keep(*result)
            done += len(result[0].index)
            report(done)
        return rotations, shifts, pose_errors

    def _fit(self, batch):
        return ImageFit(batch, self.reader.disc, self.reader.particles.pixel_size, self.batch_size)

    def _learn_schedule(self, fits, poses, prior, samples=None):
        """Shell weights of every stage and the sample's information at the end; the sample's poses go through the march.

        ``samples`` (K,) bool restricts what the poses see of the images.
        """
        schedule = []
        for stage, projector in zip(self.stages, self._projectors):
            sums = sum(fit.ring_sums(projector, pose.rotations, pose.shifts) for fit, pose in zip(fits, poses))
            weights = weights_from_sums(sums, self.reliability, LOWEST_RING, stage.radius).restricted_to(samples)
            step = partial(climb, projector=projector, weights=weights, prior=prior, steps=stage.steps)
            information = list(overlapped(lambda pair, step=step: step(pair[0], pose=pair[1]), zip(fits, poses)))
            schedule.append(weights)
        return schedule, information

    def _learn_prior(self, fits, poses, rng):
        """The prior under which the changes that the sample asks for are most probable.

        Where noise dominates, these changes follow the noise to wherever it fits best, and say too much; then the width is
        the smallest whose poses, found on one half of the Fourier samples, agree with the other half as well as any.
        """
        _, information = self._learn_schedule(fits, poses, WIDE_PRIOR)
        information = np.concatenate(information)
        prior = estimate_prior(np.concatenate([pose.change() for pose in poses]), information, WIDE_PRIOR)
        if not prior.outweighs(information):
            return prior
        seen = rng.random(len(self.reader.disc.ring)) < 0.5
        # likelihoods compare under one set of weights only, learned at poses that were not fitted to any noise
        starts = [(pose.expected_rotations, pose.expected_shifts) for pose in poses]
        sums = sum(fit.ring_sums(self._projectors[-1], *start) for fit, start in zip(fits, starts))
        unseen = weights_from_sums(sums, self.reliability, LOWEST_RING, self.stages[-1].radius).restricted_to(~seen)

        def held_out_fit(candidate):
            trials = [Pose(start, start) for start in starts]
            self._learn_schedule(fits, trials, candidate, seen)
            return np.concatenate([
                fit.value(self._projectors[-1], unseen, trial.rotations, trial.shifts) for fit, trial in zip(fits, trials)])

        prior = _narrowest([PosePrior(prior.rotation * factor, prior.shift) for factor in _NARROWER], held_out_fit)
        return _narrowest([PosePrior(prior.rotation, prior.shift * factor) for factor in _NARROWER], held_out_fit)


def _narrowest(candidates, held_out_fit):
    """The last of the candidates, wide to narrow, that fits the particles as well as the best to a standard error."""
    fits = np.array([held_out_fit(candidate) for candidate in candidates])
    loss = fits[np.argmax(fits.sum(axis=1))] - fits
    good = loss.mean(axis=1) <= loss.std(axis=1) / np.sqrt(loss.shape[1])
    return candidates[np.flatnonzero(good)[-1]]


def _rounded_up(radius, limit):
    return min(limit, -(-radius // _RADIUS_STEP) * _RADIUS_STEP)
