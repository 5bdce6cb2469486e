"""Both distributions as their users install them: by Scipion's installer and by pip, in environments made for the test.

These tests take minutes and the network's packages; `make test-install` runs them.
"""

import json
import os
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.install, pytest.mark.timeout(3600)]

SCIPION = ("scipion-pyworkflow", "scipion-em", "scipion-app")
PLUGIN, ENGINE = "scipion-em-gmmrefine", "gmmrefine"
LISTED = """
import json
from pyworkflow import Config
protocols = Config.getDomain().getProtocols()
plugin = Config.getDomain().getPluginModule("scipion_gmmrefine")
ours = [name for name, value in protocols.items() if value.__module__.startswith("scipion_gmmrefine")]
print(json.dumps([sorted(ours), plugin.Plugin.getPython(), plugin.Plugin.validateInstallation()]))
"""


def python_of(version):
    """Path of a Python of this version; the test is skipped where there is none."""
    names = [os.environ.get(f"PYTHON{version.replace('.', '')}", ""), f"python{version}", *pyenv_pythons(version)]
    for name in filter(None, names):
        path = shutil.which(name)
        if path and subprocess.run([path, "-c", "import tkinter, venv, ensurepip"], capture_output=True).returncode == 0:
            return path
    pytest.skip(f"no Python {version} with tkinter and venv here; name one in PYTHON{version.replace('.', '')}")


def pyenv_pythons(version):
    """Pythons of this version that pyenv keeps apart from the path."""
    if not shutil.which("pyenv"):
        return []
    root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=True).stdout.strip()
    return map(str, Path(root).glob(f"versions/{version}.*/bin/python"))


def run(words, folder, expected=0, **environ):
    """What a program printed, all of it; nothing of this test's environment leaks in."""
    own = ("PYTHON", "SCIPION", "VIRTUAL", "PYTEST", "TF_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    ended = subprocess.run(
        list(map(str, words)), cwd=folder, env={**kept, **environ}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert ended.returncode == expected, ended.stdout[-4000:]
    return ended.stdout


def environment(folder, version, packages, **environ):
    """Python of a fresh environment that holds some packages."""
    run([python_of(version), "-m", "venv", folder], folder.parent)
    python = folder / "bin" / "python"
    run([python, "-m", "pip", "install", "--quiet", "--upgrade", "pip"], folder)
    run([python, "-m", "pip", "install", "--quiet", *packages], folder, **environ)
    return python


def scipion(home, python, *words, **environ):
    """What ``scipion3 WORDS`` prints, started as its launcher starts it: in the activated environment."""
    home.mkdir(exist_ok=True)
    return run(
        [python, "-m", "scipion", *words],
        home,
        SCIPION_HOME=str(home),
        SCIPION_NOTIFY="False",
        PATH=f"{python.parent}:{os.environ['PATH']}",
        **environ,
    )


def listed(home, python):
    """Our protocols, the engine's Python, and what is wrong with the installation, in a new process."""
    said = run(
        [python, "-c", LISTED],
        home,
        SCIPION_HOME=str(home),
        SCIPION_USER_DATA=str(home),
        SCIPION_DOMAIN="pwem",
        SCIPION_NOTIFY="False",
    )
    return json.loads(said.splitlines()[-1])


def has(python, module):
    """Whether an environment holds a module."""
    return subprocess.run([str(python), "-c", f"import {module}"], cwd="/", capture_output=True).returncode == 0


def refined(python, folder):
    """Simulate and refine with the engine of an environment; gives the results of the refinement."""
    engine = [python, "-m", "gmmrefine"]
    model = run([python, "-c", "import gmmrefine; print(gmmrefine.__path__[0] + '/data/6msm.cif.gz')"], folder).strip()
    run([*engine, "doctor"], folder)
    run([*engine, "simulate", model, "-o", "data", "--particles", 200, "--box", 40, "--pixel-size", 4.4], folder)
    run([*engine, "refine", "data/particles.star", "-o", "refined", "--iterations", 1], folder)
    return json.loads((folder / "refined" / "run.json").read_text(encoding="utf-8"))["results"]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory, repository):
    """A copy of this checkout in a folder of the name that Scipion's installer wants."""
    folder = tmp_path_factory.mktemp("checkout") / PLUGIN
    shutil.copytree(
        repository,
        folder,
        ignore=shutil.ignore_patterns(
            ".venv", ".git", "*.egg-info", "__pycache__", "build", "dist", "demo_project*", ".*_cache"
        ),
    )
    return folder


@pytest.fixture(scope="module")
def archives(checkout, tmp_path_factory):
    """Folder with source archives and wheels of both; the wheels are built from the source archives."""
    folder = tmp_path_factory.mktemp("archives")
    python = environment(folder / "build", "3.11", ["build"])
    for source in (checkout, checkout / "engine"):
        run([python, "-m", "build", "--outdir", folder / "dist", source], folder)
    return folder / "dist"


def names_in(archives, pattern):
    """Names of the files in an archive, without the folder that a source archive puts them in."""
    (path,) = archives.glob(pattern)
    if path.suffix == ".whl":
        return zipfile.ZipFile(path).namelist()
    return [name.partition("/")[2] for name in tarfile.open(path).getnames()]


