"""Every command once: exit code, the files it promises, its record and its events."""

import hashlib
import re

import numpy as np
import pytest
from small_run import BOX, PARTICLES, PIXEL_SIZE, REFINE, RESULTS, events, gmmrefine, record, refine

import gmmrefine as package
from gmmrefine.commands import build, reconstruct, simulate
from gmmrefine.io.curves import read_curves
from gmmrefine.io.gmm_file import read_gmm
from gmmrefine.io.mrc import read_map, read_mask
from gmmrefine.io.star import read_star
from gmmrefine.io.star_particles import read_particles

RECORDED = {"command", "version", "settings", "seed", "inputs", "results", "timings", "peak_memory_mb", "finished"}


def check_record(folder, command, inputs):
    """run.json says what was run on what and how long it took."""
    content = record(folder)
    assert content["command"] == command and content["version"] == package.__version__
    assert set(content) >= RECORDED and content["finished"] is True
    assert content["inputs"] == {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in inputs}
    assert content["timings"]["total"] > 0 and content["peak_memory_mb"] > 50
    return content


def check_events(folder, steps):
    """Every step left an event with its speed and the time that remains."""
    found = events(folder)
    assert {event["step"] for event in found} == steps
    for event in found:
        assert event["time"] > 0
        if event["step"] in ("reconstruct", "refine poses", "simulate images"):
            assert event["particles_per_s"] > 0 and event["eta_s"] >= 0
    return found


def test_simulate(simulated):
    for name in simulate.COMMAND.outputs:
        assert (simulated / name).is_file(), name
    content = record(simulated)
    assert content["command"] == "simulate" and content["seed"] == 3 and content["settings"]["box"] == BOX
    assert [len(digest) for digest in content["inputs"].values()] == [64]
    check_events(simulated, {"simulate images"})
    start, truth = read_particles(simulated / "particles.star"), read_particles(simulated / "truth.star")
    assert len(start) == len(truth) == PARTICLES and start.pixel_size == PIXEL_SIZE
    assert (start.half_set == truth.half_set).all() and (start.slice_index == truth.slice_index).all()
    assert read_mask(simulated / "mask.mrc", BOX, PIXEL_SIZE).mean() < 0.5


def test_reconstruct(simulated, tmp_path):
    outcome = gmmrefine("reconstruct", simulated / "truth.star", "-o", tmp_path, "--batch-size", 64)
    assert outcome.code == 0 and outcome.err == ""
    content = check_record(tmp_path, "reconstruct", [simulated / "truth.star"])
    assert len(content["half_set_hash"]) == 64
    assert outcome.out.splitlines()[-1] == f"resolution {content['results']['resolution_text']}"
    check_events(tmp_path, {"reconstruct", "contrast"})
    for name in reconstruct.COMMAND.outputs:
        assert (tmp_path / name).is_file(), name
    maps = [read_map(tmp_path / name) for name in ("half_map_1.mrc", "half_map_2.mrc", "map.mrc")]
    assert [volume.voxel_size for volume in maps] == pytest.approx([PIXEL_SIZE] * 3)
    assert {volume.data.shape for volume in maps} == {(BOX,) * 3}
    truth = read_map(simulated / "truth.mrc").data
    assert np.corrcoef(maps[2].data.ravel(), truth.ravel())[0, 1] > 0.7


def test_fsc(simulated, refined, tmp_path):
    halves = [refined / "half_map_1.mrc", refined / "half_map_2.mrc"]
    outcome = gmmrefine("fsc", *halves, "--mask", refined / "mask.mrc", "-o", tmp_path)
    assert outcome.code == 0
    content = check_record(tmp_path, "fsc", [*halves, refined / "mask.mrc"])
    check_events(tmp_path, {"fsc"})
    # the same maps, mask and seed as the refinement's own curve
    assert content["results"]["resolution"] == pytest.approx(record(refined)["results"]["resolution"], abs=1e-6)
    assert f"resolution {content['results']['resolution']:.2f} Å" in outcome.out
    curve = read_curves(tmp_path / "fsc.star")
    assert curve["gmmFrequency"][-1] == pytest.approx(0.5 / PIXEL_SIZE) and len(curve["gmmFsc"]) == BOX // 2 + 1
    unmasked = gmmrefine("fsc", *halves, "-o", tmp_path / "unmasked")
    assert unmasked.code == 0
    assert record(tmp_path / "unmasked")["results"]["resolution"] > content["results"]["resolution"]


def test_build(simulated, tmp_path):
    outcome = gmmrefine(
        "build",
        simulated / "truth.mrc",
        "-o",
        tmp_path,
        "--gaussians",
        250,
        "--resolution",
        13,
        "--mask",
        simulated / "mask.mrc",
        "--fit-evaluations",
        20,
    )
    assert outcome.code == 0 and outcome.err == ""
    content = check_record(tmp_path, "build", [simulated / "truth.mrc", simulated / "mask.mrc"])
    check_events(tmp_path, {"fit GMM"})
    for name in build.COMMAND.outputs:
        assert (tmp_path / name).is_file(), name
    assert 200 < len(read_gmm(tmp_path / "gmm.star")) == content["results"]["gaussians"] <= 250
    assert content["results"]["mean_fsc"] > 0.95
    assert f"mean FSC with the map {content['results']['mean_fsc']:.3f}" in outcome.out


