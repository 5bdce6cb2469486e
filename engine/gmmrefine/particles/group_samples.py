"""The Fourier samples of the images of an optics group, as its microscope made them."""

from dataclasses import replace

import numpy as np

from gmmrefine.fourier.half_disc import HalfDisc
from gmmrefine.particles.aberrations import even_phase, odd_phase
from gmmrefine.particles.ctf import ctf_on_disc
from gmmrefine.particles.optics import NO_DISTORTION, OpticsGroup
from gmmrefine.particles.particle_set import CtfParameters


class GroupSamples:
    """Where the samples of an image lie in the object, and what the optics do there.

    An image has the transform I(k) = C(M k) exp(i φ(M k)) F(M k): F that of the projected object, moved to the image, C the
    CTF with even aberrations, φ the phase of odd ones, M the magnification matrix.

    Parameters
    ----------
    group : OpticsGroup
    disc : HalfDisc
        K samples k of the group's own box.

    Attributes
    ----------
    own : HalfDisc
        The samples k.
    disc : HalfDisc
        The same samples at M k, in units of the own box; its ``radius`` holds them all.
    odd : (K,) float
        φ, radians.
    """

    def __init__(self, group: OpticsGroup, disc: HalfDisc) -> None:
        self.own, self._pixel_size = disc, group.pixel_size
        self.disc = disc
        if group.magnification != NO_DISTORTION:
            kx, ky = group.matrix @ [disc.kx, disc.ky]
            farthest = int(np.ceil(np.hypot(kx, ky).max()))
            self.disc = replace(disc, kx=kx, ky=ky, ring=np.full(len(kx), farthest))
        frequency = np.stack([self.disc.kx, self.disc.ky]) / group.length
        self.odd = odd_phase(group.odd, *frequency)
        self._even = even_phase(group.even, *frequency) if group.even else 0.0
        self._turn = np.exp(-1j * self.odd).astype(np.complex64) if self.odd.any() else None

    def transform(self, images: np.ndarray) -> np.ndarray:
        """Samples (B, K) complex64 of images (B, Y, X) without what odd aberrations did to them: exp(−iφ) I."""
        samples = self.own.transform(images)
        return samples if self._turn is None else samples * self._turn

    def ctf(self, ctf: CtfParameters) -> np.ndarray:
        """CTF (B, K) float32 of CtfParameters."""
        return ctf_on_disc(ctf, self.disc, self._pixel_size, self._even)
