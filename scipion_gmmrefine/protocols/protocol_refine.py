"""Refine the poses of particles against Gaussian mixture models."""
import os

from pwem.objects import EMSet, SetOfFSCs, SetOfParticles, Volume
from pwem.protocols import ProtRefine3D
from pyworkflow import BETA
from pyworkflow.protocol import params

from gmmrefine import settings
from scipion_gmmrefine.constants import (
    FSC_FILE,
    HALF_GMM_FILES,
    HALF_MAP_FILES,
    HALF_SET,
    INPUT_FILE,
    MAP_FILE,
    MASK_FILE,
    PARTICLES_FILE,
)
from scipion_gmmrefine.convert.images import stackFileName, unreadableStack
from scipion_gmmrefine.convert.star_reader import RefinedPoses
from scipion_gmmrefine.convert.star_writer import writeParticles
from scipion_gmmrefine.convert.tables import readCurve, readGaussians
from scipion_gmmrefine.objects import GmmFSC, GmmModel
from scipion_gmmrefine.protocols.form import POINTER_CLASSES, addComputing, addSettings, engineOptions
from scipion_gmmrefine.protocols.form_checks import beyondNyquist, wrongCombinations, wrongGaussians, wrongGrid
from scipion_gmmrefine.protocols.protocol_base import EngineProtocol, describeResolution

FSC_CURVES = {
    "gmmFsc": "corrected", "gmmFscUnmasked": "without mask", "gmmFscMasked": "with mask",
    "gmmFscRandomised": "phases randomised"}


