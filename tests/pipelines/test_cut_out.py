"""A map cut out of a large assembly, with the model of all of it."""

import numpy as np
import pytest

from gmmrefine.errors import InputError
from gmmrefine.io.mrc import MapGrid
from gmmrefine.pipelines.model_place import PlacedModel, places_of
from gmmrefine.settings import Placed

BOX, VOXEL = 32, 1.0


@pytest.fixture(scope="module")
def shell():
    """Atoms (A, 3) in Å, 4 Å apart at least, of which some sixty lie in the box, half of it solvent; and the map there."""
    rng = np.random.default_rng(5)
    step = np.stack(np.meshgrid(*[np.arange(-60, 90, 6.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    atoms = (step + rng.uniform(-1, 1, step.shape))[step[:, 0] < 14]
    axis = np.arange(BOX) * VOXEL
    near = atoms[np.all((atoms > -5) & (atoms < BOX * VOXEL + 5), axis=1)]
    x, y, z = (np.exp(-((axis[:, None] - near[:, column]) ** 2) / 2) for column in range(3))
    density = np.einsum("za,ya,xa->zyx", z, y, x)
    return atoms, density + rng.normal(0, 0.02, density.shape)


def settled(atoms, density):
    said = []
    grid = MapGrid(density, np.full(3, VOXEL), np.zeros(3))
    PlacedModel(atoms, grid, places_of(grid, Placed(), None)).settle("shell.cif", "part.mrc", said.append)
    return said


def test_what_lies_outside_is_said_and_the_rest_is_taken(shell):
    said = settled(*shell)
    assert len(said) == 2 and said[1].endswith("it is taken for a part cut out of what the model describes")
    inside = np.all((shell[0] >= -0.5) & (shell[0] <= BOX - 0.5), axis=1).sum()
    assert said[1].startswith("note: ") and f" of {len(shell[0])} atoms lie outside the box of part.mrc" in said[1]
    assert len(shell[0]) - int(said[1].split()[1]) == inside > 50


@pytest.mark.parametrize("shift", [(2.0, 1.5, 0), (0, 0, 3.0)])
def test_a_model_that_is_also_off_the_peaks_is_refused(shell, shift):
    atoms, density = shell
    with pytest.raises(InputError, match="lie outside the box and .* in empty density"):
        settled(atoms + shift, density)


def test_a_model_that_lies_beside_the_map_for_a_third_is_refused_as_before(shell):
    atoms, density = shell
    inside = atoms[np.all((atoms > 0) & (atoms < BOX * VOXEL - 1), axis=1)]
    with pytest.raises(InputError, match="lie outside the box"):
        settled(inside + [12.0, 0, 0], density)
