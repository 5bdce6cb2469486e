"""Maps, morphs and subsets of motions that are known, through the command line."""

import json
import shutil
from dataclasses import replace

import gemmi
import numpy as np
import pytest
from model_files import residue, write_pdb
from planted_motion import rigid_motion, turned, write_heterogeneity
from small_run import BOX, PARTICLES, PIXEL_SIZE, assert_refused, gmmrefine, record

from gmmrefine.gmm.model import Gmm
from gmmrefine.gmm.render import render_map
from gmmrefine.io.curves import read_curves
from gmmrefine.io.gmm_file import read_gmm, write_gmm
from gmmrefine.io.mrc import read_map
from gmmrefine.io.star import read_star
from gmmrefine.io.star_particles import read_particles, write_particles

TURN, MOVE = (0.1, 0.2, -0.3), (4.0, -2.0, 1.0)  # radians, Å
CENTER = BOX // 2 * PIXEL_SIZE
BACK = [-value for value in MOVE]
THERE_AND_BACK = ("--through", "0 0; 1 0", "--frames", 2)
PLACES = np.array([[-20.0, 3.0, 0.0], [10.0, -5.0, 8.0], [18.0, 0.0, -6.0]])  # of residues, Å from the box centre


@pytest.fixture(scope="module")
def latent(simulated):
    """Latents on the first axis, -1 to 1 in random order; half 2 has them doubled."""
    values = np.random.default_rng(5).permutation(np.linspace(-1, 1, PARTICLES))
    values[read_particles(simulated / "truth.star").half_set == 2] *= 2
    return np.column_stack([values, np.zeros(PARTICLES)])


@pytest.fixture(scope="module")
def learned(simulated, latent, tmp_path_factory):
    """Both halves turn and move alike."""
    return write_heterogeneity(
        tmp_path_factory.mktemp("learned") / "run",
        [rigid_motion(TURN, MOVE), rigid_motion(TURN, MOVE, seed=8)],
        latent,
        simulated / "truth.star",
        read_map(simulated / "mask.mrc").data,
    )


