"""The map of a model on the grid of another map."""

import gemmi
import numpy as np
import pytest
from model_files import residue

from gmmrefine.errors import InputError
from gmmrefine.io.mrc import Volume
from gmmrefine.pipelines.model_map import model_map

BOX, PIXEL_SIZE, ORIGIN = 32, 1.0, np.array([5.0, -3.0, 12.0])


def write_atoms(path, *atoms):
    """Atoms given as x y z in Å, element, B factor in Å² and occupancy."""
    structure, model, chain = gemmi.Structure(), gemmi.Model("1"), gemmi.Chain("A")
    for number, (place, element, b_factor, occupancy) in enumerate(atoms, 1):
        residue, atom = gemmi.Residue(), gemmi.Atom()
        residue.name, residue.seqid = "UNL", gemmi.SeqId(str(number))
        atom.name, atom.element, atom.pos = element, gemmi.Element(element), gemmi.Position(*place)
        atom.b_iso, atom.occ = b_factor, occupancy
        residue.add_atom(atom)
        chain.add_residue(residue)
    model.add_chain(chain)
    structure.add_model(model)
    structure.write_pdb(str(path))
    return str(path)


@pytest.fixture
def grid():
    return Volume(np.zeros((BOX,) * 3, np.float32), PIXEL_SIZE, ORIGIN)


def widths(volume, peak):
    """Standard deviation (Å) of a lone peak, from its second moment along x."""
    line = volume[peak[0], peak[1]].astype(float)
    x = np.arange(BOX) - peak[2]
    return np.sqrt((line * x**2).sum() / line.sum()) * PIXEL_SIZE


def test_atoms_are_where_the_header_of_the_map_says(tmp_path, grid):
    place = ORIGIN + np.array([10.0, 20.0, 14.0]) * PIXEL_SIZE
    volume, found = model_map(write_atoms(tmp_path / "one.pdb", (place, "N", 0.0, 1.0)), grid, 8.0, False)
    assert np.unravel_index(volume.argmax(), volume.shape) == (14, 20, 10) and found["atoms_outside"] == 0
    assert volume.sum() * PIXEL_SIZE**3 == pytest.approx(7, rel=1e-3)  # the atomic number
    assert widths(volume, (14, 20, 10)) == pytest.approx(8.0 / (np.pi * np.sqrt(2)), rel=0.01)


def test_b_factors_count_from_the_lowest_and_occupancies_as_parts(tmp_path, grid):
    one, other = ORIGIN + 8.0, ORIGIN + np.array([24.0, 8.0, 8.0])
    model = write_atoms(tmp_path / "two.pdb", (one, "C", 30.0, 1.0), (other, "C", 190.0, 0.5))
    even, _ = model_map(model, grid, 6.0, False)
    assert even[8, 8, 24] == pytest.approx(0.5 * even[8, 8, 8], rel=1e-2)
    blurred, _ = model_map(model, grid, 6.0, True)
    assert blurred[8, 8, 8] == pytest.approx(even[8, 8, 8], rel=1e-2)
    variance = (6.0 / (np.pi * np.sqrt(2))) ** 2
    ratio = (variance / (variance + 160 / (8 * np.pi**2))) ** 1.5
    assert blurred[8, 8, 24] == pytest.approx(ratio * even[8, 8, 24], rel=1e-2)


def test_alternative_places_weigh_their_sum_and_odd_atoms_are_counted(tmp_path, grid):
    """A side chain at 0.6 and 0.4 is one atom in two places; hydrogens and second models are not there."""
    places = [ORIGIN + np.array([x, 16.0, 16.0]) for x in (8.0, 24.0)]
    lines = [
        residue("SER", "A", 1, {label: (0, 0, 0)}, "ATOM", at=place, alternative=letter, occupancy=occupancy)
        for label, place, letter, occupancy in (
            ("OG", places[0], "A", 0.6),
            ("OG", places[1], "B", 0.4),
            ("HG", places[0], "A", 0.6),
            ("CB", ORIGIN + 16.0, " ", 0.0),
        )
    ]
    text = [line for atom in lines for line in atom]
    models = ["MODEL        1", *text, "ENDMDL", "MODEL        2", *text, "ENDMDL", "END\n"]
    (tmp_path / "odd.pdb").write_text("\n".join(models))
    volume, found = model_map(str(tmp_path / "odd.pdb"), grid, 6.0, False)
    halves = [half.sum() * PIXEL_SIZE**3 for half in (volume[:, :, :16], volume[:, :, 16:])]
    assert halves == pytest.approx([0.6 * 8, 0.4 * 8], rel=1e-2)
    assert found == {
        "atoms_outside": 0,
        "models_left_out": 1,
        "hydrogens_left_out": 1,
        "alternatives": 1,
        "atoms_of_zero_occupancy": 1,
    }


def test_a_model_without_any_mass_is_refused(tmp_path, grid):
    model = write_atoms(tmp_path / "empty.pdb", (ORIGIN + 8.0, "C", 30.0, 0.0), (ORIGIN + 12.0, "C", 30.0, 0.0))
    with pytest.raises(InputError, match=r"empty.pdb: all 2 atoms inside the map have occupancy 0.*Set the occupancies"):
        model_map(model, grid, 6.0, False)
