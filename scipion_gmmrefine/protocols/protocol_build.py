# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Build a Gaussian mixture model from a density map."""

from pwem.protocols import ProtAnalysis3D
from pyworkflow.protocol import params

from gmmrefine import settings
from scipion_gmmrefine.constants import GMM_FILE, GMM_FSC_FILE
from scipion_gmmrefine.convert.images import plainFileName
from scipion_gmmrefine.convert.tables import readCurve, readGaussians
from scipion_gmmrefine.objects import GmmFSC, GmmModel
from scipion_gmmrefine.protocols.form import (
    COMPUTING,
    addComputing,
    addSettings,
    engineOptions,
    placeConditions,
    rows,
    without,
)
from scipion_gmmrefine.protocols.form_checks import beyondNyquist, wrongGaussians, wrongGrid
from scipion_gmmrefine.protocols.protocol_maps import HANDED_OVER, MapProtocol

SETTINGS = without(rows(settings.BuildSettings), HANDED_OVER)


class GmmRefineProtBuild(MapProtocol, ProtAnalysis3D):
    """Represent a density map by a sum of Gaussians (Chen and Ludtke 2021).

    Gaussians are seeded on the density inside the mask; then position, height and width of every Gaussian are fitted to
    the map. Alternatively they start from an atomic model, one per non-hydrogen atom.

    The agreement of model and map is reported as a Fourier shell correlation; it should stay above 0.9 up to the
    resolution of the map. If it does not, use more Gaussians.

    *GMM refine* builds its own models from the half maps. This protocol is for looking at a map beforehand and for
    choosing the number of Gaussians.
    """

    _label = "GMM build"
    _possibleOutputs = {"outputGmm": GmmModel, "outputFSC": GmmFSC}

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        form.addSection(label="Input")
        form.addParam(
            "inputVolume",
            params.PointerParam,
            pointerClass="Volume",
            important=True,
            label="Input volume",
            help="Density map to represent, at best low-passed to its resolution.",
        )
        addSettings(form, (settings.RESOLUTION, settings.GAUSSIANS, settings.MASK))
        form.addSection(label="Gaussians and mask")
        addSettings(form, SETTINGS, placeConditions("model is not None"))
        form.addSection(label="Computing")
        addComputing(form)

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        volume = self.inputVolume.get()
        arguments = [
            plainFileName(volume.getFileName()),
            *engineOptions(self, SETTINGS, COMPUTING),
            *self._originOptions(volume),
            *self._extra(),
        ]
        self._insertFunctionStep(self.buildStep, arguments)
        self._insertFunctionStep(self.createOutputStep, arguments, needsGPU=False)

    # --------------------------- STEPS functions ------------------------------
    def buildStep(self, arguments):
        volume = self._engineMap(self.inputVolume.get(), "map")
        self._runEngine("build", [volume, *arguments[1:]], [GMM_FILE, GMM_FSC_FILE])

    def createOutputStep(self, _arguments):
        volume = self.inputVolume.get()
        gmmFile = self._getExtraPath(GMM_FILE)
        model = GmmModel(
            gmmFile,
            numberOfGaussians=len(readGaussians(gmmFile)["widths"]),
            mapFileName=plainFileName(volume.getFileName()),
            samplingRate=volume.getSamplingRate(),
        )
        curve = GmmFSC(objLabel="GMM against map")
        curve.setData(*(values.tolist() for values in readCurve(self._getExtraPath(GMM_FSC_FILE))))
        self._defineOutputs(outputGmm=model, outputFSC=curve)
        for output in (model, curve):
            self._defineSourceRelation(self.inputVolume, output)

    # --------------------------- INFO functions -------------------------------
    def _validate(self):
        volume = self.inputVolume.get()
        if volume is None:
            return []  # Scipion itself reports an empty input
        errors = wrongGaussians(self.gaussians.get())
        errors += beyondNyquist(settings.RESOLUTION, self.resolution.get(), volume.getSamplingRate())
        x, y, z = volume.getDim()
        if not x == y == z:
            errors.append(f"The input volume has {x}×{y}×{z} voxels; a cube is needed.\nCrop or pad it to a cube.")
        elif self.mask.get() is not None:
            errors += wrongGrid(self.mask.get(), x, volume.getSamplingRate(), "mask")
        return errors

    def _summary(self):
        model = getattr(self, "outputGmm", None)
        if model is None:
            return [self._progress()] if self.isActive() else ["Not built yet."]
        return [f"{model.getNumberOfGaussians()} Gaussians; mean FSC with the map {self._meanFsc():.3f}.", *self._notes()]

    def _methods(self):
        model = getattr(self, "outputGmm", None)
        return (
            []
            if model is None
            else [
                f"The map was represented by {model.getNumberOfGaussians()} Gaussians [Chen2021]; their mean Fourier shell "
                f"correlation with the map is {self._meanFsc():.3f}."
            ]
        )

    def _citations(self):
        return ["Chen2021", "Chen2023"]

    # --------------------------- UTILS functions ------------------------------
    def _meanFsc(self):
        """Mean FSC over the band that was fitted, from the engine's record."""
        return self._results()["mean_fsc"]
