"""Pose errors against known poses, each half set judged in its own best frame."""

from dataclasses import dataclass

import numpy as np

from gmmrefine.geometry.rotations import angular_distance_deg, common_rotation, rotation_vectors
from gmmrefine.particles.particle_set import ParticleSet

_POINTS = 50  # that stand for a region


@dataclass(frozen=True)
class PoseErrors:
    """How far poses are from the truth.

    Parameters
    ----------
    rotation_deg : (N,) float
        Angle to the true rotation, degrees, after each half's frame was turned onto the true one.
    shift : (N,) float
        Distance to the true shift, Å, after each half's frame was moved onto the true one.
    frame_difference_deg : float
        Angle between the frames of the two halves.
    """

    rotation_deg: np.ndarray
    shift: np.ndarray
    frame_difference_deg: float

    @property
    def rotation_rms(self) -> float:
        """Rms rotation error, degrees."""
        return float(np.sqrt(np.mean(self.rotation_deg**2)))

    @property
    def shift_rms(self) -> float:
        """Rms shift error, Å."""
        return float(np.sqrt(np.mean(self.shift**2)))

    def share_within(self, angle_deg: float) -> float:
        """Part of the particles whose rotation is within an angle of the truth.

        Parameters
        ----------
        angle_deg : float
            Degrees.
        """
        return float(np.mean(self.rotation_deg < angle_deg))


def pose_errors(particles: ParticleSet, truth: ParticleSet) -> PoseErrors:
    """Compare poses with the truth.

    Parameters
    ----------
    particles, truth : ParticleSet
        The same particles in the same order, with half sets.

    Returns
    -------
    PoseErrors
    """
    rotation, shift, frames = np.empty(len(truth)), np.empty(len(truth)), []
    for half in (1, 2):
        members = truth.half_set == half
        frame = common_rotation(particles.rotations[members], truth.rotations[members])
        turned = particles.rotations[members] @ frame
        rotation[members] = angular_distance_deg(turned, truth.rotations[members])
        shift[members] = np.linalg.norm(_moved_back(turned, particles.shifts[members] - truth.shifts[members]), axis=1)
        frames.append(frame)
    return PoseErrors(rotation, shift, float(angular_distance_deg(frames[0][None], frames[1][None])[0]))


def pose_error_vectors(particles: ParticleSet, truth: ParticleSet) -> np.ndarray:
    """Errors (N, 5) of poses: rotation vector in radians in the frame of the image, shift in Å; in each half's best frame.

    Parameters
    ----------
    particles, truth : ParticleSet
        The same particles in the same order, with half sets.
    """
    errors = np.empty((len(truth), 5))
    for half in (1, 2):
        members = truth.half_set == half
        true = truth.rotations[members]
        turned = particles.rotations[members] @ common_rotation(particles.rotations[members], true)
        errors[members, :3] = rotation_vectors(np.einsum("bij,bkj->bik", turned, true))
        errors[members, 3:] = _moved_back(turned, particles.shifts[members] - truth.shifts[members])
    return errors


def _moved_back(turned: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """Differences of shifts (M, 2) in Å at rotations (M, 3, 3), without the move of the frame that explains most of them."""
    design = turned[:, :2].reshape(-1, 3)
    move = np.linalg.lstsq(design, difference.ravel(), rcond=None)[0]
    return difference - (design @ move).reshape(-1, 2)


def displacement_rms(particles: ParticleSet, truth: ParticleSet, sphere: np.ndarray) -> float:
    """How far apart poses and true poses show a region in the images, Å: what an error of the pose does to its map.

    Parameters
    ----------
    particles, truth : ParticleSet
        The same particles in the same order, with half sets; each half is judged in its own best frame.
    sphere : (4,) float
        x, y, z from the box centre and radius of the region, Å.

    Returns
    -------
    float
        Rms over particles and points of the region, in projection.
    """
    points = sphere[:3] + np.random.default_rng(0).normal(0, sphere[3] / 2, (_POINTS, 3))
    squares = np.empty((len(truth), _POINTS))
    for half in (1, 2):
        members = truth.half_set == half
        turned = particles.rotations[members] @ common_rotation(particles.rotations[members], truth.rotations[members])
        apart = (
            np.einsum("nij,kj->nki", turned[:, :2], points)
            - particles.shifts[members, None]
            - np.einsum("nij,kj->nki", truth.rotations[members, :2], points)
            + truth.shifts[members, None]
        )
        design = turned[:, :2].reshape(-1, 3)
        move = np.linalg.lstsq(design, apart.mean(axis=1).ravel(), rcond=None)[0]
        squares[members] = np.sum((apart - (design @ move).reshape(-1, 1, 2)) ** 2, axis=2)
    return float(np.sqrt(np.mean(squares)))
