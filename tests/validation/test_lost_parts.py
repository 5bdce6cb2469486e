"""Parts of residues that are gone are found and named, and nothing else is."""

from dataclasses import replace

import numpy as np
import pytest
from model_maps import map_of_atoms
from scipy.ndimage import gaussian_filter

from gmmrefine.io.atoms import embedded_model, read_atoms
from gmmrefine.pipelines.audit_verdicts import part_lines
from gmmrefine.validation.atom_amplitudes import atom_amplitudes
from gmmrefine.validation.audit import densities, polymer_change, relative_to_polymer
from gmmrefine.validation.component_class import component_classes
from gmmrefine.validation.lost_parts import bonds_within_residues, lost_parts
from gmmrefine.validation.qscore import q_scores

NOISE = 0.1


class Pocket:
    """ATP and what lies around it in 6MSM, in maps of one width (Å) of the atoms."""

    def __init__(self):
        whole = read_atoms(embedded_model())
        center = whole.positions[whole.residue_names == "ATP"][0]
        near = np.linalg.norm(whole.positions - center, axis=1) < 11
        self.atoms = whole.subset(np.isin(whole.residue_index, np.unique(whole.residue_index[near])))
        self.classes = component_classes(self.atoms)
        self._rng = np.random.default_rng(3)

    def of(self, *names, residue="ATP"):
        """Which atoms (A,) of a residue have one of the names."""
        return (self.atoms.residue_names == residue) & np.isin(self.atoms.names, names)

    def scored(self, width, gone=None, blur=0.0):
        """Q and relative density in a map with noise, without some atoms."""
        atoms, kept = self.atoms, slice(None) if gone is None else ~gone
        low = atoms.positions.min(axis=0) - 5
        shape = tuple(np.ceil(np.ptp(atoms.positions, axis=0) + 10).astype(int)[::-1])
        grid = map_of_atoms(atoms.positions[kept], atoms.atomic_numbers[kept], (shape, (1.0,) * 3, low), width)
        noise = gaussian_filter(self._rng.normal(size=shape), 0.7 * width)
        data = grid.data + NOISE * grid.data.std() / noise.std() * noise
        grid = replace(grid, data=(gaussian_filter(data, blur) if blur else data).astype(np.float32))
        level = densities(atoms.positions, grid, np.random.default_rng(0))
        return q_scores(atoms.positions, grid).values, relative_to_polymer(level, np.ones(len(atoms), bool), self.classes)

    def lost(self, width, gone=None, blur=0.0):
        """Sentences on what is lost."""
        before, after = self.scored(width), self.scored(width, gone, blur)
        parts = lost_parts(self.atoms, self.classes, (before[0], after[0]), (before[1], after[1]), 0.6)
        return part_lines(self.atoms, self.classes, parts)


@pytest.fixture(scope="module")
def pocket():
    return Pocket()


@pytest.mark.parametrize("width", [0.8, 1.1, 1.5])
def test_a_phosphate_and_half_a_ligand(pocket, width):
    (label,) = {
        f"ATP {chain} {number}"
        for chain, number in zip(pocket.atoms.chains[pocket.of("PG")], pocket.atoms.residue_numbers[pocket.of("PG")])
    }
    assert pocket.lost(width, pocket.of("PG", "O1G", "O2G", "O3G")) == [f"{label}: phosphate (PG O1G O2G O3G) lost"]
    (line,) = pocket.lost(width, pocket.of(*"N9 C8 N7 C5 C6 N6 N1 C2 N3 C4".split()))
    assert line.startswith(f"{label}: ") and line.endswith(" of 31 atoms (N9 to C4) lost")


def test_a_side_chain_and_residues_in_a_row(pocket):
    atoms = pocket.atoms
    chosen = next(
        number
        for number in np.unique(atoms.residue_index)
        if (atoms.residue_names[atoms.residue_index == number][0] in ("LEU", "PHE", "MET", "ILE"))
    )
    gone = (atoms.residue_index == chosen) & ~np.isin(atoms.names, ["N", "CA", "C", "O", "CB"])
    (line,) = pocket.lost(1.0, gone)
    assert line.endswith(": side chain lost") and line.startswith(atoms.residue_names[gone][0])


def test_one_metal_shows_at_a_resolution_where_one_light_atom_does_not(pocket):
    """Mg counts less than two light atoms; an iron in its place as nearly four."""
    atoms = pocket.atoms
    metal = atoms.residue_names == "MG"
    heavy = replace(pocket.atoms, atomic_numbers=np.where(metal, 26, atoms.atomic_numbers))
    other = Pocket()
    other.atoms = heavy
    assert [line for line in other.lost(1.5, metal) if "MG" in line] and other.lost(1.5) == []
    assert pocket.lost(1.9, pocket.of("N6")) == []


@pytest.mark.parametrize("width, blur", [(0.8, 0), (1.2, 0), (1.6, 0), (0.9, 0.6), (1.2, 0.8)])
def test_nothing_is_lost_from_a_map_with_other_noise_or_a_low_pass(pocket, width, blur):
    assert pocket.lost(width, blur=blur) == []


def test_amplitudes_are_the_atoms_own(pocket):
    """Density at a missing atom is its neighbours'; its amplitude is about 0."""
    gone = pocket.of("C2'")
    _, before = pocket.scored(1.3)
    _, after = pocket.scored(1.3, gone)
    own, left = (atom_amplitudes(pocket.atoms.positions, pocket.atoms.atomic_numbers, level) for level in (before, after))
    assert after[gone] / before[gone] > 0.3
    assert abs(left[gone][0]) < 0.35 and own[gone][0] > 0.7
    assert own.mean() == pytest.approx(1, abs=0.1) and np.std((left - own)[~gone]) < 0.2
    before[0] = np.nan
    assert np.isnan(atom_amplitudes(pocket.atoms.positions, pocket.atoms.atomic_numbers, before)).sum() == 1


def test_bonds(pocket):
    pairs = {
        frozenset(pocket.atoms.names[pair])
        for pair in bonds_within_residues(pocket.atoms)
        if pocket.atoms.residue_names[pair[0]] == "ATP"
    }
    assert {"PG", "O1G"} in pairs and {"PG", "O3B"} in pairs and {"PG", "PB"} not in pairs and {"C1'", "N9"} in pairs


def test_the_polymer_fell():
    classes, rng = np.full(100, "protein_backbone"), np.random.default_rng(1)
    before = 0.6 + rng.normal(0, 0.1, 100)
    for fall, fell in ((0.0, False), (0.15, False), (0.22, True), (0.6, True)):
        assert polymer_change(before, before - fall, classes).fell is fell, fall
    assert polymer_change(before - 0.2, before - 0.36, classes).fell  # by more than a third
    assert not polymer_change(before, np.where(np.arange(100) < 30, 0.0, before), classes).fell  # a part is absent
    assert not polymer_change(np.full(100, np.nan), before, classes).fell


def test_noise_does_not_make_parts_finer_than_the_map(pocket):
    """An atom whose Q is high by chance is not resolved better than the map; the resolution against the model decides."""
    gone = pocket.of("N6")
    (before, level), (after, left) = pocket.scored(0.8), pocket.scored(0.8, gone)

    def parts(finest):
        return lost_parts(pocket.atoms, pocket.classes, (before, after), (level, left), 0.6, finest=finest)

    assert len(parts(0.0)) == len(parts(2.0)) == 1 and parts(3.0) == []
