# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Import particles with poses, half sets and optics groups."""

import os

from pwem.objects import SetOfParticles
from pwem.protocols import ProtImport
from pyworkflow.protocol import params

from gmmrefine import settings
from scipion_gmmrefine.constants import HALF_SET, PARTICLES_FILE
from scipion_gmmrefine.convert.half_sets import sayHalfSets
from scipion_gmmrefine.convert.star_reader import fillSet, refuseSeveralGrids
from scipion_gmmrefine.engine import EngineFailure
from scipion_gmmrefine.protocols.form import addExtraArguments, addSettings, engineOptions
from scipion_gmmrefine.protocols.protocol_base import EngineProtocol

CRYOSPARC_SUFFIXES = (".cs", ".csg")
SUFFIXES = (".star", *CRYOSPARC_SUFFIXES)
CRYOSPARC_SETTINGS = (settings.ALIGNMENT_CLASS, settings.FLIP_COORDINATE_Y)


class GmmRefineProtImportParticles(EngineProtocol, ProtImport):
    """Import refined particles from a RELION STAR file (3.0, 3.1 or 5) or a cryoSPARC .cs or .csg file.

    Poses, CTF, half sets, optics groups and all further RELION columns are kept, which the half sets of a
    gold-standard refinement need. Neither RELION nor cryoSPARC has to be installed. Images are linked, not copied.

    Relative image names are looked up in the RELION project, beside the file and in the folders above it, also where
    the file is a link, so a job of a RELION or cryoSPARC project can be chosen where it lies.
    """

    _label = "GMM import particles"
    _possibleOutputs = {"outputParticles": SetOfParticles}

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        form.addSection(label="Import")
        form.addParam(
            "particlesFile",
            params.FileParam,
            label="Particles file",
            help="RELION .star (such as run_data.star), cryoSPARC .cs (such as J42_012_particles.cs) or .csg (an "
            "exported particle group) with 3D poses and CTF.",
        )
        form.addParam(
            "passthroughFile",
            params.FileParam,
            expertLevel=params.LEVEL_ADVANCED,
            default="",
            label=settings.PASSTHROUGH.form_label,
            help=settings.PASSTHROUGH.help,
        )
        addSettings(form, CRYOSPARC_SETTINGS)
        addExtraArguments(form)

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        arguments = [os.path.abspath(self.particlesFile.get()), "--full-paths"]
        if self.passthroughFile.get():
            arguments += [settings.PASSTHROUGH.option, os.path.abspath(self.passthroughFile.get())]
        arguments += [*engineOptions(self, CRYOSPARC_SETTINGS), *self._extra()]
        self._insertFunctionStep(self.readStep, arguments, needsGPU=False)
        self._insertFunctionStep(self.createOutputStep, arguments, needsGPU=False)

    # --------------------------- STEPS functions ------------------------------
    def readStep(self, arguments):
        self._runEngine("import", arguments, [PARTICLES_FILE])
        refuseSeveralGrids(self._getExtraPath(PARTICLES_FILE))
        results = self._results()
        if results["missing_stacks"]:
            raise EngineFailure(
                f"{'. '.join(results['notes'])}. Copy or link the stacks there; paths are looked up in the "
                "RELION project, beside the particles file and in the folders above it."
            )

    def createOutputStep(self, _arguments):
        particles = self._createSetOfParticles()
        fillSet(particles, self._getExtraPath(PARTICLES_FILE), self._getExtraPath())
        sayHalfSets(particles)
        self._defineOutputs(outputParticles=particles)

    # --------------------------- INFO functions -------------------------------
    def _validate(self):
        name = self.particlesFile.get()
        if not name:
            return ["Particles file is empty.\nChoose a RELION .star or a cryoSPARC .cs file."]
        if os.path.splitext(name)[1].lower() not in SUFFIXES:
            return [f"{os.path.basename(name)} is neither .star nor .cs nor .csg.\nChoose the particle table of a refinement."]
        return (
            self._missingFile("particlesFile", "Particles file")
            + self._missingFile("passthroughFile", settings.PASSTHROUGH.form_label)
            + self._uselessRows(name)
        )

    def _uselessRows(self, name):
        """Rows for cryoSPARC's files that are filled in for another file."""
        if os.path.splitext(name)[1].lower() in CRYOSPARC_SUFFIXES:
            return []
        filled = [settings.PASSTHROUGH.form_label] if self.passthroughFile.get() else []
        filled += [
            setting.form_label for setting in CRYOSPARC_SETTINGS if getattr(self, setting.form_name).get() != setting.default
        ]
        return [
            f"'{label}' is for cryoSPARC's files; {os.path.basename(name)} is none.\nLeave it as it was." for label in filled
        ]

    def _summary(self):
        particles = getattr(self, "outputParticles", None)
        if particles is None:
            return ["Not imported yet."]
        lines = [f"{particles.getSize()} particles at {particles.getSamplingRate():.3f} Å/px from {self.particlesFile.get()}"]
        if not particles.getFirstItem().hasAttribute(HALF_SET):
            lines.append("The file holds no half sets: a gold-standard refinement cannot continue from it.")
        return lines + self._results().get("notes", [])

    def _methods(self):
        particles = getattr(self, "outputParticles", None)
        return (
            []
            if particles is None
            else [
                f"{particles.getSize()} particles with poses were imported from {os.path.basename(self.particlesFile.get())}."
            ]
        )
