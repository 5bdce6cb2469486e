# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""How annotate-space of the Flexibility Hub is started on latents of this plugin."""

import importlib
import os
import shlex

import numpy as np

SERVER_FUNCTIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "server_functions.py")
ANNOTATION_FOLDER = "annotation"
MODE = "gmmrefine"  # a name of the viewer's; the server functions decide what is done
ENVIRONMENT = "hax"  # the viewer's own: the server functions start the engine by themselves


def annotation(run, half, latent, python):
    """The command that annotates the latent space of a half set, with its latents in a file beside.

    Parameters
    ----------
    run : str
        Folder of a finished heterogeneity run.
    half : int
        1 or 2; its network decodes.
    latent : (N, D) float
        Of its particles.
    python : str
        Python that has the engine.

    Returns
    -------
    str
    """
    folder = os.path.abspath(os.path.join(run, ANNOTATION_FOLDER, f"half_{half}"))
    os.makedirs(folder, exist_ok=True)
    table = os.path.join(folder, "z_space.txt")
    np.savetxt(table, latent)
    words = {
        "z_space": table,
        "path": folder,
        "mode": MODE,
        "server_functions_path": SERVER_FUNCTIONS,
        "gmm_run": os.path.abspath(run),
        "gmm_half": half,
        "gmm_python": python,
        "env_name": ENVIRONMENT,
    }
    return " ".join(["annotate_space", *(f"--{name} {shlex.quote(str(value))}" for name, value in words.items())])


def haxProgram(name):
    """How Scipion's plugin hax starts one of its programs; None where it is not installed."""
    try:
        plugin = importlib.import_module("hax").Plugin
    except (ImportError, AttributeError):
        return None
    return plugin.getProgram(name, None)
