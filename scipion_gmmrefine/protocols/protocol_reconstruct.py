# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Reconstruct particles at their poses."""

from pwem.objects import SetOfFSCs, Volume, VolumeMask
from pwem.protocols import ProtReconstruct3D

from gmmrefine import settings
from scipion_gmmrefine.constants import FSC_FILE, HALF_MAP_FILES, INPUT_FILE, MAP_FILE, MASK_FILE
from scipion_gmmrefine.protocols.form import COMPUTING, addComputing, addSettings, engineOptions, rows
from scipion_gmmrefine.protocols.form_checks import expandedParticles, wrongGrid, wrongSymmetry
from scipion_gmmrefine.protocols.protocol_particles import ParticlesProtocol, countParticles

SETTINGS = rows(settings.ReconstructSettings)


class GmmRefineProtReconstruct(ParticlesProtocol, ProtReconstruct3D):
    """Reconstruct particles at the poses they have, each half set by itself, and measure the gold-standard FSC.

    *Input*: particles with poses, CTF and half sets of any protocol, such as a set of particles that was picked among learned
    conformations. Optics groups of different pixel sizes, beam tilt, aberrations and Ewald's curvature are treated as in *GMM
    refine*.

    *Output*: the map, low-passed at its resolution, with its unfiltered half maps, the FSC, and the mask it was measured in.
    """

    _label = "GMM reconstruct"
    _possibleOutputs = {"outputVolume": Volume, "outputFSC": SetOfFSCs, "outputMask": VolumeMask}

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        self._defineParticles(form)
        addSettings(form, (settings.MASK, settings.SYMMETRY))
        self._defineImages(form)
        addSettings(form, SETTINGS)
        form.addSection(label="Computing")
        addComputing(form)

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        options = [*engineOptions(self, SETTINGS, COMPUTING), *self._extra()]
        self._insertConversion()
        self._insertFunctionStep(self.reconstructStep, options)
        self._insertFunctionStep(self.createOutputStep, options, needsGPU=False)

    # --------------------------- STEPS functions ------------------------------
    def reconstructStep(self, options):
        self._runEngine(
            "reconstruct", [self._getExtraPath(INPUT_FILE), *options], [MAP_FILE, MASK_FILE, FSC_FILE, *HALF_MAP_FILES]
        )

    def createOutputStep(self, _options):
        samplingRate = self._mapGrid()[1]
        outputs = {
            "outputVolume": self._volume(samplingRate),
            "outputFSC": self._fscs(),
            "outputMask": self._mask(samplingRate, MASK_FILE),
        }
        self._defineOutputs(**outputs)
        for output in outputs.values():
            self._defineSourceRelation(self.inputParticles, output)

    # --------------------------- INFO functions -------------------------------
    def _validate(self):
        particles = self.inputParticles.get()
        if particles is None:
            return []  # Scipion itself reports an empty input
        errors = self._validatePoses(particles) or self._validateHalves(particles)
        errors += wrongSymmetry(self.symmetry.get())
        if self.symmetry.get().strip().upper() != "C1":
            errors += expandedParticles(particles, "Set the symmetry to C1: every copy is at its own place already.")
        if self.mask.get() is not None:
            errors += wrongGrid(self.mask.get(), *self._mapGrid(), "mask")
        return errors

    def _summary(self):
        if not hasattr(self, "outputVolume"):
            return self._whatIsGoingOn()
        return [f"Resolution: {self._resolution()}", *self._directions(), *self._notes()]

    def _methods(self):
        return (
            [
                f"{countParticles(self.inputParticles.get())} were reconstructed at their poses, one map for each half set; "
                f"the gold-standard resolution at FSC {self.fscThreshold.get():g} is {self._resolution()} [Rosenthal2003]."
            ]
            if hasattr(self, "outputVolume")
            else []
        )

    def _citations(self):
        return ["Rosenthal2003", "Chen2023"]
