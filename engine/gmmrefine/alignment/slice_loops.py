"""Slices of a table, and what images say about them, in one pass over the samples: the fast path of ``likelihood``.

Every function treats the images one by one, in runs of samples whose intermediate numbers stay in the processor's cache.
Arguments that all of them share:

values : (2 cells,) float32
    Table of ``SliceProjector``, real and imaginary part of each cell.
side : int
    Cells along an edge of the table.
geometry : (3,) float32
    Grid steps per frequency index, index of the origin, β of the kernel.
slopes : (4, 8) float32
    Of ``SliceTable``.
wave : float
    Radians per px of one frequency index, 2π / box size.
kx, ky, order : (M,) float32, float32, int64
    Frequency indices of the samples, and their place among the samples of the images.
rotations, shifts : (B, 3, 3), (B, 2) float32
    Reference → particle; px.
real, imag, ctf2 : (B, K) float32
    Images times their CTF, CTF² (``ImageBatch.matched_by_scale``).
scale, precision : (M,) float32
    ``ShellWeights`` of the samples.
"""

import numba
import numpy as np

from gmmrefine.native import compiled_loop

_RUN = 128
_F = np.float32
_ZERO, _QUARTER, _HALF, _ONE, _TWO, _PI, _LOG2E = (_F(number) for number in (0, 0.25, 0.5, 1, 2, np.pi, np.log2(np.e)))
_MANY = _F(4096)  # more turns than a shift makes: rounding towards zero then rounds down
_P1, _P2, _P3, _P4, _P5, _P6 = (  # 2^d, -0.5 … 0.5
    _F(number) for number in (6.9314718e-1, 2.4022651e-1, 5.5504109e-2, 9.6181291e-3, 1.3333558e-3, 1.5403530e-4)
)
_S3, _S5, _S7, _S9, _S11 = (_F(number) for number in (-1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800))
_C2, _C4, _C6, _C8, _C10, _C12 = (_F(number) for number in (-1 / 2, 1 / 24, -1 / 720, 1 / 40320, -1 / 3628800, 1 / 479001600))

_flat, _image, _cube = numba.float32[::1], numba.float32[:, ::1], numba.float32[:, :, ::1]
_TABLE = (_flat, numba.int64, _flat, numba.float32)  # values, side, geometry, wave
_SAMPLES = (_flat, _flat, numba.int64[::1])  # kx, ky, order
_POSES = (_cube, _image)
_IMAGES = (_image, _image, _image)
_RESULT = numba.float64[:, ::1]


@compiled_loop(
    numba.void(_flat, _flat, _image, _flat, numba.int64, numba.int64[::1], _image, _cube, numba.int32[:, :, ::1], _cube)
)
def _taps(kx, ky, rotation, geometry, side, corner, part, weight, exponent, power):
    """First cells about some samples, how far the samples lie beyond their own, and the kernel's weights along x, y and z."""
    count = len(kx)
    step, half, beta = geometry[0], geometry[1], geometry[2]
    for axis in range(3):
        a, b = rotation[0, axis] * step, rotation[1, axis] * step
        stride = np.int64(1)
        for _ in range(axis):
            stride *= side
        for i in range(count):
            q = a * kx[i] + b * ky[i] + half
            cell = np.int32(q)
            part[axis, i] = q - _F(cell)
            if axis == 0:
                corner[i] = 0
            corner[i] += np.int64(cell - 1) * stride
        for tap in range(4):
            for i in range(count):
                u = _F(tap - 1) - part[axis, i]
                x = beta * (np.sqrt(max(_ONE - _QUARTER * u * u, _ZERO)) - _ONE) * _LOG2E
                whole = np.int32(x - _HALF)  # towards zero, that is up: x ≤ 0
                d = x - _F(whole)
                power[axis, tap, i] = _ONE + d * (_P1 + d * (_P2 + d * (_P3 + d * (_P4 + d * (_P5 + d * _P6)))))
                exponent[axis, tap, i] = (whole + 127) << 23
    scale = exponent.view(np.float32)
    for axis in range(3):
        for tap in range(4):
            for i in range(count):
                weight[axis, tap, i] = power[axis, tap, i] * scale[axis, tap, i]


