"""The Fourier samples of a real image that carry all its information up to a radius, sorted from low to high frequency."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import fft


@dataclass(frozen=True, eq=False)
class HalfDisc:
    """Non-redundant Fourier samples of a Y × X image within a radius.

    Samples are sorted by ring, so that the first ``count(r)`` of them are the disc of radius r: a march from low to high
    frequency is a prefix.

    Parameters
    ----------
    box_size : int
        Image side in px. The phase origin is pixel n / 2 of an even box and, as RELION has it, pixel (n + 1) / 2 of an odd one.
    kx, ky : (K,) int
        Frequency indices, kx ≥ 0; of the two mates on kx = 0 only the one with ky ≥ 0.
    ring : (K,) int
        Nearest integer of the frequency radius.
    """

    box_size: int
    kx: np.ndarray
    ky: np.ndarray
    ring: np.ndarray

    @property
    def radius(self) -> int:
        """Largest ring."""
        return int(self.ring[-1])

    def count(self, radius: int) -> int:
        """Number of samples in rings 0 … radius."""
        return int(np.searchsorted(self.ring, radius, side="right"))

    def up_to(self, radius: int) -> "HalfDisc":
        """The disc of a smaller radius."""
        count = self.count(radius)
        return HalfDisc(self.box_size, self.kx[:count], self.ky[:count], self.ring[:count])

    def transform(self, images: np.ndarray) -> np.ndarray:
        """Fourier samples (N, K) complex64 of real images (N, Y, X)."""
        n = self.box_size
        half_plane = fft.rfft2(images, workers=1).reshape(len(images), -1)
        return half_plane[:, (self.ky % n) * (n // 2 + 1) + self.kx].astype(np.complex64) * self._origin()

    def inverse(self, samples: np.ndarray) -> np.ndarray:
        """Real images (N, Y, X) of Fourier samples (N, K); the inverse of ``transform`` within the disc."""
        n = self.box_size
        samples = samples * np.conj(self._origin())
        half_plane = np.zeros((len(samples), n, n // 2 + 1), np.complex64)
        half_plane[:, self.ky % n, self.kx] = samples
        mates = (self.kx == 0) & (self.ky > 0)
        half_plane[:, -self.ky[mates] % n, 0] = np.conj(samples)[:, mates]
        return fft.irfft2(half_plane, s=(n, n), workers=1)

    def _origin(self) -> np.ndarray:
        """Factors (K,) that move the phase origin from the corner to the centre; a checkerboard of signs in an even box."""
        n = self.box_size
        if n % 2 == 0:
            return (1 - 2 * ((self.kx + self.ky) % 2)).astype(np.float32)
        return np.exp(1j * np.pi * (n + 1) / n * (self.kx + self.ky)).astype(np.complex64)


@lru_cache(maxsize=16)
def half_disc(box_size: int, radius: int) -> HalfDisc:
    """The half disc of a box up to and including a ring.

    Parameters
    ----------
    box_size : int
        Image side in px.
    radius : int
        Largest ring, below box_size / 2.
    """
    kx, ky = np.meshgrid(np.arange(radius + 1), np.arange(-radius, radius + 1), indexing="ij")
    ring = np.rint(np.hypot(kx, ky)).astype(int)
    keep = (ring <= radius) & ~((kx == 0) & (ky < 0))
    order = np.argsort(ring[keep], kind="stable")
    return HalfDisc(box_size, kx[keep][order], ky[keep][order], ring[keep][order])
