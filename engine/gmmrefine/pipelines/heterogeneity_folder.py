"""What a finished heterogeneity run has left in its folder."""

import json
import os
from dataclasses import dataclass, replace
from typing import Any, Optional

import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.heterogeneity.motion import Motion
from gmmrefine.io.gmm_file import read_gmm
from gmmrefine.io.made_from import refuse_other_half
from gmmrefine.io.mrc import read_mask
from gmmrefine.io.network_file import read_arrays
from gmmrefine.io.particle_table import require
from gmmrefine.io.star import read_star
from gmmrefine.pipelines.particle_motions import latent_labels, read_motion
from gmmrefine.runs.earlier_run import mask_given_to, read_record
from gmmrefine.runs.file_sums import refuse_changed_files
from gmmrefine.settings import ParticlesRead, changed, settings_of

_SAME_PLACE = 1e-2  # Å
LEARNED = (
    "latent.star",
    "network_half_1.npz",
    "network_half_2.npz",
    "latent_half_1.npz",
    "latent_half_2.npz",
    "gmm_half_1.star",
    "gmm_half_2.star",
)


@dataclass(frozen=True)
class MovingHalf:
    """The conformations of one half set.

    Parameters
    ----------
    number : int
        1 or 2.
    motion : Motion or None
    latent : (N, D) float
        Of the half's particles.
    """

    number: int
    motion: Optional[Motion]
    latent: np.ndarray


@dataclass(frozen=True)
class MotionGrid:
    """The grid of the particles on which motions were learned.

    Parameters
    ----------
    box_size : int
        px
    pixel_size : float
        Å/px
    radius : int
        Shell up to which signal told the motion.
    focus : (Z, Y, X) float or None
        Mask of the region that may move; None is everything.
    """

    box_size: int
    pixel_size: float
    radius: int
    focus: Any = None


def settings_as_learned(settings, folder, record):
    """Settings with which another command reads particles as a heterogeneity run has read them, on the grid chosen then.

    Parameters
    ----------
    settings : ParticlesRead
    folder : str
        Of the run.
    record : dict
        Its run.json.

    Returns
    -------
    tuple
        The settings, and the mask outside of which images were measured, '' for none.
    """
    read = {one.name: one.read(record["settings"].get(one.name, one.default)) for one in settings_of(ParticlesRead)}
    on_grid = {"target_box": record["box_size"], "target_pixel_size": record["pixel_size"]}
    return changed(settings, **{**read, **on_grid}), mask_given_to(os.path.join(folder, "run.json"))


def finished_record(folder):
    """run.json of a finished heterogeneity run, dict; ``particle_file`` as it is found from here.

    Raises
    ------
    InputError
        Not such a folder, or not finished.
    """
    path = os.path.join(folder, "run.json")
    try:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
        command, finished = record["command"], record["finished"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read. Give the folder of a finished heterogeneity run.") from error
    if command != "heterogeneity" or not finished:
        raise InputError(
            f"{folder} holds a '{command}' run{'' if finished else ' that did not finish'}. Give the folder of a finished "
            "heterogeneity run."
        )
    return dict(record, particle_file=os.path.join(folder, record["particle_file"]))


def read_latents(folder):
    """Latents of both half sets, a list of MovingHalf without their motion."""
    table = next(iter(read_star(os.path.join(folder, "latent.star")).values()))
    labels = latent_labels(table)
    require(table, ("rlnRandomSubset", "gmmLatent1"), "the half set and the conformation of every particle")
    latent, half_set = np.column_stack([table.numbers(label) for label in labels]), table.integers("rlnRandomSubset")
    return [MovingHalf(number, None, latent[half_set == number]) for number in (1, 2)]


def read_halves(folder):
    """Motion and latents of both half sets, a list of MovingHalf.

    Raises
    ------
    InputError
        Files missing, damaged, or of different runs.
    """
    halves = [replace(half, motion=fitting_motion(folder, half.number, half.latent.shape[1])) for half in read_latents(folder)]
    refuse_changed_files(folder, read_record(folder) or {}, LEARNED)
    return halves


def fitting_motion(folder, number, latent_size):
    """The motion of a half set, if it is that of the GMM beside it."""
    motion = read_motion(folder, number, latent_size)
    path = os.path.join(folder, f"gmm_half_{number}.star")
    refuse_other_half(path, number)
    gmm, own = read_gmm(path), motion.gmm()
    if len(gmm) != len(own) or np.abs(gmm.centers - own.centers).max() > _SAME_PLACE:
        raise InputError(
            f"{path}: its {len(gmm)} Gaussians are not the {len(own)} that network_half_{number}.npz moves; the files come "
            "from different runs or halves. Use the files of one run."
        )
    return motion


def read_grid(folder, record):
    """The MotionGrid of a run; ``record`` is its run.json."""
    _, header = read_arrays(os.path.join(folder, "latent_half_1.npz"))
    box_size, pixel_size = record["box_size"], record["pixel_size"]
    focus_path = os.path.join(folder, "focus_mask.mrc")
    focus = read_mask(focus_path, box_size, pixel_size) if os.path.exists(focus_path) else None
    return MotionGrid(box_size, pixel_size, header["radius"], focus)
