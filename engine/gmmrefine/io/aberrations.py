"""What a user should know of the optics that a particle file describes."""

from typing import Collection, Dict, List

import numpy as np

from gmmrefine.io.optics_columns import EVEN, MAGNIFICATION, NEGLIGIBLE, ODD, TILT, lists_of_numbers
from gmmrefine.io.particle_table import ParticleTable
from gmmrefine.particles.optics import NO_DISTORTION
from gmmrefine.particles.particle_set import ParticleSet

_MOST_NAMED = 3  # groups


def particle_warnings(particles: ParticleSet) -> List[str]:
    """What a user should know before these particles are processed, list of str: file notes and optical effects."""
    table = particles.table
    if table is None:
        return []
    notes, corrected = list(table.notes), ", ".join(corrected_aberrations(particles))
    if corrected:
        notes.append(f"{table.source}: images are corrected for {corrected}")
    b_factors = table.numbers("rlnCtfBfactor", table.optics_rows(), default=0)[particles.row]
    if np.abs(b_factors).max() > NEGLIGIBLE:
        notes.append(f"{table.source}: CTF B-factors are kept in the file but not modelled")
    return notes


def corrected_aberrations(particles: ParticleSet) -> List[str]:
    """Aberrations of these particles, each with the optics groups that have it, list of str.

    Parameters
    ----------
    particles : ParticleSet
        Read from a file.
    """
    table = particles.table
    optics_rows = table.optics_rows()
    names, used = np.array(table.group_names()), optics_rows[particles.row]
    found = []
    for effect, strength in _strengths(table, optics_rows).items():
        groups = np.unique(used[strength[particles.row] > NEGLIGIBLE])
        if len(groups):
            found.append(f"{effect} ({_named(names[groups], len(np.unique(used)))})")
    return found


def _strengths(table: ParticleTable, optics_rows: np.ndarray) -> Dict[str, np.ndarray]:
    """Largest coefficient (N,) of each effect."""
    tilt = [np.abs(table.numbers(label, optics_rows, default=0)) for label in TILT]
    found = {"beam tilt": np.maximum(*tilt)}
    for label, effect in ((ODD, "odd Zernike aberrations"), (EVEN, "even Zernike aberrations")):
        lists, index = lists_of_numbers(table, label, optics_rows)
        found[effect] = np.array([max(map(abs, values), default=0.0) for values in lists])[index]
    distortion = [
        np.abs(table.numbers(label, optics_rows, neutral) - neutral) for label, neutral in zip(MAGNIFICATION, NO_DISTORTION)
    ]
    return {**found, "anisotropic magnification": np.max(distortion, axis=0)}


def _named(groups: Collection[str], count: int) -> str:
    """Names of groups out of ``count``."""
    return f"all {count} groups" if len(groups) == count > _MOST_NAMED else ", ".join(sorted(groups))