class GmmRefineProtRefine(EngineProtocol, ProtRefine3D):
    """Improve the poses of refined particles against Gaussian mixture models (Chen, Schmid and Chiu 2023).

    *Input*: particles with poses and CTF from any refinement, with the half sets of that refinement. In every iteration
    each half set is reconstructed, its map is represented by a sum of Gaussians, and its particles are aligned to that
    model alone. The two halves exchange only their Fourier shell correlation and the shape of the mask.

    *Output*: the map with its half maps, particles with new poses, the gold-standard FSC and one model per half.

    Start with the defaults. Give a mask when the upstream refinement had a good one. A stopped or failed run goes on
    where it was with *Continue*; so does a finished run after the number of iterations was raised.
    """

    _label = "GMM refine"
    _devStatus = BETA
    _possibleOutputs = {
        "outputVolume": Volume, "outputParticles": SetOfParticles, "outputFSC": SetOfFSCs, "outputGmm1": GmmModel,
        "outputGmm2": GmmModel}

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        form.addSection(label="Input")
        form.addParam("inputParticles", params.PointerParam, pointerClass="SetOfParticles", important=True,
                      pointerCondition="hasAlignmentProj and hasCTF", label="Input particles",
                      help="Particles with 3D poses and CTF. The half sets of their refinement (_rlnRandomSubset) are "
                           "kept; the protocol *import particles (.star/.cs)* of this plugin brings them along.")
        pointers = [setting for setting in settings.REFINE if setting.name in POINTER_CLASSES]
        addSettings(form, pointers)
        addSettings(form, settings.PARTICLES_READ)
        placed = [*pointers, *settings.PARTICLES_READ, *settings.GMM, *settings.FSC]
        form.addSection(label="Refinement")
        addSettings(form, [setting for setting in settings.REFINE if setting not in placed])
        form.addSection(label="Gaussians and mask")
        addSettings(form, [setting for setting in settings.GMM + settings.FSC if setting not in pointers])
        form.addSection(label="Computing")
        addComputing(form)

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        particles = self.inputParticles.get()
        options = engineOptions(self, settings.REFINE, settings.COMPUTING)
        self._insertFunctionStep(self.convertInputStep, particles.getObjId(), particles.getSize(), needsGPU=False)
        self._insertFunctionStep(self.refineStep, options)
        self._insertFunctionStep(self.createOutputStep, options, needsGPU=False)

    # --------------------------- STEPS functions ------------------------------
    def convertInputStep(self, _particlesId, _size):
        writeParticles(self.inputParticles.get(), self._getExtraPath(INPUT_FILE), self._getExtraPath("stacks"))

    def refineStep(self, options):
        self._runEngine("refine", [self._getExtraPath(INPUT_FILE), *options],
                        [PARTICLES_FILE, MAP_FILE, *HALF_MAP_FILES, FSC_FILE, *HALF_GMM_FILES])

    def createOutputStep(self, _options):
        fromParticles = {"outputVolume": self._createVolume(), "outputFSC": self._createFscs()}
        for number, (gmmFile, mapFile) in enumerate(zip(HALF_GMM_FILES, HALF_MAP_FILES), 1):
            fromParticles[f"outputGmm{number}"] = self._createModel(gmmFile, mapFile)
        particles = self._createParticles()
        self._defineOutputs(outputParticles=particles, **fromParticles)
        self._defineTransformRelation(self.inputParticles, particles)
        for output in fromParticles.values():
            self._defineSourceRelation(self.inputParticles, output)

    def _createVolume(self):
        volume = Volume()
        volume.setFileName(self._getExtraPath(MAP_FILE))
        volume.setSamplingRate(self.inputParticles.get().getSamplingRate())
        volume.setHalfMaps([self._getExtraPath(name) for name in HALF_MAP_FILES])
        return volume

    def _createParticles(self):
        source = self.inputParticles.get()
        ids = [particle.getObjId() for particle in source.iterItems() if EMSet.isItemEnabled(particle)]
        poses = RefinedPoses(self._getExtraPath(PARTICLES_FILE), ids, source.getSamplingRate())
        particles = self._createSetOfParticles()
        particles.copyInfo(source)
        particles.setAlignmentProj()
        particles.copyItems(source, updateItemCallback=poses.update)
        return particles

    def _createFscs(self):
        curves = self._createSetOfFSCs()
        for column, label in FSC_CURVES.items():
            curve = GmmFSC()
            curve.setObjLabel(label)
            curve.setData(*(values.tolist() for values in readCurve(self._getExtraPath(FSC_FILE), column)))
            curves.append(curve)
        return curves

    def _createModel(self, gmmFile, mapFile):
        path = self._getExtraPath(gmmFile)
        return GmmModel(
            path, numberOfGaussians=len(readGaussians(path)["widths"]), mapFileName=self._getExtraPath(mapFile),
            samplingRate=self.inputParticles.get().getSamplingRate())

    # --------------------------- INFO functions -------------------------------
    def _validate(self):
        particles = self.inputParticles.get()
        if particles is None:
            return []  # Scipion itself reports an empty input
        errors = self._validateParticles(particles)
        errors += wrongGaussians(self.gaussians.get()) + wrongCombinations(self)
        for setting in (settings.INITIAL_RESOLUTION, settings.MAX_RESOLUTION):
            resolution = getattr(self, setting.form_name).get()
            errors += beyondNyquist(setting, resolution, particles.getSamplingRate())
        errors += self._missingFile("pinExchanges", settings.PIN_EXCHANGES.form_label)
        if self.mask.get() is not None:
            errors += wrongGrid(self.mask.get(), particles.getXDim(), particles.getSamplingRate(), "mask")
        return errors

    def _validateParticles(self, particles):
        first = particles.getFirstItem()
        if not particles.hasAlignmentProj() or not first.hasTransform():
            return ["The input particles have no 3D poses.\nTake the output of a 3D refinement."]
        if not particles.hasCTF() or not first.hasCTF():
            return ["The input particles have no CTF.\nAssign the CTF before the refinement."]
        errors = [message for message in [unreadableStack(stackFileName(first))] if message]
        if particles.getXDim() % 2:
            errors.append(f"The particles have an odd box of {particles.getXDim()} px.\n"
                          "Crop or pad them to an even box.")
        return errors + self._validateHalves(particles, first)

    def _validateHalves(self, particles, first):
        if not first.hasAttribute(HALF_SET):
            if self.splitHalves.get():
                return []
            return ["The input particles carry no half sets (_rlnRandomSubset).\nTake the output of a refinement that "
                    "keeps them, import the particles with this plugin, or draw halves with the expert option "
                    f"'{settings.SPLIT_HALVES.form_label}' if these poses never saw a common reference."]
        counts = {row[HALF_SET]: row["COUNT"] for row in particles.aggregate(["COUNT"], HALF_SET, [HALF_SET])}
        foreign = sum(count for half, count in counts.items() if half not in (1, 2))
        if foreign:
            return [f"{foreign} of {particles.getSize()} particles have a half set other than 1 or 2.\nRemove them, or "
                    "take the half sets of the upstream refinement."]
        empty = [half for half in (1, 2) if half not in counts]
        return [f"Half set {empty[0]} is empty: all particles are in half {3 - empty[0]}.\nBoth halves of the upstream "
                "refinement are needed."] if empty else []

    def _warnings(self):
        particles = self.inputParticles.get()
        if particles is None:
            return []
        messages = []
        if self.splitHalves.get() and not particles.getFirstItem().hasAttribute(HALF_SET):
            messages.append("Half sets are drawn here. If these poses were refined against one common map, the FSC "
                            "will overestimate the resolution.")
        if particles.isAmplitudeCorrected():
            messages.append("The CTF amplitudes of these images were corrected before. The CTF is applied to the model "
                            "as if they were not; particles without that correction are better.")
        return messages

    def _summary(self):
        results = self._results()
        if not hasattr(self, "outputVolume"):
            return [self._progress()] if os.path.exists(self._getExtraPath("events.jsonl")) else ["Not started yet."]
        lines = [f"Resolution: {describeResolution(results.get('resolution'), results.get('resolution_text', ''))}"]
        for one in results.get("iterations", []):
            lines.append(f"Iteration {one['iteration']}: {describeResolution(one.get('resolution'))}")
        return lines

    def _methods(self):
        results = self._results()
        if not hasattr(self, "outputVolume"):
            return []
        particles = self.inputParticles.get()
        return [f"The poses of {particles.getSize()} particles were refined against Gaussian mixture models, one per "
                f"half set [Chen2023]. The gold-standard resolution at FSC {self.fscThreshold.get():g} is "
                f"{describeResolution(results.get('resolution'), results.get('resolution_text', ''))} [Rosenthal2003]."]

    def _citations(self):
        return ["Chen2023", "Chen2021", "Rosenthal2003"]

    # --------------------------- UTILS functions ------------------------------
    def getIterationFolders(self):
        """Folders of the iterations that are there, the start poses first."""
        parent = self._getExtraPath("iterations")
        names = sorted(os.listdir(parent)) if os.path.isdir(parent) else []
        return [os.path.join(parent, name) for name in names if os.path.exists(os.path.join(parent, name, FSC_FILE))]

    def getMaskFile(self):
        """Mask of the FSC, whether given or made by the engine."""
        return self._getExtraPath(MASK_FILE)
