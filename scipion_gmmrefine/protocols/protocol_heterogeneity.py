# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Learn how a molecule moves from its particles."""

from pwem.objects import ParticleFlex, SetOfParticlesFlex
from pwem.protocols import ProtAnalysis3D, ProtFlexBase
from pyworkflow.object import Float, Integer

from gmmrefine import settings
from scipion_gmmrefine.constants import (
    COMMON_LATENT_FILE,
    FSC_FILE,
    HALF_GMM_FILES,
    HALF_SET,
    INPUT_FILE,
    LATENT_ERROR,
    LATENT_FILE,
    LATENT_MISFIT,
    MOTION,
    MOTIONS_FILE,
    NETWORK_FILES,
    TRAINING_FILE,
)
from scipion_gmmrefine.convert.half_sets import sayHalfSets
from scipion_gmmrefine.convert.latents import readCommonLatents, readLatents
from scipion_gmmrefine.convert.progress import secondsOfTraining
from scipion_gmmrefine.protocols.form import (
    COMPUTING,
    addComputing,
    addSettings,
    engineOptions,
    placeConditions,
    rows,
)
from scipion_gmmrefine.protocols.form_checks import beyondNyquist, wrongAnchors, wrongGaussians, wrongGrid
from scipion_gmmrefine.protocols.protocol_base import sentence
from scipion_gmmrefine.protocols.protocol_particles import ParticlesProtocol, countParticles
from scipion_gmmrefine.protocols.protocol_region import RegionProtocol

COMMON_FOLDER = "common_latents"
PROGRAM = "gmmrefine"  # whose latents these are, for other plugins of the Flexibility Hub
REGION = rows(settings.Region) + (settings.FOCUS_EDGE,)