@compiled_loop(numba.void(_image, _image, numba.int64, _cube))
def _slope_taps(slopes, part, count, slope):
    """Weights of the cells along x, y and z that give slopes."""
    for axis in range(3):
        for tap in range(4):
            c0, c1, c2, c3 = slopes[tap, 0], slopes[tap, 1], slopes[tap, 2], slopes[tap, 3]
            c4, c5, c6, c7 = slopes[tap, 4], slopes[tap, 5], slopes[tap, 6], slopes[tap, 7]
            for i in range(count):
                t = _TWO * part[axis, i] - _ONE
                slope[axis, tap, i] = c0 + t * (c1 + t * (c2 + t * (c3 + t * (c4 + t * (c5 + t * (c6 + t * c7))))))


@compiled_loop(numba.void(_flat, numba.int64, numba.int64[::1], _cube, numba.int64, _image))
def _slices(values, side, corner, weight, count, f):
    """Real and imaginary part f (2, count) of the slice at some samples."""
    for i in range(count):
        a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = _ZERO
        for z in range(4):
            for y in range(4):
                w = weight[2, z, i] * weight[1, y, i]
                p = 2 * (corner[i] + (z * side + y) * side)
                a0 += w * values[p]
                a1 += w * values[p + 1]
                a2 += w * values[p + 2]
                a3 += w * values[p + 3]
                a4 += w * values[p + 4]
                a5 += w * values[p + 5]
                a6 += w * values[p + 6]
                a7 += w * values[p + 7]
        w0, w1, w2, w3 = weight[0, 0, i], weight[0, 1, i], weight[0, 2, i], weight[0, 3, i]
        f[0, i] = w0 * a0 + w1 * a2 + w2 * a4 + w3 * a6
        f[1, i] = w0 * a1 + w1 * a3 + w2 * a5 + w3 * a7


@compiled_loop(numba.void(_flat, numba.int64, numba.int64[::1], _cube, _cube, numba.int64, _cube))
def _slices_and_slopes(values, side, corner, weight, slope, count, found):
    """The slice and its slopes per cell along x, y and z of the table at some samples: found (2, 4, count)."""
    for i in range(count):
        a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = _ZERO
        b0 = b1 = b2 = b3 = b4 = b5 = b6 = b7 = _ZERO
        c0 = c1 = c2 = c3 = c4 = c5 = c6 = c7 = _ZERO
        for z in range(4):
            for y in range(4):
                w = weight[2, z, i] * weight[1, y, i]
                along_y = weight[2, z, i] * slope[1, y, i]
                along_z = slope[2, z, i] * weight[1, y, i]
                p = 2 * (corner[i] + (z * side + y) * side)
                v0, v1, v2, v3 = values[p], values[p + 1], values[p + 2], values[p + 3]
                v4, v5, v6, v7 = values[p + 4], values[p + 5], values[p + 6], values[p + 7]
                a0 += w * v0
                a1 += w * v1
                a2 += w * v2
                a3 += w * v3
                a4 += w * v4
                a5 += w * v5
                a6 += w * v6
                a7 += w * v7
                b0 += along_y * v0
                b1 += along_y * v1
                b2 += along_y * v2
                b3 += along_y * v3
                b4 += along_y * v4
                b5 += along_y * v5
                b6 += along_y * v6
                b7 += along_y * v7
                c0 += along_z * v0
                c1 += along_z * v1
                c2 += along_z * v2
                c3 += along_z * v3
                c4 += along_z * v4
                c5 += along_z * v5
                c6 += along_z * v6
                c7 += along_z * v7
        w0, w1, w2, w3 = weight[0, 0, i], weight[0, 1, i], weight[0, 2, i], weight[0, 3, i]
        s0, s1, s2, s3 = slope[0, 0, i], slope[0, 1, i], slope[0, 2, i], slope[0, 3, i]
        found[0, 0, i] = w0 * a0 + w1 * a2 + w2 * a4 + w3 * a6
        found[1, 0, i] = w0 * a1 + w1 * a3 + w2 * a5 + w3 * a7
        found[0, 1, i] = s0 * a0 + s1 * a2 + s2 * a4 + s3 * a6
        found[1, 1, i] = s0 * a1 + s1 * a3 + s2 * a5 + s3 * a7
        found[0, 2, i] = w0 * b0 + w1 * b2 + w2 * b4 + w3 * b6
        found[1, 2, i] = w0 * b1 + w1 * b3 + w2 * b5 + w3 * b7
        found[0, 3, i] = w0 * c0 + w1 * c2 + w2 * c4 + w3 * c6
        found[1, 3, i] = w0 * c1 + w1 * c3 + w2 * c5 + w3 * c7