def test_refine(simulated, refined):
    content = check_record(refined, "refine", [simulated / "particles.star"])
    for name in RESULTS:
        assert (refined / name).is_file(), name
    assert len(content["half_set_hash"]) == 64 and content["seed"] == 1
    results = content["results"]
    assert results["particles"] == PARTICLES and results["resolution"] > 2 * PIXEL_SIZE
    assert [entry["iteration"] for entry in results["iterations"]] == [0, 1, 2]
    found = check_events(
        refined, {"reconstruct", "contrast", "frame", "fit GMM", "refine poses", "prior", "scale", "iteration"}
    )
    done = {(event["iteration"], event["half"]) for event in found if event["step"] == "refine poses"}
    assert done == {(1, 1), (1, 2), (2, 1), (2, 2)}
    assert {"fit GMM", "refine poses", "reconstruct", "total"} <= set(content["timings"])
    for number in (1, 2):
        assert len(read_gmm(refined / f"gmm_half_{number}.star")) > 60
    assert min(read_curves(refined / "gmm_fsc.star")["gmmFscHalf1"][2:]) > 0.5
    log = (refined / "gmmrefine.log").read_text(encoding="utf-8")
    assert re.search(r"iteration 1, half 2: refine poses: .*, \d+ particles/s", log)


def test_refined_particles_keep_rows_columns_and_half_sets(simulated, refined, tmp_path):
    table = read_star(refined / "particles.star")["particles"]
    original = read_star(simulated / "particles.star")["particles"]
    moved = {"rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst", "rlnImageName"}
    for label, values in original.columns.items():
        assert label in table
        if label not in moved:
            assert (table.columns[label] == values).all(), label
    positive = "gmmRotationChange", "gmmShiftChange", "gmmRotationError", "gmmShiftError", "gmmCovariance1", "gmmCovariance15"
    for label in positive:
        assert table.numbers(label).min() > 0, label
    before, after = (read_particles(folder / "particles.star") for folder in (simulated, refined))
    assert after.stacks == before.stacks and (after.slice_index == before.slice_index).all()
    assert (after.half_set == before.half_set).all()


def test_refine_keeps_unknown_columns_blocks_and_a_shuffled_order(simulated, tmp_path):
    head, _, rows = (simulated / "particles.star").read_text(encoding="utf-8").partition("_rlnRandomSubset #12\n")
    rows = [line for line in rows.splitlines() if "@" in line]
    order = np.random.default_rng(5).permutation(len(rows))
    rows = [f"{rows[old]} note{new:03d}" for new, old in enumerate(order)]
    text = f"{head}_rlnRandomSubset #12\n_myNote #13\n" + "\n".join(rows) + "\n\ndata_mine\n\n_myKey value\n"
    shuffled = tmp_path / "shuffled.star"
    shuffled.write_text(text.replace("@particles.mrcs", f"@{simulated}/particles.mrcs"), encoding="utf-8")
    folder = refine(shuffled, tmp_path / "run", "--iterations", 1)
    blocks = read_star(folder / "particles.star")
    assert blocks["particles"].strings("myNote") == [f"note{number:03d}" for number in range(PARTICLES)]
    assert blocks["mine"].strings("myKey") == ["value"]
    before, after = read_particles(shuffled), read_particles(folder / "particles.star")
    assert after.slice_index.tolist() == order.tolist() == before.slice_index.tolist()
    # every particle kept its own pose: none moved further than its start error can explain
    assert np.linalg.norm(after.shifts - before.shifts, axis=1).max() < 12


def test_import_and_export(simulated, refined, tmp_path):
    assert gmmrefine("export", refined / "particles.star", "--to", "poses.cs", "-o", tmp_path / "cs").code == 0
    check_record(tmp_path / "cs", "export", [refined / "particles.star"])
    check_events(tmp_path / "cs", {"export"})
    assert gmmrefine("import", tmp_path / "cs" / "poses.cs", "-o", tmp_path / "star").code == 0
    check_record(tmp_path / "star", "import", [tmp_path / "cs" / "poses.cs"])
    check_events(tmp_path / "star", {"import"})
    before, after = (read_particles(folder / "particles.star") for folder in (refined, tmp_path / "star"))
    assert after.rotations == pytest.approx(before.rotations, abs=1e-5)
    assert (after.half_set == before.half_set).all()


def test_doctor():
    outcome = gmmrefine("doctor")
    assert outcome.code == 0 and outcome.err == ""
    assert f"gmmrefine {package.__version__}, Python" in outcome.out
    assert re.search(r"tensorflow \d+\.\d+", outcome.out) and re.search(r"CPU:0: works \(", outcome.out)


def test_settings_of_the_tests_are_the_ones_recorded(refined):
    settings = record(refined)["settings"]
    for option, value in zip(REFINE[::2], REFINE[1::2]):
        assert str(settings[option[2:].replace("-", "_")]) == str(value) or settings[option[2:].replace("-", "_")] == value
