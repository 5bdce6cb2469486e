"""Modifications of residues, a cofactor and glycan branches, through a file as deposited: each is named when it is gone."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from model_files import residue, write_pdb, zigzag
from model_maps import map_of_atoms
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from gmmrefine.io.atoms import embedded_model, read_atoms
from gmmrefine.pipelines.audit_verdicts import part_lines, verdict
from gmmrefine.validation.audit import densities, find_copies
from gmmrefine.validation.component_class import component_classes
from gmmrefine.validation.qscore import q_scores

PHOSPHATE = {"P": (1.6, 0, 0), "O1P": (2.1, 1.4, 0), "O2P": (2.1, -0.7, 1.2), "O3P": (2.1, -0.7, -1.2)}
CHAIN = {name: np.array(place) + (1.6, 0, 0) for name, place in zigzag(16).items()}
METHYL = {"C9": (1.45, 0, 0)}


def haem(at):
    """A flat ring of 24 atoms with an iron in its middle: names with elements, and places."""
    places = {"FE:FE": (0, 0, 0)}
    for quarter in range(4):
        for name, radius, angle in (
            ("N", 2.0, 0),
            ("C1", 3.05, 21),
            ("C4", 3.05, -21),
            ("C2", 4.3, 9),
            ("C3", 4.3, -9),
            ("CH", 3.4, 45),
        ):
            turn = np.radians(90 * quarter + angle)
            places[f"{name}{'ABCD'[quarter]}"] = radius * np.cos(turn), radius * np.sin(turn), 0
    return {name: np.array(place) + at for name, place in places.items()}


class Modified:
    """The surroundings of one atom of 6MSM, to which something is bonded, written and read as a PDB file."""

    def __init__(self, path, old, anchor, new, added):
        whole = read_atoms(embedded_model())
        places, atom = self._most_open(whole, np.flatnonzero((whole.residue_names == old) & (whole.names == anchor)), added)
        near = np.linalg.norm(whole.positions - whole.positions[atom], axis=1) < 13
        around = whole.subset(np.isin(whole.residue_index, np.unique(whole.residue_index[near])))
        lines = []
        for number in dict.fromkeys(around.residue_index.tolist()):
            one = around.subset(around.residue_index == number)
            atoms = {f"{name}:{element}": place for name, element, place in zip(one.names, one.elements, one.positions)}
            is_modified = number == whole.residue_index[atom]
            if is_modified:
                atoms.update(places)
            lines.append(
                residue(
                    new if is_modified else one.residue_names[0],
                    "A",
                    int(one.residue_numbers[0]),
                    atoms,
                    "HETATM" if is_modified or one.residue_names[0] in ("ATP", "MG") else "ATOM",
                )
            )
        self.atoms = read_atoms(write_pdb(path, *lines))
        self.classes, self.new = component_classes(self.atoms), new
        self.rng = np.random.default_rng(2)

    @staticmethod
    def _most_open(whole, anchors, added):
        """Where what is added (offsets from the anchor by name) has most room, over anchors and directions."""
        offsets, best = np.array(list(added.values()), float), (0,)
        for atom in anchors[:40]:
            near = whole.positions[np.linalg.norm(whole.positions - whole.positions[atom], axis=1) < 30]
            for turn in Rotation.random(40, random_state=1).as_matrix():
                places = whole.positions[atom] + offsets @ turn.T
                apart = np.linalg.norm(near[:, None] - places[None], axis=2)
                apart[np.linalg.norm(near - whole.positions[atom], axis=1) < 2.6] = 9  # its own neighbours
                best = max(best, (float(apart.min()), int(atom), places), key=lambda each: each[0])
        assert best[0] > 2.4
        return dict(zip(added, best[2])), best[1]

    def gone(self, *names):
        return (self.atoms.residue_names == self.new) & np.isin(self.atoms.names, names)

    def scored(self, width, gone=None):
        kept = slice(None) if gone is None else ~gone
        low = self.atoms.positions.min(axis=0) - 5
        shape = tuple(np.ceil(np.ptp(self.atoms.positions, axis=0) + 10).astype(int)[::-1])
        grid = map_of_atoms(self.atoms.positions[kept], self.atoms.atomic_numbers[kept], (shape, (1.0,) * 3, low), width)
        noise = gaussian_filter(self.rng.normal(size=shape), 0.7 * width)
        grid = replace(grid, data=(grid.data + 0.1 * grid.data.std() / noise.std() * noise).astype(np.float32))
        level = densities(self.atoms.positions, grid, np.random.default_rng(0))
        return q_scores(self.atoms.positions, grid).values, level

    def lost(self, width, gone=None):
        """Lost copies and sentences on lost parts."""
        before, after = self.scored(width), self.scored(width, gone)
        copies = find_copies(self.classes, self.atoms.residue_index, self.atoms.residue_names)
        quality = SimpleNamespace(results={"model_fsc": {"map": {"resolution": None}}})
        maps = [SimpleNamespace(values=q, density=level, notes={}, quality=quality) for q, level in (before, after)]
        found = verdict(self.atoms, self.classes, copies, *maps, 0.6)
        names = [self.atoms.residue_names[atom] for atom in copies.first_atom[found.statuses == "lost"]]
        return names, part_lines(self.atoms, self.classes, found.parts)


@pytest.mark.parametrize(
    "old, anchor, new, added, widths, said",
    [
        ("THR", "OG1", "TPO", PHOSPHATE, (0.8, 1.2), "phosphate (P O1P O2P O3P) lost"),
        ("SER", "OG", "SEP", PHOSPHATE, (0.8, 1.2), "phosphate (P O1P O2P O3P) lost"),
        ("CYS", "SG", "P1L", CHAIN, (0.8, 1.2), "of 22 atoms (C1 to C16) lost"),
        ("LYS", "NZ", "LYR", CHAIN, (0.8, 1.2), " of 25 atoms (C1 to C15) lost"),
        ("LYS", "NZ", "MLZ", {"CM": (1.47, 0, 0)}, (0.8,), "CM lost"),
        ("ATP", "N6", "6MZ", METHYL, (0.8,), "C9 lost"),
    ],
)
def test_a_modification(tmp_path, old, anchor, new, added, widths, said):
    model = Modified(tmp_path / "model.pdb", old, anchor, new, added)
    kinds = set(model.classes[model.atoms.residue_names == new])
    assert kinds == ({"ligand"} if old == "ATP" else {"protein_backbone", "protein_side_chain"})
    for width in widths:
        assert model.lost(width)[1] == []
        lost, parts = model.lost(width, model.gone(*added))
        assert new not in lost
        (line,) = parts
        assert line.startswith(f"{new} A ") and line.endswith(said.replace("C15", "C16" if "C16" in line else "C15")), line


def test_half_a_haem_and_its_iron(tmp_path):
    model = Modified(tmp_path / "model.pdb", "LYS", "NZ", "LYS", {"C1": (1.5, 0, 0)})
    atoms = model.atoms
    at = atoms.positions.max(axis=0) + (6, 0, 0)
    lines = (tmp_path / "model.pdb").read_text(encoding="utf-8").splitlines()[:-1]
    model.atoms = read_atoms(write_pdb(tmp_path / "haem.pdb", lines, residue("HEM", "B", 201, haem(at))))
    model.classes, model.new = component_classes(model.atoms), "HEM"
    assert set(model.classes[model.gone("FE", "NA")]) == {"ligand"}
    for width in (0.8, 1.2):
        assert model.lost(width, model.gone("FE")) == ([], ["HEM B 201: FE lost"])
        half = [f"{name}{side}" for name in ("N", "C1", "C2", "C3", "C4", "CH") for side in "AB"]
        lost, (line,) = model.lost(width, model.gone(*half))
        assert lost == [] and line.startswith("HEM B 201: 1") and " of 25 atoms " in line


def test_one_branch_of_a_glycan(tmp_path):
    """A sugar is a copy of its own: that one is lost, those before it are kept."""
    model = Modified(tmp_path / "model.pdb", "LYS", "NZ", "LYS", {"C1": (1.5, 0, 0)})
    at = model.atoms.positions.max(axis=0) + (5, 0, 0)
    ring = {
        name: (1.45 * np.cos(turn), 1.45 * np.sin(turn), 0.2 * (-1) ** number)
        for number, (name, turn) in enumerate(zip(("C1", "C2", "C3", "C4", "C5", "O5"), np.radians(np.arange(0, 360, 60))))
    }
    ring.update(
        {
            name: (2.85 * np.cos(turn), 2.85 * np.sin(turn), 0.3)
            for name, turn in zip(("O2", "O3", "O4", "C6"), np.radians((60, 120, 180, 240)))
        }
    )
    lines = (tmp_path / "model.pdb").read_text(encoding="utf-8").splitlines()[:-1]
    sugars = [
        residue(name, "C", number, {label: np.array(place) + at + shift for label, place in ring.items()})
        for number, (name, shift) in enumerate(
            (("NAG", (0, 0, 0)), ("BMA", (0, 5.5, 0)), ("MAN", (5.0, 8.5, 0)), ("MAN", (-5.0, 8.5, 0))), 1
        )
    ]
    model.atoms = read_atoms(write_pdb(tmp_path / "glycan.pdb", lines, *sugars))
    model.classes = component_classes(model.atoms)
    assert set(model.classes[model.atoms.chains == "C"]) == {"glycan"}
    branch = (model.atoms.chains == "C") & (model.atoms.residue_numbers == 4)
    lost, _ = model.lost(1.2, branch)
    assert lost == ["MAN"] and model.lost(1.2)[0] == []
