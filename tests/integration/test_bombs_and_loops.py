"""Files that unpack to more than a run could use, links in circles, names with accents and terminals without."""

import gzip
import os
import resource
import subprocess
import sys
import zipfile
from io import BytesIO

import numpy as np
import pytest
from small_run import assert_refused, gmmrefine
from valid_files import FORMATS

from gmmrefine.errors import InputError
from gmmrefine.io.mrc import half_maps_in
from gmmrefine.io.npz import DAMAGED, read_npz
from gmmrefine.runs.run import Run

ZEROS = 400 << 20  # bytes that a bomb unpacks to


def peak_megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def header(count):
    """The header of an array of so many float64."""
    out = BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "<f8", "fortran_order": False, "shape": (count,)})
    return out.getvalue()


@pytest.fixture(scope="module")
def bomb(tmp_path_factory):
    """An archive of 400 kB that unpacks to 400 MB."""
    path = tmp_path_factory.mktemp("bomb") / "half_sets.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, archive.open(
        "half_1.npy", "w", force_zip64=True
    ) as member:
        member.write(header(ZEROS // 8))
        for _ in range(ZEROS >> 20):
            member.write(bytes(1 << 20))
    assert path.stat().st_size < ZEROS / 100
    return path


def test_an_archive_that_unpacks_beyond_four_times_its_size(bomb):
    before = peak_megabytes()
    with pytest.raises(ValueError, match=r"it unpacks to \d+ bytes, more than"):
        read_npz(bomb)
    assert peak_megabytes() - before < 50


def test_an_array_whose_header_tells_of_more_than_there_is(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("half_1.npy", header(1 << 50) + bytes(64))
    with pytest.raises(DAMAGED, match="its header tells of"):
        read_npz(path)


@pytest.mark.parametrize("compress", ["npz", "npy in npz"])
def test_packed_archives_of_other_programs_are_read(tmp_path, compress):
    path, values = tmp_path / "a.npz", np.arange(1000.0).reshape(20, 50)
    (np.savez_compressed if compress == "npz" else np.savez)(path, a=values, b=np.asfortranarray(values), text=np.array("x"))
    found = read_npz(path)
    assert (found["a"] == values).all() and (found["b"] == values).all() and str(found["text"]) == "x"


def test_a_packed_map_larger_than_memory(tmp_path):
    FORMATS["map"].write(tmp_path / "map.mrc")
    data = bytearray((tmp_path / "map.mrc").read_bytes())
    data[:12] = np.array([12000, 12000, 12000], "<i4").tobytes()
    (tmp_path / "map.mrc.gz").write_bytes(gzip.compress(bytes(data)))
    outcome = gmmrefine("build", tmp_path / "map.mrc.gz", "-o", tmp_path / "run")
    assert_refused(outcome, "build", "map.mrc.gz: unpacks to 6912.0 GB", "this computer has")


def test_a_packed_map_followed_by_zeros_without_end(tmp_path):
    FORMATS["map"].write(tmp_path / "map.mrc")
    with gzip.open(tmp_path / "map.mrc.gz", "wb", compresslevel=1) as file:
        file.write((tmp_path / "map.mrc").read_bytes())
        for _ in range(ZEROS >> 20):
            file.write(bytes(1 << 20))
    before = peak_megabytes()
    assert_refused(gmmrefine("build", tmp_path / "map.mrc.gz", "-o", tmp_path / "run"), "build", "found are more")
    assert peak_megabytes() - before < 100


def test_a_model_of_zeros(tmp_path):
    for name in ("bomb.cif.gz", "bomb.pdb.gz"):
        with gzip.open(tmp_path / name, "wb", compresslevel=1) as file:
            for _ in range(ZEROS >> 20):
                file.write(bytes(1 << 20))
        FORMATS["map"].write(tmp_path / "map.mrc")
        before = peak_megabytes()
        outcome = gmmrefine("qscore", tmp_path / name, tmp_path / "map.mrc", "-o", tmp_path / "run")
        assert_refused(outcome, "qscore", f"{name}: unpacks to more than")
        assert peak_megabytes() - before < 100


@pytest.fixture
def loop(tmp_path):
    """A function that makes two links which point to each other, and gives one."""

    def make(name):
        (tmp_path / name).symlink_to(tmp_path / f"other_{name}")
        (tmp_path / f"other_{name}").symlink_to(tmp_path / name)
        return tmp_path / name

    return make


@pytest.mark.parametrize("kind", FORMATS)
def test_links_in_a_circle(loop, kind):
    path = loop(FORMATS[kind].name)
    if kind in ("record", "half sets", "mark"):  # as where there is none, or refused
        try:
            FORMATS[kind].read(path)
        except InputError as error:
            assert "\n" not in str(error)
        return
    if kind == "stack":
        return
    with pytest.raises(InputError):
        FORMATS[kind].read(path)


def test_commands_and_folders_in_a_circle(loop, simulated, tmp_path):
    stack = loop("particles.mrcs")
    (tmp_path / "particles.star").write_bytes((simulated / "particles.star").read_bytes())
    assert_refused(gmmrefine("reconstruct", tmp_path / "particles.star", "-o", tmp_path / "run"), "reconstruct", stack.name)
    for command, *words in (("reconstruct", simulated / "particles.star"), ("import", simulated / "particles.star")):
        outcome = gmmrefine(command, *words, "-o", loop(f"folder_{command}"))
        assert_refused(outcome, command, f"folder_{command}")
    assert_refused(gmmrefine("report", loop("report")), "report", "is not a folder")
    (tmp_path / "circle").mkdir()
    (tmp_path / "circle" / "again").symlink_to(tmp_path / "circle")
    assert_refused(gmmrefine("report", tmp_path / "circle"), "report")


@pytest.mark.parametrize("name", ["données à l'échelle 粒子", os.fsdecode(b"l\xe9")])
def test_names_with_accents_and_of_no_language(simulated, tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    for file in ("truth.star", "particles.mrcs"):
        (folder / file).write_bytes((simulated / file).read_bytes())
    FORMATS["pdb"].write(folder / "model.pdb")
    half_maps = half_maps_in(folder / "run")
    for command, code in (
        (("reconstruct", folder / "truth.star", "-o", folder / "run"), 0),
        (("report", folder / "run"), 0),
        (("qscore", folder / "model.pdb", half_maps[0], "-o", folder / "q"), None),
        (("export", folder / "truth.star", "--to", folder / "x.cs", "-o", folder / "x"), None),
        (("fsc", *half_maps, "-o", folder / "fsc"), 0),
    ):
        outcome = gmmrefine(*command)
        assert outcome.code == 0 or (code is None and outcome.err.count("\n") == 1), outcome.err
    assert (folder / "run" / "report.html").stat().st_size > 1000


def test_a_terminal_of_ascii_and_no_language(simulated, tmp_path, repository):
    folder = tmp_path / "é"
    folder.mkdir()
    for file in ("truth.star", "particles.mrcs"):
        (folder / file).write_bytes((simulated / file).read_bytes())
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for name, code in (("truth.star", 0), ("nö.star", 1)):
        words = ("import", str(folder / name), "-o", str(folder / "run"))
        done = subprocess.run(
            [sys.executable, "-m", "gmmrefine", *words], env=environment, cwd=repository, capture_output=True, check=False
        )
        assert done.returncode == code and b"Traceback" not in done.stderr, done.stderr
        assert done.stderr.count(b"\n") == code


def test_a_record_can_be_made_of_a_name_of_no_language(tmp_path):
    source = tmp_path / os.fsdecode(b"l\xe9.star")
    source.write_text("x")
    Run(tmp_path / "run", "refine", {"mask": os.fsdecode(b"m\xe9")}, [source]).finish({})
    assert Run(tmp_path / "run", "refine", {"mask": os.fsdecode(b"m\xe9")}, [source]).resumed
