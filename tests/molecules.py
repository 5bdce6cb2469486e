"""A small asymmetric molecule and images of it, made in memory with the slow references only."""

from dataclasses import dataclass, replace

import numpy as np
import references
from scipy.spatial.transform import Rotation

from gmmrefine.gmm.model import Gmm
from gmmrefine.particles.images import ImageBatch
from gmmrefine.particles.particle_set import CTF_RAW, CtfParameters, ParticleSet

BOX, PIXEL_SIZE, RADIUS = 32, 2.0, 12


def molecule(count=30, seed=7, width=(1.8, 2.6)):
    """A GMM of about 40 × 28 × 22 Å without any symmetry; widths in Å."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    centers = direction * rng.uniform(0, 1, (count, 1)) ** (1 / 3) * [20.0, 14.0, 11.0] + [1.0, -2.0, 0.5]
    return Gmm(centers, rng.uniform(0.6, 1.4, count), rng.uniform(*width, count))


def random_rotations(count, seed=3):
    """Rotations (count, 3, 3) all over the sphere."""
    return Rotation.random(count, random_state=np.random.RandomState(seed)).as_matrix()


def turned(rotations, angle_deg, rng):
    """Rotations (N, 3, 3) off by a Gaussian error of rms ``angle_deg``."""
    error = rng.normal(0, np.radians(angle_deg) / np.sqrt(3), (len(rotations), 3))
    return Rotation.from_rotvec(error).as_matrix() @ rotations


def ctf_parameters(count, rng, state=CTF_RAW, **changes):
    """CTFs of 300 kV images, moderately astigmatic."""
    defocus = rng.uniform(4000, 12000, count)
    usual = CtfParameters(
        defocus_u=defocus + 300,
        defocus_v=defocus - 300,
        defocus_angle=rng.uniform(0, 180, count),
        phase_shift_deg=np.zeros(count),
        voltage_kv=np.full(count, 300.0),
        cs_mm=np.full(count, 2.7),
        amplitude_contrast=np.full(count, 0.1),
        state=np.zeros(count, int) + state,
    )
    return replace(usual, **changes)


def particle_set(rotations, shifts, ctf, box_size=BOX, pixel_size=PIXEL_SIZE, **changes):
    """A particle set, by default without images on disk and with the half sets 1, 2, 1, 2, …"""
    count = len(rotations)
    usual = ParticleSet(
        stacks=(),
        stack_index=np.zeros(count, int),
        slice_index=np.arange(count),
        rotations=rotations,
        shifts=shifts,
        half_set=1 + np.arange(count) % 2,
        ctf=ctf,
        box_size=box_size,
        pixel_size=pixel_size,
        row=np.arange(count),
    )
    return replace(usual, **changes)


def ctf_table(ctf, disc, pixel_size):
    """CTF (N, K) of every particle, sample by sample."""
    table = np.empty((len(ctf.state), len(disc.kx)))
    for particle in range(len(table)):
        values = [
            getattr(ctf, name)[particle]
            for name in (
                "defocus_u",
                "defocus_v",
                "defocus_angle",
                "voltage_kv",
                "cs_mm",
                "amplitude_contrast",
                "phase_shift_deg",
            )
        ]
        for sample, (kx, ky) in enumerate(zip(disc.kx, disc.ky)):
            table[particle, sample] = references.ctf_value(kx, ky, disc.box_size, pixel_size, *values)
    return table


@dataclass
class ImagesInMemory:
    """Stands for an ``ImageReader``: particles at their true poses, the disc, samples and CTF (N, K)."""

    particles: ParticleSet
    disc: object
    data: np.ndarray
    ctf: np.ndarray

    def batches(self, batch_size, index=None, ahead=1):
        """Batches in the order of ``index``."""
        index = np.arange(len(self.data)) if index is None else np.asarray(index)
        for start in range(0, len(index), batch_size):
            yield self.read(index[start : start + batch_size])

    def read(self, index):
        """One batch."""
        return ImageBatch(
            index, self.data[index].astype(np.complex64), self.ctf[index].astype(np.float32), self.particles.ctf.state[index]
        )


def images_of(gmm, disc, count, noise=0.0, seed=5, pixel_size=PIXEL_SIZE):
    """Raw images of a GMM at random poses, 3 Å off the centre; ``noise`` is the rms |N| of a Fourier sample."""
    rng = np.random.default_rng(seed)
    ctf = ctf_parameters(count, rng)
    particles = particle_set(random_rotations(count, seed), rng.normal(0, 3.0, (count, 2)), ctf, disc.box_size, pixel_size)
    table = ctf_table(ctf, disc, pixel_size)
    data = np.array(
        [
            references.image(gmm, disc, pixel_size, *pose, row)
            for *pose, row in zip(particles.rotations, particles.shifts, table)
        ]
    )
    real, imaginary = rng.normal(0, noise / np.sqrt(2), (2,) + data.shape)
    return ImagesInMemory(particles, disc, data + real + 1j * imaginary, table)
