"""Images times their CTF, and CTF², of a batch: as arrays for compiled loops, as tensors for TensorFlow, made when needed."""

import numpy as np

from gmmrefine.backend import tf


class MatchedImages:
    """One batch in both forms.

    Parameters
    ----------
    fill : (size,) int
        Which of the B images stands at each place of the tensors.
    arrays : tuple of three (B, K) float32, optional
        Real and imaginary part of the images times their CTF, and CTF².
    tensors : tuple, optional
        (2, size, K) and (size, K) float32, the same for all places of ``fill``.
    """

    def __init__(self, fill, arrays=None, tensors=None):
        self._fill, self._arrays, self._tensors = fill, arrays, tensors

    def arrays(self):
        """Real part, imaginary part and CTF² (B, K) float32."""
        if self._arrays is None:
            count = self._fill[-1] + 1
            matched, ctf2 = (part.numpy() for part in self._tensors)
            self._arrays = matched[0, :count], matched[1, :count], ctf2[:count]
        return self._arrays

    def tensors(self):
        """Images (2, size, K) and CTF² (size, K)."""
        if self._tensors is None:
            real, imag, ctf2 = self._arrays
            self._tensors = tf.constant(np.stack([real[self._fill], imag[self._fill]])), tf.constant(ctf2[self._fill])
        return self._tensors
