"""The command audit: deletions are found, and nothing else is; maps that cannot be compared are refused."""

import re

import gemmi
import numpy as np
import pytest
from model_files import residue, write_6msm_with_waters, write_pdb
from model_maps import map_of_atoms, save
from reported import reported
from scipy.ndimage import gaussian_filter, shift
from small_run import assert_refused, gmmrefine, record

from gmmrefine.commands.audit import COMMAND
from gmmrefine.io.atoms import read_atoms
from gmmrefine.io.mrc import MapGrid, read_grid
from gmmrefine.io.star import read_star

DELETED = ("A/ATP 1503", "A/MG 1502", "A/POV 1506", "A/HOH 2003")


@pytest.fixture(scope="module")
def maps_of_6msm(tmp_path_factory):
    """Folder with a model, its whole map, and maps of it without four molecules, sharpened, and with noise."""
    folder = tmp_path_factory.mktemp("audit")
    atoms = read_atoms(write_6msm_with_waters(folder / "model.cif"))
    labels = np.array([atoms.residue_label(atom) for atom in range(len(atoms))])
    grid = (tuple(np.ceil(np.ptp(atoms.positions, axis=0) + 14).astype(int)[::-1]), (1.0,) * 3, atoms.positions.min(axis=0) - 7)
    rng, kept = np.random.default_rng(1), ~np.isin(labels, DELETED)
    assert len(set(labels[~kept])) == 4
    whole = map_of_atoms(atoms.positions, atoms.atomic_numbers, grid, 1.1)
    without = map_of_atoms(atoms.positions[kept], atoms.atomic_numbers[kept], grid, 1.1)
    noise = [rng.normal(0, 0.1 * whole.data.std(), whole.data.shape) for _ in range(3)]
    variants = {
        "whole": whole.data + noise[0],
        "without": 3 * without.data + noise[1] + 20,
        "sharp": 2 * whole.data - gaussian_filter(whole.data, 1) + noise[0],
        "noisy": whole.data + noise[0] + noise[2],
    }
    for name, data in variants.items():
        save(folder / f"{name}.mrc", MapGrid(data.astype(np.float32), whole.voxel_sizes, whole.origin))
    return folder


def test_deleted_molecules_are_lost_and_nothing_else(maps_of_6msm, tmp_path):
    paths = [maps_of_6msm / f"{name}.mrc" for name in ("whole", "without", "sharp", "noisy")]
    outcome = gmmrefine("audit", maps_of_6msm / "model.cif", *paths, "-o", tmp_path)
    assert outcome.code == 0 and outcome.err == "", outcome.err
    table = read_star(tmp_path / "audit.star")["audit"]
    names = [
        f"{chain}/{name} {number}"
        for chain, name, number in zip(*map(table.strings, ("gmmChain", "gmmResidueName", "gmmResidueNumber")))
    ]
    statuses = dict(zip(zip(table.strings("gmmMap"), names), table.strings("gmmStatus")))
    assert len(statuses) == 3 * (2 + 2 + 5 + 1 + 6)
    assert {place for place, status in statuses.items() if status == "lost"} == {("without", name) for name in DELETED}
    assert set(statuses.values()) == {"lost", "kept"}
    assert "Q-scores with σ 0.6 Å; all maps are scored with one model that was not refitted" in outcome.out
    assert "lost: A/MG 1502, A/ATP 1503, A/POV 1506, A/HOH 2003" in outcome.out
    results = record(tmp_path)["results"]
    assert results["counts"]["without"] == {"kept": 12, "weakened": 0, "lost": 4, "unjudged": 0}
    assert sorted(results["lost"]["without"]) == sorted(DELETED) and results["models_refitted_to_maps"] is False
    changes = read_star(tmp_path / "changes.star")["changes"]
    low, middle, high = (np.array(changes.strings(f"gmmQChange{end}")[:2], float) for end in ("Low", "", "High"))
    assert (low < middle).all() and (middle < high).all() and np.abs(middle).max() < 0.01
    sharp = [
        name == "sharp" and kind.startswith("protein") for name, kind in zip(*map(changes.strings, ("gmmMap", "gmmClass")))
    ]
    assert (changes.numbers("gmmQReference")[sharp] < changes.numbers("gmmQMean")[sharp]).all()
    for name in (*COMMAND.outputs, "figures/copies.png", "change_map_2.cif", "change_map_2.cxc", "change_map_4.defattr"):
        assert (tmp_path / name).stat().st_size > 0, name


