# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Maps of conformations for annotate-space of the Flexibility Hub, which loads this file by its path.

    annotate_space --z_space z.txt --path FOLDER --mode gmmrefine --server_functions_path .../flexhub/server_functions.py \\
        --gmm_run RUN --gmm_half 1 --gmm_python PYTHON --env_name hax

``gmm_run`` is the folder of a finished heterogeneity run, ``gmm_half`` the half set whose network decodes, ``gmm_python`` the
Python that has the package gmmrefine. The file itself needs NumPy only: it is loaded in the environment of the viewer, which
need not have this plugin, and starts the engine as a program. All maps of one request are made by one program.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

import numpy as np

LATENT_COLUMN = re.compile(r"_gmmLatent\d+\b")
SCIPION_PATHS = ("PYTHONPATH", "PYTHONHOME")


class HeterogeneityProgramInterface:
    """What annotate-space asks for maps.

    Parameters
    ----------
    _path_template : str
        Where maps go, with a place for their number from 1.
    _program_loading_params : dict
        Options of the viewer's command line; those beginning with ``gmm_`` are ours.
    """

    def __init__(self, _path_template, _program_loading_params):
        self.path_template = _path_template
        self.model = self.prepare_heterogeneity_program(**_program_loading_params)

    def prepare_heterogeneity_program(self, **kwargs):
        """Folder, half set, Python and number of latent dimensions, as a dict."""
        if not kwargs.get("gmm_run"):
            raise ValueError("--gmm_run is missing: the folder of a finished heterogeneity run")
        run = str(kwargs["gmm_run"])
        return {
            "run": run,
            "half": str(int(float(kwargs.get("gmm_half") or 1))),
            "size": _latentSize(run),
            "python": str(kwargs.get("gmm_python") or sys.executable),
        }

    def decode_state_from_latent(self, latent):
        """Write a map for each of the latents, (N, D) or (D,), where the template says."""
        points = np.asarray(latent, float).reshape(-1, self.model["size"])
        folder = tempfile.mkdtemp()
        try:
            self._decode(points, os.path.join(folder, "maps"))
            half = os.path.join(folder, "maps", f"half_{self.model['half']}")
            for number in range(1, len(points) + 1):
                shutil.move(os.path.join(half, f"frame_{number:02d}.mrc"), self.path_template.format(number))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _decode(self, points, folder):
        through = ";".join(" ".join(f"{value:.6f}" for value in point) for point in points)
        command = [
            self.model["python"],
            "-m",
            "gmmrefine",
            "conformations",
            self.model["run"],
            f"--through={through}",
            *(["--at-points"] if len(points) > 1 else []),
            "--half",
            self.model["half"],
            "-o",
            folder,
        ]
        environ = dict(os.environ)
        if os.path.dirname(self.model["python"]) != os.path.dirname(sys.executable):
            for name in SCIPION_PATHS:  # the viewer's packages are not the engine's
                environ.pop(name, None)
        ended = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
        if ended.returncode:
            raise RuntimeError(f"gmmrefine: {(ended.stderr.strip() or 'failed').splitlines()[-1]}")


def _latentSize(run):
    """Latent dimensions of a run, from the header of its table."""
    with open(os.path.join(run, "latent.star"), encoding="utf-8") as handle:
        labels = {line.split()[0] for line in handle if LATENT_COLUMN.match(line)}
    return len(labels)
