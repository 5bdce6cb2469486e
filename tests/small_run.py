"""The command line run in this process, on particles so few that a command takes a second or two."""

import json
import os
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from made_once import made_once, unchanged

from gmmrefine.__main__ import main
from gmmrefine.commands.refine import COMMAND
from gmmrefine.io import atomic

BOX, PIXEL_SIZE, PARTICLES = 40, 4.4, 200
SIMULATE = ("simulate", "6msm", "--particles", PARTICLES, "--box", BOX, "--pixel-size", PIXEL_SIZE, "--snr", 0.2, "--seed", 3)
DOMAIN = "chain A and 390-640,1208-1440"
# one stage of one radius for all iterations: kernels are compiled once, and searches for the prior are short
GMM = ("--gaussians", 120, "--fit-evaluations", 12, "--max-resolution", 13)
REFINE = ("--iterations", 2, *GMM, "--march", "1.0")
RESULTS = tuple(name for name in COMMAND.outputs if name != "focus_mask.mrc")  # of a refinement without a focus


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code, what it said, and on standard error."""

    code: int
    out: str
    err: str


def gmmrefine(*arguments):
    """Run one command as a user would; an exception that a user would see as a traceback passes through."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code
    return Outcome(code or 0, out.getvalue(), err.getvalue())


def simulate(output, *options):
    """Small simulated particles; gives their folder."""
    outcome = gmmrefine(*SIMULATE, *options, "-o", output)
    assert outcome.code == 0, outcome.err
    return Path(output)


def refine(particles, output, *options):
    """A small refinement that is expected to succeed; gives its folder."""
    outcome = gmmrefine("refine", particles, "-o", output, *REFINE, *options)
    assert outcome.code == 0, outcome.err
    return Path(output)


def assert_refused(outcome, command, *words):
    """The command ended with exit code 1 and one line that holds all the words."""
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1 and outcome.err.endswith("\n"), outcome.err
    assert outcome.err.startswith(f"gmmrefine {command}: " if command else "gmmrefine: "), outcome.err
    for word in words:
        assert word in outcome.err, outcome.err


class Killed(BaseException):
    """Ends a run as a power cut would: nothing catches it."""


@contextmanager
def killed_before(path, monkeypatch):
    """Whatever runs inside is killed when the file ``path`` would appear, which is checked."""

    def replace(source, target):
        if str(target) == str(path):
            raise Killed
        os.rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, "replace", replace)
        with pytest.raises(Killed):
            yield
    assert not Path(path).exists()


def record(folder):
    """The run.json of a folder."""
    return json.loads((Path(folder) / "run.json").read_text(encoding="utf-8"))


def write_record(folder, content):
    """Change the run.json of a folder as a user would; its hash, by which damage is told, must go then."""
    plain = {name: value for name, value in content.items() if name != "sum_of_this_record"}
    (Path(folder) / "run.json").write_text(json.dumps(plain), encoding="utf-8")


def events(folder):
    """The events of a folder, in order."""
    lines = (Path(folder) / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """Folder of simulated particles with their truth; not to be changed."""
    with unchanged(made_once(tmp_path_factory, "simulated", simulate)) as folder:
        yield folder


@pytest.fixture(scope="session")
def refined(simulated, tmp_path_factory):
    """Folder of a refinement of ``simulated``; not to be changed."""
    with unchanged(made_once(tmp_path_factory, "refined", partial(refine, simulated / "particles.star"))) as folder:
        yield folder


@pytest.fixture(scope="session")
def swinging(tmp_path_factory):
    """Folder of simulated particles one domain of which swings by up to 8°; not to be changed."""

    def make(folder):
        simulate(folder, "--snr", 1, "--swing", f"{DOMAIN}: 8")

    with unchanged(made_once(tmp_path_factory, "swinging", make)) as folder:
        yield folder
