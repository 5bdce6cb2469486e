"""The rigid motion of a region in every particle: from learned conformations, or from a table."""

import os

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.geometry.rotations import rotation_vectors, rotations_from_vectors
from gmmrefine.gmm.mask import membership
from gmmrefine.heterogeneity.motion import motion_from
from gmmrefine.heterogeneity.rigid import nearest_in_projection, poses_of_motions, rigid_motions
from gmmrefine.io.made_from import refuse_other_half
from gmmrefine.io.network_file import read_arrays
from gmmrefine.io.npz import DAMAGED, read_npy
from gmmrefine.io.star import StarBlock, read_star, text_columns, write_star
from gmmrefine.io.star_particles import identity_columns

_BATCH = 256
_WHOLLY, _FEWEST = 0.99, 4  # Gaussians; fewer do not tell a rotation
_TURN, _MOVE = ("gmmTurnX", "gmmTurnY", "gmmTurnZ"), ("gmmMoveX", "gmmMoveY", "gmmMoveZ")


def rows_of(path, particles):
    """The rows of a table by particle that belong to the particles, in their order; a StarBlock.

    Raises
    ------
    InputError
        Rows are not told apart, or a particle has none.
    """
    block = next(iter(read_star(path).values()))
    wanted = identity_columns(path, particles)["rlnImageName"].tolist()
    if "rlnImageName" not in block.columns:
        raise InputError(f"{path}: no column rlnImageName, so rows cannot be told apart. Write each particle's image there.")
    names = block.columns["rlnImageName"].tolist()
    if names == wanted:
        return block
    place = {name: row for row, name in enumerate(names)}
    if len(place) < len(names):
        raise InputError(
            f"{path}: images occur twice, and their order is not that of the particles, so rows cannot be told apart. Give "
            "one row per particle in the order of the particle file."
        )
    missing = [name.decode() for name in wanted if name not in place]
    if missing:
        raise InputError(
            f"{path}: {len(missing)} of {len(wanted)} particles are missing, the first is {missing[0]}. Use the particles the "
            "table was made from, or a subset of them."
        )
    return block.subset([place[name] for name in wanted])


def learned_latents(folder, particles):
    """Latents (N, D) of particles from the table of a heterogeneity run."""
    path = os.path.join(folder, "latent.star")
    block = rows_of(path, particles)
    elsewhere = np.flatnonzero(block.integers("rlnRandomSubset") != particles.half_set)
    if len(elsewhere):
        first = elsewhere[0]
        raise InputError(
            f"{path}: {len(elsewhere)} particles were learned in the other half set than they are in now, the first is "
            f"{block.strings('rlnImageName')[first]}, now in half {particles.half_set[first]}. Give the particles the half "
            "sets they had, or run heterogeneity again."
        )
    return np.column_stack([block.numbers(label) for label in latent_labels(block)])


def latent_labels(block):
    """Labels of the latent coordinates in a table by particle, in order."""
    return [label for label in block.columns if label.startswith("gmmLatent") and label[len("gmmLatent") :].isdigit()]


def read_motion(folder, number, latent_size):
    """The learned motion of a half set, by the file its run wrote."""
    path = os.path.join(folder, f"network_half_{number}.npz")
    refuse_other_half(path, number)
    arrays, header = read_arrays(path)
    if "latent_size" not in header:
        raise InputError(f"{path} holds no network. Use the file that heterogeneity has written under this name.")
    if header["latent_size"] != latent_size:
        raise InputError(
            f"{path} has {header['latent_size']} latent dimensions, latent.star has {latent_size}: they come from different "
            "runs. Use the files of one run."
        )
    return motion_from(arrays, header)


def learned_motions(motion, latent, half, focus, pixel_size):
    """Rigid motions of a region and the poses they ask for.

    Parameters
    ----------
    motion : Motion
    latent : (N, D) float
    half : ParticleSet
        At the poses of the molecule as a whole.
    focus : (Z, Y, X) float
        Mask of the region.
    pixel_size : float
        Å/px.

    Returns
    -------
    tuple
        turns (N, 3) in radians, moves (N, 3) in Å, rotations (N, 3, 3), shifts (N, 2) in Å.
    """
    gmm = motion.gmm()
    inside = membership(gmm, focus, pixel_size)
    # Gaussians on the edge follow by half and would make the motion look too small
    wholly = (inside > _WHOLLY) & (motion.mobility > _WHOLLY)
    inside = (wholly if wholly.sum() >= _FEWEST else inside) * np.maximum(gmm.masses, 0)
    chosen = inside > 0
    if not chosen.any():
        raise InputError(
            f"the focus mask covers none of the {len(gmm)} Gaussians of the heterogeneity run. Check its origin against the "
            "map."
        )
    points, weights, mobility = gmm.centers[chosen], inside[chosen], motion.mobility[chosen]
    parts = []
    for start in range(0, len(half), _BATCH):
        part = slice(start, start + _BATCH)
        field = motion.seen_displacements_of(points, mobility, latent[part]).astype(float)
        turns, moves = rigid_motions(points, field, weights)
        present = half.rotations[part], half.shifts[part]
        begin = poses_of_motions(*present, turns, moves)
        rotations, shifts, _ = nearest_in_projection(points, field, weights, *present, *begin)
        parts.append((rotation_vectors(turns), moves, rotations, shifts))
    return tuple(np.concatenate(values) for values in zip(*parts))


def table_motions(path, particles):
    """Turns (N, 3) in radians and moves (N, 3) in Å of a table from elsewhere."""
    if path.endswith(".npy"):
        try:
            values = read_npy(path)
        except (OSError, *DAMAGED) as error:
            raise InputError(f"--motions {path}: cannot be read ({error}). Give a NumPy array of numbers.") from error
        if values.shape != (len(particles), 6):
            raise InputError(
                f"--motions {path} has the shape {values.shape}; expected ({len(particles)}, 6), a row for each particle."
            )
        if values.dtype.kind not in "fiu":
            raise InputError(f"--motions {path} holds {values.dtype}; expected real numbers.")
    else:
        block = rows_of(path, particles)
        missing = [label for label in (*_TURN, *_MOVE) if label not in block.columns]
        if missing:
            raise InputError(f"--motions {path}: no column {missing[0]}. Expected {', '.join((*_TURN, *_MOVE))}.")
        values = np.column_stack([block.numbers(label) for label in (*_TURN, *_MOVE)])
    if not np.isfinite(values).all():
        raise InputError(f"--motions {path}: row {np.flatnonzero(~np.isfinite(values).all(axis=1))[0] + 1} is not all numbers.")
    return np.radians(values[:, :3]), values[:, 3:].astype(float)


def poses_of_table(half, turns, moves):
    """Poses, rotations (N, 3, 3) and shifts (N, 2) in Å, that rigid motions ask for."""
    return poses_of_motions(half.rotations, half.shifts, rotations_from_vectors(turns), moves)


def write_motions(path, particles, turns, moves, used):
    """Write rigid motions by particle: turns (N, 3) in radians, moves (N, 3) in Å, used (N,) bool."""
    columns = dict(zip(_TURN, np.degrees(turns).T))
    columns.update(zip(_MOVE, moves.T))
    columns["gmmMotionUsed"] = used.astype(int)
    write_star(path, [StarBlock("motions", {**identity_columns(path, particles), **text_columns(columns)})])
