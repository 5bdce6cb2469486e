"""A file of a run's folder that was cut, flipped or lost is named and made again, and the results are those of before."""

import json
import os
import shutil

import pytest
from small_run import REFINE, assert_refused, gmmrefine, record

from gmmrefine.io import atomic
from gmmrefine.runs.record_file import COPY

ANY_HALF = ("half_map_1.mrc", "poses_half_2.npz", "gmm_half_1.star", "gmm_fsc_half_2.star")
KINDS = [
    *(f"iterations/01/{name}" for name in ANY_HALF),
    "iterations/00/half_map_2.mrc",
    "iterations/00/poses_half_1.npz",
    "iterations/02/fsc.star",
    "mask.mrc",
    "half_map_1.mrc",
    "map.mrc",
    "gmm_half_2.star",
    "gmm_fsc.star",
    "fsc.star",
    "directions.star",
    "particles.star",
    "half_sets.npz",
]


def cut(data):
    return data[: len(data) // 2]


def flipped(data):
    place = 2 * len(data) // 3
    return data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]


def emptied(data):
    return b""


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.suffix in (".mrc", ".star", ".npz") and path.is_file()
    }


@pytest.fixture(scope="module")
def healed(simulated, refined, tmp_path_factory):
    """A copy of the refinement, its contents, and a function that gives its command again."""
    folder = tmp_path_factory.mktemp("healed") / "run"
    shutil.copytree(refined, folder)

    def again():
        return gmmrefine("refine", simulated / "particles.star", "-o", folder, *REFINE)

    outcome = again()
    assert outcome.code == 0 and "damaged" not in outcome.out
    before = contents(folder)
    assert before == contents(refined)
    return folder, before, again


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_file_is_made_again(healed, name):
    folder, before, again = healed
    assert set(KINDS) <= set(before)
    spoil = (cut, flipped)[KINDS.index(name) % 2]
    (folder / name).write_bytes(spoil(before[name]))
    outcome = again()
    assert outcome.code == 0, outcome.err
    named = [line for line in outcome.out.splitlines() if "damaged" in line and name.rsplit("/", maxsplit=1)[0] in line]
    assert named and "made again" in named[0]
    after = contents(folder)
    assert {each for each in before if after[each] != before[each]} == set()


def test_everything_at_once(healed):
    folder, before, again = healed
    for number, name in enumerate(KINDS):
        (folder / name).write_bytes((flipped, emptied, cut)[number % 3](before[name]))
    outcome = again()
    assert outcome.code == 0, outcome.err
    for name in KINDS:
        assert f"{folder / name} is damaged, missing or was changed since: it is made again" in outcome.out
    assert contents(folder) == before


def changed_value(data):
    """A digit of a value that both halves were told: still JSON."""
    return data.replace(b'"seed": 1', b'"seed": 3', 1)


@pytest.mark.parametrize("spoil", [cut, changed_value, lambda data: b"[" * 9999 + b"\xff"])
def test_the_record_is_made_again_from_its_copy(healed, spoil):
    folder, before, again = healed
    whole = record(folder)
    data = (folder / "run.json").read_bytes()
    (folder / "run.json").write_bytes(spoil(data))
    assert (folder / "run.json").read_bytes() != data
    outcome = again()
    assert outcome.code == 0, outcome.err
    assert "run.json is damaged" in outcome.out and "made again from its copy" in outcome.out
    found = record(folder)
    told = [  # the contrast is measured anew in the maps that were kept
        [entry for entry in each["exchanges"] if entry["kind"] != "contrast"] for each in (found, whole)
    ]
    assert told[0] == told[1]
    for key in ("settings", "half_set_hash", "made_from", "sums", "results"):
        assert found[key] == whole[key], key
    assert contents(folder) == before


def test_a_damaged_copy_is_no_matter_and_two_damaged_are_refused(healed, simulated):
    folder, _, again = healed
    (folder / COPY).write_bytes(b"{")
    assert again().code == 0 and json.loads((folder / COPY).read_bytes())["command"] == "refine"
    both = {name: (folder / name).read_bytes() for name in ("run.json", COPY)}
    for name, data in both.items():
        (folder / name).write_bytes(cut(data))
    outcome = gmmrefine("refine", simulated / "particles.star", "-o", folder, *REFINE)
    assert_refused(outcome, "refine", "run.json is damaged")
    for name, data in both.items():
        (folder / name).write_bytes(data)


def test_written_files_are_on_disk_before_they_have_their_name(tmp_path, monkeypatch):
    """File, then name, then folder."""
    order = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(
        atomic.os,
        "fsync",
        lambda descriptor: (
            order.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file"),
            sync(descriptor),
        ),
    )
    monkeypatch.setattr(atomic.os, "replace", lambda *paths: (order.append("name"), replace(*paths)))
    with atomic.atomic_path(tmp_path / "a.txt") as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.write("x")
    assert order == ["file", "name", "folder"]
