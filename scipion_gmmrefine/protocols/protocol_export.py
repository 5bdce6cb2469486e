# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Particles, Gaussian models and reports for other programs and people."""

import os
import shutil

from pwem.protocols import EMProtocol
from pyworkflow.protocol import params

from gmmrefine import settings
from scipion_gmmrefine.constants import INPUT_FILE, REPORT_FILE
from scipion_gmmrefine.convert.maps import mrcMap
from scipion_gmmrefine.convert.star_writer import writeParticles
from scipion_gmmrefine.protocols.form import addExtraArguments, addSettings, engineOptions
from scipion_gmmrefine.protocols.protocol_base import MAPS_FOLDER, EngineProtocol

WHAT = ("particles", "Gaussian model", "report of a run")
PARTICLES, MODEL, REPORT = range(len(WHAT))
PARTICLE_FORMS = {"RELION (.star)": "particles.star", "cryoSPARC (.cs and .csg)": "particles.cs"}
MODEL_FORMS = {"atoms (.cif)": "gmm.cif", "atoms (.pdb)": "gmm.pdb", "EMAN2 (.txt)": "gmm.txt", "table (.star)": "gmm.star"}
CRYOSPARC = f"what=={PARTICLES} and particleForm==1"
RUNS = (
    "Refine",
    "Focus",
    "Patches",
    "Heterogeneity",
    "ConformationToPose",
    "Conformations",
    "Reconstruct",
    "Composite",
    "ImposeSymmetry",
    "LocalResolution",
    "Sharpen",
    "Modify",
    "QScore",
    "Audit",
    "Build",
)


class GmmRefineProtExport(EngineProtocol, EMProtocol):
    """Write particles, a Gaussian model or the report of a run for other programs and people.

    *Particles* go to RELION 3.1 or cryoSPARC, with poses, CTF, half sets and optics groups. With the .cs file that they once
    came from as a template, all of cryoSPARC's own fields are kept. A *Gaussian model* goes to pseudo-atoms that lie on its
    map, to EMAN2's text form, or to a table. The *report* of a run of this plugin is one HTML file with summary, figures,
    settings and provenance, which opens without a server.

    *Output*: a file in the folder of this run, whose path the summary shows, and a copy in another folder if you name one.
    """

    _label = "GMM export"

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        form.addSection(label="Input")
        form.addParam(
            "what",
            params.EnumParam,
            choices=list(WHAT),
            default=PARTICLES,
            important=True,
            label="What to write",
            display=params.EnumParam.DISPLAY_HLIST,
            help="For RELION and cryoSPARC, for EMAN2 and viewers of atoms, or for people.",
        )
        form.addParam(
            "inputParticles",
            params.PointerParam,
            pointerClass="SetOfParticles",
            allowsNull=True,
            important=True,
            pointerCondition="hasAlignmentProj and hasCTF",
            condition=f"what=={PARTICLES}",
            label="Particles",
            help="With poses and CTF.",
        )
        form.addParam(
            "particleForm",
            params.EnumParam,
            choices=list(PARTICLE_FORMS),
            default=0,
            condition=f"what=={PARTICLES}",
            label="Written for",
            help="The program that is to read them.",
        )
        form.addParam(
            "template",
            params.FileParam,
            default="",
            condition=CRYOSPARC,
            label="Template (.cs)",
            help="The .cs file that the particles came from: uids and all further fields are kept. Empty writes new uids.",
        )
        addSettings(form, (settings.FLIP_COORDINATE_Y,), {settings.FLIP_COORDINATE_Y.name: CRYOSPARC})
        form.addParam(
            "inputModel",
            params.PointerParam,
            pointerClass="GmmModel",
            allowsNull=True,
            important=True,
            condition=f"what=={MODEL}",
            label="Gaussian model",
            help="Of *GMM build* or a refinement.",
        )
        form.addParam(
            "modelForm",
            params.EnumParam,
            choices=list(MODEL_FORMS),
            default=0,
            condition=f"what=={MODEL}",
            label="Written as",
            help="Atoms lie on the map of the model; every Gaussian is one.",
        )
        form.addParam(
            "inputRun",
            params.PointerParam,
            pointerClass=",".join(f"GmmRefineProt{name}" for name in RUNS),
            allowsNull=True,
            important=True,
            condition=f"what=={REPORT}",
            label="Run",
            help="Any run of this plugin, also one that still goes on.",
        )
        form.addParam(
            "copyTo",
            params.FolderParam,
            default="",
            label="Copy to folder",
            help="Where a copy goes, outside the project. Empty leaves it in the folder of this run.",
        )
        addExtraArguments(form)

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        source, target = self._source(), self._target()
        self._insertFunctionStep(self.writeStep, self.what.get(), source.getObjId(), target, self._options(), needsGPU=False)
        if self.copyTo.get():
            self._insertFunctionStep(self.copyStep, target, os.path.abspath(self.copyTo.get()), needsGPU=False)

    def _source(self):
        """What is written."""
        return (self.inputParticles, self.inputModel, self.inputRun)[self.what.get()].get()

    def _target(self):
        """Name of the file."""
        if self.what.get() == REPORT:
            return REPORT_FILE
        return (
            list(PARTICLE_FORMS.values())[self.particleForm.get()]
            if self.what.get() == PARTICLES
            else list(MODEL_FORMS.values())[self.modelForm.get()]
        )

    def _options(self):
        options = engineOptions(self, (settings.FLIP_COORDINATE_Y,))
        if self.template.get() and self.evalParamCondition("template"):
            options += ["--template", os.path.abspath(self.template.get())]
        return [*options, *self._extra()]

    # --------------------------- STEPS functions ------------------------------
    def writeStep(self, what, _sourceId, target, options):
        if what == REPORT:
            made = self.getPlugin().makeReport(self.inputRun.get()._getExtraPath())
            shutil.copyfile(made, self._getExtraPath(target))
            return
        if what == PARTICLES:
            table = self._getExtraPath(INPUT_FILE)
            writeParticles(self.inputParticles.get(), table, self._getExtraPath("stacks"))
        else:
            model = self.inputModel.get()
            table = os.path.abspath(model.getFileName())
            options = [
                *options,
                "--map",
                mrcMap(model.getMapFileName(), self._getExtraPath(MAPS_FOLDER, "map.mrc"), model.getSamplingRate()),
            ]
        self._runEngine("export", [table, "--to", target, *options], [target])

    def copyStep(self, target, folder):
        os.makedirs(folder, exist_ok=True)
        names = [target, f"{target}g"] if target.endswith(".cs") else [target]  # a .cs file has a .csg beside it
        for name in names:
            shutil.copyfile(self._getExtraPath(name), os.path.join(folder, name))

    # --------------------------- INFO functions -------------------------------
    def _validate(self):
        if self._source() is None:
            return [f"*{WHAT[self.what.get()].capitalize()}* to write: nothing is chosen.\nChoose it in the row below."]
        return self._missingFile("template", "Template (.cs)") if self.evalParamCondition("template") else []

    def _summary(self):
        path = self._getExtraPath(self._target())
        if not self.isFinished() or not os.path.exists(path):
            return ["Not written yet."]
        lines = [f"Written: {os.path.abspath(path)}"]
        if self.copyTo.get():
            lines.append(f"Copied to: {os.path.join(os.path.abspath(self.copyTo.get()), self._target())}")
        return [*lines, *self._notes()]

    def _citations(self):
        return ["Chen2023"]
