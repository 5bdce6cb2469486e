"""What a user should know of the optics that a particle file describes."""
import numpy as np

from gmmrefine.io.optics_columns import aberrations_of

_NEGLIGIBLE = 1e-6


def particle_warnings(particles):
    """What a user should know before these particles are processed, list of str: file notes and optical effects."""
    table = particles.table
    if table is None:
        return []
    names = aberrations_of(particles)
    notes = [f"{table.source}: images are corrected for {', '.join(names)}"] if names else []
    b_factors = table.numbers("rlnCtfBfactor", table.optics_rows(), default=0)[particles.row]
    if np.abs(b_factors).max() > _NEGLIGIBLE:
        notes.append(f"{table.source}: CTF B-factors are kept in the file but not modelled")
    return list(table.notes) + notes
