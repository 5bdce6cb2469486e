"""Particle images streamed from their stacks as CTF-aware Fourier samples; memory does not grow with their number."""
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Optional

import mrcfile
import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.particles.ctf import ctf_on_disc
from gmmrefine.particles.group_transform import Cropped, OnGrid, Scattered, is_cropped
from gmmrefine.particles.particle_set import CTF_PHASE_FLIPPED, CTF_PREMULTIPLIED, CTF_RAW

_MODE_DTYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}


@dataclass(frozen=True)
class ImageBatch:
    """Fourier samples of some images.

    Parameters
    ----------
    index : (B,) int
        Position of each image in its particle set.
    data : (B, K) complex64
        Transforms as stored, contrast sign applied, without the phases of odd aberrations.
    ctf : (B, K) float32
        Contrast transfer function.
    state : (B,) int
        What was done to the images already (``CTF_RAW`` …).
    covered : (B, K) float32 or None
        Variance of the noise in each sample relative to that in an image that fills the box; None where it is 1 everywhere.
    place : (2, K) float or None
        Where the samples lie, in steps of the particle set's grid; None where they are those of its disc.
    """

    index: np.ndarray
    data: np.ndarray
    ctf: np.ndarray
    state: np.ndarray
    covered: Optional[np.ndarray] = None
    place: Optional[np.ndarray] = None

    def matched(self):
        """Images times their CTF, (B, K) complex64: with ``ctf``² all that a likelihood or a map needs of them."""
        state = self.state[:, None]
        factor = np.where(state == CTF_RAW, self.ctf, np.where(state == CTF_PHASE_FLIPPED, np.abs(self.ctf), 1))
        return self.data * factor.astype(np.float32)

    def phase_flipped(self):
        """Images with CTF phases corrected, amplitudes not, (B, K) complex64."""
        return np.where((self.state == CTF_RAW)[:, None], np.sign(self.ctf), 1).astype(np.float32) * self.data

    def noise_gain(self):
        """Variance of the noise per sample (B, K) relative to that in a raw image: C² in premultiplied images, else 1."""
        premultiplied = (self.state == CTF_PREMULTIPLIED)[:, None]
        return np.where(premultiplied, self.ctf**2, np.float32(1))

    def noise(self):
        """Variance of the noise per sample (B, K) relative to that in a raw image that fills the box."""
        gain = self.noise_gain()
        return gain if self.covered is None else gain * self.covered


