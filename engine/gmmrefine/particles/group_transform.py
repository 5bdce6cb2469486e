"""Images of an optics group brought to the grid of their particle set.

Where the group's box is as wide as the grid's, its samples are the grid's: a Fourier crop. Else they lie between them. A map
takes them where they are (``Scattered``); what wants images on one grid gets them resampled (``OnGrid``), multiplied by their
CTF before: signal that the microscope spread beyond the box and that came in again at its other side, as in all transforms of
boxes, is back at its place then and may be interpolated.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Tuple

import numpy as np

from gmmrefine.fourier.half_disc import HalfDisc, half_disc
from gmmrefine.fourier.resample import Resampler
from gmmrefine.particles.group_samples import GroupSamples
from gmmrefine.particles.optics import NO_DISTORTION, SAME_SIZE, OpticsGroup
from gmmrefine.particles.particle_set import CTF_PREMULTIPLIED, ParticleSet

if TYPE_CHECKING:
    from gmmrefine.particles.images import ImageBatch


def is_cropped(group: OpticsGroup, disc: HalfDisc, pixel_size: float) -> bool:
    """Whether the samples of a group's images are some of those of a disc at a pixel size in Å/px.

    Parameters
    ----------
    group : OpticsGroup
    disc : HalfDisc
        Of the grid.
    pixel_size : float
        Å/px of the grid.
    """
    length = disc.box_size * pixel_size
    return group.magnification == NO_DISTORTION and group.box_size % 2 == 0 and abs(group.length - length) <= SAME_SIZE * length


class Cropped:
    """Takes samples of a group's images that are those of the grid; where the group has none, data and CTF are 0.

    Parameters
    ----------
    group : OpticsGroup
        As wide as the grid.
    disc : HalfDisc
        K samples of the grid.
    pixel_size : float
        Å/px of the grid.

    Attributes
    ----------
    samples : GroupSamples
        What the images are read with.
    """

    def __init__(self, group: OpticsGroup, disc: HalfDisc, pixel_size: float) -> None:
        self.samples = GroupSamples(group, replace(disc.up_to(_radius(group)), box_size=group.box_size))
        self._missing = len(disc.ring) - len(self.samples.disc.ring)
        self._scale = np.float32(group.pixel_size / pixel_size)

    def __call__(self, batch: ImageBatch, _part: ParticleSet) -> ImageBatch:
        """An ImageBatch of the group's samples on the grid; nothing else is asked of their particles."""
        known = np.ones_like(batch.ctf)
        data, ctf, covered = (
            np.pad(values, ((0, 0), (0, self._missing))) for values in (batch.data * self._scale, batch.ctf, known)
        )
        return replace(batch, data=data, ctf=ctf, covered=covered)


class OnGrid:
    """Resamples images of a group, multiplied by their CTF, on the grid; they come out as premultiplied ones.

    Parameters
    ----------
    group : OpticsGroup
    disc : HalfDisc
        K samples of the grid.
    pixel_size : float
        Å/px of the grid.

    Attributes
    ----------
    samples : GroupSamples
        What the images are read with.
    """

    def __init__(self, group: OpticsGroup, disc: HalfDisc, pixel_size: float) -> None:
        self._own = half_disc(group.box_size, _radius(group))
        self.samples = GroupSamples(group, self._own)
        at_grid = replace(group, box_size=disc.box_size, pixel_size=pixel_size, odd=(), magnification=NO_DISTORTION)
        self._at_grid = GroupSamples(at_grid, disc)
        self._resampler, self._seen = _resampler(group.without_aberrations(), disc, pixel_size)
        frequency = np.stack([disc.kx, disc.ky]) / (disc.box_size * pixel_size)
        self._undistorted = _Undistorted(group, frequency[:, self._seen])
        self._scale = np.float32(group.object_pixel / pixel_size)
        covered = (self._resampler.kept * group.object_pixel / (disc.box_size * pixel_size)) ** 2
        self._covered = (self._seen * covered).astype(np.float32)

    def __call__(self, batch: ImageBatch, part: ParticleSet) -> ImageBatch:
        """An ImageBatch of the group's samples on the grid; ``part`` are their particles."""
        data = np.zeros((len(batch.data), len(self._seen)), np.complex64)
        resampled = self._resampler.transform(self._own.inverse(batch.matched() * self._scale))
        data[:, self._seen] = self._undistorted.moved(resampled, part.shifts)
        ctf = self._at_grid.ctf(part.ctf) * self._seen
        ctf[batch.blank] = 0
        return replace(
            batch,
            data=data,
            ctf=ctf,
            state=np.full_like(batch.state, CTF_PREMULTIPLIED),
            covered=np.broadcast_to(self._covered, data.shape),
        )


