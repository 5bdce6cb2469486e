"""The frame of a half set: kept where it was, or laid on the mask, so that two halves refined apart do not lie apart."""
import numpy as np
from scipy import ndimage

from gmmrefine.geometry.rotations import common_rotation, rotation_vectors, rotations_from_vectors
from gmmrefine.geometry.symmetry import ASYMMETRIC, free_directions

_FEWEST_PARTICLES = 20  # of fewer, their own errors would be taken for the frame's
_CHOICES = slice(0, 0), slice(3, 6), slice(0, 6)  # nothing, the move, turn and move
_FARTHEST = 2.5  # times the expected rms; a frame lies farther than that three times in ten thousand
_EDGE = 0.02, 0.98  # of a soft mask
_STEPS = 6  # of Gauss-Newton; frames lie a degree apart at most, where one or two do


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
    if len(shifts) < _FEWEST_PARTICLES:
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


def frame_of_mask(own, mask, pixel_size, block, expected):
    """The turn and move that lay a half set's own mask on the shared one, by least squares over the soft edge.

    The edge is cut into blocks like a chess board. What is fitted to the white blocks must also serve the black ones and the
    other way round: of turn and move, move alone, and nothing, the best is taken. One that is larger than the start errors
    explain is not believed: noise on the mask of a ball, say, asks for any turn.

    Parameters
    ----------
    own, mask : (Z, Y, X) float
        Soft masks 0 to 1, both made in the same way: of the half's map, and of both maps together.
    pixel_size : float
        Å/px.
    block : float
        Side in Å of the blocks whose errors are independent: the resolution the masks were made at.
    expected : tuple of float
        Expected rms of a frame's turn (radians) and of its move (Å).

    Returns
    -------
    (6,) float
        Rotation vector (radians) and move (Å), for ``in_frame``.
    """
    fit = _EdgeFit(own.astype(float), mask.astype(float), pixel_size)
    white = np.floor(fit.points / block).astype(int).sum(axis=1) % 2 == 0

    def held_out_loss(free):
        return sum(np.sum(fit.rest(fit.frame(free, seen))[~seen] ** 2) for seen in (white, ~white))

    def is_plausible(frame):
        return all(np.linalg.norm(part) < _FARTHEST * rms for part, rms in zip((frame[:3], frame[3:]), expected))

    everywhere = np.ones(len(white), bool)
    choices = [free for free in _CHOICES if is_plausible(fit.frame(free, everywhere))]
    return fit.frame(min(choices, key=held_out_loss), everywhere)


class _EdgeFit:
    """A mask looked at from another frame, at the voxels of the soft edge of the mask it should agree with.

    Parameters
    ----------
    own, mask : (Z, Y, X) float
    pixel_size : float
        Å/px.
    """

    def __init__(self, own, mask, pixel_size):
        self._centre, self._pixel_size = len(mask) // 2, pixel_size
        voxels = np.argwhere((mask > _EDGE[0]) & (mask < _EDGE[1]))
        self.points = (voxels[:, ::-1] - self._centre) * pixel_size
        self._wanted = mask[tuple(voxels.T)]
        self._spline = ndimage.spline_filter(own, order=3)
        self._slopes = [np.gradient(own, pixel_size, axis=axis) for axis in (2, 1, 0)]

    def _seen_from(self, frame):
        turned = self.points @ rotations_from_vectors(frame[None, :3])[0].T
        return turned, ((turned + frame[3:])[:, ::-1] / self._pixel_size + self._centre).T

    def rest(self, frame):
        """What is missing (V,) at every point of the edge in a frame (6,)."""
        _, places = self._seen_from(frame)
        return self._wanted - ndimage.map_coordinates(self._spline, places, order=3, prefilter=False)

    def frame(self, free, seen):
        """The best frame (6,) with only the components ``free`` different from 0, as far as the points ``seen`` (V,) tell."""
        frame = np.zeros(6)
        for _ in range(_STEPS if len(frame[free]) else 0):
            turned, places = self._seen_from(frame)
            slope = np.stack([ndimage.map_coordinates(part, places, order=1) for part in self._slopes], axis=1)
            design = np.concatenate([np.cross(turned, slope), slope], axis=1)[seen][:, free]
            step = np.zeros(6)
            step[free] = np.linalg.lstsq(design, self.rest(frame)[seen], rcond=None)[0]
            rotation = rotations_from_vectors(np.stack([step[:3], frame[:3]]))
            frame = np.concatenate([rotation_vectors((rotation[0] @ rotation[1])[None])[0], frame[3:] + step[3:]])
        return frame