@pytest.fixture(scope="module")
def opposite(simulated, latent, tmp_path_factory):
    """The axis of half 2 runs the other way; only what is right of the box centre may move."""
    x = (np.arange(BOX) - BOX // 2) * PIXEL_SIZE
    focus = np.broadcast_to(np.clip(x / 20 + 0.5, 0, 1), (BOX,) * 3)
    motions = []
    for move, seed in ((MOVE, 7), (BACK, 8)):
        gmm = rigid_motion(seed=seed).start_gmm
        motions.append(rigid_motion(move=move, mobility=np.clip(gmm.centers[:, 0] / 10, 0, 1), seed=seed))
    return write_heterogeneity(
        tmp_path_factory.mktemp("opposite") / "run",
        motions,
        latent,
        simulated / "truth.star",
        read_map(simulated / "mask.mrc").data,
        focus,
    )


@pytest.fixture
def model(tmp_path):
    """Three residues, the second with a hydrogen and two places of an atom."""
    second = (
        residue("SER", "A", 2, "N", "ATOM", PLACES[1] + CENTER)
        + residue("SER", "A", 2, "CA", "ATOM", PLACES[1] + CENTER + 1, alternative="A", occupancy=0.4)
        + residue("SER", "A", 2, "CA", "ATOM", PLACES[1] + CENTER - 1, alternative="B", occupancy=0.6)
        + residue("SER", "A", 2, "HA", "ATOM", PLACES[1] + CENTER + 2)
    )
    return write_pdb(
        tmp_path / "model.pdb",
        residue("ALA", "A", 1, "N CA C", "ATOM", PLACES[0] + CENTER),
        second,
        residue("ATP", "B", 7, "PA PB", at=PLACES[2] + CENTER),
    )


def show(learned, folder, *options):
    outcome = gmmrefine("conformations", learned, "-o", folder, *options)
    assert outcome.code == 0, outcome.err
    return folder


def places(path):
    """Positions (F, A, 3) of all atoms of all models of a file."""
    return np.array([[site.atom.pos.tolist() for site in each.all()] for each in gemmi.read_structure(str(path))])


def test_everything_is_written(learned, model, tmp_path):
    folder = show(learned, tmp_path / "out", "--frames", 3, "--model", model)
    names = [f"frame_{number:02d}.{kind}" for number in (1, 2, 3) for kind in ("mrc", "star")]
    halves = [f"half_{number}/{name}" for number in (1, 2) for name in [*names, "morph.cif"]]
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert found == {"frames.star", "motion.png", "movie.cxc", "run.json", "events.jsonl", "gmmrefine.log", *halves}
    results = record(folder)["results"]
    assert results["cosine"] == pytest.approx(1, abs=0.05) and results["frames"] == 3
    assert "all Gaussians" in results["motion"] and "Gaussians of the region" not in results["motion"]


def test_frames_are_the_molecule_moved_rigidly(learned, tmp_path):
    folder = show(learned, tmp_path / "out", *THERE_AND_BACK)
    for number in (1, 2):
        neutral = read_gmm(learned / f"gmm_half_{number}.star")
        first, last = (read_gmm(folder / f"half_{number}" / f"frame_{frame:02d}.star") for frame in (1, 2))
        assert first.centers == pytest.approx(neutral.centers, abs=2e-5)
        assert last.centers == pytest.approx(turned(neutral.centers, TURN, MOVE), abs=1e-4)
        expected = render_map(Gmm(turned(neutral.centers, TURN, MOVE), neutral.amplitudes, neutral.widths), BOX, PIXEL_SIZE, 12)
        found = read_map(folder / f"half_{number}" / "frame_02.mrc")
        assert found.data == pytest.approx(expected, abs=1e-4 * expected.max())
        assert found.voxel_size == pytest.approx(PIXEL_SIZE)


def test_frames_lie_on_the_axis_of_each_half(learned, latent, tmp_path):
    folder = show(learned, tmp_path / "out", "--frames", 4)
    table = read_curves(folder / "frames.star")
    half_set = read_particles(learned / record(learned)["particle_file"]).half_set
    for number in (1, 2):
        ends = np.percentile(latent[half_set == number, 0], (5, 95))
        assert table["gmmLatent1"][table["gmmHalf"] == number] == pytest.approx(np.linspace(*ends, 4), abs=1e-5)
    assert (table["gmmLatent2"] == 0).all() and table["gmmFrame"].tolist() == [1, 2, 3, 4] * 2


def test_one_point_is_one_map_and_one_half_can_be_asked_for(learned, tmp_path):
    folder = show(learned, tmp_path / "out", "--through", "1 0", "--half", 2)
    assert [path.name for path in sorted(folder.glob("half_*/*.mrc"))] == ["frame_01.mrc"]
    assert (folder / "half_2" / "frame_01.mrc").exists() and "cosine" not in record(folder)["results"]


def test_atoms_move_as_the_molecule_does(learned, model, tmp_path):
    folder = show(learned, tmp_path / "out", *THERE_AND_BACK, "--model", model)
    before = places(model)[0]
    found = places(folder / "half_1" / "morph.cif")
    assert found.shape == (2, 9, 3)
    assert found[0] == pytest.approx(before, abs=2e-3)
    assert found[1] == pytest.approx(turned(before - CENTER, TURN, MOVE) + CENTER, abs=2e-3)


def test_largest_movement_is_that_of_the_residue_farthest_from_the_axis(learned, model, tmp_path):
    results = record(show(learned, tmp_path / "out", *THERE_AND_BACK, "--model", model))["results"]
    # the alternative of higher occupancy counts, the hydrogen does not
    middles = np.array([PLACES[0] + [1.5, 0, 0], PLACES[1] - 0.5, PLACES[2] + [0.75, 0, 0]])
    moved = np.linalg.norm(turned(middles, TURN, MOVE) - middles, axis=1)
    name = ["A/ALA 1", "A/SER 2", "B/ATP 7"][moved.argmax()]
    for number, found in enumerate(results["largest_movement"], 1):
        assert found["half"] == number and found["residue"] == name
        assert found["length"] == pytest.approx(moved.max(), abs=1e-3) == found["distance"]


def test_trajectory_there_and_back_has_a_length_but_no_distance(learned, model, tmp_path):
    folder = show(learned, tmp_path / "out", "--through", "0 0; 0.5 0; 0 0", "--frames", 21, "--model", model)
    found, _ = record(folder)["results"]["largest_movement"]
    assert found["distance"] == pytest.approx(0, abs=1e-3) and found["length"] > 2


def test_atoms_outside_the_region_stay_and_none_is_nan(opposite, tmp_path):
    far = [30, -5, 2000.0]
    model = write_pdb(
        tmp_path / "model.pdb",
        residue("ALA", "A", 1, "N CA", "ATOM", PLACES[0] + CENTER),
        residue("ALA", "A", 2, "N CA", "ATOM", PLACES[2] + CENTER),
        residue("ALA", "A", 3, "N", "ATOM", far),
        residue("ALA", "A", 4, "N CA C O CB", "ATOM", PLACES[0] + CENTER + 2),
    )
    folder = show(opposite, tmp_path / "out", *THERE_AND_BACK, "--model", model)
    before, found = places(model)[0], places(folder / "half_1" / "morph.cif")
    assert np.isfinite(found).all()
    assert (found[1][[0, 1, 4, 5]] == before[[0, 1, 4, 5]]).all()
    assert found[1][2:4] - before[2:4] == pytest.approx(np.tile(MOVE, (2, 1)), abs=2e-3)
    assert "Gaussians of the region" in record(folder)["results"]["motion"]


def test_movie_turns_round_the_half_whose_axis_runs_the_other_way(learned, opposite, tmp_path):
    for source, cosine, order in ((learned, 1, [1, 2, 3]), (opposite, -1, [3, 2, 1])):
        folder = show(source, tmp_path / f"out{cosine}", "--frames", 3)
        assert record(folder)["results"]["cosine"] == pytest.approx(cosine, abs=0.02)
        first, second, *_ = (folder / "movie.cxc").read_text(encoding="utf-8").splitlines()
        assert first == 'open "half_1/frame_01.mrc" "half_1/frame_02.mrc" "half_1/frame_03.mrc" vseries true'
        assert second.split()[1:-2] == [f'"half_2/frame_{number:02d}.mrc"' for number in order]


def test_subsets_are_sorted_within_each_half_and_joined_by_what_moves(opposite, latent, tmp_path):
    folder = show(opposite, tmp_path / "out", "--subsets", 2)
    results = record(folder)["results"]
    assert results["subset_cosine"] == pytest.approx(-1, abs=1e-3)
    particles = read_particles(opposite / record(opposite)["particle_file"])
    for half, is_first_low in ((1, True), (2, False)):
        mine = particles.half_set == half
        middle = np.median(latent[mine, 0])
        for number in (1, 2):
            low = (number == 1) == is_first_low
            expected = np.flatnonzero(mine & ((latent[:, 0] < middle) == low))
            subset = read_particles(folder / f"particles_subset_{number:02d}.star")
            assert subset.slice_index[subset.half_set == half].tolist() == particles.slice_index[expected].tolist()
            assert results["subsets"][number - 1]["particles"][half - 1] == len(expected)


def test_maps_of_a_subset_are_those_of_its_particles(learned, tmp_path):
    folder = show(learned, tmp_path / "out", "--subsets", 3, "--half", "both")
    assert record(folder)["results"]["subset_cosine"] > 0.9
    usual = 0.75 * BOX * PIXEL_SIZE  # outside of it grey values are measured where no mask is given, as in the run
    outcome = gmmrefine(
        "reconstruct",
        folder / "particles_subset_02.star",
        "-o",
        tmp_path / "again",
        "--mask",
        learned / "mask.mrc",
        "--particle-diameter",
        usual,
    )
    assert outcome.code == 0, outcome.err
    for name in ("half_map_1.mrc", "half_map_2.mrc", "map.mrc", "mask.mrc", "fsc.star"):
        assert (folder / "subset_02" / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_what_half_1_shows_does_not_depend_on_half_2(learned, opposite, model, tmp_path):
    changed = shutil.copytree(learned, tmp_path / "changed")
    other = rigid_motion(move=BACK, seed=9)
    write_gmm(changed / "gmm_half_2.star", other.gmm())
    (changed / "network_half_2.npz").unlink()
    from gmmrefine.io.network_file import write_arrays

    made_from, header = other.description()
    write_arrays(changed / "network_half_2.npz", {**other.arrays(), **made_from}, header)
    options = ("--model", model, "--subsets", 2)
    usual, without = show(learned, tmp_path / "a", *options), show(changed, tmp_path / "b", *options)
    assert record(usual)["results"]["cosine"] > 0.5 > 0 > record(without)["results"]["cosine"]
    names = [str(path.relative_to(usual)) for path in sorted((usual / "half_1").iterdir())]
    for name in [*names, "subset_01/half_map_1.mrc", "subset_02/half_map_1.mrc"]:
        assert (usual / name).read_bytes() == (without / name).read_bytes(), name


@pytest.fixture
def copy(learned, tmp_path):
    return shutil.copytree(learned, tmp_path / "copy")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--axis", 3), ("--axis 3", "2 latent dimensions")),
        (("--through", "0 0; 1"), ("point 2 is '1'", "expected 2 numbers")),
        (("--through", "0 0 0"), ("point 1 is '0 0 0'", "expected 2 numbers")),
        (("--through", "0 here"), ("point 1", "expected 2 numbers")),
        (("--through", "nan 0"), ("point 1", "expected 2 numbers")),
        (("--through", "1 0", "--axis", 2), ("--axis would have no effect with --through",)),
        (("--through", "1 0", "--frames", 5), ("--frames would have no effect with one point",)),
        (("--fsc-threshold", 0.5), ("--fsc-threshold would have no effect with no --subsets",)),
        (("--subsets", 20), ("make classes of", "at most")),
        (("--subsets", 2, "--half", 1), ("--half 1", "both half maps")),
        (("--frames", 1), ("--frames 1", "from 2 to 99")),
        (("--model", "nowhere.pdb"), ("nowhere.pdb", "no such file")),
    ],
)
def test_options_that_do_not_fit(learned, tmp_path, options, words):
    assert_refused(gmmrefine("conformations", learned, "-o", tmp_path / "out", *options), "conformations", *words)
    assert not (tmp_path / "out").exists()