@compiled_loop(numba.void(_flat, _flat, numba.float32, numba.float32, _image))
def _phases(kx, ky, x, y, turn):
    """Cosine and sine, turn (2, M), of 2 (x kx + y ky) π; x and y in turns per frequency index."""
    for i in range(len(kx)):
        turns = x * kx[i] + y * ky[i]
        h = (turns - _F(np.int32(turns + _MANY + _HALF) - np.int32(_MANY))) * _PI  # half the angle, within ± π / 2
        s = h * h
        sine = h * (_ONE + s * (_S3 + s * (_S5 + s * (_S7 + s * (_S9 + s * _S11)))))
        cosine = _ONE + s * (_C2 + s * (_C4 + s * (_C6 + s * (_C8 + s * (_C10 + s * _C12)))))
        turn[0, i] = cosine * cosine - sine * sine
        turn[1, i] = _TWO * sine * cosine


@compiled_loop(
    numba.void(
        *_TABLE, *_SAMPLES, *_POSES, *_IMAGES, _flat, _flat, _image, numba.float64[::1], _RESULT, numba.float64[:, :, ::1]
    )
)
def normal_equations(
    values,
    side,
    geometry,
    wave,
    kx,
    ky,
    order,
    rotations,
    shifts,
    real,
    imag,
    ctf2,
    scale,
    precision,
    slopes,
    value,
    gradient,
    information,
):
    """Log-likelihood (B,), gradient (B, 5) and Fisher information (B, 5, 5), per radian and px."""
    corner = np.empty(_RUN, np.int64)
    part, exponent = np.empty((3, _RUN), np.float32), np.empty((3, 4, _RUN), np.int32)
    weight, power = np.empty((3, 4, _RUN), np.float32), np.empty((3, 4, _RUN), np.float32)
    slope, found = np.empty((3, 4, _RUN), np.float32), np.empty((2, 4, _RUN), np.float32)
    turn, t = np.empty((2, _RUN), np.float32), np.empty((2, 5, _RUN), np.float32)
    left, curvature = np.empty((2, _RUN), np.float32), np.empty(_RUN, np.float32)
    step = geometry[0]
    for b in range(len(rotations)):
        r = rotations[b]
        right, up = shifts[b, 0] * wave / (_TWO * _PI), shifts[b, 1] * wave / (_TWO * _PI)
        value[b] = 0
        gradient[b] = 0
        information[b] = 0
        for start in range(0, len(kx), _RUN):
            stop = min(start + _RUN, len(kx))
            count = stop - start
            _taps(kx[start:stop], ky[start:stop], r, geometry, side, corner, part, weight, exponent, power)
            _slope_taps(slopes, part, count, slope)
            _slices_and_slopes(values, side, corner, weight, slope, count, found)
            _phases(kx[start:stop], ky[start:stop], right, up, turn)
            total = _ZERO
            for i in range(count):
                k, here = order[start + i], start + i
                f, g = found[0, 0, i], found[1, 0, i]
                data_real = real[b, k] * turn[0, i] + imag[b, k] * turn[1, i]
                data_imag = imag[b, k] * turn[0, i] - real[b, k] * turn[1, i]
                model, w = scale[here] * ctf2[b, k], precision[here] * scale[here]
                total += w * (data_real * f + data_imag * g - _HALF * model * (f * f + g * g))
                left[0, i] = w * (data_real - model * f)
                left[1, i] = w * (data_imag - model * g)
                curvature[i] = w * model
            value[b] += total
            for c in range(2):
                other, sign = 1 - c, _ONE if c else -_ONE  # i times a slope is the moment
                for i in range(count):
                    mx, my, mz = sign * found[other, 1, i], sign * found[other, 2, i], sign * found[other, 3, i]
                    x, y, f = kx[start + i], ky[start + i], found[c, 0, i] * wave
                    depth = step * (r[2, 0] * mx + r[2, 1] * my + r[2, 2] * mz)
                    t[c, 0, i] = -y * depth
                    t[c, 1, i] = x * depth
                    t[c, 2, i] = step * (
                        y * (r[0, 0] * mx + r[0, 1] * my + r[0, 2] * mz) - x * (r[1, 0] * mx + r[1, 1] * my + r[1, 2] * mz)
                    )
                    t[c, 3, i] = -x * f
                    t[c, 4, i] = -y * f
            for p in range(5):
                total = _ZERO
                for i in range(count):
                    total += left[0, i] * t[1, p, i] - left[1, i] * t[0, p, i]
                gradient[b, p] += total
                for q in range(p, 5):
                    total = _ZERO
                    for i in range(count):
                        total += curvature[i] * (t[0, p, i] * t[0, q, i] + t[1, p, i] * t[1, q, i])
                    information[b, p, q] += total
        for p in range(5):
            for q in range(p):
                information[b, p, q] = information[b, q, p]