PEPTIDE = {"N": (0, 0, 0), "CA": (1.46, 0, 0), "C": (2.0, 1.4, 0), "O": (1.3, 2.4, 0), "CB": (2.0, -0.8, 1.2)}
MODEL = [residue("ALA", "A", number, PEPTIDE, "ATOM", at=(10, 8 + 3.8 * number, 10)) for number in range(1, 9)] + [
    residue("MG", "A", 101, "MG:MG", at=(18, 20, 14)),
    residue("HOH", "A", 102, "O", at=(18, 30, 14)),
]
GRID = ((30, 56, 32), (0.9, 0.9, 0.9), (0, 0, 0))


@pytest.fixture
def small(tmp_path):
    """Folder with a small model and its map."""
    atoms = read_atoms(write_pdb(tmp_path / "model.pdb", *MODEL))
    save(tmp_path / "whole.mrc", map_of_atoms(atoms.positions, np.ones(len(atoms)), GRID, 0.9))
    return tmp_path


def audit(folder, *names, options=()):
    paths = [folder / name for name in names]
    return gmmrefine("audit", folder / "model.pdb", folder / "whole.mrc", *paths, "-o", folder / "out", *options)


def statuses_of(folder):
    table = read_star(folder / "out" / "audit.star")["audit"]
    return dict(zip(table.strings("gmmResidueName"), table.strings("gmmStatus")))


def test_density_that_fades_is_weakened_then_lost(small):
    """Q does not see the height of a peak; the density does."""
    atoms = read_atoms(small / "model.pdb")
    for factor, expected in ((0.8, "kept"), (0.45, "weakened"), (0.15, "lost")):
        heights = np.where(atoms.residue_names == "MG", factor, 1.0)
        save(small / "faded.mrc", map_of_atoms(atoms.positions, heights, GRID, 0.9))
        outcome = audit(small, "faded.mrc", options=("-o", small / "out"))
        assert outcome.code == 0, outcome.err
        assert statuses_of(small) == {"MG": expected, "HOH": "kept"}
        for path in (small / "out").glob("*.*"):
            path.unlink()


def test_maps_of_one_name_are_told_apart_by_their_folders(small):
    for folder in ("one", "two"):
        (small / folder).mkdir()
        (small / folder / "sharpened.mrc").write_bytes((small / "whole.mrc").read_bytes())
    assert audit(small, "one/sharpened.mrc", "two/sharpened.mrc").code == 0
    assert reported(small / "out", small) == {
        "Audit of the maps": [
            "What became of each copy",
            "Map against model",
            "Change of Q against the reference",
            "Q-score by component class",
        ]
    }
    maps = read_star(small / "out" / "maps.star")["maps"]
    assert list(maps.strings("gmmMap")) == ["whole", "one/sharpened", "two/sharpened"]


def test_what_the_reference_does_not_show_is_not_judged(small):
    atoms = read_atoms(small / "model.pdb")
    heights = np.where(atoms.residue_names == "HOH", 0.0, 1.0)
    save(small / "other.mrc", map_of_atoms(atoms.positions, np.ones(len(atoms)), GRID, 0.9))
    save(small / "whole.mrc", map_of_atoms(atoms.positions, heights, GRID, 0.9))
    assert audit(small, "other.mrc").code == 0
    assert statuses_of(small) == {"MG": "kept", "HOH": "unjudged"}


def test_other_grids_are_refused_or_resampled(small):
    atoms = read_atoms(small / "model.pdb")
    other = map_of_atoms(atoms.positions, np.ones(len(atoms)), ((44, 62, 36), (0.7, 0.8, 0.75), (1.2, 0.4, -0.3)), 0.9)
    save(small / "other.mrc", other, (3, 1, 2))
    outcome = audit(small, "other.mrc")
    assert_refused(
        outcome,
        "audit",
        "other.mrc is not on the grid of",
        "box 36×62×44 instead of 32×56×30 px",
        "voxel 0.7×0.8×0.75 instead of 0.9×0.9×0.9 Å",
        "first voxel at 1.2×0.4×-0.3 instead of 0×0×0 Å",
        "--grids resample",
    )
    assert not (small / "out" / "audit.star").exists()
    outcome = audit(small, "other.mrc", options=("--grids", "resample"))
    assert outcome.code == 0, outcome.err
    assert statuses_of(small) == {"MG": "kept", "HOH": "kept"} and "other (resampled):" in outcome.out
    scores = read_star(small / "out" / "atoms.star")["atoms"]
    assert np.abs(scores.numbers("gmmQScoreMap1") - scores.numbers("gmmQScoreMap2")).max() < 0.02