class ImageReader:
    """Reads batches of images of one particle set as Fourier samples.

    Parameters
    ----------
    particles : ParticleSet
    disc : HalfDisc
        K samples of the particles' grid.
    invert_contrast : bool
        Multiply by -1 (molecule dark in the images).
    """

    def __init__(self, particles, disc, invert_contrast=False):
        self.particles = particles
        self.disc = disc
        self.sign = -1.0 if invert_contrast else 1.0
        self._layouts = {}
        self._groups = {}

    def batches(self, batch_size, index=None):
        """Yield ``ImageBatch`` of at most ``batch_size`` images, the next one read while the caller works.

        Parameters
        ----------
        index : (M,) int, optional
            Which particles, all by default.
        """
        index = np.arange(len(self.particles)) if index is None else np.asarray(index)
        yield from _ahead(self.read, index, batch_size)

    def batches_in_place(self, batch_size):
        """As ``batches`` of all images, but samples between those of the disc stay where they are, in batches of their own."""
        grid, others = np.arange(len(self.particles)), []
        if not self.particles.is_uniform:
            group = self.particles.optics.index
            others = [group == number for number in np.unique(group) if not self._is_cropped(number)]
            grid = np.flatnonzero(~np.any([np.zeros(len(group), bool), *others], axis=0))
        yield from _ahead(self.read, grid, batch_size)
        for members in others:
            yield from _ahead(self._read_in_place, np.flatnonzero(members), batch_size)

    def read(self, index):
        """The images at positions ``index`` (B,) of the set."""
        part = self.particles.subset(index)
        if self.particles.is_uniform:
            data = self.disc.transform(self.read_pixels(part) * self.sign)
            return ImageBatch(index, data, ctf_on_disc(part.ctf, self.disc, part.pixel_size), part.ctf.state)
        shape = len(part), len(self.disc.ring)
        whole = ImageBatch(
            index, np.empty(shape, np.complex64), np.empty(shape, np.float32), np.empty(len(part), int),
            np.empty(shape, np.float32))
        for number in np.unique(part.optics.index):
            members = np.flatnonzero(part.optics.index == number)
            some = self._read_group(index[members], Cropped if self._is_cropped(number) else OnGrid)
            for name in ("data", "ctf", "state", "covered"):
                getattr(whole, name)[members] = getattr(some, name)
        return whole

    def _is_cropped(self, number):
        return is_cropped(self.particles.optics.groups[number], self.disc, self.particles.pixel_size)

    def _read_in_place(self, index):
        return self._read_group(index, Scattered)

    def _read_group(self, index, kind):
        """Images of one optics group, brought to the grid by ``Cropped``, ``OnGrid`` or ``Scattered``."""
        part = self.particles.subset(index)
        number = part.optics.index[0]
        if (number, kind) not in self._groups:
            self._groups[number, kind] = kind(part.optics.groups[number], self.disc, part.pixel_size)
        bring = self._groups[number, kind]
        data = bring.samples.transform(self.read_pixels(part) * self.sign)
        return bring(ImageBatch(index, data, bring.samples.ctf(part.ctf), part.ctf.state), part)

    def read_pixels(self, part):
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
            offset, dtype = self._layout(path)
            with _open_stack(path) as file:
                for member in members:
                    file.seek(offset + int(part.slice_index[member]) * box * box * dtype.itemsize)
                    pixels = np.frombuffer(file.read(box * box * dtype.itemsize), dtype)
                    if pixels.size != box * box:
                        raise InputError(
                            f"{path}: image {part.slice_index[member] + 1} (row {part.row[member] + 1}) is cut off: "
                            f"found {pixels.size} of {box * box} pixels. The stack is truncated; copy it again.")
                    images[member] = pixels.reshape(box, box)
        bad = np.flatnonzero(~np.isfinite(images.sum(axis=(1, 2))))
        if len(bad):
            raise InputError(
                f"{self.particles.stacks[part.stack_index[bad[0]]]}: image {part.slice_index[bad[0]] + 1} (row "
                f"{part.row[bad[0]] + 1}) has pixels that are not finite numbers. Remove the particle or extract it again.")
        return images

    def _layout(self, path):
        """Byte offset of the first image and dtype of a stack."""
        if path not in self._layouts:
            with _open_stack(path):
                pass
            with mrcfile.open(path, header_only=True, permissive=True) as stack:
                mode = int(stack.header.mode)
                if mode not in _MODE_DTYPES:
                    raise InputError(
                        f"{path}: MRC mode {mode} is not readable; expected 0, 1, 2, 6 or 12. Convert it to mode 2.")
                byte_order = stack.header.mode.dtype.byteorder.replace("|", "=")
                offset = 1024 + int(stack.header.nsymbt)
                self._layouts[path] = offset, np.dtype(_MODE_DTYPES[mode]).newbyteorder(byte_order)
        return self._layouts[path]


def _ahead(read, index, batch_size):
    """What ``read`` makes of ``index`` (M,), batch by batch, the next one read while the caller works."""
    chunks = [index[start : start + batch_size] for start in range(0, len(index), batch_size)]
    with ThreadPoolExecutor(1) as reader:
        pending = None
        for chunk in chunks + [None]:
            following = reader.submit(read, chunk) if chunk is not None else None
            if pending is not None:
                yield pending.result()
            pending = following


def _open_stack(path):
    try:
        return open(path, "rb")
    except OSError as error:
        raise InputError(f"{path}: cannot read the image stack ({error.strerror}). Check the path in rlnImageName.") from error
