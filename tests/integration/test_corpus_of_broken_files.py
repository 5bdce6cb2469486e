"""Hundreds of broken files of every format: each is read as finite numbers, or refused in one line, soon."""

import time
import tracemalloc
from collections import Counter

import numpy as np
import pytest
from breakages import broken_files
from small_run import gmmrefine
from valid_files import FORMATS, arrays_in

from gmmrefine.errors import InputError

SECONDS, MEGABYTES = 3.0, 200


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    """Folders with a valid file by format, each with what it needs beside it."""
    folders = {}
    for kind, one in FORMATS.items():
        folders[kind] = tmp_path_factory.mktemp(kind.replace(" ", "_"))
        one.write(folders[kind] / one.name)
    return folders


@pytest.mark.parametrize("kind", FORMATS)
def test_valid_files_are_read(valid, kind):
    found = FORMATS[kind].read(valid[kind] / FORMATS[kind].name)
    assert kind == "mark" or any(array.size for array in arrays_in(found)) or kind in ("record", "group")


@pytest.mark.parametrize("kind", FORMATS)
def test_broken_files_are_read_or_refused_in_one_line(valid, kind):
    one, path = FORMATS[kind], valid[kind] / FORMATS[kind].name
    data, outcome = path.read_bytes(), Counter()
    for _, rule, broken in broken_files({kind: (one.name, data, one.is_text)}):
        path.write_bytes(broken)
        began = time.process_time()
        tracemalloc.start()
        try:
            found = one.read(path)
            for array in arrays_in(found):
                if array.dtype.kind == "f":
                    assert np.isfinite(array).all(), rule
            outcome["read"] += 1
        except InputError as error:
            text = str(error)
            assert text and "\n" not in text and len(text) < 2000, (rule, text)
            assert str(path.parent) in text or path.stem in text, (rule, text)
            outcome["refused"] += 1
        except Exception as error:
            raise AssertionError(f"{kind}, {rule}: {type(error).__name__}: {error}") from error
        finally:
            peak = tracemalloc.get_traced_memory()[1] / 1e6
            tracemalloc.stop()
        assert time.process_time() - began < SECONDS, rule
        assert peak < MEGABYTES, (rule, peak)
    path.write_bytes(data)
    assert sum(outcome.values()) >= 19 and (kind == "mark" or outcome["refused"] >= 5), outcome


def test_the_corpus_is_large(valid):
    files = {kind: (one.name, (valid[kind] / one.name).read_bytes(), one.is_text) for kind, one in FORMATS.items()}
    corpus = list(broken_files(files))
    assert len(corpus) >= 500 and len({(kind, data) for kind, _, data in corpus}) == len(corpus)


COMMANDS = {
    "particles": ("import", "@"),
    "cryosparc": ("import", "@"),
    "group": ("import", "@"),
    "pdb": ("qscore", "@", "map"),
    "mmcif": ("audit", "@", "map", "map"),
    "map": ("fsc", "@", "map"),
    "record": ("report", "folder"),
    "stack": ("reconstruct", "of_stack.star"),
    "half sets": ("composite", "folder"),
}


@pytest.mark.parametrize("kind", COMMANDS)
def test_the_command_line_says_one_line(valid, kind, tmp_path):
    one, path = FORMATS[kind], valid[kind] / FORMATS[kind].name
    data, intact = path.read_bytes(), tmp_path / "map.mrc"
    FORMATS["map"].write(intact)
    words = [
        {"@": path, "map": intact, "folder": path.parent, "of_stack.star": path.parent / "of_stack.star"}.get(word, word)
        for word in COMMANDS[kind]
    ]
    for number, (_, rule, broken) in enumerate(broken_files({kind: (one.name, data, one.is_text)})):
        if number % (8 if kind in ("pdb", "mmcif") else 3) and kind != "record":  # models are scored where they are read
            continue
        path.write_bytes(broken)
        outcome = gmmrefine(*words, *(() if kind == "record" else ("-o", tmp_path / f"run{number}")))
        assert outcome.code in (0, 1), rule
        if outcome.code:
            assert outcome.err.count("\n") == 1 and outcome.err.startswith(f"gmmrefine {words[0]}: "), (rule, outcome.err)
    path.write_bytes(data)