def test_a_map_that_does_not_reach_all_atoms_scores_the_others(small):
    atoms = read_atoms(small / "model.pdb")
    cut = map_of_atoms(atoms.positions, np.ones(len(atoms)), ((30, 26, 32), (0.9,) * 3, (0, 0, 0)), 0.9)
    save(small / "cut.mrc", cut)
    outcome = audit(small, "cut.mrc", options=("--grids", "resample"))
    assert outcome.code == 0 and statuses_of(small) == {"MG": "kept", "HOH": "unjudged"}
    found = record(small / "out")["results"]["maps"]
    outside = np.flatnonzero(atoms.positions[:, 1] > 25 * 0.9 - 2)  # Q looks 2 Å around an atom
    assert found["cut"]["atoms_outside"] == found["cut"]["atoms_without_q"] == len(outside) == 28
    assert found["cut"]["residues_outside"] == list(dict.fromkeys(atoms.residue_label(number) for number in outside))
    assert "cut: 28 atoms lie outside the map and have no Q: A/ALA 3, A/ALA 4" in outcome.out
    assert found["whole"]["residues_outside"] == [] and "whole: 28 atoms" not in outcome.out


def test_odd_models_are_said_as_by_qscore(small):
    at = (10, 11.8, 10)
    odd = [
        *MODEL[0],
        *residue("ALA", "A", 1, {"HA": (1.8, -0.5, -0.9)}, "ATOM", at=at),
        *residue("ALA", "A", 1, {"CG": (2.0, -2.2, 1.3)}, "ATOM", at=at, alternative="A", occupancy=0.6),
        *residue("ALA", "A", 1, {"CG": (3.4, -0.6, 1.3)}, "ATOM", at=at, alternative="B", occupancy=0.4),
        *(line for lines in MODEL[1:-1] for line in lines),
        *residue("HOH", "A", 102, "O", at=(18, 30, 14), occupancy=0.0),
    ]
    text = "\n".join(["MODEL        1", *odd, "ENDMDL", "MODEL        2", *odd, "ENDMDL", "END\n"])
    (small / "model.pdb").write_text(text, encoding="utf-8")
    whole = read_grid(small / "whole.mrc")
    whole.data[:, 34:] = 0
    save(small / "erased.mrc", whole)
    assert gmmrefine("qscore", small / "model.pdb", small / "erased.mrc", "-o", small / "q").code == 0
    outcome, scored = audit(small, "erased.mrc"), record(small / "q")["results"]
    assert outcome.code == 0, outcome.err
    results = record(small / "out")["results"]
    for name in ("models_left_out", "hydrogens_left_out", "alternatives", "atoms_of_zero_occupancy"):
        assert results[name] == scored[name] == 1, name
    assert results["maps"]["erased"]["atoms_in_constant_density"] == scored["atoms_in_constant_density"] > 0
    for words in (
        "1 further models in the file are not scored",
        "1 hydrogens are not scored",
        "1 alternative places of atoms are not scored",
        "1 atoms have occupancy 0; they are scored",
        "erased: " + f"{scored['atoms_in_constant_density']} atoms lie in constant density",
    ):
        assert words in outcome.out, words


def test_maps_without_a_common_atom_are_refused(small):
    atoms = read_atoms(small / "model.pdb")
    for name, planes, start in (("low", 26, 0.0), ("high", 24, 28.8)):
        save(
            small / f"{name}.mrc",
            map_of_atoms(atoms.positions, np.ones(len(atoms)), ((30, planes, 32), (0.9,) * 3, (0, start, 0)), 0.9),
        )
    outcome = audit(small, "low.mrc", "high.mrc", options=("--grids", "resample"))
    assert_refused(outcome, "audit", "low.mrc holds the fewest, 14", "no atom lies inside all maps", "audit each by itself")


