# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Put every particle at each of its symmetry-equivalent poses."""

from pwem.objects import SetOfParticles
from pwem.protocols import ProtOperateParticles

from gmmrefine import settings
from scipion_gmmrefine.constants import INPUT_FILE, PARTICLES_FILE
from scipion_gmmrefine.convert.half_sets import sayHalfSets
from scipion_gmmrefine.convert.star_reader import appendCopies
from scipion_gmmrefine.protocols.form import COMPUTING, addComputing, addSettings, engineOptions
from scipion_gmmrefine.protocols.form_checks import expandedParticles, wrongSymmetry
from scipion_gmmrefine.protocols.protocol_particles import ParticlesProtocol, particleCount

SETTINGS = (settings.SYMMETRY,)


class GmmRefineProtExpandSymmetry(ParticlesProtocol, ProtOperateParticles):
    """Put every particle of an oligomer at each of its symmetry-equivalent poses, for a focused refinement of one unit.

    *Input*: particles of a refinement with that symmetry, the main axis along z. It is measured on a map at their poses; a
    symmetry that is not there is refused.

    *Output*: n particles for each one. Copies share everything but the pose with the particle they were made from, the half
    set above all, and carry its id (_gmmParentParticle) and a number (_gmmSymmetryCopy). They are not independent of one
    another: global refinements of this plugin refuse them, and those of others should not be given them.

    Go on with *GMM focused refine* on one unit, then *GMM impose symmetry* on its map.
    """

    _label = "GMM symmetry expansion"
    _possibleOutputs = {"outputParticles": SetOfParticles}

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        self._defineParticles(form)
        addSettings(form, SETTINGS)
        form.addSection(label="Computing")
        addComputing(form)

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        options = [*engineOptions(self, SETTINGS, COMPUTING), *self._extra()]
        self._insertConversion()
        self._insertFunctionStep(self.expandStep, options)
        self._insertFunctionStep(self.createOutputStep, options, needsGPU=False)

    # --------------------------- STEPS functions ------------------------------
    def expandStep(self, options):
        self._runEngine("expand-symmetry", [self._getExtraPath(INPUT_FILE), *options], [PARTICLES_FILE])

    def createOutputStep(self, _options):
        source = self.inputParticles.get()
        particles = self._createSetOfParticles()
        particles.copyInfo(source)
        particles.setAlignmentProj()
        appendCopies(particles, source, self._getExtraPath(PARTICLES_FILE))
        sayHalfSets(particles)
        self._defineOutputs(outputParticles=particles)
        self._defineTransformRelation(self.inputParticles, particles)

    # --------------------------- INFO functions -------------------------------
    def _validate(self):
        errors = wrongSymmetry(self.symmetry.get(), oligomer=True)
        particles = self.inputParticles.get()
        if particles is None:
            return errors  # Scipion itself reports an empty input
        return (
            errors
            + self._validatePoses(particles)
            + expandedParticles(particles, "Expand the particles that they were made from.")
        )

    def _warnings(self):
        return []

    def _summary(self):
        particles = getattr(self, "outputParticles", None)
        if particles is None:
            return ["Not expanded yet."]
        return [
            f"{particles.getSize()} images of {particleCount(particles)} particles, {self.symmetry.get().upper()}.",
            self._describeSymmetry(),
            "Copies are not independent: do not give them to a global refinement.",
        ]

    def _methods(self):
        particles = getattr(self, "outputParticles", None)
        return (
            []
            if particles is None
            else [
                f"{self.inputParticles.get().getSize()} particles were put at each of their equivalent poses of "
                f"{self.symmetry.get().upper()}; copies of a particle stayed in its half set."
            ]
        )

    def _citations(self):
        return ["Chen2023"]
