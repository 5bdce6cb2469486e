"""Motions set by hand, and folders that hold them as a heterogeneity run leaves its own."""

import json

import numpy as np
from molecules import molecule
from scipy.spatial.transform import Rotation

from gmmrefine.backend import tf
from gmmrefine.heterogeneity.anchors import place_anchors
from gmmrefine.heterogeneity.motion import Motion
from gmmrefine.io.gmm_file import write_gmm
from gmmrefine.io.mrc import write_map
from gmmrefine.io.network_file import write_arrays
from gmmrefine.io.star import StarBlock, text_columns, write_star
from gmmrefine.io.star_particles import identity_columns, read_particles

ANCHORS = 6


def rigid_motion(turn=(0.0, 0.0, 0.0), move=(0.0, 0.0, 0.0), mobility=None, latent_size=2, seed=7):
    """A Motion whose latent (1, 0, …) turns the molecule about the box centre by a rotation vector and moves it by ``move`` Å.

    Other latents on the first axis do the same in part, negative ones the reverse; other axes do nothing.
    """
    gmm = molecule(seed=seed, width=(4.0, 6.0))
    mobility = np.ones(len(gmm)) if mobility is None else mobility
    motion = Motion(gmm, mobility, [place_anchors(gmm.centers, ANCHORS, 1)], latent_size, np.random.default_rng(1))
    anchors = motion.levels[0].centers
    moves = turned(anchors, turn, move) - anchors
    _plant(motion.decoders[0], np.concatenate([np.tile(turn, (len(anchors), 1)), moves], axis=1), latent_size)
    return motion


def turned(points, turn, move):
    """Points (P, 3) turned about the box centre by a rotation vector and moved by ``move`` Å."""
    return Rotation.from_rotvec(turn).apply(points) + move


def _plant(decoder, wanted, latent_size):
    """Give a decoder weights by which the latent (1, 0, …) makes the motions ``wanted`` (A, 6)."""
    weights = [np.zeros(variable.shape, np.float32) for variable in decoder.variables]
    weights[0][0, 0] = weights[2][0, 0] = 1
    weights[4][0] = 1
    for variable, values in zip(decoder.variables, weights):
        variable.assign(values)
    gain = decoder(tf.one_hot([0], latent_size))[0].numpy()
    weights[4][0] = (wanted / gain).ravel()
    decoder.variables[4].assign(weights[4])


def write_heterogeneity(folder, motions, latent, particle_file, mask, focus=None, radius=12):
    """Write what a finished heterogeneity run of two motions leaves; ``latent`` (N, D) is that of every particle."""
    particles = read_particles(particle_file)
    folder.mkdir()
    columns = {f"gmmLatent{axis + 1}": values for axis, values in enumerate(latent.T)}
    write_star(
        folder / "latent.star",
        [StarBlock("latent", {**identity_columns(folder / "latent.star", particles), **text_columns(columns)})],
    )
    for number, motion in enumerate(motions, 1):
        made_from, header = motion.description()
        write_arrays(folder / f"network_half_{number}.npz", {**motion.arrays(), **made_from}, dict(header, history=[]))
        write_arrays(folder / f"latent_half_{number}.npz", {"seen": np.ones(3, bool)}, {"radius": radius})
        write_gmm(folder / f"gmm_half_{number}.star", motion.gmm())
    write_map(folder / "mask.mrc", mask, particles.pixel_size)
    if focus is not None:
        write_map(folder / "focus_mask.mrc", focus, particles.pixel_size)
    (folder / "run.json").write_text(
        json.dumps(
            {
                "command": "heterogeneity",
                "finished": True,
                "particle_file": str(particle_file),
                "settings": {"split_halves": 0, "invert_contrast": False},
                "results": {"reproducible": True, "held_out": [{"certain": True}] * 2},
                "box_size": particles.box_size,
                "pixel_size": particles.pixel_size,
            }
        ),
        encoding="utf-8",
    )
    return folder