@pytest.mark.parametrize(
    "moved, found", [((0, 0, 2), "1.8 0.0 0.0 Å"), ((0, -1.5, 0), "0.0 -1.4 0.0 Å"), ((1, 0, 0), "0.0 0.0 0.9 Å")]
)
def test_a_moved_map_is_refused(small, moved, found):
    whole = map_of_atoms(*_atoms_of(small), GRID, 0.9)
    save(small / "moved.mrc", MapGrid(shift(whole.data, moved, order=3), whole.voxel_sizes, whole.origin))
    assert_refused(audit(small, "moved.mrc"), "audit", f"moved.mrc is moved by {found}", "Correct its header's origin")


def test_a_slightly_moved_map_is_scored_with_a_note(small):
    """By 0.72 and by 0.2 voxels; the magnesium's score falls by the first."""
    positions, heights = _atoms_of(small)
    for name, move in (("moved", 0.65), ("near", 0.18)):
        save(small / f"{name}.mrc", map_of_atoms(positions + [0, move, 0], heights, GRID, 0.9))
    outcome = audit(small, "moved.mrc", "near.mrc")
    assert outcome.code == 0, outcome.err
    shift = record(small / "out")["results"]["maps"]["moved"]["displacement"]
    assert shift == pytest.approx([0, 0.65, 0], abs=0.06)
    (said,) = re.findall(r"^moved: moved by \S+ (\S+) \S+ Å \(x y z\) against the first map", outcome.out, re.MULTILINE)
    assert said == f"{shift[1]:.2f}"
    assert "near: moved" not in outcome.out and outcome.out.count("(x y z)") == 1
    change = read_star(small / "out" / "audit.star")["audit"].numbers("gmmQChange")
    assert change[0] < -0.1 < change[2]


def test_an_inverted_map_is_refused_as_such(small):
    whole = map_of_atoms(*_atoms_of(small), GRID, 0.9)
    save(small / "dark.mrc", MapGrid(1 - shift(whole.data, (0, 2, 0), order=3), whole.voxel_sizes, whole.origin))
    assert_refused(
        audit(small, "dark.mrc"), "audit", "the contrast of", "dark.mrc is inverted against", "Multiply the one whose molecule"
    )


def test_another_molecule_and_an_empty_map_are_refused(small, rng):
    whole = map_of_atoms(*_atoms_of(small), GRID, 0.9)
    for data, words in (
        (rng.normal(size=whole.data.shape), "does not resemble"),
        (0 * whole.data, "other.mrc: all 53760 voxels are 0"),
    ):
        save(small / "other.mrc", MapGrid(data.astype(np.float32), whole.voxel_sizes, whole.origin))
        assert_refused(audit(small, "other.mrc"), "audit", words)
    assert_refused(audit(small, "whole.mrc"), "audit", "whole.mrc is given twice")


def _atoms_of(folder):
    atoms = read_atoms(folder / "model.pdb")
    return atoms.positions, np.ones(len(atoms))


def test_refitted_models(small):
    """A map of the molecule 0.6 Å away scores as well with a model that follows it."""
    atoms = read_atoms(small / "model.pdb")
    bent = [[line[:46] + f"{float(line[46:54]) + 0.6:8.3f}" + line[54:] for line in lines] for lines in MODEL]
    write_pdb(small / "bent.pdb", *bent)
    save(small / "bent.mrc", map_of_atoms(atoms.positions + [0, 0, 0.6], np.ones(len(atoms)), GRID, 0.9))
    outcome = audit(small, "bent.mrc", options=("--refitted", small / "model.pdb", small / "bent.pdb"))
    assert outcome.code == 0 and "each map is scored with the model refitted to it" in outcome.out
    assert record(small / "out")["results"]["models_refitted_to_maps"] is True
    changes = read_star(small / "out" / "changes.star")["changes"]
    assert np.abs(changes.numbers("gmmQChange")).max() < 0.03
    assert_scored_model(small, small / "bent.pdb")
    one = gmmrefine("audit", small / "model.pdb", small / "whole.mrc", small / "bent.mrc", "-o", small / "one")
    assert one.code == 0
    assert read_star(small / "one" / "changes.star")["changes"].numbers("gmmQChange")[0] < -0.1
    write_pdb(small / "short.pdb", *MODEL[:-1])
    for models, words in (
        ([small / "model.pdb"], "names 1 models for 2 maps"),
        ([small / "model.pdb", small / "short.pdb"], "must have the same atoms"),
    ):
        outcome = gmmrefine(
            "audit", small / "model.pdb", small / "whole.mrc", small / "bent.mrc", "-o", small / "bad", "--refitted", *models
        )
        assert_refused(outcome, "audit", words)


