"""What a residue is, by what it is bonded to, wherever the file puts it."""

import gemmi
import numpy as np
import pytest
from model_files import residue, write_pdb

from gmmrefine.io.atoms import read_atoms, read_model
from gmmrefine.validation.component_class import component_classes

# an extended chain: 3.4 Å from one residue to the next, C–N 1.34 Å
AMINO_ACID = {"N": (0, 0, 0), "CA": (0.9, 1.15, 0), "C": (2.2, 0.6, 0), "O": (2.6, 0.5, 1.15), "CB": (0.9, 2.0, 1.25)}
NUCLEOTIDE = {
    "P": (0, 0, 0),
    "OP1": (-0.5, 1.2, 0.6),
    "O5'": (1.2, 0.9, 0),
    "C5'": (2.4, 0.2, 0),
    "C4'": (3.6, 1.0, 0),
    "C3'": (4.8, 0.2, 0),
    "O3'": (5.2, -1.1, 0),
    "C1'": (4.2, 2.3, 0),
    "N1": (4.3, 3.7, 0),
}
STEP = np.array([3.4, 0, 0])
NUCLEIC_STEP = np.array([6.3, -1.1, 0])


def chain(names, first=1, at=(0, 0, 0), record="ATOM", letter="A", atoms=AMINO_ACID, step=STEP):
    """Residues bonded one to the next; names of `HETATM` residues end in *."""
    return [
        residue(
            name.rstrip("*"),
            letter,
            number,
            atoms,
            "HETATM" if name.endswith("*") else record,
            tuple(np.add(at, (number - first) * step)),
        )
        for number, name in enumerate(names, first)
    ]


def kinds(path):
    """(kind of each residue by its label, the labels whose kind is not the file's, classes by label)."""
    atoms, left_out = read_model(path)
    labels = [atoms.residue_label(atom) for atom in range(len(atoms))]
    classes = {}
    for label, found in zip(labels, component_classes(atoms)):
        classes.setdefault(label, set()).add(found)
    return dict(zip(labels, atoms.entities.tolist())), left_out.changes, classes


FREE = [("HETATM", "L", 1), ("ATOM", "L", 1), ("HETATM", "A", 901), ("ATOM", "A", 901), ("HETATM", "A", 9)]


@pytest.mark.parametrize("record, letter, first", FREE)
@pytest.mark.parametrize("count", [1, 4])
def test_free_amino_acids_are_ligands(tmp_path, record, letter, first, count):
    free = [residue("GLU", letter, first + number, AMINO_ACID, record, (20.0 * number, 40, 0)) for number in range(count)]
    found, changes, classes = kinds(write_pdb(tmp_path / "model.pdb", *chain(["ALA", "SER", "GLY", "LEU"]), *free))
    labels = [f"{letter}/GLU {first + number}" for number in range(count)]
    assert [found[label] for label in labels] == ["non-polymer"] * count and set(changes["freed"]) <= set(labels)
    assert all(classes[label] == {"ligand"} for label in labels)
    assert [found[f"A/{name} {place}"] for place, name in enumerate(["ALA", "SER", "GLY", "LEU"], 1)] == ["protein"] * 4


def test_what_was_taken_otherwise_is_named(tmp_path):
    free = [residue("GLU", "L", number, AMINO_ACID, "HETATM", (20.0 * number, 40, 0)) for number in (1, 2)]
    changes = kinds(write_pdb(tmp_path / "model.pdb", *chain(["ALA", "SER"]), *free))[1]
    assert changes["freed"] == ["L/GLU 1", "L/GLU 2"] and changes["joined"] == []


@pytest.mark.parametrize("name", ["G", "DA", "5MC", "ATP"])
def test_nucleotides_in_a_chain_and_free(tmp_path, name):
    rna = chain(["A", "U", name + "*", "C"], letter="R", atoms=NUCLEOTIDE, step=NUCLEIC_STEP)
    free = residue(name, "R", 900, NUCLEOTIDE, "HETATM", (0, 50, 0))
    found, _, classes = kinds(write_pdb(tmp_path / "model.pdb", *rna, free))
    assert found[f"R/{name} 3"] == "nucleic" and classes[f"R/{name} 3"] == {"nucleic_backbone", "nucleobase"}
    assert found[f"R/{name} 900"] == "non-polymer" and classes[f"R/{name} 900"] == {"ligand"}


@pytest.mark.parametrize("name", ["UNK", "SEP", "TPO", "P1L", "LLP", "QQ7"])
@pytest.mark.parametrize("place", [0, 1, 3])
def test_modified_residues_in_a_chain_are_polymer(tmp_path, name, place):
    names = ["ALA", "SER", "GLY", "LEU"]
    names[place] = name + "*"
    lines = chain(names)
    last = lines.pop(place)  # at the end of the file, after a TER
    for order in (chain(names), [*lines, ["TER"], last]):
        found, _, classes = kinds(write_pdb(tmp_path / "model.pdb", *order))
        assert found[f"A/{name} {place + 1}"] == "protein", order
        assert classes[f"A/{name} {place + 1}"] == {"protein_backbone", "protein_side_chain"}


