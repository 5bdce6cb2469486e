"""One half set at some point of a run: its state, and how it is kept for a run that is interrupted."""

import os
from dataclasses import dataclass, replace

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.atomic import atomic_path
from gmmrefine.io.made_from import ENTRY, read_made_from
from gmmrefine.io.mrc import read_map, write_map
from gmmrefine.io.npz import DAMAGED, read_npz
from gmmrefine.runs.file_sums import SUMS, check_sums, sums_as_array
from gmmrefine.runs.image_identity import made_from

_DAMAGED = (InputError, OSError, *DAMAGED)
_BESIDE_POSES = "half_map_{}.mrc", "gmm_half_{}.star", "gmm_fsc_half_{}.star"


@dataclass(frozen=True)
class HalfState:
    """One half set at the end of an iteration.

    Parameters
    ----------
    particles : ParticleSet
        At their present poses.
    volume : (Z, Y, X) float32
        Their unfiltered map.
    covariance : (N, 5, 5) float
        Of the errors of rotations (rad, in the frame of the image) and shifts (Å); 0 where none was estimated.
    """

    particles: object
    volume: np.ndarray
    covariance: np.ndarray


def no_covariance(particles):
    """Stands for covariances (N, 5, 5) of poses that none was estimated of."""
    return np.zeros((len(particles), 5, 5))


def save_half(folder, state):
    """Write map, poses and strengths of a half; the poses come last and mark it as finished."""
    mark = made_from(state.particles)
    write_map(
        os.path.join(folder, f"half_map_{state.particles.half}.mrc"), state.volume, state.particles.pixel_size, made_from=mark
    )
    arrays = {
        ENTRY: np.array(str(mark or "")),
        "rotations": state.particles.rotations,
        "shifts": state.particles.shifts,
        "covariance": state.covariance,
    }
    beside = (name.format(state.particles.half) for name in _BESIDE_POSES)
    arrays[SUMS] = sums_as_array(folder, beside)
    if state.particles.scale is not None:
        arrays["scale"] = state.particles.scale
    with atomic_path(_poses_path(folder, state.particles)) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


def is_saved(folder, particles):
    """Whether a half set is finished in the folder of an iteration."""
    return os.path.exists(_poses_path(folder, particles))


def load_half(folder, particles, progress):
    """The finished half of an iteration, or None; files that a power cut has damaged are named, and made again."""
    if not is_saved(folder, particles):
        return None
    path = _poses_path(folder, particles)
    try:
        found = read_npz(path)
        check_sums(folder, found.get(SUMS, "{}"))
        count = len(particles)
        covariance = _whole(found["covariance"], (count, 5, 5))
        moved = particles.with_poses(_whole(found["rotations"], (count, 3, 3)), _whole(found["shifts"], (count, 2)))
        if "scale" in found:
            moved = replace(moved, scale=_whole(found["scale"], (count,)))
        half_map = os.path.join(folder, f"half_map_{particles.half}.mrc")
        mark = made_from(particles)
        if mark is not None and {mark} != {read_made_from(path) or mark, read_made_from(half_map) or mark}:
            raise ValueError("made from other images")
        return HalfState(moved, read_map(half_map).data, covariance)
    except _DAMAGED as error:
        progress.say(f"{path} or the map beside it is damaged ({_reason(error)}): they are made again")
        os.unlink(path)
        return None


def _whole(array, shape):
    """An array of finite numbers of this shape."""
    if array.shape != shape or array.dtype.kind != "f" or not np.isfinite(array).all():
        raise ValueError(f"not {' × '.join(map(str, shape))} finite numbers")
    return array


def _reason(error):
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _poses_path(folder, particles):
    return os.path.join(folder, f"poses_half_{particles.half}.npz")