def test_archives_are_complete(archives, checkout):
    plugin = set(names_in(archives, "scipion_em_gmmrefine-*.tar.gz"))
    folders = ("benchmarks", "build_hooks", "docs", "engine", "examples", "scipion_gmmrefine", "tests")
    paths = (path for folder in folders for path in (checkout / folder).rglob("*"))
    sources = {str(path.relative_to(checkout)) for path in paths if path.is_file() and path.suffix != ".pyc"}
    assert not {name for name in sources if "egg-info" not in name} - plugin
    assert {"README.rst", "CHANGES.txt", "LICENSE", "Makefile", "pyproject.toml", "setup.py"} <= plugin
    engine = set(names_in(archives, "gmmrefine-*.tar.gz"))
    assert {"README.md", "LICENSE", "pyproject.toml", "gmmrefine/data/6msm.cif.gz", "gmmrefine/settings/table.py"} <= engine


def test_wheels_hold_one_package_each_and_find_each_other(archives):
    plugin, engine = (names_in(archives, f"{name}-*.whl") for name in ("scipion_em_gmmrefine", "gmmrefine"))
    assert {name.split("/")[0] for name in plugin if ".dist-info/" not in name} == {"scipion_gmmrefine"}
    assert {name.split("/")[0] for name in engine if ".dist-info/" not in name} == {"gmmrefine"}
    assert {"scipion_gmmrefine/protocols.conf", "scipion_gmmrefine/logo.png"} <= set(plugin)
    assert sum(name.endswith(".json.template") for name in plugin) == 4
    (wheel,) = archives.glob("scipion_em_gmmrefine-*.whl")
    (metadata,) = (name for name in plugin if name.endswith(".dist-info/METADATA"))
    text = zipfile.ZipFile(wheel).read(metadata).decode()
    assert "Requires-Dist: gmmrefine==" in text and "file:" not in text


@pytest.mark.parametrize("version", ("3.8", "3.11"))
def test_scipions_installer_takes_a_checkout(version, checkout, tmp_path):
    python = environment(tmp_path / "scipion", version, SCIPION)
    home = tmp_path / "home"
    said = scipion(home, python, "installp", "-p", str(checkout), "--devel")
    assert "ERROR" not in said and "Traceback" not in said
    protocols, engine_python, wrong = listed(home, python)
    assert len(protocols) >= 15 and not wrong
    assert engine_python.startswith(str(home)) and has(engine_python, "tensorflow") and not has(python, "tensorflow")
    where = run([engine_python, "-c", "import gmmrefine; print(gmmrefine.__file__)"], tmp_path)
    assert where.startswith(str(checkout))  # installed in place, as the plugin is
    shown = scipion(home, python, "protocols")
    assert all(name in shown for name in protocols)


def test_scipion_takes_the_wheel_and_installb_makes_the_engine(archives, tmp_path):
    python = environment(tmp_path / "scipion", "3.11", [*SCIPION, PLUGIN], PIP_FIND_LINKS=str(archives))
    home = tmp_path / "home"
    assert has(python, "scipion_gmmrefine.install_engine") and not has(python, "tensorflow")
    home.mkdir()
    assert "installb gmmrefine" in listed(home, python)[2][1]
    said = scipion(home, python, "installb", "gmmrefine", PIP_FIND_LINKS=str(archives))
    assert "ERROR" not in said and "Done" in said
    protocols, engine_python, wrong = listed(home, python)
    assert len(protocols) >= 15 and not wrong
    assert refined(engine_python, tmp_path)["resolution"] < 30


@pytest.mark.parametrize("version", ("3.8", "3.12"))
def test_both_wheels_in_one_environment(version, archives, tmp_path):
    python = environment(tmp_path / "env", version, [f"{PLUGIN}[tf]", *SCIPION], PIP_FIND_LINKS=str(archives))
    run([python, "-m", "pip", "check"], tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    protocols, engine_python, wrong = listed(home, python)
    assert len(protocols) >= 15 and not wrong and engine_python == str(python)
    assert refined(python, tmp_path)["resolution"] < 30


def test_the_engine_alone_without_and_with_tensorflow(archives, tmp_path):
    python = environment(tmp_path / "env", "3.12", [ENGINE], PIP_FIND_LINKS=str(archives))
    assert not has(python, "tensorflow") and not has(python, "pyworkflow")
    assert "COMMAND" in run([tmp_path / "env" / "bin" / "gmmrefine", "--help"], tmp_path)
    said = run([python, "-m", "gmmrefine", "simulate", "6msm", "-o", "data"], tmp_path, expected=1)
    assert "gmmrefine[tf]" in said.splitlines()[-1] and len(said.splitlines()) == 1
    assert "gmmrefine[tf]" in run([python, "-m", "gmmrefine", "doctor"], tmp_path, expected=1)
    run([python, "-m", "pip", "install", "--quiet", "gmmrefine[tf]"], tmp_path, PIP_FIND_LINKS=str(archives))
    assert refined(python, tmp_path)["resolution"] < 30