class Scattered:
    """Leaves samples of a group's images where they are in the object, weighted so that they say as much as those of the grid.

    Parameters
    ----------
    group : OpticsGroup
    disc : HalfDisc
        The grid's.
    pixel_size : float
        Å/px of the grid.

    Attributes
    ----------
    samples : GroupSamples
        What the images are read with.
    """

    def __init__(self, group: OpticsGroup, disc: HalfDisc, pixel_size: float) -> None:
        length = disc.box_size * pixel_size
        farthest = (disc.radius + 0.5) * group.length / length / np.linalg.svd(group.matrix)[1].min()
        self.samples = GroupSamples(group, half_disc(group.box_size, min(_radius(group), int(np.ceil(farthest)))))
        frequency = np.stack([self.samples.disc.kx, self.samples.disc.ky]) / group.length
        self._undistorted = _Undistorted(group, frequency)
        place = frequency * length
        inside = np.hypot(*place) < disc.radius + 0.5
        self._place = np.where(inside, place, 0)
        # an image of a wider box has more samples, each of them with more noise
        density = (length / (group.box_size * group.object_pixel)) ** 2
        self._weight = np.where(inside, density, 0).astype(np.float32)
        self._scale = np.float32(group.object_pixel / pixel_size)

    def __call__(self, batch: ImageBatch, part: ParticleSet) -> ImageBatch:
        """An ImageBatch of the group's samples in steps of the grid, as premultiplied images; ``part`` are their particles."""
        data = self._undistorted.moved(batch.matched() * (self._scale * self._weight), part.shifts)
        return replace(
            batch,
            data=data,
            ctf=batch.ctf * np.sqrt(self._weight),
            state=np.full_like(batch.state, CTF_PREMULTIPLIED),
            place=self._place,
        )


class _Undistorted:
    """Moves undistorted images so that shifts, which files give in the frame of the distorted ones, centre them.

    A particle at −s of a distorted image is at −M⁻ᵀ s of the undistorted one, and is moved to −s. Where a pose has moved from s
    since, M changes that move by a percent at most, and no more once the images are read again.

    Parameters
    ----------
    group : OpticsGroup
    frequency : (2, K) float
        Of samples in the object, 1/Å.
    """

    def __init__(self, group: OpticsGroup, frequency: np.ndarray) -> None:
        self._waves = None
        if group.magnification != NO_DISTORTION:
            self._waves = 2 * np.pi * (frequency - np.linalg.inv(group.matrix) @ frequency)

    def moved(self, data: np.ndarray, shifts: np.ndarray) -> np.ndarray:
        """Samples (B, K) of images with shifts (B, 2) in Å."""
        return data if self._waves is None else data * np.exp(1j * (shifts @ self._waves)).astype(np.complex64)


@lru_cache(maxsize=32)
def _resampler(group: OpticsGroup, disc: HalfDisc, pixel_size: float) -> Tuple[Resampler, np.ndarray]:
    """What resamples images of a group on a disc, and which samples of the disc they know, (K,) bool."""
    length = disc.box_size * pixel_size
    frequency = np.linalg.inv(group.matrix) @ np.stack([disc.kx, disc.ky]) * (group.pixel_size / length)
    seen = np.hypot(*frequency) * group.box_size < _radius(group) + 0.5
    reach = np.inf if group.length <= (1 + SAME_SIZE) * length else 0.5 * length / group.pixel_size
    return Resampler(group.box_size, group.center, frequency[:, seen], reach), seen


def _radius(group: OpticsGroup) -> int:
    """Largest ring of a group's own box."""
    return (group.box_size - 1) // 2
