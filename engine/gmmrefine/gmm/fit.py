"""All five parameters of every Gaussian fitted to a map, by its Fourier shell correlation in 3-D."""

from contextlib import suppress

import numpy as np
from scipy import fft, optimize

from gmmrefine.backend import compiled, tf
from gmmrefine.fourier.grey import in_grey_scale
from gmmrefine.fourier.shells import shell_sums
from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.render import fourier_map
from gmmrefine.maps.fsc import transform_correlation

_TAPS = 9
_GRID = 2.5  # grid points per shell: 1.25 × Nyquist, so that wrapped-around tails stay small
_ANTI_ALIAS = 0.65  # grid steps by which Gaussians are widened on the grid; undone exactly in Fourier space
_SCALES = 0.06, 0.05, 0.04  # step of a centre (px), of a relative mass, of a log width: equal weight for L-BFGS
_WIDTHS = 0.1, 0.45  # smallest and largest width, in units of the resolution; wider ones outgrow the taps
_CULL_MASS = 1e-3  # of the mean
_CONVERGED, _LAST = 0.01, 10  # share of the loss that the last evaluations must gain for more of them


class MapTarget:
    """The part of a map that a GMM is fitted to.

    Parameters
    ----------
    transform : (Z, Y, F) complex64
        ``rfftn`` of the map, phase origin at voxel n // 2.
    pixel_size : float
        Å/px.
    shell_weights : (R + 1,) float
        Weight of each shell's correlation, 0 … R; R is the target resolution.
    """

    def __init__(self, transform, pixel_size, shell_weights):
        self.transform = transform
        self.pixel_size = pixel_size
        self.box_size = len(transform)
        self.radius = len(shell_weights) - 1
        self.side = _even_fast_length(int(np.ceil(_GRID * self.radius)) + 2)
        self._weights = tf.constant(shell_weights / np.sum(shell_weights), tf.float32)
        m, r = self.side, self.radius
        k = np.arange(-r, r + 1)
        kz, ky, kx = np.meshgrid(k, k, k[r:], indexing="ij")
        shell = np.rint(np.sqrt(kz**2 + ky**2 + kx**2)).astype(int)
        inside = shell <= r
        kz, ky, kx, shell = kz[inside], ky[inside], kx[inside], shell[inside]
        # the Gaussians' grid has its origin at m / 2: a checkerboard of signs
        sign = 1 - 2 * ((kz + ky + kx) % 2)
        n = self.box_size
        self._target = tf.constant((in_grey_scale(transform[kz % n, ky % n, kx])[1][0] * sign).astype(np.complex64))
        self._pick = tf.constant(((kz % m) * m + ky % m) * m + kx)
        self._shell = tf.constant(shell, tf.int32)
        self._both_halves = tf.constant(np.where(kx == 0, 1, 2), tf.float32)
        k2 = (kz**2 + ky**2 + kx**2) / m**2
        self._sharpen = tf.constant(np.exp(2 * np.pi**2 * _ANTI_ALIAS**2 * k2), tf.float32)

    def disagreement(self, parameters):
        """1 − weighted mean FSC and its gradient.

        Parameters
        ----------
        parameters : (G, 5) float
            Centre x y z (px from the box centre), mass, width (px).

        Returns
        -------
        tuple
            float, (G, 5) float
        """
        value, gradient = _disagreement(
            tf.constant(parameters, tf.float32),
            self.side / self.box_size,
            self.side,
            self._target,
            self._pick,
            self._shell,
            self._both_halves,
            self._sharpen,
            self._weights,
        )
        return float(value), gradient.numpy().astype(float)


def _even_fast_length(length):
    length = fft.next_fast_len(length, real=True)
    while length % 2:
        length = fft.next_fast_len(length + 1, real=True)
    return length


