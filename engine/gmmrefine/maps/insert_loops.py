"""Images added to a Fourier grid by a compiled loop: the fast path of ``reconstruct``.

Every call fills some planes of the grid and leaves the others alone, so that several may run side by side; a cell's sum is
taken in the order of images and samples, whoever takes it.
"""

import numba
import numpy as np

from gmmrefine.native import compiled_loop

_RUN = 256
_F = np.float32
_ZERO, _HALF, _ONE, _TWO, _PI = (_F(number) for number in (0, 0.5, 1, 2, np.pi))
_MANY = _F(4096)  # more turns than a shift makes: rounding towards zero then rounds down
_S3, _S5, _S7, _S9, _S11 = (_F(number) for number in (-1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800))
_C2, _C4, _C6, _C8, _C10, _C12 = (_F(number) for number in (-1 / 2, 1 / 24, -1 / 720, 1 / 40320, -1 / 3628800, 1 / 479001600))
_flat, _image, _cube = numba.float32[::1], numba.float32[:, ::1], numba.float32[:, :, ::1]


@compiled_loop(
    numba.void(numba.float32[:, :, :, ::1], numba.int64, numba.int64, _image, _image, _cube, _image, _image, _image, _image)
)
def insert(sums, first, stop, k, turns, rotations, shifts, real, imag, ctf2):  # type: ignore[no-untyped-def]
    """Add images to the planes ``first`` to ``stop`` - 1 of a grid.

    Parameters
    ----------
    sums : (Z, Y, X, 3) float32
        Σ real, Σ imaginary, Σ CTF²; changed.
    k, turns : (2, K) float32
        Samples in cells, and in turns per px.
    rotations, shifts : (B, 3, 3), (B, 2) float32
        Reference → particle; px.
    real, imag, ctf2 : (B, K) float32
    """
    half = (sums.shape[0] - 1) // 2
    near, z = np.empty(_RUN, np.int64), np.empty(_RUN, np.float32)
    for b in range(len(rotations)):
        r, right, up = rotations[b], shifts[b, 0], shifts[b, 1]
        for start in range(0, k.shape[1], _RUN):
            count = min(_RUN, k.shape[1] - start)
            for i in range(count):
                x = r[0, 0] * k[0, start + i] + r[1, 0] * k[1, start + i]
                depth = r[0, 2] * k[0, start + i] + r[1, 2] * k[1, start + i]
                z[i] = (-depth if x < _ZERO else depth) + _F(half)
            found = 0
            for i in range(count):
                near[found] = i
                found += (z[i] >= _F(first - 1)) & (z[i] < _F(stop))
            for n in range(found):
                i = start + near[n]
                x, y = r[0, 0] * k[0, i] + r[1, 0] * k[1, i], r[0, 1] * k[0, i] + r[1, 1] * k[1, i]
                t = right * turns[0, i] + up * turns[1, i]
                h = (t - _F(np.int32(t + _MANY + _HALF) - np.int32(_MANY))) * _PI  # half the angle, within ± π / 2
                s = h * h
                sine = h * (_ONE + s * (_S3 + s * (_S5 + s * (_S7 + s * (_S9 + s * _S11)))))
                cosine = _ONE + s * (_C2 + s * (_C4 + s * (_C6 + s * (_C8 + s * (_C10 + s * _C12)))))
                cos, sin = cosine * cosine - sine * sine, _TWO * sine * cosine
                value_real, value_imag = real[b, i] * cos + imag[b, i] * sin, imag[b, i] * cos - real[b, i] * sin
                if x < _ZERO:
                    x, y, value_imag = -x, -y, -value_imag
                y += _F(half)
                cell_x, cell_y, cell_z = np.int64(x), np.int64(y), np.int64(z[near[n]] + _ONE) - 1
                part_x, part_y, part_z = x - _F(cell_x), y - _F(cell_y), z[near[n]] - _F(cell_z)
                for far_z in range(2):
                    if first <= cell_z + far_z < stop:
                        weight_z = part_z if far_z else _ONE - part_z
                        for far_y in range(2):
                            weight = weight_z * (part_y if far_y else _ONE - part_y)
                            line = sums[cell_z + far_z, cell_y + far_y]
                            at, beyond = weight * (_ONE - part_x), weight * part_x
                            line[cell_x, 0] += at * value_real
                            line[cell_x, 1] += at * value_imag
                            line[cell_x, 2] += at * ctf2[b, i]
                            line[cell_x + 1, 0] += beyond * value_real
                            line[cell_x + 1, 1] += beyond * value_imag
                            line[cell_x + 1, 2] += beyond * ctf2[b, i]
