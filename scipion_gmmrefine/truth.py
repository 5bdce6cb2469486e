# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""How far poses are from a known truth, for the demo and the tests."""

import numpy as np

from scipion_gmmrefine.convert.poses import transformFromRelion
from scipion_gmmrefine.convert.star import readTable
from scipion_gmmrefine.convert.star_reader import POSE_COLUMNS


def truePoses(fileName):
    """True poses of simulated particles.

    Parameters
    ----------
    fileName : str or Path
        The engine's truth.star, one stack.

    Returns
    -------
    dict
        Image number from 1 → (4, 4) matrix [A | -origin], A maps volume to image axes, origin in Å.
    """
    table = readTable(fileName, "particles")
    poses = np.column_stack([np.array(table[name], float) for name in POSE_COLUMNS])
    return {
        int(name.split("@")[0]): np.linalg.inv(transformFromRelion(*pose)) for name, pose in zip(table["rlnImageName"], poses)
    }


def posesOfSet(particles):
    """Poses of a set of particles of one stack, in the form of ``truePoses``."""
    pixelSize = particles.getSamplingRate()
    poses = {}
    for particle in particles.iterItems():
        poses[particle.getIndex()] = np.linalg.inv(particle.getTransform().getMatrix())
        poses[particle.getIndex()][:3, 3] *= pixelSize
    return poses


def poseErrors(poses, truth):
    """Errors of poses after the frames of both were brought together by the best rotation and shift.

    Parameters
    ----------
    poses, truth : dict
        Image number → (4, 4) matrix [A | -origin], origin in Å; the truth may hold more particles.

    Returns
    -------
    tuple of (N,) float
        Rotation error in degrees, shift error in Å, by ascending image number.
    """
    numbers = sorted(poses)
    found = np.array([poses[number] for number in numbers])
    true = np.array([truth[number] for number in numbers])
    left, _, right = np.linalg.svd(np.einsum("nji,njk->ik", found[:, :3, :3], true[:, :3, :3]))
    frame = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    turned = found[:, :3, :3] @ frame
    cosine = (np.einsum("nij,nij->n", turned, true[:, :3, :3]) - 1) / 2
    difference = found[:, :2, 3] - true[:, :2, 3]
    offset = np.linalg.lstsq(turned[:, :2].reshape(-1, 3), difference.reshape(-1), rcond=None)[0]
    shift = difference - turned[:, :2] @ offset
    return np.degrees(np.arccos(np.clip(cosine, -1, 1))), np.linalg.norm(shift, axis=1)


def rms(values):
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


def alignedTable(rows):
    """Rows of texts as a table; the first row is the heading.

    Parameters
    ----------
    rows : list of tuple of str

    Returns
    -------
    str
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    lines = [
        "  ".join([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]) for row in rows
    ]
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join(line.rstrip() for line in lines)