@compiled
def _disagreement(parameters, scale, side, target, pick, shell, both_halves, sharpen, weights):
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        mass, width = parameters[:, 3], parameters[:, 4]
        variance = (width * scale) ** 2 + _ANTI_ALIAS**2
        position = parameters[:, :3] * scale + tf.cast(side // 2, tf.float32)
        first = tf.stop_gradient(tf.round(position)) - (_TAPS - 1) // 2
        offset = first[:, :, None] + tf.range(_TAPS, dtype=tf.float32) - position[:, :, None]  # (G, 3, T)
        profile = tf.exp(-(offset**2) / (2 * variance[:, None, None])) / tf.sqrt(2 * np.pi * variance)[:, None, None]
        x, y, z = tf.unstack(profile, axis=1)
        blob = mass[:, None, None, None] * z[:, :, None, None] * y[:, None, :, None] * x[:, None, None, :]
        cell = tf.math.floormod(tf.cast(first, tf.int32)[:, :, None] + tf.range(_TAPS), side)
        index = (cell[:, 2, :, None, None] * side + cell[:, 1, None, :, None]) * side + cell[:, 0, None, None, :]
        density = tf.tensor_scatter_nd_add(tf.zeros([side**3]), tf.reshape(index, [-1, 1]), tf.reshape(blob, [-1]))
        # TensorFlow has no gradient for its 3-D FFT of real numbers
        box = tf.reshape(density, [side, side, side])
        transform = tf.reshape(tf.signal.fft3d(tf.complex(box, tf.zeros_like(box))), [-1])
        model = tf.gather(transform, pick) * tf.cast(sharpen, tf.complex64)

        def by_shell(values):
            return tf.math.unsorted_segment_sum(both_halves * values, shell, weights.shape[0])

        cross = by_shell(tf.math.real(model) * tf.math.real(target) + tf.math.imag(model) * tf.math.imag(target))
        model_power = by_shell(tf.math.real(model) ** 2 + tf.math.imag(model) ** 2)
        target_power = by_shell(tf.math.real(target) ** 2 + tf.math.imag(target) ** 2)
        # a shell without target or model power has correlation 0, and no infinite slope
        correlation = cross * tf.math.rsqrt(tf.maximum(model_power * target_power, 1e-30))
        loss = 1 - tf.reduce_sum(weights * correlation)
    return loss, tape.gradient(loss, parameters)


def fit_gaussians(seeds, target, evaluations, report=lambda done, loss: None):
    """Fit Gaussians to a map; those that leave the seeds' region or lose their mass are removed.

    Parameters
    ----------
    seeds : Gmm
        Start.
    target : MapTarget
    evaluations : int
        Evaluations of loss and gradient by L-BFGS-B, at most; fewer where the last ten gained less than a hundredth of it.
    report : callable
        Called with the number of evaluations done and the loss.

    Returns
    -------
    Gmm
        In the map's units.
    """
    pixel_size, radius = target.pixel_size, target.radius
    resolution_px = target.box_size / radius
    start = np.column_stack([seeds.centers / pixel_size, seeds.masses / seeds.masses.mean(), seeds.widths / pixel_size])
    lower, upper = (np.log(limit * resolution_px) for limit in _WIDTHS)
    scales = np.array([_SCALES[0]] * 3 + [_SCALES[1], _SCALES[2]])
    losses, best = [], None

    def unpack(z):
        parameters = z.reshape(-1, 5) * scales
        parameters[:, 4] = np.exp(parameters[:, 4])
        return parameters

    def objective(z):
        nonlocal best
        parameters = unpack(z)
        loss, gradient = target.disagreement(parameters)
        gradient[:, 4] *= parameters[:, 4]
        if not losses or loss < min(losses):
            best = z.copy()
        losses.append(loss)
        report(len(losses), loss)
        if len(losses) > 2 * _LAST and min(losses) > (1 - _CONVERGED) * min(losses[:-_LAST]):
            raise StopIteration
        return 1e3 * loss, 1e3 * (gradient * scales).ravel()

    z = start.copy()
    z[:, 4] = np.clip(np.log(z[:, 4]), lower, upper)
    bounds = [(None, None)] * 3 + [(0, None), (lower / scales[4], upper / scales[4])]
    with suppress(StopIteration):
        optimize.minimize(
            objective,
            (z / scales).ravel(),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds * len(start),
            options={"maxfun": evaluations, "maxiter": evaluations, "maxcor": 10},
        )
    # the objective is in single precision: finer digits are rounding, which differs with where arrays lie in memory
    fitted = unpack(best).astype(np.float32).astype(float)
    reach = np.linalg.norm(start[:, :3], axis=1).max() + resolution_px
    keep = (np.linalg.norm(fitted[:, :3], axis=1) < reach) & (fitted[:, 3] > _CULL_MASS * fitted[:, 3].mean())
    return _in_map_units(fitted[keep], target)


def _in_map_units(parameters, target):
    """A Gmm of fitted parameters (G, 5) whose overall scale is that of the target map."""
    widths = parameters[:, 4] * target.pixel_size
    gmm = Gmm(parameters[:, :3] * target.pixel_size, parameters[:, 3] / (parameters[:, 4] * np.sqrt(2 * np.pi)) ** 3, widths)
    model = fourier_map(gmm, target.box_size, target.pixel_size, target.radius)
    n = target.box_size
    scale, (transform,) = in_grey_scale(target.transform)
    cross = scale * shell_sums((model * np.conj(transform)).real, n)[1:].sum()
    return Gmm(gmm.centers, gmm.amplitudes * cross / shell_sums(np.abs(model) ** 2, n)[1:].sum(), widths)


def gmm_map_fsc(gmm, transform, pixel_size, radius):
    """FSC (radius + 1,) of a GMM with the transform (Z, Y, F) of a map, phase origin at voxel n // 2."""
    model = fourier_map(gmm, len(transform), pixel_size, radius)
    return transform_correlation(model, transform)[: radius + 1]