@compiled_loop(numba.void(*_TABLE, *_SAMPLES, *_POSES, *_IMAGES, _flat, _flat, numba.float64[::1], numba.float64[::1]))
def agreement_and_energy(
    values, side, geometry, wave, kx, ky, order, rotations, shifts, real, imag, ctf2, scale, precision, agreement, energy
):
    """Σ w a Re(C D* F) and Σ w a² C² |F|² of every image (B,); the log-likelihood is the first less half the second.

    Parameters
    ----------
    shifts : (B, 2) float32
        px
    """
    corner = np.empty(_RUN, np.int64)
    part, exponent = np.empty((3, _RUN), np.float32), np.empty((3, 4, _RUN), np.int32)
    weight, power = np.empty((3, 4, _RUN), np.float32), np.empty((3, 4, _RUN), np.float32)
    found, turn = np.empty((2, _RUN), np.float32), np.empty((2, _RUN), np.float32)
    for b in range(len(rotations)):
        right, up = shifts[b, 0] * wave / (_TWO * _PI), shifts[b, 1] * wave / (_TWO * _PI)
        agreement[b] = 0
        energy[b] = 0
        for start in range(0, len(kx), _RUN):
            stop = min(start + _RUN, len(kx))
            count = stop - start
            _taps(kx[start:stop], ky[start:stop], rotations[b], geometry, side, corner, part, weight, exponent, power)
            _slices(values, side, corner, weight, count, found)
            _phases(kx[start:stop], ky[start:stop], right, up, turn)
            agreed, spent = _ZERO, _ZERO
            for i in range(count):
                k, w = order[start + i], precision[start + i] * scale[start + i]
                f, g = found[0, i], found[1, i]
                agreed += w * (
                    (real[b, k] * turn[0, i] + imag[b, k] * turn[1, i]) * f
                    + (imag[b, k] * turn[0, i] - real[b, k] * turn[1, i]) * g
                )
                spent += w * scale[start + i] * ctf2[b, k] * (f * f + g * g)
            agreement[b] += agreed
            energy[b] += spent


@compiled_loop(numba.void(*_TABLE, *_SAMPLES, *_POSES, *_IMAGES, _image, numba.int64[::1], _RESULT))
def ring_sums(values, side, geometry, wave, kx, ky, order, rotations, shifts, real, imag, ctf2, gain, ring, sums):
    """Σ g Re(C D* F) and Σ g C² |F|² over all images by ring.

    Parameters
    ----------
    shifts : (B, 2) float32
        px
    gain : (B, K) float32
        g
    ring : (M,) int64
    sums : (2, S) float64
        Filled.
    """
    corner = np.empty(_RUN, np.int64)
    part, exponent = np.empty((3, _RUN), np.float32), np.empty((3, 4, _RUN), np.int32)
    weight, power = np.empty((3, 4, _RUN), np.float32), np.empty((3, 4, _RUN), np.float32)
    found, turn = np.empty((2, _RUN), np.float32), np.empty((2, _RUN), np.float32)
    for b in range(len(rotations)):
        right, up = shifts[b, 0] * wave / (_TWO * _PI), shifts[b, 1] * wave / (_TWO * _PI)
        for start in range(0, len(kx), _RUN):
            stop = min(start + _RUN, len(kx))
            count = stop - start
            _taps(kx[start:stop], ky[start:stop], rotations[b], geometry, side, corner, part, weight, exponent, power)
            _slices(values, side, corner, weight, count, found)
            _phases(kx[start:stop], ky[start:stop], right, up, turn)
            for i in range(count):
                k, s = order[start + i], ring[start + i]
                f, g = found[0, i], found[1, i]
                sums[0, s] += gain[b, k] * (
                    (real[b, k] * turn[0, i] + imag[b, k] * turn[1, i]) * f
                    + (imag[b, k] * turn[0, i] - real[b, k] * turn[1, i]) * g
                )
                sums[1, s] += gain[b, k] * ctf2[b, k] * (f * f + g * g)
