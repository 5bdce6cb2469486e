"""Every template through Scipion's own command, from particles of RELION and of cryoSPARC to its last output."""

import os
import subprocess
import sys
from pathlib import Path

import gemmi
import pytest
from pyworkflow.project import Manager
from pyworkflow.tests import BaseTest, setupTestProject
from pyworkflow.utils import killWithChilds

from scipion_gmmrefine.demo import MODEL
from scipion_gmmrefine.follow import currentRuns, follow
from scipion_gmmrefine.tests.templates import everyTemplate

DOMAIN = "A/389-670"  # a nucleotide-binding domain of 6MSM
PARTICLES, BOX, PIXEL_SIZE = 220, 36, 2.6
SIMULATION = (
    "--particles",
    PARTICLES,
    "--box",
    BOX,
    "--pixel-size",
    PIXEL_SIZE,
    "--snr",
    1,
    "--pose-error",
    1,
    "--shift-error",
    0.5,
)
MIDDLE = BOX * PIXEL_SIZE / 2
VALUES = {
    "iterations": "1",
    "threads": "1",
    "patches": "2",
    "patchthreads": "1",
    "learnthreads": "1",
    "posethreads": "1",
    "sphere": f"{MIDDLE + 10} {MIDDLE} {MIDDLE} 18",
}  # others as the description has them


@pytest.mark.slow
@pytest.mark.timeout(5400)
class TestTemplatesUnattended(BaseTest):
    """Those of both programs side by side: most of the time goes by in the pauses of Scipion's schedulers."""

    @classmethod
    def setUpClass(cls):
        setupTestProject(cls)
        cls.projects = []
        cls.addClassCleanup(cls.stopEverything)
        folder = Path(cls.proj.getPath("data")).absolute()
        folder.mkdir()
        structure = gemmi.read_structure(str(MODEL))
        gemmi.Selection(DOMAIN).remove_not_selected(structure)
        structure.make_mmcif_document().write_file(str(folder / "domain.cif"))
        cls.engine("simulate", folder / "domain.cif", "-o", folder, *SIMULATION)
        cls.engine("export", folder / "particles.star", "--to", "particles.cs", "-o", folder / "cryosparc")
        cls.files = {"relion": folder / "particles.star", "cryosparc": folder / "cryosparc" / "particles.cs"}
        cls.model = folder / "model.cif"

    @classmethod
    def engine(cls, *words):
        subprocess.run([sys.executable, "-m", "gmmrefine", *map(str, words)], check=True, capture_output=True)

    def start(self, template, program):
        """Give the command of a template's description, with other values; path of the project."""
        project = f"{template.name}_{program}"
        chosen = {**VALUES, "particles": self.files[program], "model": self.model, "project_name": project}
        pairs = [word.partition("=") for word in template.command]
        words = [f"{name}{equals}{chosen.get(name, value) if equals else ''}" for name, equals, value in pairs]
        environment = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
        environment.pop("DISPLAY", None)
        said = self.model.with_name(f"{project}.log")
        with open(said, "w") as handle:  # not a pipe: the schedulers that it leaves behind would hold it open
            subprocess.run(
                [sys.executable, "-m", "scipion", *words],
                env=environment,
                stdout=handle,
                stderr=handle,
                stdin=subprocess.DEVNULL,
                check=True,
                timeout=300,
            )
        path = Manager().getProjectPath(project)
        self.assertTrue(os.path.isdir(path), said.read_text())
        self.projects.append(path)
        return path

    @classmethod
    def stopEverything(cls):
        """Stop what still runs or waits, and remove the projects."""
        for path in cls.projects:
            for run in currentRuns(path):
                if run.isActive() and run.getPid():
                    killWithChilds(run.getPid())
            os.chdir(cls.proj.path)  # a look goes to the folder of its project
            Manager().deleteProject(os.path.basename(path))

    def check(self, name, lastOutputs):
        """Both chains end: all runs have finished, each was started once, and the last output is there."""
        template = everyTemplate()[name]
        for path in [self.start(template, program) for program in self.files]:
            self.assertEqual(follow(path), [])
            runs = currentRuns(path)
            self.assertEqual([run.getStatus() for run in runs], len(template.steps) * ["finished"])
            for run in runs:
                said = Path(path, run.getScheduleLog()).read_text()
                for once in ("Scheduling protocol", "Launching the protocol"):
                    self.assertEqual(said.count(once), 1, f"{run.getRunName()}: {once}")
            outputs = [attribute for attribute, _ in runs[-1].iterOutputAttributes()]
            self.assertEqual([wanted for wanted in lastOutputs if wanted not in outputs], [])
            self.assertEqual(runs[0].outputParticles.getSize(), PARTICLES)

    def test_refine(self):
        self.check("gmm_refine", ["outputParticles", "outputVolume", "outputFSC"])

    def test_patches(self):
        self.check("gmm_patches", ["outputVolume", "outputVolumes", "outputParticles1", "outputParticles2"])

    def test_conformations(self):
        self.check("gmm_conformations", ["outputParticles", "outputVolume", "outputMask"])

    def test_maps(self):
        self.check("gmm_maps", ["outputAtomStruct1", "outputAtomStruct2"])