def test_model_off_the_maps_is_refused(learned, tmp_path):
    model = write_pdb(tmp_path / "model.pdb", residue("ALA", "A", 1, "N CA C", "ATOM", PLACES[0] - CENTER))
    outcome = gmmrefine("conformations", learned, "-o", tmp_path / "out", "--model", model)
    assert_refused(
        outcome,
        "conformations",
        "model.pdb: only 0 of 3 atoms lie inside the map",
        "the molecule's mask holds x y z from 0.0",
        "Fit the model into the map",
    )
    assert not (tmp_path / "out").exists()
    outcome = gmmrefine("conformations", learned, "-o", tmp_path / "out", "--place-from", "center")
    assert_refused(outcome, "conformations", "--place-from would have no effect with no --model")


def test_model_whose_frame_has_the_box_centre_at_0_moves_in_the_frame_of_the_maps(learned, model, tmp_path):
    usual = show(learned, tmp_path / "usual", *THERE_AND_BACK, "--model", model)
    structure = gemmi.read_structure(str(model))
    for site in structure[0].all():
        site.atom.pos -= gemmi.Position(CENTER, CENTER, CENTER)
    structure.write_pdb(str(tmp_path / "centred.pdb"))
    outcome = gmmrefine(
        "conformations", learned, "-o", tmp_path / "centred", *THERE_AND_BACK, "--model", tmp_path / "centred.pdb"
    )
    assert outcome.code == 0 and "place of the molecule's mask: box centre at 0, first voxel -88.0 -88.0 -88.0 Å" in outcome.out
    assert record(tmp_path / "centred")["results"]["place"]["first_voxel"] == [-CENTER] * 3
    for half in ("half_1", "half_2"):
        found, expected = (places(folder / half / "morph.cif") for folder in (tmp_path / "centred", usual))
        assert found == pytest.approx(expected, abs=3e-3)


