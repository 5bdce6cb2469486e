"""Particle images streamed from their stacks as CTF-aware Fourier samples; memory does not grow with their number."""
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.particles.ctf import ctf_on_disc
from gmmrefine.particles.particle_set import CTF_PHASE_FLIPPED, CTF_PREMULTIPLIED, CTF_RAW
from gmmrefine.particles.stack_file import open_stack, stack_layout


@dataclass(frozen=True)
class ImageBatch:
    """Fourier samples of some images.

    Parameters
    ----------
    index : (B,) int
        Position of each image in its particle set.
    data : (B, K) complex64
        Transforms as stored, contrast sign applied.
    ctf : (B, K) float32
        Contrast transfer function.
    state : (B,) int
        What was done to the images already (``CTF_RAW`` …).
    """

    index: np.ndarray
    data: np.ndarray
    ctf: np.ndarray
    state: np.ndarray

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


class ImageReader:
    """Reads batches of images of one particle set as Fourier samples.

    Parameters
    ----------
    particles : ParticleSet
    disc : HalfDisc
        K samples of the particles' box.
    invert_contrast : bool
        Multiply by -1, besides the contrast signs that the particles bring (molecule dark in the images).
    """

    def __init__(self, particles, disc, invert_contrast=False):
        self.particles = particles
        self.disc = disc
        self.sign = -1.0 if invert_contrast else 1.0
        self._layouts = {}

    def batches(self, batch_size, index=None):
        """Yield ``ImageBatch`` of at most ``batch_size`` images, the next one read while the caller works.

        Parameters
        ----------
        index : (M,) int, optional
            Which particles, all by default.
        """
        index = np.arange(len(self.particles)) if index is None else np.asarray(index)
        chunks = [index[start : start + batch_size] for start in range(0, len(index), batch_size)]
        with ThreadPoolExecutor(1) as reader:
            pending = None
            for chunk in chunks + [None]:
                following = reader.submit(self.read, chunk) if chunk is not None else None
                if pending is not None:
                    yield pending.result()
                pending = following

    def read(self, index):
        """The images at positions ``index`` (B,) of the set."""
        part = self.particles.subset(index)
        sign = self.sign if part.contrast_sign is None else (self.sign * part.contrast_sign[:, None, None]).astype(np.float32)
        data = self.disc.transform(self.read_pixels(part) * sign)
        return ImageBatch(index, data, ctf_on_disc(part.ctf, self.disc, part.pixel_size), part.ctf.state)

    def read_pixels(self, part):
        """Pixels (B, Y, X) float32 of a few particles.

        Raises
        ------
        InputError
            Missing or short stack, or pixels that are not finite numbers.
        """
        box = self.particles.box_size
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
                            f"found {pixels.size} of {box * box} pixels. The stack is truncated; copy it again.")
                    images[member] = pixels
        bad = np.flatnonzero(~np.isfinite(images.sum(axis=(1, 2))))
        if len(bad):
            raise InputError(
                f"{self.particles.stacks[part.stack_index[bad[0]]]}: image {part.slice_index[bad[0]] + 1} (row "
                f"{part.row[bad[0]] + 1}) has pixels that are not finite numbers. Remove the particle or extract it again.")
        return images

    def _layout(self, path):
        """Layout of a stack, read once."""
        if path not in self._layouts:
            self._layouts[path] = stack_layout(path)
        return self._layouts[path]
