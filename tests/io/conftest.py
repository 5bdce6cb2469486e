"""Small particle files made on the spot."""

import pytest
from star_files import star_text, write_stack


@pytest.fixture
def make_star(tmp_path):
    """A function that writes particles.star with changed columns and returns its path."""

    def make(optics=None, particles=None, further=""):
        path = tmp_path / "particles.star"
        path.write_text(star_text(optics, particles, further), encoding="utf-8")
        return path

    return make


@pytest.fixture
def make_stack():
    """The function ``write_stack``."""
    return write_stack


@pytest.fixture
def particle_file(make_star, tmp_path):
    """particles.star with four particles of two optics groups, and their two stacks."""
    write_stack(tmp_path / "stack.mrcs", 3)
    write_stack(tmp_path / "sub" / "other.mrcs", 1)
    return make_star()