def test_what_heterogeneity_made_is_not_mixed_with_other_frames(copy):
    outcome = gmmrefine("conformations", copy, "-o", copy / "conformations")
    assert_refused(outcome, "conformations", "heterogeneity itself", "another folder")
    outcome = gmmrefine("conformations", copy, "-o", copy)
    assert_refused(outcome, "conformations", "holds a 'heterogeneity' run")


def changed_record(folder, **changes):
    content = record(folder)
    content.update(changes)
    (folder / "run.json").write_text(json.dumps(content), encoding="utf-8")


def test_folders_that_hold_no_finished_run(copy, tmp_path):
    def refuse(*words):
        assert_refused(gmmrefine("conformations", copy, "-o", tmp_path / "out"), "conformations", *words)
        assert not (tmp_path / "out").exists()

    changed_record(copy, finished=False)
    refuse("did not finish")
    changed_record(copy, finished=True, command="refine")
    refuse("holds a 'refine' run")
    (copy / "run.json").write_text("[]", encoding="utf-8")
    refuse("run.json: cannot be read")
    (copy / "run.json").unlink()
    refuse("run.json: cannot be read")


def test_files_of_different_runs(copy, tmp_path):
    def refuse(*words):
        assert_refused(gmmrefine("conformations", copy, "-o", tmp_path / "out"), "conformations", *words)
        assert not (tmp_path / "out").exists()

    networks = [(copy / f"network_half_{number}.npz").read_bytes() for number in (1, 2)]
    gmm = read_gmm(copy / "gmm_half_2.star")
    (copy / "network_half_2.npz").write_bytes(networks[0])
    refuse("gmm_half_2.star", "not the 30 that network_half_2.npz moves")
    (copy / "network_half_2.npz").write_bytes((copy / "latent_half_2.npz").read_bytes())
    refuse("network_half_2.npz holds no network")
    (copy / "network_half_2.npz").unlink()
    refuse("network_half_2.npz: no such file")
    (copy / "network_half_2.npz").write_bytes(networks[1])
    write_gmm(copy / "gmm_half_2.star", gmm.subset(np.arange(29)))
    refuse("its 29 Gaussians are not the 30")
    write_gmm(copy / "gmm_half_2.star", gmm)
    text = (copy / "latent.star").read_text(encoding="utf-8")
    (copy / "latent.star").write_text(text.replace("_gmmLatent2 ", "_gmmOther "), encoding="utf-8")
    refuse("network_half_1.npz has 2 latent dimensions, latent.star has 1")


