"""Particle images streamed from their stacks as CTF-aware Fourier samples; memory does not grow with their number."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Callable, Deque, Dict, Iterator, Optional, Tuple, Type, Union

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.fourier.half_disc import HalfDisc
from gmmrefine.particles.grey_values import GreyValues, surroundings
from gmmrefine.particles.group_samples import GroupSamples
from gmmrefine.particles.group_transform import Cropped, OnGrid, Scattered, is_cropped
from gmmrefine.particles.optics import OpticsGroup
from gmmrefine.particles.particle_set import CTF_PHASE_FLIPPED, CTF_PREMULTIPLIED, CTF_RAW, ParticleSet
from gmmrefine.particles.stack_file import StackLayout, open_stack, stack_layout
from gmmrefine.threads import thread_count

_STRONGEST = 1e32  # grey value; images may be scaled, but sums of stronger ones over an image leave single precision
_MOST_READERS = 4  # each holds a batch; more would take memory and wait for the disk

CHUNK = 64  # images of which sums are made, whatever the batch size: a sum in another order has other last bits


@dataclass(frozen=True)
class ImageBatch:
    """Fourier samples of some images.

    Parameters
    ----------
    index : (B,) int
        Position of each image in its particle set.
    data : (B, K) complex64
        Transforms, background taken off, contrast sign applied, in units of the noise's standard deviation in a raw image,
        without the phases of odd aberrations.
    ctf : (B, K) float32
        Contrast transfer function; 0 for blank images, which say nothing.
    state : (B,) int
        What was done to the images already (``CTF_RAW`` …).
    scale : (B,) float32, optional
        How strong the particle's signal is, relative to its half set; 1 by default.
    blank : (B,) bool, optional
        Images that hold nothing; none by default.
    covered : (B, K) float32 or None
        Variance of the noise in each sample relative to that in an image that fills the box; None where it is 1 everywhere.
    place : (2, K) float or None
        Where the samples lie, in steps of the particle set's grid; None where they are those of its disc.
    """

    index: np.ndarray
    data: np.ndarray
    ctf: np.ndarray
    state: np.ndarray
    scale: Optional[np.ndarray] = None
    blank: Optional[np.ndarray] = None
    covered: Optional[np.ndarray] = None
    place: Optional[np.ndarray] = None

    def matched(self) -> np.ndarray:
        """Images times their CTF, (B, K) complex64: with ``ctf``² all that a map needs of them."""
        state = self.state[:, None]
        factor = np.where(state == CTF_RAW, self.ctf, np.where(state == CTF_PHASE_FLIPPED, np.abs(self.ctf), 1))
        return self.data * factor.astype(np.float32)

    def matched_by_scale(self) -> Tuple[np.ndarray, np.ndarray]:
        """``matched`` and ``ctf``² (B, K) of particles of different strength, as if it were that of their CTF."""
        if self.scale is None:
            return self.matched(), self.ctf**2
        scale = self.scale[:, None].astype(np.float32)
        return self.matched() * scale, (self.ctf * scale) ** 2

    def phase_flipped(self) -> np.ndarray:
        """Images with CTF phases corrected, amplitudes not, (B, K) complex64."""
        return np.where((self.state == CTF_RAW)[:, None], np.sign(self.ctf), 1).astype(np.float32) * self.data

    def noise_gain(self) -> np.ndarray:
        """Variance of the noise per sample (B, K) relative to that in a raw image: C² in premultiplied images, else 1.

        There is none in blank images.
        """
        premultiplied = (self.state == CTF_PREMULTIPLIED)[:, None]
        gain = np.where(premultiplied, self.ctf**2, np.float32(1))
        if self.blank is not None:
            gain[self.blank] = 0
        return gain

    def noise(self) -> np.ndarray:
        """Variance of the noise per sample (B, K) relative to that in a raw image that fills the box."""
        gain = self.noise_gain()
        return gain if self.covered is None else gain * self.covered


class ImageReader:
    """Reads batches of images of one particle set as Fourier samples, all on one scale of grey values.

    Parameters
    ----------
    particles : ParticleSet
    disc : HalfDisc
        K samples of the particles' grid.
    invert_contrast : bool
        Multiply by -1 what the particles say about their contrast (molecule dark in the images).
    watch : callable, optional
        Called with the index (B,) of each batch, its pixels (B, Y, X) as stored, and their GreyValues.
    """

    def __init__(
        self,
        particles: ParticleSet,
        disc: HalfDisc,
        invert_contrast: bool = False,
        watch: Optional[Callable[[np.ndarray, np.ndarray, GreyValues], None]] = None,
    ) -> None:
        self.particles = particles
        self.disc = disc
        signs = np.ones(len(particles)) if particles.contrast_sign is None else particles.contrast_sign
        self._signs = -signs if invert_contrast else signs
        self._uniform = GroupSamples(OpticsGroup(particles.box_size, particles.pixel_size), disc)
        self._watch = watch
        self._layouts: Dict[str, StackLayout] = {}
        self._groups: Dict[Any, Any] = {}

    def batches(self, batch_size: int, index: Optional[np.ndarray] = None, ahead: int = 1) -> Iterator[ImageBatch]:
        """Yield ``ImageBatch`` of at most ``batch_size`` images, the next ones read while the caller works.

        Parameters
        ----------
        index : (M,) int, optional
            Which particles, all by default.
        ahead : int
            Batches that may be read in advance; one always is.
        """
        index = np.arange(len(self.particles)) if index is None else np.asarray(index)
        yield from self._ahead(self.read, index, batch_size, ahead)

    def batches_in_place(self, batch_size: int, ahead: int = 1) -> Iterator[ImageBatch]:
        """As ``batches`` of all images, but samples between those of the disc stay where they are, in batches of their own."""
        grid, others = np.arange(len(self.particles)), []
        if not self.particles.is_uniform:
            group = self.particles.image_optics.index
            others = [group == number for number in np.unique(group) if not self._is_cropped(number)]
            grid = np.flatnonzero(~np.any([np.zeros(len(group), bool), *others], axis=0))
        yield from self._ahead(self.read, grid, batch_size, ahead)
        for members in others:
            yield from self._ahead(self._read_in_place, np.flatnonzero(members), batch_size, ahead)

    def read(self, index: np.ndarray) -> ImageBatch:
        """The images at positions ``index`` (B,) of the set."""
        part = self.particles.subset(index)
        if self.particles.is_uniform:
            return self._seen_by(self._uniform, index, part)
        shape = len(part), len(self.disc.ring)
        whole = ImageBatch(
            index,
            np.empty(shape, np.complex64),
            np.empty(shape, np.float32),
            np.empty(len(part), int),
            part.scale,
            np.empty(len(part), bool),
            np.empty(shape, np.float32),
        )
        group = part.image_optics.index
        for number in np.unique(group):
            members = np.flatnonzero(group == number)
            some = self._read_group(index[members], Cropped if self._is_cropped(number) else OnGrid)
            for name in ("data", "ctf", "state", "blank", "covered"):
                getattr(whole, name)[members] = getattr(some, name)
        return whole

    def _ahead(
        self, read: Callable[[np.ndarray], ImageBatch], index: np.ndarray, batch_size: int, most: int
    ) -> Iterator[ImageBatch]:
        """What ``read`` makes of ``index`` (M,), batch by batch and in order, the next ``most`` read while the caller works.

        Several threads read; one does where somebody watches, who is then shown the batches in order.
        """
        readers = 1 if self._watch is not None else min(thread_count(), _MOST_READERS)
        running: Deque["Future[ImageBatch]"] = deque()
        with ThreadPoolExecutor(readers) as pool:
            try:
                for start in range(0, len(index), batch_size):
                    running.append(pool.submit(read, index[start : start + batch_size]))
                    if len(running) > max(readers, most):
                        yield running.popleft().result()
                while running:
                    yield running.popleft().result()
            finally:
                for left in running:
                    left.cancel()

    def look(self, index: np.ndarray) -> None:
        """Have the images at positions ``index`` (B,) seen by ``watch``, and compute nothing of them."""
        grids = [index]
        if not self.particles.is_uniform:
            group = self.particles.image_optics.index[index]
            grids = [index[group == number] for number in np.unique(group)]
        for members in grids:
            self._levelled(members, self.particles.subset(members))

    def _levelled(self, index: np.ndarray, part: ParticleSet) -> Tuple[np.ndarray, GreyValues]:
        """Pixels (B, Y, X) of particles of one optics group, without background, and their GreyValues."""
        pixels = self.read_pixels(part)
        stored = None if self._watch is None else pixels.copy()
        pixel_size = part.image_pixels[0]
        grey = surroundings(part.image_box, pixel_size, part.diameter).level(pixels, part.ctf, pixel_size)
        if self._watch is not None and stored is not None:
            self._watch(index, stored, grey)
        return pixels, grey

    def _is_cropped(self, number: int) -> bool:
        return is_cropped(self.particles.image_optics.groups[number], self.disc, self.particles.pixel_size)

    def _read_in_place(self, index: np.ndarray) -> ImageBatch:
        return self._read_group(index, Scattered)

    def _read_group(self, index: np.ndarray, kind: Union[Type[Cropped], Type[OnGrid], Type[Scattered]]) -> ImageBatch:
        """Images of one optics group, brought to the grid by ``Cropped``, ``OnGrid`` or ``Scattered``."""
        part = self.particles.subset(index)
        number = part.image_optics.index[0]
        if (number, kind) not in self._groups:
            self._groups[number, kind] = kind(part.image_optics.groups[number], self.disc, part.pixel_size)
        bring = self._groups[number, kind]
        return bring(self._seen_by(bring.samples, index, part), part)

    def _seen_by(self, samples: GroupSamples, index: np.ndarray, part: ParticleSet) -> ImageBatch:
        """An ImageBatch of particles ``part`` of one optics group at ``samples`` (GroupSamples) of their own box.

        The noise of a pixel becomes 1 in the image's own box, before it comes to the grid; what brings it there keeps the
        unit, as it multiplies by the ratio of the pixel sizes: n² p² / P² = N² for boxes n p = N P.
        """
        pixels, grey = self._levelled(index, part)
        pixels *= (self._signs[index] / grey.deviation)[:, None, None].astype(np.float32)
        data, ctf = samples.transform(pixels), samples.ctf(part.ctf)
        data[grey.is_blank], ctf[grey.is_blank] = 0, 0
        return ImageBatch(index, data, ctf, part.ctf.state, part.scale, grey.is_blank)

    def read_pixels(self, part: ParticleSet) -> np.ndarray:
        """Pixels (B, Y, X) float32 of a few particles of one box.

        Raises
        ------
        InputError
            Missing or short stack, or pixels that are not finite numbers.
        """
        box = part.image_box
        images = np.empty((len(part), box, box), np.float32)
        for stack in np.unique(part.stack_index):
            members = np.flatnonzero(part.stack_index == stack)
            path = self.particles.stacks[stack]
            layout = self._layout(path)
            with open_stack(path) as file:
                for member in members:
                    pixels = layout.read(file, part.slice_index[member])
                    if pixels.shape != (box, box):
                        raise InputError(
                            f"{path}: image {part.slice_index[member] + 1} (row {part.row[member] + 1}) is cut off: "
                            f"found {pixels.size} of {box * box} pixels. The stack is truncated; copy it again."
                        )
                    images[member] = pixels
        strongest = np.maximum(images.max(axis=(1, 2)), -images.min(axis=(1, 2)))
        bad = np.flatnonzero(~(strongest <= _STRONGEST))  # nor where that is no number
        if len(bad):
            raise InputError(
                f"{self.particles.stacks[part.stack_index[bad[0]]]}: image {part.slice_index[bad[0]] + 1} (row "
                f"{part.row[bad[0]] + 1}) has pixels that are {_unfit(strongest[bad[0]])}. Remove the particle or extract "
                "it again."
            )
        return images

    def _layout(self, path: str) -> StackLayout:
        """Layout of a stack, read once."""
        if path not in self._layouts:
            self._layouts[path] = stack_layout(path)
        return self._layouts[path]


def _unfit(strongest: float) -> str:
    return f"as strong as {strongest:.2g}, which no detector gives" if np.isfinite(strongest) else "not finite numbers"


def chunks_in(count: int) -> int:
    """How many batches of ``CHUNK`` images are ``count`` images, for ``ahead``."""
    return max(1, count // CHUNK)
