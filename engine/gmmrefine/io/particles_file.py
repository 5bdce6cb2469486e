"""Particle files of any program, told apart by their suffix."""
from pathlib import Path

from gmmrefine.errors import InputError
from gmmrefine.io.cryosparc import read_cs
from gmmrefine.io.stacks import COMPRESSED, check_stacks
from gmmrefine.io.star_particles import read_particles


def read_particle_set(path, split_halves=0, check=True):
    """Particles of a RELION ``.star`` or cryoSPARC ``.cs`` file.

    Parameters
    ----------
    path : str or Path
    split_halves : int
        Seed to draw half sets with when the file has none; 0 leaves them unknown.
    check : bool
        Look at every stack now: there, square, of the right box, complete.

    Returns
    -------
    ParticleSet

    Raises
    ------
    InputError
        Another suffix, or anything wrong with the file or its stacks.
    """
    readers = {".star": read_particles, ".cs": read_cs}
    suffix = Path(path).suffix.lower()
    if suffix not in readers:
        advice = " Unpack it first." if suffix in COMPRESSED else ""
        raise InputError(f"{path}: particles are read from {' or '.join(readers)} files, not '{suffix}'.{advice}")
    particles = readers[suffix](path, split_halves=split_halves)
    if check:
        check_stacks(particles)
    return particles