def test_particles_missing_from_the_latents(copy, tmp_path):
    lines = (copy / "latent.star").read_text(encoding="utf-8").splitlines()
    rows = [number for number, line in enumerate(lines) if "@" in line]
    (copy / "latent.star").write_text("\n".join(lines[: rows[-1]]) + "\n", encoding="utf-8")
    outcome = gmmrefine("conformations", copy, "-o", tmp_path / "out", "--subsets", 2)
    assert_refused(outcome, "conformations", f"1 of {PARTICLES} particles are missing")
    assert not (tmp_path / "out").exists()


def test_particles_that_changed_their_half(copy, simulated, tmp_path):
    particles = read_particles(simulated / "truth.star")
    half_set = particles.half_set.copy()
    half_set[[4, 9]] = 3 - half_set[[4, 9]]
    write_particles(tmp_path / "other.star", replace(particles, half_set=half_set))
    changed_record(copy, particle_file=str(tmp_path / "other.star"))
    outcome = gmmrefine("conformations", copy, "-o", tmp_path / "out", "--subsets", 2)
    assert_refused(
        outcome, "conformations", "2 particles were learned in the other half set", "000005@", f"in half {half_set[4]}"
    )
    assert not (tmp_path / "out").exists()


def test_what_may_be_noise_is_said(copy, tmp_path):
    changed_record(copy, results={"reproducible": False})
    outcome = gmmrefine("conformations", copy, "-o", tmp_path / "out", "--through", "0.5 0")
    assert outcome.code == 0 and "no reproducible motion" in outcome.out
    assert "beyond" not in outcome.out


def test_latents_of_both_halves_in_one_space_are_those_of_one_motion(learned, latent, tmp_path):
    outcome = gmmrefine("export", learned, "--to", "latents.star", "-o", tmp_path / "run")
    assert outcome.code == 0, outcome.err
    block = read_star(tmp_path / "run" / "latents.star")["latent"]
    reached = np.abs(latent[:, 0]) < 0.9  # by particles of half 1 too
    # the networks of both halves move alike
    assert block.numbers("gmmLatent1")[reached] == pytest.approx(latent[reached, 0], abs=0.02)
    first, *notes = outcome.out.splitlines()
    assert first == f"{tmp_path / 'run' / 'latents.star'}: {PARTICLES} particles"
    apart = np.sqrt(np.mean(block.numbers("gmmLatentMisfit")[block.integers("rlnRandomSubset") == 2] ** 2))
    assert apart < 1 and any(f"are {apart:.2f} Å (rms) from" in note for note in notes)


def test_what_lies_beyond_the_particles_is_said(learned, tmp_path):
    outcome = gmmrefine("conformations", learned, "-o", tmp_path / "out", "--through", "0 0; 1.6 0", "--frames", 5)
    assert outcome.code == 0, outcome.err
    assert "note: 2 of 5 conformations of half 1 lie beyond" in outcome.out and "of half 2 lie beyond" not in outcome.out


@pytest.mark.slow
def test_heterogeneity_ends_with_what_the_command_shows(simulated, tmp_path):
    outcome = gmmrefine(
        "heterogeneity",
        simulated / "truth.star",
        "-o",
        tmp_path / "run",
        "--epochs",
        1,
        "--latent-size",
        1,
        "--anchors",
        4,
        "--gaussians",
        60,
        "--target-resolution",
        15,
        "--mask",
        simulated / "mask.mrc",
    )
    assert outcome.code == 0, outcome.err
    ready, made = tmp_path / "run" / "conformations", show(tmp_path / "run", tmp_path / "out")
    assert len(list(ready.glob("half_*/frame_*.mrc"))) == 18
    for path in ready.glob("half_*/frame_*.mrc"):
        density = read_map(made / path.relative_to(ready)).data
        assert read_map(path).data == pytest.approx(density, abs=1e-4 * density.max())
    assert (ready / "movie.cxc").read_text() == (made / "movie.cxc").read_text()
    results = record(tmp_path / "run")["results"]["conformations"]
    assert results["frames"] == 9 and results["cosine"] == pytest.approx(record(made)["results"]["cosine"], abs=0.01)
