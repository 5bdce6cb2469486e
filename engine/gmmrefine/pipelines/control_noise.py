"""Images of pure noise with the poses, CTF and half sets of particles, of each optics group with its images' spectrum."""

import os
from dataclasses import replace

import numpy as np
from scipy import fft

from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.io.stack_writer import StackWriter
from gmmrefine.particles.images import ImageReader
from gmmrefine.random_streams import stream

_SAMPLE = 256  # images of a group whose mean spectrum its noise has
_BATCH = 128


def with_noise(particles, folder, seed, report=lambda done: None):
    """The same particles with noise in place of their images, written to stacks in a folder.

    Parameters
    ----------
    particles : ParticleSet
    folder : str
        Made where it is missing.
    seed : int
    report : callable
        Called with the number of images done.

    Returns
    -------
    ParticleSet
    """
    groups = np.zeros(len(particles), int) if particles.optics is None else particles.optics.index
    reader = ImageReader(particles, half_disc(particles.box_size, particles.box_size // 2 - 1))
    stacks, stack_index, slice_index, done = [], np.empty(len(particles), int), np.empty(len(particles), int), 0
    os.makedirs(folder, exist_ok=True)
    for number, group in enumerate(np.unique(groups)):
        members = np.flatnonzero(groups == group)
        stacks.append(os.path.abspath(os.path.join(folder, f"noise_{number + 1}.mrcs")))
        stack_index[members], slice_index[members] = number, np.arange(len(members))
        if os.path.exists(stacks[-1]):  # whole, or it would not be there
            continue
        amplitude = _amplitude(reader, particles.subset(members[:: 1 + len(members) // _SAMPLE]))
        rng = stream("noise of controls", seed, number)
        first = particles.subset(members[:1])
        with StackWriter(stacks[-1], len(members), first.image_box, float(first.image_pixels[0])) as stack:
            for start in range(0, len(members), _BATCH):
                count = min(_BATCH, len(members) - start)
                white = rng.standard_normal((count, first.image_box, first.image_box)).astype(np.float32)
                stack.append(fft.irfft2(fft.rfft2(white) * amplitude, s=white.shape[1:]))
                done += count
                report(done)
    return replace(particles, stacks=tuple(stacks), stack_index=stack_index, slice_index=slice_index, scale=None, blur=None)


def _amplitude(reader, part):
    """What white noise is multiplied by (Y, F) for the mean spectrum, by ring, of some images."""
    pixels = reader.read_pixels(part)
    box = pixels.shape[-1]
    power = np.mean(np.abs(fft.rfft2(pixels - pixels.mean(axis=(1, 2), keepdims=True))) ** 2, axis=0) / box**2
    ring = np.rint(np.hypot(np.fft.fftfreq(box, 1 / box)[:, None], np.arange(box // 2 + 1))).astype(int)
    mean = np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel())
    return np.sqrt(mean)[ring].astype(np.float32)
