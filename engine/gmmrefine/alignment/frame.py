"""The frame of a half set: kept where it was, and laid on that of the other half, so that two halves do not lie apart."""

import numpy as np
from scipy import fft, ndimage

from gmmrefine.fourier.shells import shell_index, shell_sums, smooth_curve
from gmmrefine.geometry.rotations import common_rotation, rotation_vectors, rotations_from_vectors
from gmmrefine.geometry.symmetry import ASYMMETRIC, free_directions

FEWEST_PARTICLES = 20  # of fewer, their own errors would be taken for the frame's
_LOWEST_SHELL = 2  # shells 0 and 1 hold the solvent's level
_MASK_END = 0.02  # of a soft mask
_SAMPLES = 4  # points per resolution along each axis
_STEPS = 5  # of Gauss-Newton; frames lie a degree apart at most, where one or two do


def anchored(rotations, shifts, start_rotations, start_shifts, operators=ASYMMETRIC):
    """Poses in the frame that best agrees with the start poses.

    A reference turned and moved as a whole, with all poses turned and moved against it, explains the images equally well;
    this chooses the frame for which the mean change from the start is none.

    Parameters
    ----------
    rotations, start_rotations : (N, 3, 3) float
        Reference → particle.
    shifts, start_shifts : (N, 2) float
        Å.
    operators : (n, 3, 3) float
        Point group of the reference. Its axes stay where they are: the frame of Cn turns about z and moves along z only, that
        of the higher groups not at all.

    Returns
    -------
    tuple
        rotations (N, 3, 3), shifts (N, 2) in Å.
    """
    if len(shifts) < FEWEST_PARTICLES:
        return rotations, shifts
    free = free_directions(operators)
    turn = rotation_vectors(common_rotation(rotations, start_rotations)[None])
    turned = rotations @ rotations_from_vectors(turn @ free)
    # moving the reference by d moves a particle's image by the first two rows of its rotation times d
    design = turned[:, :2].reshape(-1, 3) @ free
    move = np.linalg.lstsq(design, (shifts - start_shifts).ravel(), rcond=None)[0]
    return turned, shifts - (design @ move).reshape(-1, 2)


def left_free(frame, operators):
    """The part of a change of frame that takes no symmetry axis with it.

    Parameters
    ----------
    frame : (6,) float
        Rotation vector in radians, x y z, and move in Å, x y z.
    operators : (n, 3, 3) float
        Point group of the reference.

    Returns
    -------
    (6,) float
        All of it for C1, the parts about and along z for Cn, nothing for the higher groups.
    """
    return (frame.reshape(2, 3) @ free_directions(operators)).ravel()


def in_frame(rotations, shifts, frame):
    """Poses against a reference turned and moved as a whole; the images they explain stay the same.

    Parameters
    ----------
    rotations : (N, 3, 3) float
        Reference → particle.
    shifts : (N, 2) float
        Å.
    frame : (6,) float
        Rotation vector ω (radians) and move d (Å): the point x of the new frame is exp(ω) x + d of the old one.

    Returns
    -------
    tuple
        rotations (N, 3, 3), shifts (N, 2) in Å.
    """
    return rotations @ rotations_from_vectors(frame[None, :3])[0], shifts - rotations[:, :2] @ frame[3:]


def frame_between(own, other, mask, pixel_size, resolution, expected, before=None):
    """The turn and move that lay a half set's map on that of the other, from shells coarser than a resolution.

    The most probable one: the difference of the maps is noise of the variance that it has in each shell, a frame is expected to
    be off by nothing but the mean of the start errors. So a map that says nothing about a turn, that of a ball, asks for none.

    Parameters
    ----------
    own, other : (Z, Y, X) float
        Unfiltered maps of the two halves.
    mask : (Z, Y, X) float
        Soft mask of the molecule, 0 to 1.
    pixel_size : float
        Å/px.
    resolution : float
        Å; finer shells are not looked at.
    expected : tuple of float
        Standard deviations of each component of a turn (radians) and of a move (Å) between the frames.
    before : (6,) float, optional
        By how much ``own`` was turned and moved already from where this is expected; nothing by default.

    Returns
    -------
    (6,) float
        Rotation vector (radians) and move (Å), for ``in_frame`` with the poses of ``own``.
    """
    own, other, every = _in_units_of_noise(own, other, pixel_size, resolution)
    points = np.zeros(mask.shape, bool)
    points[::every, ::every, ::every] = True
    # each point stands for a cube of voxels
    fit = _MapFit(own, other, np.argwhere(points & (mask > _MASK_END)), pixel_size, every**3)
    return fit.frame(np.repeat(expected, 3) ** -2.0, np.zeros(6) if before is None else before)


def _in_units_of_noise(own, other, pixel_size, resolution):
    """Maps (Z, Y, X) whose difference is white up to a resolution, of variance 1 in as many voxels as the shells have samples.

    Returns
    -------
    tuple
        Both maps, and how many voxels apart points tell all there is.
    """
    n, radius = len(own), int(len(own) * pixel_size / resolution)
    transforms = [fft.rfftn(volume) for volume in (own, other)]
    power = shell_sums(np.abs(transforms[0] - transforms[1]) ** 2, n) / shell_sums(np.ones(transforms[0].shape), n)
    shells = np.arange(len(power))
    used = (shells >= _LOWEST_SHELL) & (shells <= radius)
    factor = np.divide(n**1.5, np.sqrt(smooth_curve(power)), out=np.zeros(len(power)), where=used & (power > 0))
    factor = np.append(factor, 0)[np.minimum(shell_index(n), len(factor))]
    filtered = (fft.irfftn(transform * factor, s=own.shape) for transform in transforms)
    return (*filtered, max(1, int(resolution / _SAMPLES / pixel_size)))


class _MapFit:
    """A map looked at from another frame, at points of the map it should agree with.

    Parameters
    ----------
    own, other : (Z, Y, X) float
        In units of the noise of their difference.
    voxels : (V, 3) int
        Points, z y x.
    pixel_size : float
        Å/px.
    weight : float
        Samples that each point stands for.
    """

    def __init__(self, own, other, voxels, pixel_size, weight):
        self._centre, self._pixel_size, self._weight = len(own) // 2, pixel_size, weight
        self._points = (voxels[:, ::-1] - self._centre) * pixel_size
        self._wanted = other[tuple(voxels.T)]
        self._spline = ndimage.spline_filter(own, order=3)
        self._slopes = [np.gradient(own, pixel_size, axis=axis) for axis in (2, 1, 0)]

    def frame(self, precision, before):
        """The most probable frame (6,) that goes on from another one, where both together have inverse variances (6,)."""
        frame = np.zeros(6)
        for _ in range(_STEPS):
            turned = self._points @ rotations_from_vectors(frame[None, :3])[0].T
            places = ((turned + frame[3:])[:, ::-1] / self._pixel_size + self._centre).T
            rest = self._wanted - ndimage.map_coordinates(self._spline, places, order=3, prefilter=False)
            slope = np.stack([ndimage.map_coordinates(part, places, order=1) for part in self._slopes], axis=1)
            design = np.concatenate([np.cross(turned, slope), slope], axis=1)
            pull = self._weight * design.T @ rest - precision * (before + frame)
            step = np.linalg.solve(self._weight * design.T @ design + np.diag(precision), pull)
            frame = added(frame, step)
        return frame


def added(frame, step):
    """A frame (6,) turned and moved on by another one (6,)."""
    rotation = rotations_from_vectors(np.stack([step[:3], frame[:3]]))
    return np.concatenate([rotation_vectors((rotation[0] @ rotation[1])[None])[0], frame[3:] + step[3:]])
