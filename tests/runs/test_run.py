"""run.json: kept, compared, replayed."""

import gc
import hashlib
import json
import os
from dataclasses import replace

import numpy as np
import pytest
from molecules import ctf_parameters, particle_set, random_rotations

import gmmrefine
from gmmrefine.errors import InputError, ResourceError
from gmmrefine.geometry.symmetry import point_group
from gmmrefine.particles.symmetry import expanded
from gmmrefine.runs.command_record import write_run_record
from gmmrefine.runs.folder_lock import LOCK_FILE
from gmmrefine.runs.image_identity import half_set_hash, slot_hash
from gmmrefine.runs.input_marks import file_hash
from gmmrefine.runs.lock_claim import new_claim
from gmmrefine.runs.record_file import COPY
from gmmrefine.runs.run import Run

SETTINGS = {"seed": 4, "iterations": 2, "batch_size": 128, "mask": ""}


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "particles.star"
    path.write_text("particles")
    return path


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run"


def content(folder):
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def begun(folder, source, **changes):
    """A run that got as far as its first iteration."""
    run = Run(folder, "refine", dict(SETTINGS, **changes), [source, ""])
    (folder / "iterations").mkdir(exist_ok=True)
    return run


def test_what_is_recorded(folder, source):
    run = begun(folder, source)
    assert content(folder)["finished"] is False and not run.resumed
    run.set(half_set_hash="abc")
    run.progress.seconds.update({"refine poses": 1.25})
    run.finish({"resolution": np.float64(7.5), "list": np.arange(2)})
    found = content(folder)
    assert found["command"] == "refine" and found["version"] == gmmrefine.__version__
    assert found["settings"] == SETTINGS and found["seed"] == 4 and found["half_set_hash"] == "abc"
    assert found["inputs"] == {str(source): hashlib.sha256(b"particles").hexdigest()}
    assert found["results"] == {"resolution": 7.5, "list": [0, 1]} and found["finished"] is True
    assert found["timings"]["refine poses"] == 1.25 and found["timings"]["total"] >= 0 and found["peak_memory_mb"] > 10


def test_timings_of_a_continued_run_add_up(folder, source):
    run = begun(folder, source)
    run.progress.seconds.update({"refine poses": 2.0})
    run.finish({})
    run = begun(folder, source)
    assert run.resumed
    run.progress.seconds.update({"refine poses": 1.0, "fit GMM": 3.0})
    run.finish({})
    assert content(folder)["timings"]["refine poses"] == 3.0 and content(folder)["timings"]["fit GMM"] == 3.0


def test_changed_settings_are_named_and_free_ones_are_free(folder, source):
    begun(folder, source)
    assert begun(folder, source, iterations=9, batch_size=1).resumed
    with pytest.raises(InputError, match=r"other settings: seed was 4, now 5; mask was '', now 'm.mrc'\."):
        begun(folder, source, seed=5, mask="m.mrc")


def test_changed_input_is_refused_and_a_moved_one_is_not(folder, source, tmp_path):
    begun(folder, source)
    moved = source.rename(tmp_path / "moved.star")
    assert begun(folder, moved).resumed
    moved.write_text("others")
    with pytest.raises(InputError, match="holds a run on other input: the content of .*moved.star differs"):
        begun(folder, moved)


def test_another_command_is_refused(folder, source):
    begun(folder, source)
    with pytest.raises(InputError, match="holds a 'refine' run, not 'build'"):
        Run(folder, "build", SETTINGS, [])


def test_a_run_without_any_result_leaves_its_folder_free(folder, source):
    Run(folder, "simulate", SETTINGS, [])
    assert not begun(folder, source, seed=9).resumed
    assert content(folder)["command"] == "refine"


def test_the_folder_is_held_until_the_run_is_finished_given_up_or_refused(folder, source):
    lock = folder / LOCK_FILE
    run = begun(folder, source)
    assert lock.exists()
    with pytest.raises(InputError, match="other settings"):
        begun(folder, source, seed=5)
    assert not lock.exists()
    run = begun(folder, source)
    assert lock.exists()
    del run
    assert not lock.exists()
    run = begun(folder, source)
    run.finish({})
    assert not lock.exists()


def test_a_run_that_has_lost_its_folder_writes_nothing_more(folder, source):
    run = begun(folder, source)
    before = content(folder)
    claim = new_claim("refine")
    (folder / LOCK_FILE).write_text(replace(claim, owner=replace(claim.owner, host="node07", boot="another")).to_json())
    with pytest.raises(InputError, match="was taken over by another run, .* on node07, since"):
        run.set(images=3)
    assert content(folder) == before


