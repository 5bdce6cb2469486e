"""What can be refused is refused before TensorFlow is loaded and before anything is written."""

import json
import shutil
import subprocess
import sys

import mrcfile
import numpy as np
import pytest
from star_files import star_text, write_stack

# Runs commands in one process in which TensorFlow cannot be imported; prints exit code and last line of each.
RUNNER = """
import contextlib, importlib, importlib.abc, io, json, pkgutil, sys

class NoTensorFlow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "tensorflow":
            raise RuntimeError("TensorFlow is loaded")

sys.meta_path.insert(0, NoTensorFlow())
import gmmrefine
from gmmrefine.__main__ import main
for module in pkgutil.walk_packages(gmmrefine.__path__, "gmmrefine."):
    if module.name != "gmmrefine.__main__":
        importlib.import_module(module.name)
results = []
for arguments in json.load(open(sys.argv[1])):
    said, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(error):
        code = main(arguments)
    results.append([code, error.getvalue()])
print(json.dumps(results))
"""
REFINE_LIKE = ("reconstruct", "refine", "refine-patches", "heterogeneity")
OTHER_RUN = '{"command": "fsc", "settings": {}, "finished": true}'


def commands():
    """Command lines, each with a word of its message; {} stands for the folder of the inputs."""
    for command in REFINE_LIKE:
        yield [command, "{}/none.star"], "No such file"
        yield [command, "{}/twice.star"], "optics group 1 stands in two rows"
        yield [command, "{}/compressed.star"], "compressed with gzip"
        yield [command, "{}/no_stack.star"], "image stack of 000001@gone.mrcs not found"
        yield [command, "{}/short.star"], "the stack is truncated"
        yield [command, "{}/two_sizes.star"], "two pixel sizes, 1.5 Å/px"
        yield [command, "{}/tomo.star"], "a tomography file"
        yield [command, "{}/one_half.star"], "half set 2 is empty"
        yield [command, "{}/good.star", "--mask", "{}/other_box.mrc"], "the box is 16"
        yield [command, "{}/good.star", "--batch-size", "0"], "--batch-size 0"
    for command in REFINE_LIKE[1:]:
        yield [command, "{}/good.star", "--model", "{}/bad.cif"], "bad.cif: not a readable"
    yield ["reconstruct", "{}/good.star", "--symmetry", "I5"], "--symmetry I5: not a point group"
    yield ["expand-symmetry", "{}/twice.star", "--symmetry", "C2"], "optics group 1 stands in two rows"
    yield ["refine", "{}/good.star", "--pin-exchanges", "{}/none.json"], "--pin-exchanges"
    yield ["refine", "{}/good.star", "--focus-mask", "{}/other_box.mrc"], "the box is 16"
    yield ["refine", "{}/good.star", "--model", "{}/elsewhere.pdb"], "atoms lie outside the box"
    yield ["refine", "{}/good.star", "--initial-resolution", "2"], "beyond Nyquist"
    yield ["conformations", "{}"], "run.json: cannot be read"
    yield ["conformation-to-pose", "{}", "--focus-sphere", "8 8 8 4"], "run.json: cannot be read"
    yield ["build", "{}/map.mrc", "--model", "{}/bad.cif"], "bad.cif: not a readable"
    yield ["build", "{}/map.mrc", "--resolution", "2"], "beyond Nyquist"
    yield ["build", "{}/map.mrc", "--mask", "{}/other_box.mrc"], "the box is 16"
    yield ["simulate", "6msm", "--box", "16", "--pixel-size", "2"], "is smaller than the molecule"
    yield ["simulate", "{}/bad.cif"], "bad.cif: not a readable"
    yield ["composite", "{}"], "no such file; expected the folder of a focused refinement"
    yield ["import", "{}/twice.star"], "optics group 1 stands in two rows"
    yield ["export", "{}/twice.star", "--to", "p.cs"], "optics group 1 stands in two rows"


