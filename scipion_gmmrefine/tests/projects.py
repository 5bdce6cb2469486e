"""Scipion projects with simulated particles, for tests of protocols with the real engine."""
import subprocess
import sys
from pathlib import Path

from pyworkflow.tests import BaseTest, setupTestProject

from scipion_gmmrefine.constants import HALF_SET
from scipion_gmmrefine.demo import MODEL, launch
from scipion_gmmrefine.protocols import GmmRefineProtFocus, GmmRefineProtImportParticles

PARTICLES, BOX, PIXEL_SIZE = 120, 32, 5.25
CHEAP = {"gaussians": "150", "march": "1.0", "useGpu": False}


class SimulatedProject(BaseTest):
    """One project for all tests of a class."""

    @classmethod
    def setUpClass(cls):
        setupTestProject(cls)

    @classmethod
    def importSimulated(cls, name, *options):
        """Simulate particles in a folder of the project, and import them."""
        data = cls.folder(name)
        subprocess.run([sys.executable, "-m", "gmmrefine", "simulate", str(MODEL), "-o", str(data), *options],
                       check=True, capture_output=True)
        return launch(cls.proj, GmmRefineProtImportParticles, particlesFile=str(data / "particles.star"))

    @classmethod
    def folder(cls, name):
        return Path(cls.proj.getPath(name)).absolute()

    def halves(self, particles):
        """Half set by particle id."""
        return {one.getObjId(): getattr(one, HALF_SET).get() for one in particles.iterItems()}


class SmallProject(SimulatedProject):
    """Simulated particles, as few as show anything."""

    ERRORS = ("--snr", "1", "--pose-error", "2", "--shift-error", "1")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.importing = cls.importSimulated("data", "--particles", str(PARTICLES), "--box", str(BOX), "--pixel-size",
                                            str(PIXEL_SIZE), *cls.ERRORS)
        cls.particles = {"inputParticles": (cls.importing, "outputParticles")}


class FocusedProject(SmallProject):
    """The same, and a sphere in them refined by itself."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        middle = BOX * PIXEL_SIZE / 2
        cls.focusing = launch(cls.proj, GmmRefineProtFocus, cls.particles, region=1, iterations=1, numberOfThreads=2,
                              focusSphere=f"{middle + 20} {middle} {middle + 35} 25", **CHEAP)