def test_refitted_models_in_another_order(small):
    """Atoms sorted by name and residues turned round: the same scores, each beside its atom."""
    atoms = read_atoms(small / "model.pdb")
    save(small / "other.mrc", map_of_atoms(atoms.positions, np.ones(len(atoms)), GRID, 0.9))
    write_pdb(small / "sorted.pdb", *[sorted(lines, key=lambda line: line[12:16]) for lines in reversed(MODEL)])
    outcome = audit(small, "other.mrc", options=("--refitted", small / "model.pdb", small / "sorted.pdb"))
    assert outcome.code == 0, outcome.err
    assert np.abs(read_star(small / "out" / "changes.star")["changes"].numbers("gmmQChange")).max() < 1e-6
    table = read_star(small / "out" / "atoms.star")["atoms"]
    scores = dict(zip(zip(table.strings("gmmResidueNumber"), table.strings("gmmAtomName")), table.numbers("gmmQScoreMap2")))
    rows = (
        gemmi.cif.read(str(small / "out" / "change_map_2.cif"))
        .sole_block()
        .find("_atom_site.", ["auth_seq_id", "label_atom_id", "Q_score"])
    )
    assert len(rows) == len(scores) == 42 and len({row[2] for row in rows}) > 20
    assert all(float(row[2]) == pytest.approx(scores[row[0], row[1]], abs=6e-4) for row in rows)
    write_pdb(small / "renamed.pdb", *MODEL[:-1], residue("HOH", "A", 103, "O", at=(18, 30, 14)))
    refused = gmmrefine(
        "audit",
        small / "model.pdb",
        small / "whole.mrc",
        small / "other.mrc",
        "-o",
        small / "bad",
        "--refitted",
        small / "model.pdb",
        small / "renamed.pdb",
    )
    assert_refused(refused, "audit", "1 atoms only in")
    assert "A/HOH 102 O" in refused.err and "A/HOH 103 O" in refused.err


def test_free_amino_acids_are_judged(small):
    """Four glutamates, of which two are erased."""
    free = [residue("GLU", "L", number, PEPTIDE, "HETATM", at=(20, 8.0 + 10 * number, 18)) for number in range(1, 5)]
    atoms = read_atoms(write_pdb(small / "model.pdb", *MODEL[:8], *free))
    left = (atoms.chains != "L") | (atoms.residue_numbers > 2)
    for name, weights in (("whole", np.ones(len(atoms))), ("erased", left.astype(float))):
        save(small / f"{name}.mrc", map_of_atoms(atoms.positions, weights, GRID, 0.9))
    outcome = audit(small, "erased.mrc")
    assert outcome.code == 0, outcome.err
    assert record(small / "out")["results"]["lost"]["erased"] == ["L/GLU 1", "L/GLU 2"]
    assert "4 residues that the file has among those of a chain are bonded to none" in outcome.out


def assert_scored_model(folder, source):
    """The model of the second map is that of `source`, with the scores of the table."""
    made, scores = folder / "out" / "change_map_2.cif", read_star(folder / "out" / "atoms.star")["atoms"]
    assert read_atoms(made).positions.tolist() == read_atoms(source).positions.tolist()
    before, after = (scores.numbers(f"gmmQScoreMap{number}") for number in (1, 2))
    table = gemmi.cif.read(str(made)).sole_block().find("_atom_site.", ["Q_reference", "Q_score", "Q_change", "B_iso_or_equiv"])
    written = np.array([[float(text) for text in row] for row in table])
    np.testing.assert_allclose(written, np.column_stack([before, after, after - before, after - before]), atol=6e-4)
    assert 'open "change_map_2.cif"' in (folder / "out" / "change_map_2.cxc").read_text()


def test_a_model_of_protein_only(small):
    write_pdb(small / "model.pdb", *MODEL[:-2])
    whole = map_of_atoms(*_atoms_of(small), GRID, 0.9)
    save(small / "other.mrc", MapGrid(whole.data + 1, whole.voxel_sizes, whole.origin))
    outcome = audit(small, "other.mrc")
    assert outcome.code == 0 and "no copies to judge" in outcome.out
    assert len(read_star(small / "out" / "audit.star")["audit"]) == 0
