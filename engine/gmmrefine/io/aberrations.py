"""What a user should know of the optics that a particle file describes."""
import numpy as np

from gmmrefine.io.optics_columns import EVEN, MAGNIFICATION, ODD, TILT, list_of_numbers
from gmmrefine.particles.optics import NO_DISTORTION

_POLYNOMIALS = {**dict.fromkeys(TILT, "beam tilt"), ODD: "odd Zernike aberrations", EVEN: "even Zernike aberrations"}
_NEGLIGIBLE = 1e-6
_MOST_NAMED = 3  # groups


def particle_warnings(particles):
    """What a user should know before these particles are processed, list of str: file notes and optical effects."""
    table = particles.table
    if table is None:
        return []
    notes, corrected = list(table.notes), ", ".join(corrected_aberrations(particles))
    if corrected:
        notes.append(f"{table.source}: images are corrected for {corrected}")
    b_factors = table.numbers("rlnCtfBfactor", table.optics_rows(), default=0)[particles.row]
    if np.abs(b_factors).max() > _NEGLIGIBLE:
        notes.append(f"{table.source}: CTF B-factors are kept in the file but not modelled")
    return notes


def corrected_aberrations(particles):
    """Aberrations of these particles, each with the optics groups that have it, list of str.

    Parameters
    ----------
    particles : ParticleSet
        Read from a file.
    """
    table = particles.table
    used = np.unique(table.optics_rows()[particles.row])
    names = np.array(table.group_names())
    found = {}
    for label, effect in _POLYNOMIALS.items():
        for block, rows in ((table.optics, used), (table.particles, particles.row)):
            if label in block and (block is table.optics or label not in table.optics):
                present = np.array([_largest(text) > _NEGLIGIBLE for text in block.subset(rows).strings(label)])
                groups = names[used][present] if block is table.optics else ["single particles"] * int(present.any())
                found.setdefault(effect, set()).update(groups)
    optics = table.optics.subset(used)
    distortion = [
        np.abs(optics.numbers(label) - neutral) for label, neutral in zip(MAGNIFICATION, NO_DISTORTION) if label in optics]
    if distortion:
        found["anisotropic magnification"] = set(names[used][np.max(distortion, axis=0) > _NEGLIGIBLE])
    return [f"{effect} ({_named(groups, len(used))})" for effect, groups in found.items() if groups]


def _named(groups, count):
    """Names of groups out of ``count``."""
    return f"all {count} groups" if len(groups) == count > _MOST_NAMED else ", ".join(sorted(groups))


def _largest(text):
    """Largest magnitude in '0.5' or '[0.1,0,2]'; 0 for an empty list."""
    return max((abs(number) for number in list_of_numbers(text)), default=0.0)
