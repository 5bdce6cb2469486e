"""How well a batch of images fits the projections of a GMM, with slope and curvature in the pose."""

from copy import copy
from dataclasses import dataclass, replace
from typing import Optional

import numpy as np

from gmmrefine.alignment import fused
from gmmrefine.alignment import likelihood_kernels as kernels
from gmmrefine.alignment.matched_images import MatchedImages
from gmmrefine.backend import tf
from gmmrefine.fourier.shells import smooth_curve
from gmmrefine.particles.images import CHUNK

_LEAST_NOISE = 1e-4  # of the images' power; images without any would weigh infinitely


@dataclass(frozen=True)
class ShellWeights:
    """What a half set's images say about signal and noise, by ring.

    Parameters
    ----------
    scale : (S,) float
        Factor from the GMM's projection to the signal in an image.
    precision : (S,) float
        2 / noise variance of a Fourier sample; 0 for rings that are not used.
    samples : (K,) bool or None
        Samples that count, on the largest disc; None for all.
    """

    scale: np.ndarray
    precision: np.ndarray
    samples: Optional[np.ndarray] = None

    def on(self, disc):
        """Scale and precision (K,) of the samples of a disc, as tensors."""
        return tuple(tf.constant(part, tf.float32) for part in self.at(disc))

    def at(self, disc):
        """Scale and precision (K,) of the samples of a disc."""
        precision = self.precision[disc.ring]
        if self.samples is not None:
            precision = precision * self.samples[: len(precision)]
        return self.scale[disc.ring], precision

    def restricted_to(self, samples):
        """The same weights for some of the samples, (K,) bool on the largest disc."""
        return replace(self, samples=samples)