def test_whom_the_folder_was_taken_over_from_is_said_and_logged(folder, source, capsys):
    folder.mkdir()
    claim = new_claim("refine")
    (folder / LOCK_FILE).write_text(replace(claim, owner=replace(claim.owner, started=1)).to_json())
    begun(folder, source)
    said = capsys.readouterr().out
    who = f"'refine', process {claim.owner.pid} on "
    assert said.startswith(f"{folder} is taken over from a run that ended without a word: {who}")
    assert (folder / "gmmrefine.log").read_text(encoding="utf-8") == said
    begun(folder, source)
    assert capsys.readouterr().out == ""


def test_notes_are_kept_through_an_interruption(folder, source):
    run = begun(folder, source)
    run.progress.note("gaussians", "few in iteration 1")
    assert content(folder)["results"] == {"notes": ["few in iteration 1"]}
    run = begun(folder, source)
    run.progress.note("gaussians", "few in iteration 2")
    run.finish({"resolution": 7})
    assert content(folder)["results"] == {"resolution": 7, "notes": ["few in iteration 1"]}
    begun(folder, source, iterations=3).finish({"resolution": 6})
    assert content(folder)["results"] == {"resolution": 6, "notes": ["few in iteration 1"]}


def test_a_log_that_outlives_its_run_takes_notes_still(folder, source, capsys):
    run = begun(folder, source)
    log = run.progress
    del run
    gc.collect()
    log.note("contrast", "the molecule is dark")
    assert "note: the molecule is dark" in capsys.readouterr().out and content(folder)["notes"] == {}


def test_record_that_is_damaged_or_missing(folder, source):
    run = begun(folder, source)
    (folder / "iterations" / "00").mkdir()
    run.save()
    (folder / "run.json").write_text('{"comm')
    assert begun(folder, source).resumed and content(folder)["command"] == "refine"
    for name in ("run.json", COPY):
        (folder / name).write_text('{"comm')
    with pytest.raises(InputError, match="run.json is damaged"):
        begun(folder, source)
    (folder / "run.json").unlink()
    with pytest.raises(InputError, match="holds iterations of a run, but not its run.json"):
        begun(folder, source)


def test_folder_that_is_a_file(source):
    with pytest.raises(ResourceError, match="particles.star: the folder cannot be made"):
        Run(source, "refine", SETTINGS, [])


def test_file_hash_of_a_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"none.mrc: cannot be read \(No such file or directory\)"):
        file_hash(tmp_path / "none.mrc")


def test_exchanges_are_measured_recorded_and_replayed(folder, source, tmp_path):
    run = begun(folder, source)
    mask = tmp_path / "run" / "mask.mrc"
    assert run.told("mask", 0, lambda: str(mask)) == str(mask)
    assert run.told("fsc", 1, lambda: [1.0, 0.5]) == [1.0, 0.5]
    assert run.told("fsc", 1, lambda: [1.0, 0.25]) == [1.0, 0.25]  # measured again, not twice in the list
    assert [(entry["kind"], entry["iteration"]) for entry in content(folder)["exchanges"]] == [("mask", 0), ("fsc", 1)]

    other = begun(tmp_path / "other", source)
    other.pin_exchanges(folder / "run.json")

    def measure():
        raise AssertionError("a pinned run must not measure")

    assert other.told("fsc", 1, measure) == [1.0, 0.25]
    assert other.told("mask", 0, measure) == str(mask)
    with pytest.raises(InputError, match="no fsc of iteration 2; it ran fewer iterations. Ask for at most 1"):
        other.told("fsc", 2, measure)


def test_patches_are_decided_once(folder, source):
    run = begun(folder, source)
    assert run.told("patches", 0, lambda: [1]) == [1]
    assert run.told("patches", 0, lambda: [2]) == [1]


def test_the_list_of_what_half_sets_are_told_is_closed(folder, source):
    words = (
        "may be told fsc, mask, frame, gaussians, settled, contrast, place, patches, converted, axis, grey_scales, smearing, "
        "weights, not poses"
    )
    with pytest.raises(ValueError, match=words):
        begun(folder, source).told("poses", 0, lambda: 1)


