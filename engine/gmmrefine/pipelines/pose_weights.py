"""Weights of images in maps by how well their poses are known."""

from dataclasses import replace

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.pose_error_labels import COVARIANCE
from gmmrefine.pipelines.pose_error_columns import covariance_of

_GYRATION = np.sqrt(3 / 5) / 2  # of a ball, of its diameter
_USUAL_DIAMETER = 0.5  # of the box


def check_pose_weighting(settings, particles):
    """Refuse to weight a map by errors of poses that are not known."""
    if settings.weight_by_pose_error and covariance_of(particles) is None:
        raise InputError(
            f"--weight-by-pose-error: the particles have no {COVARIANCE[0]} to {COVARIANCE[-1]} to be weighted by. Take "
            "those of a gmmrefine refine run, which estimates them."
        )


def with_blur(particles, covariance, settings):
    """Particles with the blur that covariances (N, 5, 5) of their poses, rad and Å, make; unchanged where none is asked for."""
    if not settings.weight_by_pose_error or covariance is None or not covariance.any():
        return particles
    diameter = particles.diameter or _USUAL_DIAMETER * particles.box_size * particles.pixel_size
    along_axis = (_GYRATION * diameter) ** 2 / 3  # mean square of a coordinate
    x, y, z, *shifts = np.einsum("bii->ib", covariance)
    return replace(particles, blur=along_axis * (x + y + 2 * z) / 2 + np.mean(shifts, axis=0))


def with_known_blur(particles, settings):
    """``with_blur`` by the errors that the particles' own table has."""
    return with_blur(particles, covariance_of(particles) if settings.weight_by_pose_error else None, settings)