class ImageFit:
    """A batch of images held against a projector.

    The log-likelihood of a pose, up to a constant, is Σ_k w (a Re(C D* F) − a² C² |F|² / 2): Gaussian noise of variance 2/w per
    sample, D the image, C its CTF times the strength of the particle's signal, F the projection moved to the image, a the scale
    of the ring.

    Parameters
    ----------
    batch : ImageBatch
    disc : HalfDisc
        Samples of the batch.
    pixel_size : float
        Å/px.
    size : int, optional
        Number of images the kernels are compiled for, ``CHUNK`` by default; a shorter batch is filled up with copies of its
        last image.

    Attributes
    ----------
    count : int
        Number of images B.
    noise : (S,) float or None
        Variance of the noise by ring, where it need not be learned.
    """

    def __init__(self, batch, disc, pixel_size, size=CHUNK):
        fill = np.minimum(np.arange(size), len(batch.index) - 1)
        matched, ctf2 = batch.matched_by_scale()
        self.count = len(batch.index)
        self.noise = None
        self._fill = fill
        self._disc = disc
        self._pixel_size = pixel_size
        self._noise_gain = batch.noise_gain()
        self._power = np.bincount(disc.ring, np.sum(np.abs(batch.data) ** 2, axis=0))
        self._noise = np.bincount(disc.ring, batch.noise().sum(axis=0))
        self._images = MatchedImages(
            fill, tuple(np.ascontiguousarray(part, np.float32) for part in (matched.real, matched.imag, ctf2))
        )
        self._scale = np.ones(self.count) if batch.scale is None else batch.scale

    def value(self, projector, weights, rotations, shifts):
        """Log-likelihood (B,) of poses: rotations (B, 3, 3), shifts (B, 2) in Å."""
        if fused.is_fused(projector):
            agreement, energy = self._agreement_and_energy(projector, weights, rotations, shifts)
            return agreement - energy / 2
        rotations, shifts, matched, ctf2, k = self._operands(projector.disc, rotations, shifts)
        found = kernels.value(*projector.images(rotations), shifts, matched, ctf2, k, *weights.on(projector.disc))
        return found.numpy()[: self.count]

    def normal_equations(self, projector, weights, rotations, shifts):
        """Log-likelihood, its gradient and its Fisher information.

        Parameters
        ----------
        rotations : (B, 3, 3) float
            Reference → particle.
        shifts : (B, 2) float
            Å.

        Returns
        -------
        tuple
            value (B,), gradient (B, 5), information (B, 5, 5) in a rotation-vector increment (radians, acting in the image
            frame: R → exp(ω) R) and the shift (Å).
        """
        if fused.is_fused(projector):
            poses = rotations, shifts / self._pixel_size
            result = fused.normal_equations(projector, weights, poses, self._images.arrays())
        else:
            rotations, shifts, matched, ctf2, k = self._operands(projector.disc, rotations, shifts)
            moments = projector.images_with_moments(rotations)
            result = kernels.normal_equations(*moments, shifts, matched, ctf2, k, *weights.on(projector.disc))
            result = (part.numpy()[: self.count].astype(float) for part in result)
        value, gradient, information = result
        units = np.array([1, 1, 1, 1 / self._pixel_size, 1 / self._pixel_size])
        return value, gradient * units, information * units[:, None] * units

    def score_covariance(self, projector, weights, excess, rotations, shifts):
        """Fisher information at poses, and the covariance of the slope there, which the noise of the reference makes larger.

        Parameters
        ----------
        excess : (S,) float
            Noise of the reference by ring, as variance in an image without a CTF over that of the image's noise.
        rotations : (B, 3, 3) float
            Reference → particle.
        shifts : (B, 2) float
            Å.

        Returns
        -------
        tuple
            Two (B, 5, 5) float, in rad and Å as of ``normal_equations``.
        """
        rotations, _, _, ctf2, k = self._operands(projector.disc, rotations, shifts)
        moments = projector.images_with_moments(rotations)
        noise = tf.constant(excess[projector.disc.ring], tf.float32)
        found = kernels.score_covariance(*moments, ctf2, k, *weights.on(projector.disc), noise)
        units = np.array([1, 1, 1, 1 / self._pixel_size, 1 / self._pixel_size])
        return tuple(part.numpy()[: self.count].astype(float) * units[:, None] * units for part in found)

    def joint_equations(self, projectors, weights, rotations, shifts):
        """Gradient and Fisher information of parts of a molecule that all stand at one pose and may leave it one by one.

        Parameters
        ----------
        projectors : list
            Of the P parts, on one disc.
        weights : ShellWeights
        rotations : (B, 3, 3) float
            Reference → particle.
        shifts : (B, 2) float
            Å.

        Returns
        -------
        tuple
            gradient (B, 5 P), information (B, 5 P, 5 P): for each part what ``normal_equations`` has for the whole. Off the
            diagonal is what two parts change in the same samples.
        """
        disc = projectors[0].disc
        rotations, shifts, matched, ctf2, k = self._operands(disc, rotations, shifts)
        moments = zip(*(projector.images_with_moments(rotations) for projector in projectors))
        together = (tf.stack(part, axis=1) for part in moments)
        result = kernels.joint_equations(*together, shifts, matched, ctf2, k, *weights.on(disc))
        gradient, information = (part.numpy()[: self.count].astype(float) for part in result)
        units = np.tile([1, 1, 1, 1 / self._pixel_size, 1 / self._pixel_size], len(projectors))
        return gradient * units, information * units[:, None] * units

    def ring_sums(self, projector, rotations, shifts):
        """Sums over the batch by ring: g Re(C D* F), g C²|F|², |D|² and g, (4, S).

        g is the variance of the noise relative to a raw image's: 1, or C² for premultiplied images.

        Parameters
        ----------
        rotations : (B, 3, 3) float
            Reference → particle.
        shifts : (B, 2) float
            Å.
        """
        if not fused.is_fused(projector):
            return self.sums_of(projector.disc, *self.moved(projector, rotations, shifts))
        poses, rings = (rotations, shifts / self._pixel_size), projector.disc.radius + 1
        found = fused.ring_sums(projector, poses, self._images.arrays(), self._noise_gain)
        return np.stack([*found, self._power[:rings], self._noise[:rings]])

    def moved(self, projector, rotations, shifts):
        """Projections moved to where the particles are in the images: real and imaginary part, tensors (size, K).

        Parameters
        ----------
        rotations : (B, 3, 3) float
            Reference → particle.
        shifts : (B, 2) float
            Å.
        """
        rotations, shifts, _, _, k = self._operands(projector.disc, rotations, shifts)
        return kernels.moved(*projector.images(rotations), shifts, k)

    def strength(self, projector, weights, rotations, shifts):
        """What the images say about the strength of the signal in them at poses, whatever it was taken for.

        Parameters
        ----------
        rotations : (B, 3, 3) float
            Reference → particle.
        shifts : (B, 2) float
            Å.

        Returns
        -------
        tuple
            agreement (B,), energy (B,): the log-likelihood of a signal s times as strong is s agreement - s² energy / 2. Both
            are 0 for particles without any signal.
        """
        if fused.is_fused(projector):
            agreement, energy = self._agreement_and_energy(projector, weights, rotations, shifts)
            scale = self._told_scale()
            return agreement / scale, energy / scale**2
        return self.strength_of(weights, projector.disc, *self.moved(projector, rotations, shifts))

    def strength_of(self, weights, disc, real, imag):
        """``strength`` of moved projections (size, K)."""
        samples = len(disc.ring)
        matched, ctf2 = self._images.tensors()
        found = kernels.strength(real, imag, matched[:, :, :samples], ctf2[:, :samples], *weights.on(disc))
        agreement, energy = (part.numpy()[: self.count].astype(float) for part in found)
        scale = self._told_scale()
        return agreement / scale, energy / scale**2

    def _told_scale(self):
        return np.where(self._scale > 0, self._scale, 1)

    def _agreement_and_energy(self, projector, weights, rotations, shifts):
        poses = rotations, shifts / self._pixel_size
        return fused.agreement_and_energy(projector, weights, poses, self._images.arrays())

    def sums_of(self, disc, real, imag):
        """``ring_sums`` (4, S) of projections that were moved already, on a disc."""
        samples = len(disc.ring)
        weight = np.zeros((len(self._fill), samples), np.float32)
        weight[: self.count] = self._noise_gain[:, :samples]
        matched, ctf2 = self._images.tensors()
        cross, model = kernels.agreement(real, imag, matched[:, :, :samples], ctf2[:, :samples], tf.constant(weight))
        rings = disc.radius + 1
        return np.stack(
            [
                np.bincount(disc.ring, cross.numpy(), rings),
                np.bincount(disc.ring, model.numpy(), rings),
                self._power[:rings],
                self._noise[:rings],
            ]
        )

    def minus(self, real, imag, scale, with_power=True):
        """The same images without what is known to be in them: moved projections (size, K) on the batch's disc, scaled by ring.

        Parameters
        ----------
        real, imag : tensor (size, K)
            From ``moved``.
        scale : (S,) float
            Factor from the projection to the signal in an image.
        with_power : bool
            Keep count of the images' power, which only ``ring_sums`` needs.
        """
        rest = copy(self)
        matched, ctf2 = self._images.tensors()
        left = kernels.less(real, imag, matched, ctf2, tf.constant(scale[self._disc.ring], tf.float32))
        rest._images = MatchedImages(self._fill, tensors=(left, ctf2))
        if with_power:
            cross, model, *_ = self.sums_of(self._disc, real, imag)
            rest._power = self._power - 2 * scale * cross + scale**2 * model
        return rest

    def averaged_ctf2(self, window):
        """CTF² about the samples of a ``Window``, for ``through``; a tensor (size, K')."""
        return window.averaged(self._images.tensors()[1] * window.seen)

    def through(self, window, index, averaged_ctf2, noise):
        """The same images seen through a ``Window``; of their power and g, ``ring_sums`` then say nothing.

        Parameters
        ----------
        window : Window
        index : (B,) int
            Positions of the images in the half set.
        averaged_ctf2 : tensor (size, K')
            From ``averaged_ctf2``, the same for all windows of one size.
        noise : (S,) float
            Variance of the noise in whole images, by ring.
        """
        part = copy(self)
        part._disc = window.disc
        seen = tf.unstack(self._images.tensors()[0] * window.seen)
        cut = window.density * tf.stack(window.cut(*seen, index[self._fill]))
        part._images = MatchedImages(self._fill, tensors=(cut, window.density * averaged_ctf2))
        part._noise_gain = np.ones((self.count, len(window.disc.ring)), np.float32)
        part._power = part._noise = np.zeros(window.disc.radius + 1)
        part.noise = window.curve(noise)
        return part

    def _operands(self, disc, rotations, shifts):
        samples = len(disc.ring)
        matched, ctf2 = self._images.tensors()
        return (
            tf.constant(rotations[self._fill], tf.float32),
            tf.constant(shifts[self._fill] / self._pixel_size, tf.float32),
            matched[:, :, :samples],
            ctf2[:, :samples],
            tf.constant(np.stack([disc.kx, disc.ky]) * (2 * np.pi / disc.box_size), tf.float32),
        )


