# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""The engine's table of conformations, joined to the particles that were given to it."""

import os
from dataclasses import dataclass, replace
from itertools import compress
from typing import Optional

import numpy as np
from pwem.objects import Particle

from scipion_gmmrefine.constants import (
    COMMON_LATENT_FILE,
    HALF_SET,
    INPUT_FILE,
    LATENT_ERROR,
    LATENT_FILE,
    LATENT_MISFIT,
    MOTION,
    OBJECT_ID,
)
from scipion_gmmrefine.convert.star import readTable
from scipion_gmmrefine.convert.star_reader import leftOut

LATENT = "gmmLatent"  # and the number of the axis
# of a particle with a conformation, beside the errors of its latents
LEARNED = ("_flexInfo", "_zFlex", "_zRed", MOTION, LATENT_MISFIT)


@dataclass(frozen=True)
class Latents:
    """Conformations of particles.

    Parameters
    ----------
    ids : (N,) int
        Of the particles in Scipion.
    halves : (N,) int
        1 or 2. Each half set has latent axes of its own.
    latent, errors : (N, D) float
        Coordinates and their standard deviations.
    motion : (N,) float
        Rms displacement from the neutral state, Å.
    defocus : (N,) float
        Å, positive = underfocus.
    rot, tilt : (N,) float
        RELION's angles of the view, degrees.
    misfit : (N,) float or None
        Of conformations in a common space: how far the molecule lies from where its own network has it, rms in Å.
    """

    ids: np.ndarray
    halves: np.ndarray
    latent: np.ndarray
    errors: np.ndarray
    motion: np.ndarray
    defocus: np.ndarray
    rot: np.ndarray
    tilt: np.ndarray
    misfit: Optional[np.ndarray] = None

    def ofHalf(self, half):
        """The particles of one half set."""
        mine = self.halves == half
        return Latents(**{name: values if values is None else values[mine] for name, values in vars(self).items()})


def readLatents(folder):
    """Conformations of the particles of a heterogeneity run, in the order they were given to it.

    Parameters
    ----------
    folder : str
        The protocol's extra folder.

    Returns
    -------
    Latents

    Raises
    ------
    ValueError
        The table of conformations and that of the particles do not hold the same images.
    """
    table = readTable(os.path.join(folder, LATENT_FILE))
    particles, gone = readTable(os.path.join(folder, INPUT_FILE), "particles"), leftOut(folder)
    kept = [int(objId) not in gone for objId in particles[OBJECT_ID]]
    particles = {name: list(compress(values, kept)) for name, values in particles.items()}
    if table["rlnImageName"] != particles["rlnImageName"]:
        raise ValueError(
            f"{LATENT_FILE} and {INPUT_FILE} do not hold the same images in the same order: {len(table['rlnImageName'])} and "
            f"{len(particles['rlnImageName'])} particles. The conformations cannot be joined; start this protocol anew."
        )
    size = sum(name[len(LATENT) :].isdigit() for name in table)

    def numbers(source, name):
        return np.array(source[name], float)

    latent, errors = (
        np.column_stack([numbers(table, f"{name}{axis}") for axis in range(1, size + 1)]) for name in (LATENT, LATENT_ERROR[1:])
    )
    return Latents(
        ids=np.array(particles[OBJECT_ID], int),
        halves=np.array(table[HALF_SET[1:]], int),
        latent=latent,
        errors=errors,
        motion=numbers(table, MOTION[1:]),
        rot=numbers(particles, "rlnAngleRot"),
        tilt=numbers(particles, "rlnAngleTilt"),
        defocus=(numbers(particles, "rlnDefocusU") + numbers(particles, "rlnDefocusV")) / 2,
    )


def readCommonLatents(folder, common):
    """The same with the latents of half set 2 laid onto the space of half set 1, by the engine's table in a folder of it."""
    latents, table = readLatents(folder), readTable(os.path.join(folder, common, COMMON_LATENT_FILE))
    size = latents.latent.shape[1]
    together = np.column_stack([np.array(table[f"{LATENT}{axis}"], float) for axis in range(1, size + 1)])
    return replace(latents, latent=together, misfit=np.array(table[LATENT_MISFIT[1:]], float))


def withoutConformation(flexible):
    """A particle as it was before its conformation was learned.

    Parameters
    ----------
    flexible : ParticleFlex

    Returns
    -------
    Particle
        With the same id, half set and all else that it had.
    """
    learned = [name for name, _ in flexible.getAttributes() if name in LEARNED or name.startswith(LATENT_ERROR)]
    particle = Particle()
    particle.copy(flexible, ignoreAttrs=learned)
    return particle