class GmmRefineProtHeterogeneity(RegionProtocol, ParticlesProtocol, ProtAnalysis3D, ProtFlexBase):
    """Learn how a molecule moves from the particles, each half set by itself (Chen and Ludtke 2021).

    *Input*: particles of a global refinement, with its half sets. Their poses stay as they are. Of a symmetric molecule use
    *GMM symmetry expansion* first.

    *Output*: the particles with the coordinates of their conformation (latents), as other protocols of the Flexibility Hub
    take them. Zero is the neutral state. Each half set has a network and latent axes of its own, so that there are two sets,
    outputParticlesHalf1 and outputParticlesHalf2. In outputParticles both are in the space of half set 1: the latents of half
    set 2 are those that move the molecule most alike. That set is for display and for other programs; no protocol of this
    plugin takes conformations from it.

    The summary says whether the motion is real: both halves must find the same motion, and it must explain signal that was
    held out. Without that, what looks like a motion is noise. *Analyze results* shows latents, loss and motions, makes maps of
    chosen conformations and sets of chosen particles; *GMM conformation to pose* turns conformations into poses of a region.
    """

    _label = "GMM heterogeneity"
    _possibleOutputs = {
        "outputParticles": SetOfParticlesFlex,
        "outputParticlesHalf1": SetOfParticlesFlex,
        "outputParticlesHalf2": SetOfParticlesFlex,
    }
    SETTINGS = rows(settings.HeterogeneitySettings)
    WITHOUT_REGION = "whole molecule"
    REGION_HELP = "What may move. A region holds the rest of the molecule still, so that all anchors serve the region."

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        self._defineParticles(form)
        self._defineRegion(form, REGION)
        addSettings(form, (settings.TARGET_RESOLUTION, settings.LATENT_SIZE))
        self._defineImages(form)
        form.addSection(label="Gaussians and mask")
        addSettings(form, rows(settings.Fitted, settings.Compared), placeConditions(self.WITH_MODEL))
        form.addSection(label="Motion")
        addSettings(form, self.SETTINGS)
        form.addSection(label="Computing")
        addComputing(form)

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        options = [*engineOptions(self, self.SETTINGS, COMPUTING), *self._extra()]
        self._insertConversion()
        self._insertFunctionStep(self.learnStep, options)
        self._insertFunctionStep(self.layStep, options, needsGPU=False)
        self._insertFunctionStep(self.createOutputStep, options, needsGPU=False)

    # --------------------------- STEPS functions ------------------------------
    def learnStep(self, options):
        self._runEngine(
            "heterogeneity",
            [self._getExtraPath(INPUT_FILE), *options],
            [LATENT_FILE, *NETWORK_FILES, *HALF_GMM_FILES, MOTIONS_FILE, TRAINING_FILE, FSC_FILE],
        )

    def layStep(self, _options):
        """Have the latents of both half sets in one space, for other programs."""
        self._runEngine(
            "export", [self._getExtraPath(), "--to", COMMON_LATENT_FILE], [COMMON_LATENT_FILE], folder=COMMON_FOLDER
        )

    def createOutputStep(self, _options):
        own, common = readLatents(self._getExtraPath()), readCommonLatents(self._getExtraPath(), COMMON_FOLDER)
        outputs = {"outputParticles": self._flexibleParticles(common)}
        outputs["outputParticles"].setObjComment(
            "In the space of half set 1, half set 2 laid onto it: for display and other programs only"
        )
        for half in (1, 2):
            outputs[f"outputParticlesHalf{half}"] = self._flexibleParticles(own.ofHalf(half), f"_half_{half}", half)
        self._defineOutputs(**outputs)
        for particles in outputs.values():
            self._defineTransformRelation(self.inputParticles, particles)

    def _flexibleParticles(self, latents, suffix="", half=1):
        """The input particles with their conformations in the space of a half set."""
        source = self.inputParticles.get()
        particles = self._createSetOfParticlesFlex(suffix=suffix, progName=PROGRAM)
        particles.copyInfo(source)
        particles.setHasCTF(source.hasCTF())  # which copyInfo of this class leaves out, as it does the coordinates
        particles.copyAttributes(source, "_coordsPointer")
        particles.setAlignmentProj()
        for number, fileName in enumerate(NETWORK_FILES, 1):
            particles.getFlexInfo().setAttr(f"networkHalf{number}", self._getExtraPath(fileName))
        particles.getFlexInfo().setAttr("gmmRun", self._getExtraPath())
        particles.getFlexInfo().setAttr("gmmHalf", half)
        rows = {objId: row for row, objId in enumerate(latents.ids)}
        for particle in source.iterItems():
            if particle.getObjId() in rows:
                particles.append(_flexibleParticle(particle, latents, rows[particle.getObjId()]))
        sayHalfSets(particles)
        return particles

    # --------------------------- INFO functions -------------------------------
    def _validate(self):
        particles = self.inputParticles.get()
        if particles is None:
            return []  # Scipion itself reports an empty input
        errors = self._validatePoses(particles) or self._validateHalves(particles)
        errors += wrongGaussians(self.gaussians.get()) + wrongAnchors(self.anchors.get())
        errors += beyondNyquist(settings.TARGET_RESOLUTION, self.targetResolution.get(), self._mapGrid()[1])
        errors += self._missingFile("pinExchanges", settings.PIN_EXCHANGES.form_label)
        if self.mask.get() is not None:
            errors += wrongGrid(self.mask.get(), *self._mapGrid(), "mask")
        return errors + self._validateRegion(particles)

    def _summary(self):
        if not hasattr(self, "outputParticles"):
            return self._whatIsGoingOn()
        verdict = self._results()["verdict"]
        return [*sentence(verdict), f"Moving: {self._describeRegion()}", *self._notes()]

    def _secondsLeft(self, events):
        return secondsOfTraining(events, self.epochs.get())

    def _methods(self):
        if not hasattr(self, "outputParticles"):
            return []
        return [
            f"Motions of {countParticles(self.inputParticles.get())} ({self._describeRegion()}) were learned by "
            "networks that move the Gaussians of a mixture model, one per half set [Chen2021]: "
            f"{self._results()['verdict']}."
        ]

    def _citations(self):
        return ["Chen2021", "Chen2023"]


def _flexibleParticle(particle, latents, row):
    """A particle with its conformation."""
    flexible = ParticleFlex(progName=PROGRAM)
    flexible.copyInfo(particle)
    flexible.setObjId(particle.getObjId())
    flexible.setZFlex(latents.latent[row].tolist())
    setattr(flexible, HALF_SET, Integer(latents.halves[row]))
    setattr(flexible, MOTION, Float(latents.motion[row]))
    if latents.misfit is not None:
        setattr(flexible, LATENT_MISFIT, Float(latents.misfit[row]))
        return flexible  # errors are those of the half set's own axes
    for axis, error in enumerate(latents.errors[row], 1):
        setattr(flexible, f"{LATENT_ERROR}{axis}", Float(error))
    return flexible
