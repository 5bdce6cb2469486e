"""Direct Fourier inversion: particle images to a map, each sample weighted by its CTF."""

from typing import Any, Optional, Sequence, Tuple

import numpy as np
from scipy import fft

from gmmrefine.backend import compiled, on_cpu, side_by_side, tf
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.fourier.shells import shell_index
from gmmrefine.geometry.symmetry import ASYMMETRIC, coset_representatives, grid_operators
from gmmrefine.maps.turn import turned_on_grid
from gmmrefine.native import is_native, loops
from gmmrefine.particles.images import ImageBatch
from gmmrefine.threads import thread_count

PADDING = 1.5
_EMPTY_SHARE = 1e-3


class FourierGrid:
    """Sums of images and of their CTF², inserted trilinearly into a padded half volume qx ≥ 0.

    Parameters
    ----------
    box_size : int
        Image side in px, even; images carry the half disc up to ring box_size / 2 - 1.
    operators : (n, 3, 3) float
        Point group to impose, the identity alone by default. Every image counts once at each of its n equivalent poses;
        operators that take the grid onto itself are applied once to the sums, which is the same and costs next to nothing.
    """

    def __init__(self, box_size: int, operators: np.ndarray = ASYMMETRIC) -> None:
        self.box_size = box_size
        self._on_grid = grid_operators(operators)
        self._inserted = coset_representatives(operators, self._on_grid)
        self.disc = half_disc(box_size, box_size // 2 - 1)
        self._side = int(2 * np.ceil(PADDING * box_size / 2))
        self._half = int(np.ceil(PADDING * self.disc.radius)) + 1
        self._shape = (2 * self._half + 1, 2 * self._half + 1, self._half + 2)  # z, y, x
        self._by_loops = is_native() and on_cpu()
        self._sums = np.zeros((*self._shape, 3), np.float32) if self._by_loops else tf.zeros([np.prod(self._shape), 3])
        self._place = np.stack([self.disc.kx, self.disc.ky])

    def insert(
        self,
        batch: ImageBatch,
        rotations: np.ndarray,
        shifts_px: np.ndarray,
        *,
        by_scale: bool = False,
        blur_px2: Optional[np.ndarray] = None,
        threads: int = 1,
    ) -> None:
        """Add images at their poses.

        Parameters
        ----------
        batch : ImageBatch
            B images on ``self.disc``, or with samples at places of their own.
        rotations : (B, 3, 3) float
            Reference → particle.
        shifts_px : (B, 2) float
            Shifts that recentre the images, px.
        by_scale : bool
            Weight every image by the strength of its signal, as by its CTF.
        blur_px2 : (B,) float, optional
            Variance, px² along one axis, by which errors of the poses blur what the images add; weighs them as an envelope of
            their CTF would.
        threads : int
            Cores to use, by compiled loops; the sums do not depend on it.
        """
        matched, ctf2 = batch.matched_by_scale() if by_scale else (batch.matched(), batch.ctf**2)
        place = self._place if batch.place is None else batch.place
        if blur_px2 is not None:
            frequency2 = np.sum((place / self.box_size) ** 2, axis=0)
            envelope = np.exp(-2 * np.pi**2 * frequency2 * blur_px2[:, None]).astype(np.float32)
            matched, ctf2 = matched * envelope, ctf2 * envelope**2
        images = [np.ascontiguousarray(part, np.float32) for part in (matched.real, matched.imag, ctf2)]
        for operator in self._inserted:
            poses = rotations @ operator, shifts_px
            if self._by_loops:
                self._insert_by_loops(place, poses, images, threads)
            else:
                self._insert_by_tensorflow(place, poses, images, batch.place is not None)

    def _insert_by_loops(
        self, place: np.ndarray, poses: Tuple[np.ndarray, np.ndarray], images: Sequence[np.ndarray], threads: int
    ) -> None:
        k, turns = (np.ascontiguousarray(place * step, np.float32) for step in (self._side / self.box_size, 1 / self.box_size))
        insert = loops("gmmrefine.maps.insert_loops").insert
        operands = k, turns, *(np.ascontiguousarray(part, np.float32) for part in poses), *images
        planes = self._planes_of_equal_work(threads)
        side_by_side(lambda edges: insert(self._sums, *edges, *operands), list(zip(planes[:-1], planes[1:])))

    def _planes_of_equal_work(self, parts: int) -> np.ndarray:
        """Edges of ``parts`` runs of planes; slices in all directions have fewer samples in a plane the farther out it is."""
        share = np.linspace(0, 1, parts + 1)
        place = np.where(share < 0.5, np.sqrt(2 * share), 2 - np.sqrt(2 - 2 * share)) / 2
        return np.rint(place * self._shape[0]).astype(int)

    def _insert_by_tensorflow(
        self, place: np.ndarray, poses: Tuple[np.ndarray, np.ndarray], images: Sequence[np.ndarray], is_anywhere: bool
    ) -> None:
        steps = self._side / self.box_size, 2 * np.pi / self.box_size
        k, phase = (tf.constant(place * step, tf.float32) for step in steps)
        operands = [*poses, *images]
        if is_anywhere:
            # batches of many sizes are filled up to few: a kernel is compiled for each
            fill = 2 ** int(np.ceil(np.log2(len(images[0])))) - len(images[0])
            operands = [np.pad(values, [(0, fill)] + [(0, 0)] * (values.ndim - 1)) for values in operands]
        self._sums = _insert(
            self._sums, tf.constant(self._shape), k, phase, *(tf.constant(values, tf.float32) for values in operands)
        )

    def map(self) -> np.ndarray:
        """The reconstructed map (Z, Y, X) float32, unfiltered, in the units of a projection's pixels.

        Returns
        -------
        (Z, Y, X) float32
            Zero where the images hold no signal at all.
        """
        sums = np.asarray(self._sums).reshape(*self._shape, 3)
        numerator, weight = sums[..., 0] + 1j * sums[..., 1], sums[..., 2].copy()
        # samples just left of the plane qx = 0 were mirrored to its right: the plane misses their mates
        numerator[:, :, 0] += np.conj(numerator[::-1, ::-1, 0])
        weight[:, :, 0] += weight[::-1, ::-1, 0]
        numerator, weight = (self._over_grid_operators(values) for values in (numerator, weight))
        m, half = self._side, self._half
        transform = np.zeros((m, m, m // 2 + 1), np.complex64)
        index = np.arange(-half, half + 1) % m
        columns = min(half + 1, m // 2 + 1)
        # a floor keeps cells that hardly any sample touched from blowing up noise
        floor = _EMPTY_SHARE * weight[weight > 0].mean() if np.any(weight > 0) else 1.0
        ratio = numerator / (weight + floor)
        transform[np.ix_(index, index, np.arange(columns))] = ratio[:, :, :columns]
        volume = np.fft.fftshift(fft.irfftn(transform, s=(m, m, m), workers=thread_count()))
        start = (m - self.box_size) // 2
        inner = slice(start, start + self.box_size)
        # the trilinear kernel multiplied the map by sinc² along each axis
        sinc2 = np.sinc((np.arange(self.box_size) - self.box_size // 2) / m) ** 2
        volume = volume[inner, inner, inner] / (sinc2[:, None, None] * sinc2[:, None] * sinc2)
        spectrum = fft.rfftn(volume.astype(np.float32), workers=thread_count())
        spectrum[shell_index(self.box_size) > self.disc.radius] = 0
        return fft.irfftn(spectrum, s=volume.shape, workers=thread_count()).astype(np.float32)

    def _over_grid_operators(self, values: np.ndarray) -> np.ndarray:
        """Sum of half-volume values, axes qz qy qx, over the operators that take the grid onto itself."""
        if len(self._on_grid) == 1:
            return values
        whole = np.concatenate([np.conj(values[::-1, ::-1, self._half : 0 : -1]), values[:, :, : self._half + 1]], axis=2)
        total = np.zeros_like(values)
        for operator in self._on_grid:
            total[:, :, : self._half + 1] += turned_on_grid(whole, operator)[:, :, self._half :]
        return total


@compiled
def _insert(sums: Any, shape: Any, k: Any, phase: Any, rotations: Any, shifts: Any, real: Any, imag: Any, ctf2: Any) -> Any:
    """Sums (cells, 3) with images added: real and imaginary part of their samples, and CTF², each spread over eight cells.

    Parameters
    ----------
    sums, shape, k, phase : tensors (cells, 3), (3,), (2, K), (2, K)
        Sums so far; cells along z, y, x; samples in steps of the grid, and in radians per px of shift.
    rotations, shifts : tensors (B, 3, 3), (B, 2)
        Reference → particle; px.
    real, imag, ctf2 : tensors (B, K)
        Samples times their CTF, and CTF².
    """
    angle = tf.matmul(shifts, phase)
    cos, sin = tf.cos(angle), tf.sin(angle)
    real, imag = real * cos + imag * sin, imag * cos - real * sin
    q = tf.einsum("bij,ik->bjk", rotations[:, :2], k)
    mirrored = q[:, 0] < 0
    q = tf.where(mirrored[:, None], -q, q)
    value = tf.stack([real, tf.where(mirrored, -imag, imag), ctf2], axis=-1)  # (B, K, 3)
    floor = tf.floor(q)
    part = q - floor
    cell = tf.cast(floor, tf.int32)
    half = (shape[0] - 1) // 2
    corner = ((cell[:, 2] + half) * shape[1] + cell[:, 1] + half) * shape[2] + cell[:, 0]
    for z in (0, 1):
        for y in (0, 1):
            for x in (0, 1):
                near = [part[:, axis] if far else 1 - part[:, axis] for axis, far in ((0, x), (1, y), (2, z))]
                weight = near[0] * near[1] * near[2]
                index = corner + (z * shape[1] + y) * shape[2] + x
                sums = tf.tensor_scatter_nd_add(
                    sums, tf.reshape(index, [-1, 1]), tf.reshape(value * weight[..., None], [-1, 3])
                )
    return sums
