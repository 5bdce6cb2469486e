"""The Fourier transform of many Gaussians on a cubic grid: exact along x and y, by a fast Fourier transform along z.

A Gaussian is narrow, so that a plane of constant z is touched by few: one matrix product of these few makes its transform along
x and y, and the planes are transformed along z together. Summing every Gaussian at every frequency takes ten times as long.
"""

import numpy as np
from scipy import fft

from gmmrefine.backend import tf
from gmmrefine.threads import thread_count

_FINER = 2  # planes per frequency index of z
_REACH = 5.5  # standard deviations at which a Gaussian ends: 3e-7 of its height
_ALIAS = 16  # minus the logarithm of what a frequency beyond those of the planes may add to one within
_LARGEST_PART = 0.25  # of the result, for the planes that are held at a time
_SMALLEST_PART = 2**20  # numbers


def fourier_sum(last, period, gaussians):
    """Σ m exp(-2π² Σ_d (σ_d q_d)² − 2πi q·c) on a cubic grid of both signs.

    Parameters
    ----------
    last : int
        Largest frequency index L along each axis.
    period : float
        One over the step of the grid, in the unit of the centres.
    gaussians : tuple
        Centres c (G, 3), masses m (G,), standard deviations σ (G, 3); x y z.

    Returns
    -------
    (2 L + 1, 2 L + 1, 2 L + 1) complex64
        Axes kz, ky, kx from -L to L.
    """
    centers, masses, widths = gaussians
    count = fft.next_fast_len(_FINER * (2 * last + 1))
    touched, deconvolution = _planes_along_z(centers[:, 2], widths[:, 2], (last, period, count))
    waves = [_waves(np.arange(last + 1) / period, centers[:, axis], widths[:, axis]) for axis in (0, 1)]
    along_x = np.concatenate(waves[0], axis=1)
    weighted_y = [wave * masses[:, None].astype(np.float32) for wave in waves[1]]
    whole = np.empty((2 * last + 1,) * 3, np.complex64)
    held = max(_SMALLEST_PART, _LARGEST_PART * whole.size)
    rows = int(held / (2 * count * (last + 1))) + 1  # of |ky| at a time
    for first in range(0, last + 1, rows):
        part = slice(first, min(first + rows, last + 1))
        along_y = np.concatenate([wave[:, part] for wave in weighted_y], axis=1)
        planes = fft.fft(_transformed_planes(touched, along_y, along_x), axis=0, overwrite_x=True, workers=thread_count())
        ky = np.arange(part.start, part.stop)
        for sign, half_planes in ((1, planes[:, 0]), (-1, planes[:, 1])):
            # k along z from 0, then from the end those below
            whole[last:, last + sign * ky, last:] = half_planes[: last + 1] * deconvolution
            whole[:last, last + sign * ky, last:] = half_planes[count - last :] * deconvolution[:0:-1]
    np.conj(whole[::-1, ::-1, :last:-1], out=whole[:, :, :last])
    return whole


def _planes_along_z(positions, widths, grid):
    """Which Gaussians touch each plane, and how strongly.

    Parameters
    ----------
    positions, widths : (G,) float
    grid : tuple
        Largest frequency index, period, number of planes in it.

    Returns
    -------
    tuple
        For each plane the Gaussians' numbers and their heights (float32); factors (L + 1, 1, 1) by frequency index that take
        off what the Gaussians were widened by.
    """
    last, period, count = grid
    spacing = period / count
    narrowest = period * np.sqrt(_ALIAS / (2 * np.pi**2 * count * (count - 2 * last)))
    widening = max(0.0, narrowest**2 - float(widths.min()) ** 2)
    deviation = np.sqrt(widths**2 + widening)
    reach = np.ceil(_REACH * deviation / spacing).astype(int)
    number = np.repeat(np.arange(len(positions)), 2 * reach + 1)
    before = np.cumsum(2 * reach + 1) - (2 * reach + 1)
    plane = np.rint(positions / spacing).astype(int)[number] + np.arange(len(number)) - before[number] - reach[number]
    z = (plane * spacing - positions[number]) / deviation[number]
    height = (np.exp(-0.5 * z**2) * spacing / (np.sqrt(2 * np.pi) * deviation[number])).astype(np.float32)
    order = np.argsort(plane % count, kind="stable")
    ends = np.searchsorted((plane % count)[order], np.arange(1, count))
    touched = list(zip(np.split(number[order], ends), np.split(height[order], ends)))
    taken_off = np.exp(2 * widening * (np.pi * np.arange(last + 1) / period) ** 2)
    return touched, taken_off.astype(np.float32)[:, None, None]


def _waves(frequencies, positions, widths):
    """Cosines and sines (G, H) of one axis, damped by the Gaussians' widths."""
    phase = 2 * np.pi * positions[:, None] * frequencies
    damping = np.exp(-2 * (np.pi * widths[:, None] * frequencies) ** 2)
    return (np.cos(phase) * damping).astype(np.float32), (np.sin(phase) * damping).astype(np.float32)


def _transformed_planes(touched, along_y, along_x):
    """Transforms of the planes along x and y.

    Parameters
    ----------
    touched : list
        Of ``_planes_along_z``.
    along_y : (G, 2 R) float32
        Cosines, then sines, of R frequencies ≥ 0.
    along_x : (G, 2 H) float32

    Returns
    -------
    (Z, 2, R, H) complex64
        At ky ≥ 0 and ky ≤ 0, kx ≥ 0.
    """
    rows, columns = along_y.shape[1] // 2, along_x.shape[1] // 2
    planes = np.zeros((len(touched), 2, rows, columns), np.complex64)
    for plane, (few, height) in zip(planes, touched):
        if len(few) == 0:
            continue
        product = tf.matmul(along_y[few] * height[:, None], along_x[few], transpose_a=True).numpy()
        (cos_cos, cos_sin), (sin_cos, sin_sin) = (
            (half[:, :columns], half[:, columns:]) for half in (product[:rows], product[rows:])
        )
        # exp(-i(a + b)) at +b and -b
        plane.real[0], plane.imag[0] = cos_cos - sin_sin, -(sin_cos + cos_sin)
        plane.real[1], plane.imag[1] = cos_cos + sin_sin, sin_cos - cos_sin
    return planes
