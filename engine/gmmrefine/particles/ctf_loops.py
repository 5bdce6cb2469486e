"""The CTF by a compiled loop: the fast path of ``ctf``."""

import numba
import numpy as np

from gmmrefine.native import compiled_loop

_F = np.float32
_ONE, _TWO, _PI = (_F(number) for number in (1, 2, np.pi))
_S3, _S5, _S7, _S9, _S11 = (_F(number) for number in (-1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800))
_C2, _C4, _C6, _C8, _C10, _C12 = (_F(number) for number in (-1 / 2, 1 / 24, -1 / 720, 1 / 40320, -1 / 3628800, 1 / 479001600))
_line = numba.float64[::1]


@compiled_loop(numba.void(_line, _line, _line, _line, numba.float64[:, ::1], numba.float32[:, ::1]))
def sines(k2, cosine, sine, offset, terms, found):  # type: ignore[no-untyped-def]
    """Fill ``found`` (B, K) with sin(2 π t), t = k² (a + b cosine + c sine + d k²) + e − offset; terms a … e (B, 5)."""
    for b in range(len(terms)):
        t0, t1, t2, t3, t4 = terms[b, 0], terms[b, 1], terms[b, 2], terms[b, 3], terms[b, 4]
        for i in range(len(k2)):
            turns = k2[i] * (t0 + t1 * cosine[i] + t2 * sine[i] + t3 * k2[i]) + t4 - offset[i]
            h = _F(turns - np.floor(turns + 0.5)) * _PI  # half the angle, within ± π / 2
            s = h * h
            half_sine = h * (_ONE + s * (_S3 + s * (_S5 + s * (_S7 + s * (_S9 + s * _S11)))))
            half_cosine = _ONE + s * (_C2 + s * (_C4 + s * (_C6 + s * (_C8 + s * (_C10 + s * _C12)))))
            found[b, i] = _TWO * half_sine * half_cosine