def weights_from_sums(ring_sums, reliability, lowest_ring, highest_ring, noise=None):
    """Shell weights from ring sums over a sample of images.

    Parameters
    ----------
    ring_sums : (4, S) float
        ``ImageFit.ring_sums``, added up.
    reliability : (S,) float
        Part of the GMM that is signal and not noise of the same half set, 0 to 1.
    lowest_ring, highest_ring : int
        Rings outside are not used.
    noise : (S,) float, optional
        Variance of the noise where it is known; by default what the model leaves of the images.
    """

    def smooth(curve):
        # the background below the lowest ring is stronger than anything above
        return np.concatenate([curve[:lowest_ring], smooth_curve(curve[lowest_ring:])])

    cross, model, power, gain = ring_sums
    gain = np.maximum(gain, 1e-20)  # 0 in rings beyond the Nyquist frequency of all images
    scale = np.maximum(smooth(cross / np.maximum(model, 1e-20)), 0)
    if noise is None:
        left = smooth((power - 2 * scale * cross + scale**2 * model) / gain)
        noise = np.maximum(left, _LEAST_NOISE * smooth(power / gain))
    ring = np.arange(len(cross))
    used = (ring >= lowest_ring) & (ring <= highest_ring) & (noise[: len(ring)] > 0)
    precision = np.divide(2, noise[: len(ring)], out=np.zeros(len(ring)), where=used)
    return ShellWeights(scale * reliability[: len(ring)], precision)
