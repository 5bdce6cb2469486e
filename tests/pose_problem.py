"""Images of the small molecule with poses to find: 3° and 2 Å away, under noise."""

import numpy as np
from molecules import BOX, PIXEL_SIZE, RADIUS, images_of, molecule, turned

from gmmrefine.alignment.fisher import march
from gmmrefine.alignment.likelihood import ImageFit, ShellWeights
from gmmrefine.fourier.half_disc import half_disc
from gmmrefine.geometry.rotations import angular_distance_deg
from gmmrefine.gmm.project import SliceProjector

COUNT, BATCH = 200, 40
NOISE = 14.0
RING = np.arange(RADIUS + 1)
WEIGHTS = ShellWeights(np.ones(RADIUS + 1), np.where(RING >= 2, 2 / NOISE**2, 0))
STAGES = march(RADIUS, (0.3, 0.6, 1.0, 1.0, 1.0))


def noisy_images():
    """Images (ImageReader) of ``molecule`` at their true poses."""
    return images_of(molecule(), half_disc(BOX, RADIUS), COUNT, NOISE)


def true_projector(images):
    """Slices of the molecule on the images' disc."""
    return SliceProjector(molecule(), images.disc, PIXEL_SIZE)


def start_poses(images):
    """The particles at poses that are off by 3° and 2 Å (rms)."""
    rng = np.random.default_rng(21)
    truth = images.particles
    return truth.with_poses(turned(truth.rotations, 3.0, rng), truth.shifts + rng.normal(0, np.sqrt(2), (COUNT, 2)))


def errors(rotations, shifts, truth):
    """Rms rotation error in degrees and rms shift error in Å."""
    angles = angular_distance_deg(rotations, truth.rotations)
    return np.sqrt(np.mean(angles**2)), np.sqrt(np.mean(np.sum((shifts - truth.shifts) ** 2, axis=1)))


def batch_of(images, index):
    return ImageFit(images.read(index), images.disc, PIXEL_SIZE, BATCH)
