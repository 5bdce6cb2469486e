"""What the plugin requires; all else is declared in pyproject.toml.

The engine is a distribution of its own, of the same version. Where the plugin is installed in place (pip install -e), the
engine in the folder beside is installed in place too; ``build_hooks/plugin_backend.py`` says when that is so.
"""

import ast
import os
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).resolve().parent
ENGINE_SOURCE = HERE / "engine" / "gmmrefine" / "__init__.py"
ENGINE_IN_PLACE = HERE / "build_hooks" / "engine_in_place"


def engine(extra=""):
    """The engine as a requirement."""
    if os.environ.get("GMMREFINE_BUILD_IN_PLACE"):
        return f"gmmrefine{extra} @ {ENGINE_IN_PLACE.as_uri()}"
    (version,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(ENGINE_SOURCE.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__version__"
    )
    return f"gmmrefine{extra}=={version}"


setup(
    install_requires=[
        # pyworkflow pins NumPy, SciPy, mrcfile and Matplotlib; what is asked for here must resolve with its pins.
        "scipion-pyworkflow>=3.11.7",
        "scipion-em>=3.11.1",
        "scipion-app>=3.8.3",
        "scipy>=1.10",
        "matplotlib>=3.7",
        engine(),
    ],
    extras_require={
        "tf": [engine("[tf]")],
        "gpu": [engine("[gpu]")],
        "docs": ["mkdocs>=1.6,<2", "mkdocs-material>=9.5"],
        "test": [
            engine("[tf]"),
            "pytest>=8",
            "pytest-timeout>=2.3",
            "pytest-xdist>=3.5",
            "import-linter>=2.0",
            "mypy>=1.14",
            "ruff>=0.17,<0.18",  # its formatter differs between versions
            "nbclient>=0.10",
            "nbformat>=5.10",
            "ipykernel>=6.29",
        ],
    },
)
