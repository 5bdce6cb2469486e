"""Scipion plugin: refine the poses of single particles against a Gaussian mixture model."""
import os
import shlex

import pwem
from pyworkflow import VarTypes

from gmmrefine import __version__
from scipion_gmmrefine import engine
from scipion_gmmrefine.constants import ENGINE_DEPENDENCIES, ENGINE_ENVIRONMENT, GMMREFINE_PYTHON

_logo = "logo.png"
_references = ["Chen2023"]


class Plugin(pwem.Plugin):
    """Where the engine is and how it is started."""

    _url = "https://github.com/scipion-em/scipion-em-gmmrefine"

    @classmethod
    def _defineVariables(cls):
        cls._defineVar(
            GMMREFINE_PYTHON, engine.defaultPython(cls._engineEnvironment()), var_type=VarTypes.PATH,
            description="Python that has the engine and TensorFlow: Scipion's own when TensorFlow is installed there.")

    @classmethod
    def _engineEnvironment(cls):
        return os.path.join(pwem.Config.EM_ROOT, f"{ENGINE_ENVIRONMENT}-{__version__}")

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
        return [f"{GMMREFINE_PYTHON} is {cls.getPython()}, which does not exist.",
                f"Install the engine with 'scipion3 installb {ENGINE_ENVIRONMENT}', or set {GMMREFINE_PYTHON} to a "
                "Python that has the package scipion-em-gmmrefine and TensorFlow."]

    @classmethod
    def runEngine(cls, protocol, command, arguments, outputs, part=""):
        """Run a command of the engine; see :func:`scipion_gmmrefine.engine.runEngine`."""
        engine.runEngine(protocol, cls.getPython(), command, arguments, outputs, part)

    @classmethod
    def runEngineNow(cls, command, arguments, folder):
        """Run a command for a viewer; see :func:`scipion_gmmrefine.engine.runEngineNow`."""
        engine.runEngineNow(cls.getPython(), command, arguments, folder)

    @classmethod
    def defineBinaries(cls, env):
        """An environment of its own for the engine, for sites that keep TensorFlow out of Scipion's."""
        root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        fromSource = os.path.exists(os.path.join(root, "pyproject.toml"))
        distribution = shlex.quote(root) if fromSource else f"scipion-em-gmmrefine=={__version__}"
        env.addPackage(
            ENGINE_ENVIRONMENT, version=__version__, tar="void.tgz", default=False,
            commands=[
                ("python3 -m venv . && bin/python -m pip install --upgrade pip "
                 f"&& bin/python -m pip install {ENGINE_DEPENDENCIES} "
                 f"&& bin/python -m pip install --no-deps {distribution} "
                 "&& bin/python -m gmmrefine doctor && touch READY", "READY")])
