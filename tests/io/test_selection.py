"""Parts of an atomic model by chain, residue number and residue name."""

from dataclasses import replace

import gemmi
import numpy as np
import pytest
from model_files import residue, write_pdb

from gmmrefine.errors import InputError
from gmmrefine.io.atoms import embedded_model, read_atoms
from gmmrefine.io.selection import selected_atoms

#          0     1     2     3     4     5     6     7     8     9
CHAINS = ["A", "A", "A", "A", "B", "B", "B", "b", "b", "b"]
NUMBERS = [1, 2, 3, 10, -3, -1, 2, 2, 201, 202]
NAMES = ["ALA", "GLY", "SER", "VAL", "ALA", "GLY", "LEU", "ALA", "ATP", "MG"]


@pytest.fixture(scope="module")
def atoms(tmp_path_factory):
    """Ten atoms in three chains, two of which differ by case only, with residues before 1."""
    residues = [
        residue(name, chain, number, "CA:C", at=(5.0 * place, 0, 0))
        for place, (name, chain, number) in enumerate(zip(NAMES, CHAINS, NUMBERS))
    ]
    return read_atoms(write_pdb(tmp_path_factory.mktemp("selection") / "model.pdb", *residues))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", range(10)),
        ("  ", range(10)),
        ("chain A", [0, 1, 2, 3]),
        ("chain b", [7, 8, 9]),
        ("chain A,b", [0, 1, 2, 3, 7, 8, 9]),
        ("chain  A , B", range(7)),
        ("2", [1, 6, 7]),
        ("2-3", [1, 2, 6, 7]),
        ("1,10", [0, 3]),
        ("1-2, 201-202", [0, 1, 6, 7, 8, 9]),
        ("-3", [4]),
        ("-3--1", [4, 5]),
        ("-1-1", [0, 5]),
        ("-3,201", [4, 8]),
        ("residue ATP", [8]),
        ("residue ATP,MG", [8, 9]),
        ("residue ALA", [0, 4, 7]),
        ("chain A and 2", [1]),
        ("2 and chain A", [1]),
        ("chain A,B and 2-9", [1, 2, 6]),
        ("chain A and 1-9 and residue GLY,SER", [1, 2]),
        ("chain A or residue MG", [0, 1, 2, 3, 9]),
        (" chain B  or  1 ", [0, 4, 5, 6]),
    ],
)
def test_terms(atoms, text, expected):
    chosen = selected_atoms(atoms, text)
    assert chosen.dtype == bool and np.flatnonzero(chosen).tolist() == list(expected)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("52", [1, 2, 3]),
        ("52A", [2]),
        ("52A-53", [2, 3, 4]),
        ("51-52A", [0, 1, 2]),
        ("51-52", [0, 1, 2, 3]),
        ("52B,51", [0, 3]),
    ],
)
def test_insertion_codes_and_chains_of_an_assembly(tmp_path, text, expected):
    places = [(51, " "), (52, " "), (52, "A"), (52, "B"), (53, " ")]
    model = read_atoms(
        write_pdb(
            tmp_path / "model.pdb",
            *[
                residue("ALA", "H", number, "CA:C", "ATOM", at=(3.8 * place, 0, 0), insertion=code)
                for place, (number, code) in enumerate(places)
            ],
        )
    )
    assembly = replace(model, chains=np.array(["H-2"] * 5))
    assert np.flatnonzero(selected_atoms(model, text)).tolist() == expected
    assert np.flatnonzero(selected_atoms(assembly, f"chain H-2 and {text}")).tolist() == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("chain A and 2 or chain B", [1, 4, 5, 6]),
        ("chain B or chain A and 2", [1, 4, 5, 6]),
        ("chain A and 1 or chain B and 2 or residue MG", [0, 6, 9]),
    ],
)
def test_and_binds_closer_than_or(atoms, text, expected):
    assert np.flatnonzero(selected_atoms(atoms, text)).tolist() == expected


@pytest.mark.parametrize(
    "text, words",
    [
        ("chain C", ["the model has no chain C", "it has A, B, b", "case-sensitive"]),
        ("chain A,X,Y", ["the model has no chain X, Y"]),
        ("chain a and 1-3", ["the model has no chain a"]),
        ("chain", ["no chain (none named)"]),
        ("residue ADP", ["the model has no residue ADP", "ALA, ATP, GLY"]),
        ("residue atp", ["the model has no residue atp"]),
        ("chains A", ["'chains A' is not understood", "'chain A and 1-200'"]),
        ("domain 1", ["'domain 1' is not understood"]),
        ("chain A AND 1-3", ["no chain A AND 1-3"]),
        ("chain A and", ["'' is not understood"]),
        ("or 1", ["'' is not understood"]),
        ("1-", ["'1-' is not understood"]),
        ("1:200", ["'1:200' is not understood"]),
        ("1.5", ["'1.5' is not understood"]),
        ("chain B and 300-400", ["no atom of the model is in it", "Check chain and residue numbers"]),
        ("3-1", ["no atom of the model is in it"]),
    ],
)
def test_what_is_not_understood_or_not_there(atoms, text, words):
    with pytest.raises(InputError) as caught:
        selected_atoms(atoms, text)
    said = str(caught.value)
    assert said.startswith(f"selection '{text}': ") and "\n" not in said
    for word in words:
        assert word in said


def counted(belongs):
    """Non-hydrogen atoms of the embedded model, which has no alternatives, counted by gemmi."""
    return sum(
        belongs(site.chain.name, site.residue)
        for site in gemmi.read_structure(embedded_model())[0].all()
        if not site.atom.is_hydrogen()
    )


@pytest.mark.parametrize(
    "text, belongs",
    [
        ("chain A", lambda chain, part: chain == "A"),
        (
            "chain A and 390-640,1208-1440",
            lambda chain, part: chain == "A" and (390 <= part.seqid.num <= 640 or 1208 <= part.seqid.num <= 1440),
        ),
        ("chain A and 1-200 or chain B", lambda chain, part: (chain == "A" and part.seqid.num <= 200) or chain == "B"),
        ("residue ATP,MG", lambda chain, part: part.name in ("ATP", "MG")),
    ],
)
def test_parts_of_6msm(text, belongs):
    model = read_atoms(embedded_model())
    chosen = selected_atoms(model, text)
    assert 0 < chosen.sum() == counted(belongs) < len(model)
