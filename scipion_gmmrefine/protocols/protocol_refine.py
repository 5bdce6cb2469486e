# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Refine the poses of particles against Gaussian mixture models."""

import os

from pwem.objects import SetOfFSCs, SetOfParticles, Volume, VolumeMask
from pwem.protocols import ProtRefine3D

from gmmrefine import settings
from scipion_gmmrefine.constants import (
    FSC_FILE,
    HALF_GMM_FILES,
    HALF_MAP_FILES,
    INPUT_FILE,
    MAP_FILE,
    MASK_FILE,
    PARTICLES_FILE,
)
from scipion_gmmrefine.convert.tables import readGaussians
from scipion_gmmrefine.objects import GmmModel
from scipion_gmmrefine.protocols.form import (
    COMPUTING,
    addComputing,
    addSettings,
    engineOptions,
    placeConditions,
    rows,
    without,
)
from scipion_gmmrefine.protocols.form_checks import (
    beyondNyquist,
    expandedParticles,
    wrongCombinations,
    wrongGaussians,
    wrongGrid,
    wrongSymmetry,
)
from scipion_gmmrefine.protocols.protocol_base import describeResolution
from scipion_gmmrefine.protocols.protocol_particles import ParticlesProtocol, countParticles


class GmmRefineProtRefine(ParticlesProtocol, ProtRefine3D):
    """Improve the poses of refined particles against Gaussian mixture models (Chen, Schmid and Chiu 2023).

    *Input*: particles with poses and CTF from any refinement, with the half sets of that refinement. In every iteration
    each half set is reconstructed, its map is represented by a sum of Gaussians, and its particles are aligned to that
    model alone. The two halves exchange only their Fourier shell correlation, the shape of the mask, and how their frames lie.

    *Output*: the map with its half maps, particles with new poses, the gold-standard FSC and the mask it was measured in, and
    one model per half.

    Start with the defaults. Give a mask when the upstream refinement had a good one. A stopped or failed run goes on
    where it was with *Continue*; so does a finished run after the number of iterations was raised.
    """

    _label = "GMM refine"
    _possibleOutputs = {
        "outputVolume": Volume,
        "outputParticles": SetOfParticles,
        "outputFSC": SetOfFSCs,
        "outputMask": VolumeMask,
        "outputGmm1": GmmModel,
        "outputGmm2": GmmModel,
    }
    SETTINGS = without(rows(settings.RefineSettings), rows(settings.Focused))
    FIRST = (settings.MASK, settings.SYMMETRY, settings.ITERATIONS)  # what decides most, beside the particles

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        common = without(self.SETTINGS, rows(settings.Focused))
        self._defineParticles(form)
        self._defineFocus(form)
        addSettings(form, [setting for setting in self.FIRST if setting in common])
        self._defineImages(form)
        form.addSection(label="Gaussians and mask")
        addSettings(form, rows(settings.Fitted, settings.Compared), placeConditions(self.WITH_MODEL))
        form.addSection(label="Refinement")
        addSettings(form, common)
        form.addSection(label="Computing")
        addComputing(form)

    def _defineFocus(self, form):
        """A global refinement has no region."""

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        options = [*engineOptions(self, self.SETTINGS, COMPUTING), *self._extra()]
        self._insertConversion()
        self._insertFunctionStep(self.refineStep, options)
        self._insertFunctionStep(self.createOutputStep, options, needsGPU=False)

    # --------------------------- STEPS functions ------------------------------
    def refineStep(self, options):
        self._runEngine(
            "refine",
            [self._getExtraPath(INPUT_FILE), *options],
            [PARTICLES_FILE, MAP_FILE, MASK_FILE, *HALF_MAP_FILES, FSC_FILE, *HALF_GMM_FILES],
        )

    def createOutputStep(self, _options):
        fromParticles = self._outputsBesideParticles(self._mapGrid()[1])
        particles = self._refinedParticles()
        self._defineOutputs(outputParticles=particles, **fromParticles)
        self._defineTransformRelation(self.inputParticles, particles)
        for output in fromParticles.values():
            self._defineSourceRelation(self.inputParticles, output)

    def _outputsBesideParticles(self, samplingRate):
        """All outputs but the particles, by name."""
        outputs = {
            "outputVolume": self._volume(samplingRate),
            "outputFSC": self._fscs(),
            "outputMask": self._mask(samplingRate, MASK_FILE),
        }
        for number, (gmmFile, mapFile) in enumerate(zip(HALF_GMM_FILES, HALF_MAP_FILES), 1):
            path = self._getExtraPath(gmmFile)
            outputs[f"outputGmm{number}"] = GmmModel(
                path,
                numberOfGaussians=len(readGaussians(path)["widths"]),
                mapFileName=self._getExtraPath(mapFile),
                samplingRate=samplingRate,
            )
        return outputs

    # --------------------------- INFO functions -------------------------------
    def _validate(self):
        particles = self.inputParticles.get()
        if particles is None:
            return []  # Scipion itself reports an empty input
        errors = self._validatePoses(particles) or self._validateHalves(particles)
        errors += wrongGaussians(self.gaussians.get()) + wrongCombinations(self)
        for setting in (settings.INITIAL_RESOLUTION, settings.MAX_RESOLUTION):
            resolution = getattr(self, setting.form_name).get()
            errors += beyondNyquist(setting, resolution, self._mapGrid()[1])
        errors += self._missingFile("pinExchanges", settings.PIN_EXCHANGES.form_label)
        if self.mask.get() is not None:
            errors += wrongGrid(self.mask.get(), *self._mapGrid(), "mask")
        return errors + self._validateRegion(particles)

    def _validateRegion(self, particles):
        """Errors of what the refinement looks at: here the molecule with its symmetry."""
        return wrongSymmetry(self.symmetry.get()) + expandedParticles(
            particles, "Take the particles that they were made from, or use *GMM focused refine* on one unit."
        )

    def _summary(self):
        results = self._results()
        if not hasattr(self, "outputVolume"):
            return self._whatIsGoingOn()
        lines = [f"Resolution: {self._resolution()}", *self._directions()]
        for one in results.get("iterations", []):
            place = f"Iteration {one['iteration']}" if one["iteration"] else "Start poses"
            lines.append(f"{place}: {describeResolution(one.get('resolution'))}")
        return lines + self._notes()

    def _methods(self):
        if not hasattr(self, "outputVolume"):
            return []
        return [
            f"The poses of {self._whatWasRefined()} were refined against Gaussian mixture models, one per half set "
            f"[Chen2023]. The gold-standard resolution at FSC {self.fscThreshold.get():g} is "
            f"{self._resolution()} [Rosenthal2003]."
        ]

    def _whatWasRefined(self):
        """The object of the methods' sentence."""
        symmetry = self.symmetry.get().strip().upper()
        imposed = "" if symmetry == "C1" else f" with {symmetry} symmetry"
        return f"{countParticles(self.inputParticles.get())}{imposed}"

    def _citations(self):
        return ["Chen2023", "Chen2021", "Rosenthal2003"]

    # --------------------------- UTILS functions ------------------------------
    def getIterationFolders(self):
        """Folders of the iterations that are there, the start poses first."""
        parent = self._getExtraPath("iterations")
        names = sorted(os.listdir(parent)) if os.path.isdir(parent) else []
        return [os.path.join(parent, name) for name in names if os.path.exists(os.path.join(parent, name, FSC_FILE))]
