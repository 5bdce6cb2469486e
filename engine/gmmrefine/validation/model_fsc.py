"""Fourier shell correlation of a map with its atomic model, under a mask made of the model.

Only the shape of the model matters, not its grey scale: each shell is normalised. Atoms weigh by their number and occupancy and
are blurred by their B factors. The part of the map around the model is compared, in a box with room for the mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Optional

import numpy as np
from scipy import fft
from scipy.ndimage import distance_transform_edt

from gmmrefine.settings import nyquist_text
from gmmrefine.threads import thread_count

if TYPE_CHECKING:
    from gmmrefine.io.atoms import Atoms
    from gmmrefine.io.mrc import MapGrid

THRESHOLD = 0.5
_WITHIN, _EDGE = 3.0, 5.0  # Å from the nearest atom that the mask is 1, and of its soft edge beyond
_DEPOSIT = 0.75  # voxels, deviation of an atom as it is put on the grid
_REACH = 3  # voxels
_BLURS = 6  # B factors that stand for all


@dataclass(frozen=True)
class ModelFsc:
    """Agreement of a map with a model, shell by shell.

    Parameters
    ----------
    frequency, fsc : (S,) float
        1/Å.
    pixel_size : float
        Å, the largest of the voxel's sides.
    """

    frequency: np.ndarray
    fsc: np.ndarray
    pixel_size: float

    @property
    def resolution(self) -> Optional[float]:
        """Å where the curve falls below 0.5 for two shells; Nyquist when it never does, None for nowhere."""
        shell = self._fall
        if shell is None:
            return 2.0 * self.pixel_size
        if shell <= 1:
            return None
        before, after = self.fsc[shell - 1], self.fsc[shell]
        step = (before - THRESHOLD) / (before - after) if before > THRESHOLD else 0.0
        return float(1 / (self.frequency[shell - 1] + step * (self.frequency[shell] - self.frequency[shell - 1])))

    @property
    def _fall(self) -> Optional[int]:
        """First of two shells below 0.5, or the last one of all; None where there are none."""
        below = self.fsc < THRESHOLD
        below[:1] = False
        falls = np.flatnonzero(below & np.append(below[1:], True))
        return int(falls[0]) if len(falls) else None

    def __str__(self) -> str:
        resolution = self.resolution
        if resolution is None:
            return f"none (FSC below {THRESHOLD} from the first shell)"
        if self._fall is None:
            return f"{nyquist_text(self.pixel_size)} Å (above {THRESHOLD} up to Nyquist)"
        return f"{resolution:.2f} Å (FSC = {THRESHOLD})"


class ModelInMap:
    """A model and its mask on a part of a map's grid, to be compared with maps on that grid.

    Parameters
    ----------
    atoms : Atoms
    grid : MapGrid
        In the frame of the model.
    """

    def __init__(self, atoms: Atoms, grid: MapGrid) -> None:
        steps = grid.voxel_sizes
        index = (atoms.positions - grid.origin) / steps
        inside = np.all((index >= 0) & (index <= np.array(grid.data.shape[::-1]) - 1), axis=1)
        margin = np.ceil((_WITHIN + _EDGE + 2) / steps)
        self._low = np.floor(np.maximum(index[inside].min(axis=0) - margin, 0)).astype(int)
        high = np.minimum(np.ceil(index[inside].max(axis=0) + margin).astype(int) + 1, grid.data.shape[::-1])
        self._count = (high - self._low)[::-1]
        self._shape = tuple(fft.next_fast_len(int(size), real=True) for size in self._count)
        self._steps = steps
        frequencies = [fft.fftfreq(size, step) for size, step in zip(self._shape[:2], steps[:0:-1])]
        x = fft.rfftfreq(self._shape[2], steps[0])
        self._k2 = frequencies[0][:, None, None] ** 2 + frequencies[1][:, None] ** 2 + x**2
        width = 1 / float(np.max(np.array(self._shape[::-1]) * steps))
        self._frequency = np.arange(int(0.5 / steps.max() / width) + 1) * width
        self._shell = np.minimum(np.rint(np.sqrt(self._k2) / width).astype(np.int32), len(self._frequency))
        self._weight = np.full(len(x), 2.0)
        self._weight[0] = 1
        self._weight[-1] = 1 if self._shape[2] % 2 == 0 else 2
        places = index[inside] - self._low
        self.mask = self._soft_mask(places)
        self._model = self._masked_transform(self._density(places, atoms, inside))

    def fsc(self, data: np.ndarray) -> ModelFsc:
        """ModelFsc of a map (Z, Y, X) on the grid of the constructor."""
        transform, model = self._masked_transform(self._part(data)), self._model
        cross, own, other = (
            self._sums(each) for each in ((transform * model.conj()).real, np.abs(transform) ** 2, np.abs(model) ** 2)
        )
        power = np.sqrt(own * other)
        fsc = np.divide(cross, power, out=np.zeros_like(cross), where=power > 0)
        return ModelFsc(self._frequency, fsc, float(self._steps.max()))

    def power(self, data: np.ndarray) -> np.ndarray:
        """Power of a map (Z, Y, X) under the mask, mean of each shell (S,)."""
        power = np.abs(self._masked_transform(self._part(data))) ** 2
        return self._sums(power) / np.maximum(self._sums(np.ones_like(power)), 1)

    def _part(self, data: np.ndarray) -> np.ndarray:
        low, count = self._low[::-1], self._count
        return data[tuple(slice(first, first + size) for first, size in zip(low, count))].astype(float)

    def _masked_transform(self, part: np.ndarray) -> np.ndarray:
        """``rfftn`` of a part of a map, about its mean under the mask, times the mask."""
        level = np.average(part, weights=self.mask)
        return fft.rfftn((part - level) * self.mask, self._shape, workers=thread_count())

    def _sums(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self._shell.ravel(), (values * self._weight).ravel(), len(self._frequency) + 1)[:-1]

    def _soft_mask(self, places: np.ndarray) -> np.ndarray:
        free = np.ones(self._count, bool)
        free[tuple(np.rint(places).astype(int)[:, ::-1].T)] = False
        beyond = np.clip((distance_transform_edt(free, self._steps[::-1]) - _WITHIN) / _EDGE, 0, 1)
        return 0.5 * (1 + np.cos(np.pi * beyond))

    def _density(self, places: np.ndarray, atoms: Atoms, inside: np.ndarray) -> np.ndarray:
        """The model (Z, Y, X) on the part of the grid, each atom blurred by what its B factor is above the model's lowest."""
        heights = (atoms.atomic_numbers * np.maximum(atoms.occupancies, 0.0))[inside]
        if not heights.any():
            heights = atoms.atomic_numbers[inside].astype(float)
        b_factors = np.clip(atoms.b_factors[inside], 0, None)
        blur = b_factors - b_factors.min()
        edges = np.quantile(blur, np.linspace(0, 1, _BLURS + 1)[1:-1])
        which = np.searchsorted(edges, blur)
        total = 0
        for each in np.unique(which):
            mine = which == each
            transform = fft.rfftn(_deposited(places[mine], heights[mine], self._count), self._shape, workers=thread_count())
            total = total + transform * np.exp(-0.25 * blur[mine].mean() * self._k2)
        return fft.irfftn(total, self._shape, workers=thread_count())[tuple(slice(0, size) for size in self._count)]


def _deposited(places: np.ndarray, heights: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Narrow Gaussians at places (A, 3), x y z in voxels, on a grid of ``count`` (z, y, x) voxels."""
    nearest = np.rint(places).astype(int)
    apart, size = nearest - places, tuple(int(each) for each in count)
    along = [np.exp(-0.5 * ((apart[:, axis] + np.arange(-_REACH, _REACH + 1)[:, None]) / _DEPOSIT) ** 2) for axis in range(3)]
    data = np.zeros(int(np.prod(count)))
    for x, y, z in product(range(2 * _REACH + 1), repeat=3):
        place = nearest + np.array([x, y, z]) - _REACH
        valid = np.all((place >= 0) & (place < np.array(size[::-1])), axis=1)
        flat = np.ravel_multi_index(tuple(place[valid][:, ::-1].T), size)
        np.add.at(data, flat, (heights * along[0][x] * along[1][y] * along[2][z])[valid])
    return data.reshape(size)
