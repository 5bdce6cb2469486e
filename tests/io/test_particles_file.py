"""The suffix decides the reader."""

import pytest

from gmmrefine.errors import InputError
from gmmrefine.io.cryosparc_writer import write_cs
from gmmrefine.io.particles_file import read_particle_set


def test_star_and_cs_give_the_same_particles(particle_file, tmp_path):
    star = read_particle_set(particle_file)
    write_cs(tmp_path / "same.cs", star)
    cs = read_particle_set(tmp_path / "same.cs")
    assert cs.rotations == pytest.approx(star.rotations, abs=1e-6)
    assert cs.stacks == star.stacks


def test_stacks_are_checked_unless_told_otherwise(particle_file, tmp_path):
    (tmp_path / "stack.mrcs").unlink()
    assert len(read_particle_set(particle_file, check=False)) == 4
    with pytest.raises(InputError, match="not found"):
        read_particle_set(particle_file)


def test_other_suffixes(tmp_path):
    with pytest.raises(InputError, match=r"x.hdf: particles are read from .star or .cs or .csg files, not '.hdf'"):
        read_particle_set(tmp_path / "x.hdf")
    with pytest.raises(InputError, match=r"not '.gz'. Unpack it first."):
        read_particle_set(tmp_path / "x.star.gz")
