"""Particle files of any program, told apart by their suffix."""

from pathlib import Path
from typing import Callable, Dict, Optional

from gmmrefine.errors import InputError
from gmmrefine.io.cryosparc import read_cs
from gmmrefine.io.stacks import COMPRESSED, check_stacks
from gmmrefine.io.star_particles import read_particles
from gmmrefine.particles.particle_set import ParticleSet
from gmmrefine.regular_file import FilePath

_CRYOSPARC = (".cs", ".csg")


def is_cryosparc(path: FilePath) -> bool:
    """Whether a particle file is one of cryoSPARC by its name."""
    return Path(path).suffix.lower() in _CRYOSPARC


def read_particle_set(
    path: FilePath, split_halves: Optional[int] = 0, check: bool = True, distance: float = 0.0
) -> ParticleSet:
    """Particles of a RELION ``.star`` file, or a cryoSPARC ``.cs`` or ``.csg`` file.

    Parameters
    ----------
    path : str or Path
    split_halves : int
        Seed to draw half sets with when the file has none; 0 leaves them unknown.
    check : bool
        Look at every stack now: there, square, of the right box, complete.
    distance : float
        Å; images of one micrograph whose particles lie nearer show one particle. 0: a tenth of half the box.

    Returns
    -------
    ParticleSet

    Raises
    ------
    InputError
        Another suffix, or anything wrong with the file or its stacks.
    """
    readers: Dict[str, Callable[..., ParticleSet]] = {".star": read_particles, **dict.fromkeys(_CRYOSPARC, read_cs)}
    suffix = Path(path).suffix.lower()
    if suffix not in readers:
        advice = " Unpack it first." if suffix in COMPRESSED else ""
        raise InputError(f"{path}: particles are read from {' or '.join(readers)} files, not '{suffix}'.{advice}")
    particles = readers[suffix](path, split_halves=split_halves, distance=distance)
    if check:
        check_stacks(particles)
    return particles
