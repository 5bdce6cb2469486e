"""Optical effects that a particle file describes and the engine keeps but does not model."""
import numpy as np

from gmmrefine.errors import InputError
from gmmrefine.io.star import is_none

_POLYNOMIALS = {"rlnBeamTiltX": "beam tilt", "rlnBeamTiltY": "beam tilt", "rlnOddZernike": "odd Zernike aberrations",
                "rlnEvenZernike": "even Zernike aberrations", "rlnCtfBfactor": "CTF B-factors"}
_NEUTRAL = {"rlnMagMat00": 1.0, "rlnMagMat01": 0.0, "rlnMagMat10": 0.0, "rlnMagMat11": 1.0}
_NEGLIGIBLE = 1e-6


def unmodelled_aberrations(particles):
    """What the CTF model leaves out for these particles.

    Parameters
    ----------
    particles : ParticleSet

    Returns
    -------
    list of str
        One line per effect, with the optics groups that have it; empty when the model is complete.
    """
    table = particles.table
    if table is None:
        return []
    used = np.unique(table.optics_rows()[particles.row])
    names = np.array(table.group_names())
    found = {}
    for label, effect in _POLYNOMIALS.items():
        for block, rows in ((table.optics, used), (table.particles, particles.row)):
            if label in block:
                part = block.subset(rows)
                present = np.array([_largest(text, label, part) > _NEGLIGIBLE for text in part.strings(label)])
                groups = names[used][present] if block is table.optics else ["single particles"] * int(present.any())
                found.setdefault(effect, set()).update(groups)
    if all(label in table.optics for label in _NEUTRAL):
        part = table.optics.subset(used)
        distortion = np.max([np.abs(part.numbers(label) - value) for label, value in _NEUTRAL.items()], axis=0)
        found["anisotropic magnification"] = set(names[used][distortion > _NEGLIGIBLE])
    return [f"{table.source}: {effect} ({', '.join(sorted(groups))}): kept in the file but not modelled"
            for effect, groups in found.items() if groups]


def particle_warnings(particles):
    """What a user should know before these particles are processed, list of str: file notes and unmodelled effects."""
    notes = list(particles.table.notes) if particles.table is not None else []
    return notes + unmodelled_aberrations(particles)


def _largest(text, label, block):
    """Largest magnitude in '0.5' or '[0.1,0,2]'; 0 for an empty list or no value."""
    if is_none(text):
        return 0.0
    try:
        return max((abs(float(number)) for number in text.strip("[]").split(",") if number.strip()), default=0.0)
    except ValueError as error:
        raise InputError(
            f"{block.source}, data_{block.name}: {label} is '{text}'; expected numbers, as in 0.5 or [0.1,0,2]. Correct it."
        ) from error
