"""Scipion's variables. pyworkflow reads them once, when the plugin is imported; pytest runs this file before that."""
import atexit
import os
import runpy
import shutil
import tempfile
from pathlib import Path

ENVIRONMENT = Path(__file__).with_name("scipion_gmmrefine") / "environment.py"

if "SCIPION_DOMAIN" not in os.environ:
    home = tempfile.mkdtemp(prefix="gmmrefine_scipion_")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    runpy.run_path(str(ENVIRONMENT))["prepareScipion"](home)
os.environ.setdefault("MPLBACKEND", "Agg")