def test_exchanges_of_another_command_or_other_patches_cannot_be_pinned(folder, source, tmp_path):
    run = Run(folder, "refine-patches", {"patches": "2", "patch_mode": "apart"}, [source])
    run.told("mask", 0, lambda: "mask.mrc")
    with pytest.raises(InputError, match="a run of refine-patches, but this is refine; .*of the same command"):
        begun(tmp_path / "other", source).pin_exchanges(folder / "run.json")
    for settings, words in (
        ({"patches": "5", "patch_mode": "apart"}, "it was run with --patches 2, now it is 5"),
        ({"patches": "2", "patch_mode": "together"}, "it was run with --patch-mode apart, now it is together"),
    ):
        with pytest.raises(InputError, match=words):
            Run(tmp_path / words[-8:], "refine-patches", settings, [source]).pin_exchanges(folder / "run.json")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"exchanges": []}'])
def test_records_without_exchanges_cannot_be_pinned(folder, source, tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match="cannot be read, or holds no exchanges of half sets"):
        begun(folder, source).pin_exchanges(tmp_path / "run.json")


def test_half_set_hash_follows_the_images_not_their_order(rng):
    particles = particle_set(random_rotations(6), np.zeros((6, 2)), ctf_parameters(6, rng), stacks=("/somewhere/stack.mrcs",))
    same = particles.subset(np.array([3, 1, 0, 5, 4, 2]))
    marks = ["content"]
    assert half_set_hash(same, marks) == half_set_hash(particles, marks) != half_set_hash(particles, ["other content"])
    assert slot_hash(same) == slot_hash(particles)
    swapped = particle_set(
        random_rotations(6),
        np.zeros((6, 2)),
        ctf_parameters(6, rng),
        stacks=("/elsewhere/stack.mrcs",),
        half_set=3 - particles.half_set,
    )
    assert half_set_hash(swapped, marks) != half_set_hash(particles, marks) and slot_hash(swapped) != slot_hash(particles)
    assert half_set_hash(expanded(particles, point_group("C3")), marks) == half_set_hash(particles, marks)  # copies count once


def test_each_of_two_stacks_with_one_name_is_watched(folder, source, tmp_path, rng):
    stacks = [tmp_path / name / "stack.mrcs" for name in "ab"]
    for stack in stacks:
        stack.parent.mkdir()
        stack.write_bytes(b"images")
    particles = particle_set(
        random_rotations(6),
        np.zeros((6, 2)),
        ctf_parameters(6, rng),
        stacks=tuple(map(str, stacks)),
        stack_index=np.arange(6) % 2,
    )
    begun(folder, source).describe_particles(particles)
    begun(folder, source).describe_particles(particles)
    for stack in stacks:
        stack.write_bytes(b"others")
        with pytest.raises(InputError, match="holds a run on other images"):
            Run(folder, "refine", SETTINGS, [source], begin=False).look_at(particles)
        stack.write_bytes(b"images")


def test_nothing_is_written_before_a_run_begins(folder, source, tmp_path, rng):
    stack = tmp_path / "stack.mrcs"
    stack.write_bytes(b"images")
    particles = particle_set(random_rotations(6), np.zeros((6, 2)), ctf_parameters(6, rng), stacks=(str(stack),))
    run = Run(folder, "refine", SETTINGS, [source], begin=False)
    run.look_at(particles)
    assert os.listdir(folder) == ["run.lock"]
    del run
    assert not folder.exists()
    run = Run(folder, "refine", SETTINGS, [source], begin=False)
    run.begin()
    assert content(folder)["finished"] is False
    del run
    (folder / "iterations" / "00").mkdir(parents=True)
    again = Run(folder, "refine", dict(SETTINGS, seed=9), [source], begin=False)
    assert (folder / "iterations" / "00").exists() and content(folder)["settings"] == SETTINGS
    again.begin()
    assert not (folder / "iterations").exists() and content(folder)["seed"] == 9


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_folder_that_cannot_be_made_is_refused_before_the_run_begins(source, tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError, match=r"file.*: the folder cannot be made \(.*file is not a folder\)"):
        Run(tmp_path / place, "refine", SETTINGS, [source], begin=False)


def test_record_of_a_command_without_steps(folder, source):
    write_run_record(folder, "fsc", {"seed": 3}, {"resolution": None}, inputs=[source, ""])
    found = content(folder)
    assert found["seed"] == 3 and found["results"] == {"resolution": None} and list(found["inputs"]) == [str(source)]
    event = json.loads((folder / "events.jsonl").read_text(encoding="utf-8"))
    assert event["step"] == "fsc" and event["seconds"] >= 0