def test_a_modified_residue_that_the_file_calls_non_polymer_is_joined_and_named(tmp_path):
    path = write_pdb(tmp_path / "model.pdb", *chain(["ALA", "SER", "P1L*", "LEU", "GLY"]))
    structure = gemmi.read_structure(str(path))
    structure.setup_entities()
    structure[0]["A"][2].subchain, structure[0]["A"][2].entity_id = "B", "2"
    structure[0]["A"][2].entity_type = gemmi.EntityType.NonPolymer
    structure.ensure_entities()
    structure.make_mmcif_document().write_file(str(tmp_path / "model.cif"))
    found, changes, _ = kinds(tmp_path / "model.cif")
    assert found["A/P1L 3"] == "protein" and changes["joined"] == ["A/P1L 3"] and changes["freed"] == []


@pytest.mark.parametrize("record", ["ATOM", "HETATM"])
@pytest.mark.parametrize("number", [3, 5, 300])
def test_a_drug_in_a_protein_chain_is_a_ligand(tmp_path, record, number):
    protein = chain(["ALA", "SER", "GLY", "LEU"])
    drug = residue("DRG", "A", number, "C1 C2 N1 O1", record, (0, 30, 0))
    found, changes, classes = kinds(write_pdb(tmp_path / "model.pdb", *protein[:2], drug, *protein[2:]))
    assert classes[f"A/DRG {number}"] == {"ligand"} and found["A/GLY 3"] == "protein"
    assert set(changes["freed"]) <= {f"A/DRG {number}"}


def test_links_of_the_file_count_where_distances_are_poor(tmp_path):
    """A LINK record between C and N that lie 2.4 Å apart; without it the modified residue is a molecule of its own."""
    protein, odd = chain(["ALA", "SER", "GLY"]), residue("QQ7", "B", 200, AMINO_ACID, "HETATM", (3 * 3.4 + 1.1, 0, 0))
    link = "LINK         C   GLY A   3                 N   QQ7 B 200     1555   1555  2.40"
    assert kinds(write_pdb(tmp_path / "model.pdb", *protein, odd))[0]["B/QQ7 200"] != "protein"
    assert kinds(write_pdb(tmp_path / "model.pdb", [link], *protein, odd))[0]["B/QQ7 200"] == "protein"


def test_a_residue_alone_in_a_gap_stays_in_its_chain(tmp_path):
    first, last = chain(["ALA", "SER", "GLY"]), chain(["LEU", "VAL"], first=20, at=(40, 0, 0))
    lone = residue("THR", "A", 10, AMINO_ACID, "ATOM", (20, 8, 0))
    found, changes, _ = kinds(write_pdb(tmp_path / "model.pdb", *first, lone, *last))
    assert found["A/THR 10"] == "protein" and not any(changes.values())


@pytest.mark.parametrize("record", ["ATOM", "HETATM"])
def test_traces(tmp_path, record):
    """Chains of Cα only, of unknown residues, with the usual 3.8 Å."""
    trace = [residue("UNK", "A", number, {"CA": (3.8 * number, 0, 0)}, record) for number in range(1, 6)]
    found, _, classes = kinds(write_pdb(tmp_path / "model.pdb", *trace))
    assert set(found.values()) == {"protein"} and all(each == {"protein_backbone"} for each in classes.values())


@pytest.mark.parametrize("name", "HOH DOD WAT H2O SOL TIP SPC OH2".split())
@pytest.mark.parametrize("record", ["ATOM", "HETATM"])
def test_waters_of_any_name(tmp_path, name, record):
    water = residue(name, "W", 1, "OH2:O", record, (0, 30, 0))
    found, changes, classes = kinds(write_pdb(tmp_path / "model.pdb", *chain(["ALA", "SER"]), water))
    assert found[f"W/{name} 1"] == "water" and classes[f"W/{name} 1"] == {"water"} and changes["waters"] == []


def test_an_oxygen_with_two_hydrogens_is_water_and_said(tmp_path):
    water = residue("QQW", "W", 1, {"O1": (0, 0, 0), "H1": (0.96, 0, 0), "H2": (-0.24, 0.93, 0)}, at=(0, 30, 0))
    found, changes, _ = kinds(write_pdb(tmp_path / "model.pdb", *chain(["ALA", "SER"]), water))
    assert found["W/QQW 1"] == "water" and changes["waters"] == ["W/QQW 1"]


@pytest.mark.parametrize("name, atoms", [("O", "O"), ("OH", "O"), ("OH", {"O": (0, 0, 0), "HO": (0.96, 0, 0)})])
@pytest.mark.parametrize("record", ["ATOM", "HETATM"])
def test_oxide_and_hydroxide_are_ions(tmp_path, name, atoms, record):
    ion = residue(name, "A", 201, atoms, record, (0, 30, 0))
    assert kinds(write_pdb(tmp_path / "model.pdb", *chain(["ALA", "SER"]), ion))[2][f"A/{name} 201"] == {"ion"}


def test_sugars_by_the_files_own_components(tmp_path):
    source = write_pdb(tmp_path / "model.pdb", *chain(["ASN", "GLY"]), residue("QQS", "A", 501, "C1 C2 O5", at=(0, 30, 0)))
    structure = gemmi.read_structure(str(source))
    structure.setup_entities()
    document = structure.make_mmcif_document()
    classes = {}
    for kind in ("non-polymer", "D-saccharide, beta linking"):
        block = document.sole_block()
        loop = block.init_loop("_chem_comp.", ["id", "type"])
        loop.add_row(["QQS", gemmi.cif.quote(kind)])
        document.write_file(str(tmp_path / "model.cif"))
        atoms = read_atoms(tmp_path / "model.cif")
        classes[kind] = component_classes(atoms)[-1]
    assert classes == {"non-polymer": "ligand", "D-saccharide, beta linking": "glycan"}
