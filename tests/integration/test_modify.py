"""The command modify: files, the FSC and mask that the halves share, the audit and what is said without one."""

import numpy as np
import pytest
from model_files import write_6msm_with_waters
from reported import reported
from small_run import assert_refused, events, gmmrefine, record

from gmmrefine.commands.modify import COMMAND
from gmmrefine.gmm.from_atoms import gmm_from_atoms
from gmmrefine.gmm.render import render_map
from gmmrefine.io.atoms import read_atoms
from gmmrefine.io.curves import read_curves
from gmmrefine.io.mrc import read_map, write_map
from gmmrefine.io.star import read_star
from gmmrefine.maps.filter import low_pass
from gmmrefine.maps.modify import modify_half

BOX, PIXEL_SIZE = 96, 1.6


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """Folder with a model with waters and noisy half maps of it."""
    folder, rng = tmp_path_factory.mktemp("halves"), np.random.default_rng(1)
    atoms = read_atoms(write_6msm_with_waters(folder / "model.cif"))
    center = atoms.positions.mean(axis=0)
    truth = render_map(gmm_from_atoms(atoms.positions - center, atoms.atomic_numbers, np.full(len(atoms), 60)), BOX, PIXEL_SIZE)
    for number in (1, 2):
        half = truth + 1.5 * truth.std() * rng.standard_normal(truth.shape, np.float32)
        write_map(folder / f"{number}.mrc", half, PIXEL_SIZE, center - BOX // 2 * PIXEL_SIZE)
    return folder


@pytest.fixture(scope="module")
def modified(halves, tmp_path_factory):
    folder = tmp_path_factory.mktemp("modified")
    outcome = gmmrefine("modify", halves / "1.mrc", halves / "2.mrc", "--model", halves / "model.cif", "-o", folder)
    assert outcome.code == 0 and outcome.err == "", outcome.err
    return folder, outcome.out


def test_outputs_lie_on_the_grid_of_the_half_maps(halves, modified):
    folder, said = modified
    given = [read_map(halves / f"{number}.mrc") for number in (1, 2)]
    for name in COMMAND.outputs:
        assert (folder / name).is_file(), name
    for name in COMMAND.outputs[:5]:
        volume = read_map(folder / name)
        assert volume.origin == pytest.approx(given[0].origin, abs=1e-3) and volume.voxel_size == pytest.approx(PIXEL_SIZE)
    results = record(folder)["results"]
    mean = 0.5 * (given[0].data + given[1].data)
    np.testing.assert_allclose(
        read_map(folder / "unmodified.mrc").data, low_pass(mean, BOX * PIXEL_SIZE / results["resolution"]), atol=1e-5
    )
    assert f"half maps: resolution {results['resolution_text']}" in said
    assert results["modified_halves_agree_to"] <= results["resolution"]
    errors, curve = read_curves(folder / "error_model.star"), read_curves(folder / "fsc.star")
    assert np.all(np.diff(errors["gmmNoisePower"][2:]) > 0) and errors["gmmGain"][0] > 0.9 > 0.3 > errors["gmmSolventGain"][-1]
    assert curve["gmmFscModified"].mean() > curve["gmmFsc"].mean() + 0.005
    assert {event["step"] for event in events(folder)} >= {"modify", "score atoms"}


def test_all_that_the_halves_share_is_in_the_record(halves, modified):
    """A modified half map follows from its own half map, the recorded FSC and the mask."""
    folder = modified[0]
    exchanges = {entry["kind"]: entry["value"] for entry in record(folder)["exchanges"]}
    assert set(exchanges) == {"fsc", "mask"}
    mask = read_map(folder / exchanges["mask"]).data
    again = modify_half(read_map(halves / "1.mrc").data, np.array(exchanges["fsc"]["fsc"]), mask)
    made = read_map(folder / "modified_half_1.mrc").data
    np.testing.assert_allclose(again, made, atol=1e-5 * made.std())


def test_the_audit_finds_every_copy_kept(modified):
    folder, said = modified
    audit = record(folder)["results"]["audit"]
    table = read_star(folder / "audit" / "audit.star")["audit"]
    assert len(table) == 16 and audit["lost"] == [] and audit["counts"]["kept"] >= 14 and audit["counts"]["lost"] == 0
    assert audit["mean_q"]["modified"] > audit["mean_q"]["unmodified"] - 0.02
    assert record(folder / "audit")["command"] == "audit" and "NOT AUDITED" not in said
    assert "Q-scores with σ 0.6 Å" in said and "modified: " in said and audit["sigma"] == 0.6


def test_report_shows_the_audit_and_how_the_map_was_made(modified, tmp_path):
    assert reported(modified[0], tmp_path) == {
        "Resolution": ["FSC of the half maps"],
        "Maps": ["Central slices of the maps", "Signal and noise by band"],
        "Audit of the maps": [
            "What became of each copy",
            "Map against model",
            "Change of Q against the reference",
            "Q-score by component class",
        ],
    }
    html = (tmp_path / "reported" / "report.html").read_text(encoding="utf-8")
    assert "Audit (Q-score, σ 0.6 Å): " in html and "Quote that, not the curve of the modified half maps" in html


def test_without_a_model_it_says_that_nothing_was_audited(halves, tmp_path):
    outcome = gmmrefine("modify", halves / "1.mrc", halves / "2.mrc", "-o", tmp_path)
    assert outcome.code == 0 and "NOT AUDITED: no model was given" in outcome.out
    assert record(tmp_path)["results"]["audited"] is False and not (tmp_path / "audit").exists()


@pytest.mark.parametrize("source", ("given", "written", "none"))
def test_pose_errors_that_are_known_are_undone(halves, modified, tmp_path, source):
    for number in (1, 2):
        (tmp_path / f"{number}.mrc").write_bytes((halves / f"{number}.mrc").read_bytes())
    if source != "given":  # rms 1.5° and 0.8 Å
        errors = "1.5 0.8\n" if source == "written" else "9 9\n"
        (tmp_path / "particles.star").write_text(
            "data_particles\n\nloop_\n_gmmRotationError\n_gmmShiftError\n" + 2 * errors, encoding="utf-8"
        )
    options = {
        "given": ("--known-rotation-error", 1.5, "--known-shift-error", 0.8),
        "written": (),
        "none": ("--smearing", "none"),
    }
    outcome = gmmrefine("modify", tmp_path / "1.mrc", tmp_path / "2.mrc", "-o", tmp_path / "run", *options[source])
    assert outcome.code == 0, outcome.err
    results, errors = record(tmp_path / "run")["results"], read_curves(tmp_path / "run" / "error_model.star")
    sharper, plain = (read_map(folder / "modified.mrc").data for folder in (tmp_path / "run", modified[0]))
    assert results["smearing_text"] in outcome.out
    if source == "none":
        assert np.array_equal(sharper, plain) and errors["gmmTransfer"].min() == 1
        return
    assert [results["smearing"][name] for name in ("rotation", "shift")] == pytest.approx([1.5, 0.8])
    assert {"given": "as given", "written": "by particles.star beside the half maps"}[source] in outcome.out
    assert {entry["kind"] for entry in record(tmp_path / "run")["exchanges"]} == {"fsc", "mask", "smearing"}
    assert errors["gmmTransfer"][0] > 0.95 > 0.6 > errors["gmmTransfer"][-1] and sharper.std() > plain.std()


def test_every_voxel_has_its_error(halves, modified):
    folder = modified[0]
    error, mask, volume = (read_map(folder / f"{name}.mrc").data for name in ("modified_error", "mask", "modified"))
    share = np.average(error, weights=mask) / volume[mask > 0.5].std()
    assert (error >= 0).all() and error[mask > 0.5].min() > 0
    assert record(folder)["results"]["error_inside_mask"] == pytest.approx(share, rel=1e-3)
    assert error[mask == 0].mean() < error[mask > 0.9].mean()


def test_bad_input(halves, tmp_path, rng):
    for number in (1, 2):
        write_map(tmp_path / f"noise_{number}.mrc", rng.normal(size=(48,) * 3), PIXEL_SIZE)
    write_map(tmp_path / "mask.mrc", np.ones((48,) * 3), PIXEL_SIZE)
    write_map(tmp_path / "zero.mrc", np.zeros((BOX,) * 3), PIXEL_SIZE)
    one, two, noise = halves / "1.mrc", halves / "2.mrc", [tmp_path / f"noise_{number}.mrc" for number in (1, 2)]
    for paths, options, words in (
        ((one, one), (), "hold the same map; expected two half maps of independent particles"),
        ((one, tmp_path / "zero.mrc"), (), "zero.mrc: all 884736 voxels are 0"),
        ((one, noise[0]), (), "half maps must match"),
        ((one, two), ("--sigma", "0.4"), "--sigma would have no effect with no --model"),
        ((one, two), ("--mask", one, "--mask-edge", 3), "--mask-edge would have no effect with --mask"),
        (
            (one, two),
            ("--smearing", "none", "--known-shift-error", 2),
            "--known-shift-error would have no effect with --smearing",
        ),
        ((one, two), ("--known-rotation-error", "nan"), "--known-rotation-error nan"),
        ((one, two), ("--model", tmp_path / "none.cif"), "none.cif: no such file"),
        ((one, two), ("--local-window", 0.1), "--local-window 0.1: expected from 0.5 to 5"),
    ):
        outcome = gmmrefine("modify", *paths, "-o", tmp_path / "run", *options)
        assert_refused(outcome, "modify", words)
    assert not (tmp_path / "run").exists()
    outcome = gmmrefine("modify", *noise, "--mask", tmp_path / "mask.mrc", "-o", tmp_path / "run")
    assert_refused(outcome, "modify", "the half maps agree in no shell")
    assert not list((tmp_path / "run").glob("*.mrc"))
