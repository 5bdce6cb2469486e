"""Every command that reads a model with a map: the same result in every frame, said; and a model off the map never succeeds."""

import gemmi
import mrcfile
import numpy as np
import pytest
from model_files import write_6msm_part
from small_run import BOX, PIXEL_SIZE, REFINE, assert_refused, gmmrefine, record

from gmmrefine.gmm.from_atoms import gmm_from_atoms
from gmmrefine.gmm.render import render_map
from gmmrefine.io.atoms import read_atoms
from gmmrefine.io.gmm_file import read_gmm
from gmmrefine.io.mrc import read_map, write_map
from gmmrefine.io.star import read_star
from gmmrefine.pipelines.focus import read_focus
from gmmrefine.settings import RefineSettings

SIDE, VOXEL = 48, 1.8  # px, Å; the domain is 45 to 60 Å wide
OFF = "atoms lie inside the map and in its density"


def move(model, path, shift):
    """A model file moved by (3,) Å."""
    structure = gemmi.read_structure(str(model))
    for site in structure[0].all():
        site.atom.pos += gemmi.Position(*shift)
    structure.make_mmcif_document().write_file(str(path))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The first nucleotide-binding domain of 6MSM and noisy half maps, which lie where the deposited model does."""
    folder, rng = tmp_path_factory.mktemp("place"), np.random.default_rng(7)
    atoms = read_atoms(write_6msm_part(folder / "model.cif", 390, 637))
    center = 0.5 * (atoms.positions.min(axis=0) + atoms.positions.max(axis=0))
    truth = render_map(gmm_from_atoms(atoms.positions - center, atoms.atomic_numbers, np.full(len(atoms), 40)), SIDE, VOXEL)
    origin = center - SIDE // 2 * VOXEL
    halves = [truth + truth.std() * rng.standard_normal(truth.shape, np.float32) for _ in range(2)]
    for name, data in (("map", sum(halves) / 2), ("half_1", halves[0]), ("half_2", halves[1])):
        write_map(folder / f"{name}.mrc", data, VOXEL, origin)
    write_map(folder / "lost.mrc", sum(halves) / 2, VOXEL)
    for name, shift in (("corner", -origin), ("center", -center), ("half", [SIDE / 2 * VOXEL, 0, 0]), ("aside", [14, 14, 0])):
        move(folder / "model.cif", folder / f"{name}.cif", shift)
    return folder


def origin_of(folder):
    return read_map(folder / "map.mrc").origin


def scores(folder, model, density, output, *options):
    outcome = gmmrefine("qscore", folder / f"{model}.cif", folder / f"{density}.mrc", "-o", output, *options)
    assert outcome.code == 0, outcome.err
    (said,) = (line for line in outcome.out.splitlines() if line.startswith("place of"))
    return read_star(output / "qscore.star")["qscore"].numbers("gmmQScore"), said


def test_qscores_are_the_same_in_every_frame(folder, tmp_path):
    usual, said = scores(folder, "model", "map", tmp_path / "usual")
    assert usual.mean() > 0.5 and said.startswith("place of map.mrc: ORIGIN of its header, first voxel ")
    for name, words in (("corner", "corner at 0, first voxel 0.0 0.0 0.0 Å"), ("center", "box centre at 0, first voxel -43.2")):
        found, said = scores(folder, name, "map", tmp_path / name)
        assert found == pytest.approx(usual, abs=2e-4) and words in said and "ORIGIN of its header: " in said
        assert record(tmp_path / name)["results"]["place"]["from"] == name
        lines = (tmp_path / name / "qscore.cxc").read_text(encoding="utf-8").splitlines()
        (shown,) = (line for line in lines if line.startswith("volume #2 origin "))  # where ChimeraX is to show the map
        assert [float(value) for value in shown.split()[-1].split(",")] == pytest.approx(
            record(tmp_path / name)["results"]["place"]["first_voxel"], abs=1e-3
        )
    where = "--first-voxel=" + " ".join(map(str, origin_of(folder)))
    for options in ((where,), (where, "--place-from", "given")):
        found, said = scores(folder, "model", "lost", tmp_path / f"given{len(options)}", *options)
        assert found == pytest.approx(usual, abs=1e-6) and "place of lost.mrc: as given" in said
    with mrcfile.open(folder / "lost.mrc") as file:
        data = file.data.copy()
    with mrcfile.new(tmp_path / "nstart.mrc", data) as file:
        file.voxel_size, file.header.origin = VOXEL, (40, 50, 60)
        file.nstart = (10, 20, -30)
    moved = move(folder / "corner.cif", tmp_path / "nstart.cif", VOXEL * np.array([10, 20, -30]))
    found, said = scores(tmp_path, moved.stem, "nstart", tmp_path / "nstart")
    assert found == pytest.approx(usual, abs=2e-4) and "nstart of its header, first voxel 18.0 36.0 -54.0 Å" in said


def test_a_model_off_the_map_never_succeeds(folder, tmp_path):
    """Half a box aside, in the frame of another map, and aside by its own radius: in no command, in no frame."""
    density, halves = folder / "map.mrc", (folder / "half_1.mrc", folder / "half_2.mrc")
    for number, (name, place, *more) in enumerate(
        (
            ("half", "auto"),
            ("aside", "auto"),
            ("center", "header"),
            ("corner", "center"),
            ("model", "corner"),
            ("model", "nstart"),
            ("model", "given", "--first-voxel", "0 0 9"),
        )
    ):
        model, output = folder / f"{name}.cif", tmp_path / str(number)
        outcome = gmmrefine("qscore", model, density, "-o", output, "--place-from", place, *more)
        assert_refused(outcome, "qscore", f"{name}.cif: only", OFF)
        assert not (output / "qscore.star").exists()
    for name in ("half", "aside"):
        model = folder / f"{name}.cif"
        for command, arguments in {
            "audit": (model, density, halves[0]),
            "modify": (*halves, "--model", model),
            "sharpen": (density, "--low-pass", 4, "--sharpening", "model-profile", "--reference-model", model),
            "build": (density, "--model", model),
        }.items():
            outcome = gmmrefine(command, *arguments, "-o", tmp_path / name / command)
            assert_refused(outcome, command, f"{name}.cif: only", OFF)
            assert not list((tmp_path / name / command).rglob("*.mrc"))


def test_the_audit_finds_each_map_in_its_own_frame(folder, tmp_path):
    """A network has lost the ORIGIN of the reference; the model has the box centre at 0."""
    maps = folder / "map.mrc", folder / "lost.mrc"
    for model, places in (("model", ("header", "reference")), ("center", ("center", "reference"))):
        outcome = gmmrefine("audit", folder / f"{model}.cif", *maps, "-o", tmp_path / model)
        assert outcome.code == 0, outcome.err
        found = record(tmp_path / model)["results"]["maps"]
        assert tuple(found[name]["place"]["from"] for name in ("map", "lost")) == places
        assert found["map"]["mean_q"] == pytest.approx(found["lost"]["mean_q"], abs=1e-6) and found["map"]["mean_q"] > 0.5
        assert "place of lost.mrc: where the first map lies" in outcome.out
    outcome = gmmrefine("audit", folder / "model.cif", *maps, "-o", tmp_path / "header", "--place-from", "header")
    assert_refused(outcome, "audit", "lost.mrc is not on the grid of", "first voxel at 0×0×0 instead of")
    where = " ".join(map(str, origin_of(folder)))
    outcome = gmmrefine(
        "audit",
        folder / "model.cif",
        *maps,
        "-o",
        tmp_path / "given",
        "--place-from",
        "given",
        f"--first-voxel={where}; {where}",
    )
    assert outcome.code == 0, outcome.err


def test_the_audit_takes_what_a_modified_map_lacks_and_not_what_the_reference_lacks(folder, tmp_path):
    """A domain may be gone from a modified map; a reference that shows nothing where the model is, is another map."""
    volume = read_map(folder / "map.mrc")
    gone = volume.data.copy()
    gone[SIDE // 2 - 3 :] = 0
    write_map(tmp_path / "gone.mrc", gone, VOXEL, volume.origin)
    outcome = gmmrefine("audit", folder / "model.cif", folder / "map.mrc", tmp_path / "gone.mrc", "-o", tmp_path / "one")
    assert outcome.code == 0, outcome.err
    assert record(tmp_path / "one")["results"]["maps"]["gone"]["place"]["part_in_density"] < 0.7
    write_map(tmp_path / "far.mrc", np.roll(volume.data, SIDE // 2, axis=2), VOXEL, volume.origin)
    outcome = gmmrefine("audit", folder / "model.cif", tmp_path / "far.mrc", folder / "map.mrc", "-o", tmp_path / "other")
    assert_refused(outcome, "audit", "model.cif: only", OFF, "far.mrc holds x y z from")


def test_density_modification_is_audited_in_the_frame_of_the_model(folder, tmp_path):
    results = {}
    for name in ("model", "center"):
        outcome = gmmrefine(
            "modify", folder / "half_1.mrc", folder / "half_2.mrc", "--model", folder / f"{name}.cif", "-o", tmp_path / name
        )
        assert outcome.code == 0, outcome.err
        results[name] = record(tmp_path / name)["results"]
        assert "place of the half maps: " in outcome.out and results[name]["audit"]["mean_q"]["unmodified"] > 0.5
        assert read_map(tmp_path / name / "modified.mrc").origin == pytest.approx(origin_of(folder), abs=1e-3)  # as the halves
    assert results["center"]["place"]["from"] == "center"
    assert results["center"]["audit"]["mean_q"] == pytest.approx(results["model"]["audit"]["mean_q"], abs=1e-4)
    outcome = gmmrefine(
        "modify", folder / "half_1.mrc", folder / "half_2.mrc", "-o", tmp_path / "none", "--place-from", "center"
    )
    assert_refused(outcome, "modify", "--place-from would have no effect with no --model")


def test_sharpening_to_a_model_and_building_on_one_do_not_depend_on_its_frame(folder, tmp_path):
    made = {}
    for name in ("model", "center"):
        model = folder / f"{name}.cif"
        for command, options in (
            ("sharpen", ("--low-pass", 4, "--sharpening", "local-model", "--reference-model", model)),
            ("build", ("--model", model, "--fit-evaluations", 3)),
        ):
            outcome = gmmrefine(command, folder / "map.mrc", "-o", tmp_path / name / command, *options)
            assert outcome.code == 0 and "place of the map: " in outcome.out, outcome.err
            assert record(tmp_path / name / command)["results"]["place"]["from"] == ("header" if name == "model" else "center")
        made[name] = read_map(tmp_path / name / "sharpen" / "sharpened.mrc"), read_gmm(tmp_path / name / "build" / "gmm.star")
    (sharp, gmm), (expected, usual) = made["center"], made["model"]
    assert sharp.data == pytest.approx(expected.data, abs=1e-3 * expected.data.max())
    assert sharp.origin == pytest.approx(expected.origin) == origin_of(folder)  # where the given map lies
    assert len(gmm) == len(usual) and np.linalg.norm(gmm.centers - usual.centers, axis=1).max() < 0.05
    for command, options in (("sharpen", ("--low-pass", 4)), ("build", ())):
        outcome = gmmrefine(command, folder / "map.mrc", "-o", tmp_path / "none", *options, "--place-from", "corner")
        assert_refused(outcome, command, "--place-from would have no effect with")


DOMAIN = "chain A and 367-640"
CENTER = BOX // 2 * PIXEL_SIZE


@pytest.fixture(scope="module")
def frames(simulated, tmp_path_factory):
    """The model of the simulated particles with the box centre at 0, aside, and far away; and its CA atoms alone."""
    folder = tmp_path_factory.mktemp("frames")
    structure = gemmi.read_structure(str(simulated / "model.cif"))
    for chain in structure[0]:
        for residue in chain:
            for name in [atom.name for atom in residue if atom.name != "CA"]:
                residue.remove_atom(name, "*")
    structure.make_mmcif_document().write_file(str(folder / "trace.cif"))
    move(folder / "trace.cif", folder / "centred_trace.cif", [-CENTER] * 3)
    for name, shift in (("center", [-CENTER] * 3), ("aside", [24, 24, 0]), ("far", [900, 0, 0])):
        move(simulated / "model.cif", folder / f"{name}.cif", shift)
    return folder


def test_a_focus_on_a_part_of_a_model_does_not_depend_on_its_frame(simulated, frames, tmp_path):
    outcome = gmmrefine(
        "refine",
        simulated / "particles.star",
        "-o",
        tmp_path,
        "--iterations",
        1,
        *REFINE[2:],
        "--focus-model",
        frames / "center.cif",
        "--focus-selection",
        DOMAIN,
    )
    assert outcome.code == 0 and "place of the start map: box centre at 0, first voxel -88.0" in outcome.out, outcome.err
    # the box holds the model at one place only, which no map had to tell
    assert {entry["kind"] for entry in record(tmp_path)["exchanges"]} == {"contrast", "mask", "fsc"}
    usual = RefineSettings(focus_model=str(simulated / "model.cif"), focus_selection=DOMAIN)
    assert read_map(tmp_path / "focus_mask.mrc").data == pytest.approx(
        read_focus(usual, BOX, PIXEL_SIZE, np.zeros(3)), abs=1e-3
    )


def test_no_refinement_takes_a_model_off_its_maps(simulated, frames, tmp_path):
    particles = simulated / "particles.star"
    for command in ("refine", "refine-patches", "heterogeneity"):
        options = ("--target-resolution", 13, "--latent-size", 1) if command == "heterogeneity" else ("--max-resolution", 13)
        outcome = gmmrefine(command, particles, "-o", tmp_path / "far", "--model", frames / "far.cif", *options)
        assert_refused(outcome, command, "far.cif: ", "outside the box of the particles, which is 176 Å wide", "--first-voxel")
        assert not (tmp_path / "far").exists()
        outcome = gmmrefine(command, particles, "-o", tmp_path / command, "--model", frames / "aside.cif", *options)
        assert_refused(outcome, command, "aside.cif: only", OFF, "the start map holds x y z from 0.0 0.0 0.0")
        outcome = gmmrefine(command, particles, "-o", tmp_path / "none", "--place-from", "center", *options)
        assert_refused(outcome, command, "--place-from would have no effect with no")
    outcome = gmmrefine(
        "refine", particles, "-o", tmp_path / "focus", "--focus-model", frames / "aside.cif", "--focus-selection", "chain A"
    )
    assert_refused(outcome, "refine", "aside.cif: only", OFF)
    outcome = gmmrefine(
        "refine", particles, "-o", tmp_path / "none", "--model", frames / "center.cif", "--place-from", "nstart"
    )
    assert_refused(outcome, "refine", "--place-from nstart: particles have no map's header")


@pytest.mark.slow
def test_a_gmm_seeded_on_a_model_does_not_depend_on_its_frame(simulated, frames, tmp_path):
    for name in ("trace", "centred_trace"):
        outcome = gmmrefine(
            "refine",
            simulated / "particles.star",
            "-o",
            tmp_path / name,
            "--iterations",
            1,
            "--max-resolution",
            13,
            "--fit-evaluations",
            2,
            "--model",
            frames / f"{name}.cif",
        )
        assert outcome.code == 0, outcome.err
    one, other = (read_gmm(tmp_path / name / "gmm_half_1.star") for name in ("trace", "centred_trace"))
    assert len(one) == len(other) and np.median(np.linalg.norm(one.centers - other.centers, axis=1)) < 0.05
