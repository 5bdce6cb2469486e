"""Which particles are better off from other start poses, by Fourier samples that neither the poses nor their refinement saw."""

import numpy as np
from scipy.special import expit

from gmmrefine.alignment.fisher import LOWEST_RING
from gmmrefine.alignment.likelihood import ImageFit, weights_from_sums
from gmmrefine.alignment.refiner import refine_poses
from gmmrefine.alignment.scene import Scene
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.particles.images import CHUNK, ImageReader, chunks_in
from gmmrefine.pipelines.half_iteration import PROJECTORS, make_refiner
from gmmrefine.random_streams import stream

_MIXTURE_STEPS, _SHARES = 50, (0.01, 0.99)


class HeldOut:
    """Compares start poses of a region by the Fourier samples that neither their conformations nor their refinement saw.

    Parameters
    ----------
    half : ParticleSet
        At the poses of the molecule as a whole.
    reference : Reference
    reliability : (R + 1,) float
        Part of the reference that is signal, by ring.
    seen : (K,) bool
        Samples that conformations were taken from; of finer ones every other is drawn.
    """

    def __init__(self, half, reference, reliability, seen, settings, progress):
        radius = len(reliability) - 1
        disc = half_disc(half.box_size, min(radius + 3, half.box_size // 2 - 1))
        self._rng = stream("samples held out of poses", settings.seed, half.half)
        self._seen = self._rng.random(len(disc.ring)) < 0.5
        known = min(len(seen), len(disc.ring))
        self._seen[:known] = seen[:known]
        self._half, self._reference, self._reliability, self._disc = half, reference, reliability, disc
        self._settings, self._progress = settings, progress
        self._reader = ImageReader(half, disc, settings.invert_contrast)
        self._rest = PROJECTORS[settings.projector](reference.rest, disc, half.pixel_size)

    def prefers(self, others):
        """Which particles (N,) are seen better from other start poses after a focused refinement from each; ParticleSet."""
        usual, other = (
            self._score(*self._refined(start), title)
            for start, title in ((self._half, "usual focus, held out"), (others, "conformations, held out"))
        )
        return more_likely(other - usual)

    def _refined(self, start):
        """The scene, and poses refined on the seen samples."""
        projector, refiner = make_refiner(
            self._reference.moving,
            self._reliability,
            self._disc,
            self._half.pixel_size,
            self._settings,
            True,
            samples=self._seen,
        )
        poses = start.rotations, start.shifts
        scene = Scene([(projector, *poses), (self._rest, self._half.rotations, self._half.shifts)], refiner.reliability)
        with self._progress.step("refine poses on half of the signal", len(start), half=self._half.half) as report:
            ((rotations, shifts, _),) = refine_poses(
                [refiner], self._reader, self._settings.batch_size, [poses], self._rng, scene=scene, report=report
            )
        return projector, refiner.reliability, scene, rotations, shifts

    def _score(self, projector, reliability, scene, rotations, shifts, title):
        """Log-likelihood (N,) of poses by the samples not seen."""
        ahead, score, weights = chunks_in(self._settings.batch_size), np.empty(len(rotations)), None
        with self._progress.step(title, len(rotations), half=self._half.half) as report:
            for batch in self._reader.batches(CHUNK, ahead=ahead):
                fit = ImageFit(batch, self._disc, self._half.pixel_size)
                (part,) = scene.parts(fit, batch.index, 1)
                if weights is None:
                    weights = self._unseen_weights(part, projector, reliability, batch.index)
                score[batch.index] = part.value(projector, weights, rotations[batch.index], shifts[batch.index])
                report(int(batch.index[-1]) + 1)
        return score

    def _unseen_weights(self, part, projector, reliability, index):
        """Weights of the samples not seen, the same for all start poses: learned at the poses of the molecule."""
        sums = part.ring_sums(projector, self._half.rotations[index], self._half.shifts[index])
        radius = len(self._reliability) - 1
        return weights_from_sums(sums, reliability, LOWEST_RING, radius).restricted_to(~self._seen)


def more_likely(gains):
    """For which particles (N,) the second of two poses is more likely, by gains (N,) of log-likelihood.

    One particle says little. How many are better off at all is learned from all of them (expectation maximisation) and is the
    prior for each.
    """
    share = 0.5
    for _ in range(_MIXTURE_STEPS):
        odds = np.log(share / (1 - share))
        share = np.clip(np.mean(expit(gains + odds)), *_SHARES)
    return gains + np.log(share / (1 - share)) > 0
