"""Who may import whom (DESIGN's layers), and what must start without what."""

import re
import subprocess
import sys

import pytest
from source_tree import python_files

WITHOUT = """
import sys
for name in {blocked!r}:
    sys.modules[name] = None  # importing it now raises ImportError
{code}
"""


def run_without(blocked, code, folder):
    """Run Python code in a process of its own in which some packages cannot be imported."""
    program = WITHOUT.format(blocked=tuple(blocked), code=code)
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True)


def test_import_contracts_hold(repository):
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    result = subprocess.run([sys.executable, "-c", code, "--no-cache"], cwd=repository, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("arguments", (["--help"], ["refine", "--help"], ["--version"]), ids=" ".join)
def test_help_does_not_load_tensorflow(repository, arguments):
    code = f"sys.argv[1:] = {arguments!r}\nimport runpy\nrunpy.run_module('gmmrefine', run_name='__main__')"
    result = run_without(["tensorflow", "keras"], code, repository)
    assert result.returncode == 0, result.stderr
    assert "gmmrefine" in result.stdout


def test_engine_starts_without_scipion(repository):
    code = """
import importlib, pkgutil, gmmrefine
for module in pkgutil.walk_packages(gmmrefine.__path__, "gmmrefine."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""
    result = run_without(["pyworkflow", "pwem", "scipion", "scipion_gmmrefine"], code, repository)
    assert result.returncode == 0, result.stderr


def test_plugin_loads_without_tensorflow(repository):
    pytest.importorskip("pwem", reason="Scipion is not installed")
    code = """
import importlib
import scipion_gmmrefine
for part in ("protocols", "viewers", "wizards", "convert", "objects"):
    importlib.import_module("scipion_gmmrefine." + part)
"""
    result = run_without(["tensorflow", "keras"], code, repository)
    assert result.returncode == 0, result.stderr


def test_the_engines_page_names_every_layer_and_command(repository):
    from gmmrefine.__main__ import COMMANDS

    page = (repository / "engine" / "README.md").read_text(encoding="utf-8")
    packages = {path.name for path in (repository / "engine" / "gmmrefine").iterdir() if (path / "__init__.py").exists()}
    modules = {path.stem for path in (repository / "engine" / "gmmrefine").glob("*.py")} - {"__init__"}
    missing = [name for name in (*(f"{package}/" for package in packages), *modules, *COMMANDS) if f"`{name}`" not in page]
    assert not missing


def test_tensorflow_is_imported_in_one_place():
    pattern = re.compile(r"^\s*(import|from) tensorflow", re.MULTILINE)
    assert [path.name for path in python_files("engine") if pattern.search(path.read_text(encoding="utf-8"))] == ["backend.py"]


def test_both_packages_carry_one_version(repository):
    pytest.importorskip("pwem", reason="Scipion is not installed")
    import gmmrefine
    import scipion_gmmrefine

    assert scipion_gmmrefine.__version__ == gmmrefine.__version__
    assert (repository / "CHANGES.txt").read_text(encoding="utf-8").startswith(f"V{gmmrefine.__version__}")
