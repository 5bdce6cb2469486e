# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Scipion plugin: refine the poses of single particles against a Gaussian mixture model."""

import importlib.util
import os
import shlex
import sys

import pwem
from pyworkflow import Config, VarTypes

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENGINE_SOURCE = os.path.join(ROOT, "engine")  # in a checkout
if importlib.util.find_spec("gmmrefine") is None:
    # Scipion's installer loads a plugin in the very process that has just installed it, which does not know yet where an
    # engine is that was installed in place.
    sys.path.append(ENGINE_SOURCE)

from gmmrefine import __version__
from scipion_gmmrefine import engine, install_engine
from scipion_gmmrefine.constants import ENGINE_PACKAGE, GMMREFINE_PYTHON

_logo = "logo.png"
_references = ["Chen2023"]


class Plugin(pwem.Plugin):
    """Where the engine is and how it is started."""

    _url = "https://github.com/scipion-em/scipion-em-gmmrefine"
    _supportedVersions = [__version__]  # of the engine, which carries the version of the plugin

    @classmethod
    def _defineVariables(cls):
        cls._defineVar(
            GMMREFINE_PYTHON,
            engine.defaultPython(cls._engineFolder()),
            var_type=VarTypes.PATH,
            description="Python that has the engine and TensorFlow: Scipion's own when TensorFlow is installed there, else "
            f"the one that 'scipion3 installb {ENGINE_PACKAGE}' makes.",
        )

    @classmethod
    def _engineFolder(cls):
        return os.path.join(pwem.Config.EM_ROOT, f"{ENGINE_PACKAGE}-{__version__}")

    @classmethod
    def getPython(cls):
        return cls.getVar(GMMREFINE_PYTHON)

    @classmethod
    def getEnviron(cls):
        return engine.engineEnviron(cls.getPython())

    @classmethod
    def validateInstallation(cls):
        if os.path.exists(cls.getPython()):
            return []
        return [
            f"{GMMREFINE_PYTHON} is {cls.getPython()}, which does not exist.",
            f"Install the engine with 'scipion3 installb {ENGINE_PACKAGE}', or set {GMMREFINE_PYTHON} to a "
            f"Python that has the package {ENGINE_PACKAGE}[tf].",
        ]

    @classmethod
    def runEngine(cls, protocol, command, arguments, outputs, part=""):
        """Run a command of the engine; see :func:`scipion_gmmrefine.engine.runEngine`."""
        engine.runEngine(protocol, cls.getPython(), command, arguments, outputs, part)

    @classmethod
    def runEngineNow(cls, command, arguments, folder, goesOn=None):
        """Run a command for a viewer; see :func:`scipion_gmmrefine.engine.runEngineNow`."""
        engine.runEngineNow(cls.getPython(), command, arguments, folder, goesOn)

    @classmethod
    def makeReport(cls, folder, goesOn=None):
        """Have the engine write the report of a run; see :func:`scipion_gmmrefine.engine.makeReport`."""
        return engine.makeReport(cls.getPython(), folder, goesOn)

    @classmethod
    def defineBinaries(cls, env):
        """An environment of its own for the engine, so that no TensorFlow comes into Scipion's.

        It is made with the plugin unless Scipion's Python has a TensorFlow. Its name has no "-": Scipion takes what follows one
        for a version.
        """
        requirement = f"-e {ENGINE_SOURCE}{{}}" if os.path.isdir(ENGINE_SOURCE) else f"{ENGINE_PACKAGE}{{}}=={__version__}"
        words = [sys.executable, install_engine.__file__, ".", requirement, Config.CONDA_ACTIVATION_CMD]
        if Config.CONDA_ACTIVATION_CMD and not Config.CONDA_ACTIVATION_CMD.rstrip().endswith((";", "&")):
            words[-1] += " &&"
        env.addPackage(
            ENGINE_PACKAGE,
            version=__version__,
            tar="void.tgz",
            default=not engine.hasTensorflow(),
            commands=[(" ".join(map(shlex.quote, words)) + " && touch READY", "READY")],
        )
