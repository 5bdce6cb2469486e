"""Verdicts of the command audit that hold: maps that do not fit are said first, modified residues are judged, parts named."""

import numpy as np
import pytest
from model_files import residue, write_pdb
from model_maps import map_of_atoms, save
from scipy.ndimage import affine_transform
from scipy.spatial.transform import Rotation
from small_run import assert_refused, gmmrefine, record

from gmmrefine.io.atoms import embedded_model, read_atoms
from gmmrefine.io.mrc import MapGrid
from gmmrefine.io.star import read_star

PHOSPHATE = {"P": (1.4, 0.7, 0.0), "O1P": (1.9, 0.6, 1.4), "O2P": (1.0, 2.1, -0.3), "O3P": (2.6, 0.4, -0.9)}
WATERS = "W"


@pytest.fixture(scope="module")
def pocket(tmp_path_factory):
    """Folder with a part of 6MSM around ATP in which a serine is phosphorylated, waters in their own chain, and its map."""
    folder, whole = tmp_path_factory.mktemp("verdicts"), read_atoms(embedded_model())
    center = whole.positions[whole.residue_names == "ATP"][0]
    near = np.unique(whole.residue_index[np.linalg.norm(whole.positions - center, axis=1) < 13])
    lines = []
    for number in near:
        atoms = whole.subset(whole.residue_index == number)
        name, places = (
            str(atoms.residue_names[0]),
            dict(
                zip(
                    [f"{name}:{element.upper()}" for name, element in zip(atoms.names, atoms.elements)],
                    atoms.positions - center + 25,
                )
            ),
        )
        is_serine = name == "SER" and "OG" in atoms.names and not any("SEP" in line for part in lines for line in part)
        if is_serine:
            oxygen = places["OG:O"]
            places.update(
                {f"{atom}:{atom[0] if atom[0] == 'P' else 'O'}": oxygen + np.array(place) for atom, place in PHOSPHATE.items()}
            )
            name = "SEP"
        record_name = "ATOM" if name not in ("ATP", "MG", "SEP") else "HETATM"
        lines.append(residue(name, "A", int(atoms.residue_numbers[0]), places, record_name))
    lines += [residue("HOH", WATERS, number, "O", at=(25 + 13 * number, 44, 25)) for number in (-1, 1)]
    atoms = read_atoms(write_pdb(folder / "model.pdb", *lines))
    assert "SEP" in atoms.residue_names
    save(folder / "whole.mrc", of(atoms))
    return folder


def of(atoms, gone=None):
    kept = slice(None) if gone is None else ~gone
    return map_of_atoms(atoms.positions[kept], atoms.atomic_numbers[kept], ((52, 54, 50), (1.0,) * 3, (0, 0, 0)), 0.9)


def audit(folder, out, data, *options):
    save(folder / "other.mrc", MapGrid(np.ascontiguousarray(data, np.float32), np.ones(3), np.zeros(3)))
    return gmmrefine("audit", folder / "model.pdb", folder / "whole.mrc", folder / "other.mrc", "-o", out, *options)


def first_remark(outcome):
    return next(line for line in outcome.out.splitlines() if line.startswith("other: "))


@pytest.mark.parametrize(
    "change, words, angle",
    [
        (lambda data: data[::-1], "of the other hand: flipped along z", 0.0),
        (lambda data: turned(data, (8, 0, 0)), "turned by", 8.0),
        (lambda data: turned(data, (0, 5, 3)), "turned by", 5.8),
    ],
)
def test_a_map_of_another_orientation_is_said_first_and_nothing_is_judged(pocket, tmp_path, change, words, angle):
    outcome = audit(pocket, tmp_path, change(of(read_atoms(pocket / "model.pdb")).data))
    assert outcome.code == 0, outcome.err
    results = record(tmp_path)["results"]
    assert first_remark(outcome).startswith("other: the polymer itself fell: mean Q 0.8")
    assert words in outcome.out and "resampling it onto whole in that orientation would cure it" in outcome.out
    assert set(read_star(tmp_path / "audit.star")["audit"].strings("gmmStatus")) == {"unjudged"}
    assert results["counts"]["other"]["kept"] == 0 and not results["parts_lost"]["other"]
    assert f"other: {results['copies']} copies are not judged" in outcome.out
    found = results["verdicts"]["other"]
    assert found["orientation"]["angle"] == pytest.approx(angle, abs=0.6)
    assert found["polymer_q_reference"] - found["polymer_q"] > 0.1 and found["polymer_fell"]


def turned(data, vector):
    turn = Rotation.from_rotvec(np.radians(vector)).as_matrix()[::-1, ::-1]
    middle = 0.5 * (np.array(data.shape) - 1)
    return affine_transform(data, turn, middle - turn @ middle, order=3)