@pytest.fixture
def inputs(tmp_path):
    """A folder with inputs of which most are wrong."""
    folder = tmp_path / "in"
    write_stack(folder / "stack.mrcs", 3)
    write_stack(folder / "sub" / "other.mrcs", 1)
    whole = (folder / "stack.mrcs").read_bytes()
    (folder / "short.mrcs").write_bytes(whole[:-1])
    (folder / "stack.mrcs.gz").write_bytes(b"\x1f\x8b" + whole)
    for name, side in (("map", 16), ("other_box", 12)):
        with mrcfile.new(folder / f"{name}.mrc", np.ones((side,) * 3, np.float32)) as file:
            file.voxel_size = 1.5
    (folder / "bad.cif").write_text("nothing")
    (folder / "elsewhere.pdb").write_text(
        "ATOM      1  CA  ALA A   1     900.000 900.000 900.000  1.00  0.00           C\nEND\n"
    )
    good = star_text()
    forms = {
        "good": good,
        "twice": star_text({"rlnOpticsGroup": ["1", "1"]}),
        "compressed": good.replace("@stack.mrcs", "@stack.mrcs.gz"),
        "no_stack": good.replace("@stack.mrcs", "@gone.mrcs"),
        "short": good.replace("@stack.mrcs", "@short.mrcs"),
        "two_sizes": star_text({"rlnPixelSize": ["1.5", "1.6"]}),
        "tomo": star_text({"rlnImageDimensionality": ["3", "3"]}),
        "one_half": star_text({}, {"rlnRandomSubset": ["1"] * 4}),
    }
    for name, text in forms.items():
        (folder / f"{name}.star").write_text(text)
    return folder


def test_before_tensorflow_and_before_anything_is_written(inputs, tmp_path):
    asked = list(commands())
    outputs = [tmp_path / f"out_{number}" for number in range(len(asked) + len(REFINE_LIKE))]
    lines = [[word.replace("{}", str(inputs)) for word in words] for words, _ in asked]
    lines += [[command, str(inputs / "good.star")] for command in REFINE_LIKE[:3]] + [["build", str(inputs / "map.mrc")]]
    for folder in outputs[len(asked) :]:
        folder.mkdir()
        (folder / "run.json").write_text(OTHER_RUN)
    (tmp_path / "lines.json").write_text(json.dumps([[*line, "-o", str(out)] for line, out in zip(lines, outputs)]))
    process = subprocess.run(
        [sys.executable, "-c", RUNNER, str(tmp_path / "lines.json")], capture_output=True, text=True, cwd=tmp_path
    )
    assert process.returncode == 0, process.stderr[-2000:]
    found = json.loads(process.stdout.splitlines()[-1])
    words = [expected for _, expected in asked] + ["holds a 'fsc' run"] * len(REFINE_LIKE)
    for line, expected, (code, message) in zip(lines, words, found):
        assert code == 1 and expected in message and message.count("\n") == 1, (line, message)
    assert not any(folder.exists() for folder in outputs[: len(asked)])
    assert all([path.name for path in folder.iterdir()] == ["run.json"] for folder in outputs[len(asked) :])
    assert all((folder / "run.json").read_text() == OTHER_RUN for folder in outputs[len(asked) :])


def test_the_refusals_would_not_be_missed(inputs, tmp_path):
    """The same process notices TensorFlow where it is needed."""
    shutil.copy(inputs / "good.star", inputs / "again.star")
    (tmp_path / "lines.json").write_text(json.dumps([["reconstruct", str(inputs / "again.star"), "-o", str(tmp_path / "o")]]))
    process = subprocess.run([sys.executable, "-c", RUNNER, str(tmp_path / "lines.json")], capture_output=True, text=True)
    assert process.returncode == 1 and "TensorFlow is loaded" in process.stderr
    assert not (tmp_path / "o").exists()
