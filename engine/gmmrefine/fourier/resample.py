"""Fourier samples of images at frequencies that are not those of their own box (Barnett et al. 2019, FINUFFT)."""

from typing import List

import numpy as np
from scipy import fft
from scipy.sparse import csr_matrix

from gmmrefine.fourier.kernel import kernel_beta, log_transform

_WIDTH = 6  # grid values per axis that make a sample: an error of 1e-5
_OVERSAMPLING = 2
_AT_A_TIME = 8  # images; more do not go faster


class Resampler:
    """Sums Σ f(x) exp(−2πi v·x) of square images at any frequencies v, x counted from a pixel.

    Images are divided by the transform of an interpolation kernel, padded, transformed, and interpolated with the kernel.

    Parameters
    ----------
    box_size : int
        Image side in px, even or odd.
    center : int
        Pixel from which x is counted, along both axes.
    frequencies : (2, K) float
        x y in cycles per px, −0.5 to 0.5.
    reach : float
        Pixels farther than this from the centre along x or y are left out, px.
    """

    def __init__(self, box_size: int, center: int, frequencies: np.ndarray, reach: float = np.inf) -> None:
        self._box_size = box_size
        self._side = fft.next_fast_len(_OVERSAMPLING * box_size + _WIDTH, real=True)
        self._side += self._side % 2
        beta = kernel_beta(_OVERSAMPLING, _WIDTH)
        position = np.arange(box_size) - center
        kept = (position >= -reach) & (position < reach)
        self.kept = int(kept.sum())
        window = kept * np.exp(-log_transform(position, beta, self._side, _WIDTH)[0])
        self._window = (window[:, None] * window).astype(np.float32)
        # the centre goes to the middle of the padded image; that is a sign per sample of its transform
        self._start = self._side // 2 - center
        self._plus, self._minus = _interpolation(frequencies * self._side, self._side, beta)

    def transform(self, images: np.ndarray) -> np.ndarray:
        """Samples (N, K) complex64 of images (N, Y, X)."""
        samples = np.empty((len(images), self._plus.shape[0]), np.complex64)
        inner = slice(self._start, self._start + self._box_size)
        padded = np.zeros((_AT_A_TIME, self._side, self._side), np.float32)
        for start in range(0, len(images), _AT_A_TIME):
            some = images[start : start + _AT_A_TIME]
            padded[: len(some), inner, inner] = some * self._window
            half_plane = fft.rfft2(padded[: len(some)], workers=1).reshape(len(some), -1)
            samples[start : start + len(some)].real = (self._plus @ half_plane.real.T).T
            samples[start : start + len(some)].imag = (self._minus @ half_plane.imag.T).T
        return samples


def _interpolation(q: np.ndarray, side: int, beta: float) -> List[csr_matrix]:
    """Matrices (K, cells of the half plane) that make real and imaginary parts of samples at q (2, K), in grid steps."""
    first = np.floor(q).astype(int) - (_WIDTH // 2 - 1)
    place = first[..., None] + np.arange(_WIDTH)  # (2, K, W)
    distance = 2 / _WIDTH * (place - q[..., None])
    weight = np.exp(beta * (np.sqrt(np.maximum(1 - distance**2, 0)) - 1)) * (1 - 2 * (place % 2))
    x = (place[0] + side // 2) % side - side // 2
    # columns left of x = 0 are known by their mates, whose values are conjugate
    mate = np.where(x < 0, -1, 1)
    row, column = place[1][:, :, None] * mate[:, None], (np.abs(x))[:, None]
    cells = (row % side) * (side // 2 + 1) + column
    weights = (weight[1][:, :, None] * weight[0][:, None]).astype(np.float32)
    count = q.shape[1]
    where = cells.ravel().astype(np.int32), np.arange(count + 1, dtype=np.int32) * _WIDTH**2
    signed = weights, weights * mate[:, None].astype(np.float32)
    return [csr_matrix((values.ravel(), *where), (count, side * (side // 2 + 1))) for values in signed]
