"""A molecule of a body and an arm on a hinge, and images in each of which the arm stands elsewhere."""

import numpy as np
import references
from molecules import BOX, PIXEL_SIZE, ImagesInMemory, ctf_parameters, ctf_table, particle_set, random_rotations

from gmmrefine.alignment.likelihood import ShellWeights
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.geometry.rotations import rotations_from_vectors
from gmmrefine.gmm.model import Gmm
from gmmrefine.heterogeneity.anchors import place_anchors
from gmmrefine.heterogeneity.model import MotionModel

RADIUS = 8
HINGE, AXIS = np.array([6.0, 0.0, 0.0]), np.array([0.0, 0.6, 0.8])
DISC = half_disc(BOX, RADIUS)


def body_and_arm():
    """A GMM, and which of its Gaussians (G,) are the arm."""
    rng = np.random.default_rng(11)
    body = rng.uniform(-1, 1, (14, 3)) * [8, 9, 9] - [8, 0, 0]
    arm = rng.uniform(-1, 1, (8, 3)) * [7, 4, 4] + [15, 0, 0]
    centers = np.concatenate([body, arm])
    return Gmm(centers, rng.uniform(0.8, 1.2, 22), rng.uniform(1.8, 2.2, 22)), np.arange(22) >= 14


def bent(gmm, arm, angle_deg):
    """The GMM with its arm turned about the hinge."""
    turn = rotations_from_vectors(np.radians([angle_deg])[:, None] * AXIS)[0]
    centers = gmm.centers.copy()
    centers[arm] = (centers[arm] - HINGE) @ turn.T + HINGE
    return Gmm(centers, gmm.amplitudes, gmm.widths)


def images_at(angles, noise, seed=5):
    """Images of the molecule, its arm at these angles (N,) in degrees; ``noise`` is the rms of a Fourier sample."""
    gmm, arm = body_and_arm()
    rng = np.random.default_rng(seed)
    count = len(angles)
    ctf = ctf_parameters(count, rng)
    particles = particle_set(random_rotations(count, seed), rng.normal(0, 2.0, (count, 2)), ctf)
    table = ctf_table(ctf, DISC, PIXEL_SIZE)
    data = np.array(
        [
            references.image(bent(gmm, arm, angle), DISC, PIXEL_SIZE, rotation, shift, row)
            for angle, rotation, shift, row in zip(angles, particles.rotations, particles.shifts, table)
        ]
    )
    real, imaginary = rng.normal(0, noise / np.sqrt(2), (2,) + data.shape)
    return ImagesInMemory(particles, DISC, data + real + 1j * imaginary, table)


def weights_of(noise):
    """What is known of signal and noise in these images."""
    ring = np.arange(RADIUS + 1)
    return ShellWeights(np.ones(RADIUS + 1), np.where(ring >= 2, 2 / noise**2, 0))


def model_of(gmm, mobility=None, anchors=4, latent_size=1, noise=10.0, seed=1):
    """An untrained model."""
    mobility = np.ones(len(gmm)) if mobility is None else mobility
    levels = [place_anchors(gmm.centers[mobility > 0.5], anchors, seed)]
    return MotionModel(
        gmm, mobility, levels, latent_size, np.random.default_rng(seed), DISC, PIXEL_SIZE, *weights_of(noise).on(DISC)
    )
