"""Scipion projects with simulated particles, for tests of protocols with the real engine."""

import logging
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from unittest import mock

from pyworkflow.apps.pw_schedule_run import RunScheduler
from pyworkflow.tests import BaseTest, setupTestProject

from scipion_gmmrefine.constants import HALF_SET
from scipion_gmmrefine.demo import MODEL, launch
from scipion_gmmrefine.protocols import GmmRefineProtFocus, GmmRefineProtImportParticles

PARTICLES, BOX, PIXEL_SIZE = 120, 32, 5.25
CHEAP = {"gaussians": "150", "march": "1.0", "useGpu": False}


def launchAtOnce(project, *protocols):
    """Run protocols, each after its inputs, as Scipion does with a template: all scheduled before the first has run.

    What a run knows of another one is then what its own scheduler has looked up: of the protocols that it points to.
    """
    for protocol in protocols:
        project.saveProtocol(protocol)
    with mock.patch("pyworkflow.project.project.pwprot.schedule"):  # a process that begins with a sleep of a minute or more
        for protocol in protocols:
            project.scheduleProtocol(protocol)
    schedulers = [_scheduler(project, protocol) for protocol in protocols]
    for number, (protocol, scheduler) in enumerate(zip(protocols, schedulers)):
        for later in schedulers[number + 1 :]:
            assert not _isReady(later), f"{later.protocol} would start before {protocol}"
        assert _isReady(scheduler), f"{protocol} never starts: {scheduler.protocol.validate()}"
        scheduler.project.launchProtocol(scheduler.protocol, wait=True, scheduled=True, force=True)
        project._updateProtocol(protocol)
        assert protocol.isFinished(), protocol.getErrorMessage()


def _scheduler(project, protocol):
    """The scheduler that Scipion starts for a run."""
    return RunScheduler(
        Namespace(projPath=project.path, dbPath=protocol.getDbPath(), protId=protocol.getObjId(), sleepTime=0, initial_sleep=0),
        logging.getLogger("scheduler"),
    )


def _isReady(scheduler):
    """Whether a look at the inputs starts the run."""
    scheduler.updatedProtocols.clear()
    missing, _ = scheduler._checkMissingInput()
    return not missing


class SimulatedProject(BaseTest):
    """One project for all tests of a class."""

    @classmethod
    def setUpClass(cls):
        setupTestProject(cls)

    @classmethod
    def importSimulated(cls, name, *options):
        """Simulate particles in a folder of the project, and import them."""
        return launch(cls.proj, GmmRefineProtImportParticles, particlesFile=str(cls.simulated(name, *options)))

    @classmethod
    def simulated(cls, name, *options):
        """Simulate particles in a folder of the project; their file."""
        data = cls.folder(name)
        subprocess.run(
            [sys.executable, "-m", "gmmrefine", "simulate", str(MODEL), "-o", str(data), *options],
            check=True,
            capture_output=True,
        )
        return data / "particles.star"

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
        cls.importing = cls.importSimulated(
            "data", "--particles", str(PARTICLES), "--box", str(BOX), "--pixel-size", str(PIXEL_SIZE), *cls.ERRORS
        )
        cls.particles = {"inputParticles": (cls.importing, "outputParticles")}


class FocusedProject(SmallProject):
    """The same, and a sphere in them refined by itself."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        middle = BOX * PIXEL_SIZE / 2
        cls.focusing = launch(
            cls.proj,
            GmmRefineProtFocus,
            cls.particles,
            region=1,
            iterations=1,
            numberOfThreads=2,
            focusSphere=f"{middle + 20} {middle} {middle + 35} 25",
            **CHEAP,
        )