def test_parts_of_modified_residues_and_ligands_are_named(pocket, tmp_path):
    atoms = read_atoms(pocket / "model.pdb")
    gone = (atoms.residue_names == "SEP") & np.isin(atoms.names, list(PHOSPHATE))
    gone |= (atoms.residue_names == "ATP") & np.isin(atoms.names, "N9 C8 N7 C5 C6 N6 N1 C2 N3 C4".split())
    outcome = audit(pocket, tmp_path, of(atoms, gone).data)
    assert outcome.code == 0, outcome.err
    (serine,) = {f"SEP A {number}" for number in atoms.residue_numbers[atoms.residue_names == "SEP"]}
    (ligand,) = {f"ATP A {number}" for number in atoms.residue_numbers[atoms.residue_names == "ATP"]}
    assert sorted(record(tmp_path)["results"]["parts_lost"]["other"]) == [
        f"{ligand}: 10 of 31 atoms (N9 to C4) lost",
        f"{serine}: phosphate (P O1P O2P O3P) lost",
    ]
    table = read_star(tmp_path / "audit.star")["audit"]
    statuses = dict(zip(table.strings("gmmResidueName"), table.strings("gmmStatus")))
    wanted = {"SEP": "weakened", "ATP": "weakened", "MG": "kept", "HOH": "kept"}
    assert {name: statuses[name] for name in wanted} == wanted
    parts = read_star(tmp_path / "parts.star")["parts"]
    assert sorted(parts.strings("gmmPart")) == ["10 of 31 atoms (N9 to C4)", "phosphate (P O1P O2P O3P)"]
    assert "P,O1P,O2P,O3P" in parts.strings("gmmAtomNames") and set(parts.strings("gmmStatus")) == {"lost"}


def test_half_maps_emdb_and_what_was_done_to_the_map(pocket, tmp_path, rng):
    data = of(read_atoms(pocket / "model.pdb")).data
    noise = [0.4 * data.std() * rng.normal(size=data.shape) for _ in range(2)]
    for number, each in enumerate(noise, 1):
        save(pocket / f"half_{number}.mrc", MapGrid((data + each).astype(np.float32), np.ones(3), np.zeros(3)))
    halves = "--half-maps", pocket / "half_1.mrc", pocket / "half_2.mrc"
    outcome = audit(pocket, tmp_path, np.minimum(data, 0.3 * data.max()), *halves, "--map-resolution", 2.1, "--sigma", 0.4)
    assert outcome.code == 0, outcome.err
    results = record(tmp_path)["results"]
    quality = results["maps"]["whole"]["quality"]
    assert set(quality["model_fsc"]) == {"map", "half map 1", "half map 2"}
    assert quality["model_fsc"]["half map 1"]["resolution"] >= quality["model_fsc"]["map"]["resolution"] == pytest.approx(2.0)
    curves = read_star(tmp_path / "model_fsc.star")["model_fsc"]
    assert list(dict.fromkeys(curves.strings("gmmMap"))) == ["whole", "half map 1", "half map 2", "other"]
    assert quality["emdb"]["mean_q"] == pytest.approx(results["maps"]["whole"]["mean_q"])
    assert [each["resolutions"] for each in quality["emdb"]["standings"]] == [None, [2.0, 2.2]]
    assert "other: has its highest value in" in outcome.out and "an estimate of the Q_relative" in outcome.out
    wrong = gmmrefine(
        "audit",
        pocket / "model.pdb",
        pocket / "whole.mrc",
        pocket / "other.mrc",
        "-o",
        tmp_path / "wrong",
        "--half-maps",
        pocket / "half_1.mrc",
        pocket / "half_1.mrc",
    )
    assert_refused(wrong, "audit", "half_1.mrc is given as both half maps")


def test_the_mean_of_emdb_is_made_with_its_own_width(pocket, tmp_path):
    found = {}
    for sigma in ("0.6", "0.4"):
        outcome = gmmrefine("qscore", pocket / "model.pdb", pocket / "whole.mrc", "-o", tmp_path / sigma, "--sigma", sigma)
        assert outcome.code == 0, outcome.err
        found[sigma] = record(tmp_path / sigma)["results"]
    assert found["0.6"]["quality"]["emdb"] == found["0.4"]["quality"]["emdb"]
    assert found["0.4"]["mean_q"] == pytest.approx(found["0.4"]["quality"]["emdb"]["mean_q"])
    assert found["0.6"]["mean_q"] - found["0.4"]["mean_q"] > 0.03


def test_an_inverted_map_is_called_so(pocket, tmp_path):
    dark = -of(read_atoms(pocket / "model.pdb")).data
    save(pocket / "dark.mrc", MapGrid(dark, np.ones(3), np.zeros(3)))
    outcome = gmmrefine("qscore", pocket / "model.pdb", pocket / "dark.mrc", "-o", tmp_path / "q")
    assert outcome.code == 0 and "the contrast looks inverted: mean Q -0.8" in outcome.out
    outcome = gmmrefine("audit", pocket / "model.pdb", pocket / "dark.mrc", _scaled(pocket, dark), "-o", tmp_path / "a")
    assert outcome.code == 0 and "dark: the contrast looks inverted" in outcome.out
    assert set(read_star(tmp_path / "a" / "audit.star")["audit"].strings("gmmStatus")) == {"unjudged"}


def _scaled(folder, data):
    return save(folder / "darker.mrc", MapGrid((2 * data).astype(np.float32), np.ones(3), np.zeros(3)))
