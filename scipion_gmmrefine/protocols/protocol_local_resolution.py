# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Measure the resolution around every voxel of a map."""

import os

from pwem.objects import Volume, VolumeMask
from pwem.protocols import ProtAnalysis3D
from pyworkflow.protocol import params

from gmmrefine import settings
from scipion_gmmrefine.constants import FILTERED_FILE, LOCAL_RESOLUTION_FIGURE, LOCAL_RESOLUTION_FILE, MASK_FILE
from scipion_gmmrefine.protocols.form import addSettings, addThreads, engineOptions, rows
from scipion_gmmrefine.protocols.protocol_base import describeResolution
from scipion_gmmrefine.protocols.protocol_maps import MapProtocol, unfitHalves

FILTERED_FOLDER = "filtered"
MASK_ROWS = (settings.MASK_RESOLUTION, settings.MASK_EDGE)
CONDITIONS = {setting.name: "mask is None" for setting in MASK_ROWS}


class GmmRefineProtLocalResolution(MapProtocol, ProtAnalysis3D):
    """Measure the resolution around every voxel, by the Fourier shell correlation of two half maps in soft windows.

    *Input*: a volume with half maps, unfiltered and unmasked, of any protocol.

    *Output*: a volume of the resolution in Å at every voxel, 0 outside the mask, and the mask. On request also the input
    volume low-passed at every voxel to its local resolution; it carries the unfiltered half maps.

    The windows grow with the resolution that they look at, so that every value rests on equally many samples; the
    default repeats within 8 %. Voxels where the half maps agree nowhere get the coarsest resolution that is measured, a sixth
    of the box. The resolution volume can be given to *GMM sharpen*.
    """

    _label = "GMM local resolution"
    _possibleOutputs = {"outputResolution": Volume, "outputMask": VolumeMask, "outputVolume": Volume}

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        form.addSection(label="Input")
        form.addParam(
            "inputVolume",
            params.PointerParam,
            pointerClass="Volume",
            important=True,
            label="Input volume",
            help="With unfiltered half maps; of any protocol.",
        )
        addSettings(form, (settings.MASK,))
        form.addParam(
            "filterVolume",
            params.BooleanParam,
            default=False,
            label="Low-pass the volume by it?",
            help="Yes: the input volume is also low-passed, at every voxel, to its local resolution.",
        )
        addSettings(form, rows(settings.LocalResolutionSettings), CONDITIONS)
        addThreads(form)

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        options = [*engineOptions(self, rows(settings.LocalResolutionSettings)), *self._extra()]
        files = self._filesOf("inputVolume", "mask")
        self._insertFunctionStep(self.measureStep, files, options, needsGPU=False)
        if self.filterVolume:
            self._insertFunctionStep(self.filterStep, files, options, needsGPU=False)
        self._insertFunctionStep(self.createOutputStep, files, options, self.filterVolume.get(), needsGPU=False)

    # --------------------------- STEPS functions ------------------------------
    def measureStep(self, _files, options):
        self._runEngine(
            "local-resolution",
            [*self._engineHalfMaps(self.inputVolume.get()), *options],
            [LOCAL_RESOLUTION_FILE, MASK_FILE, LOCAL_RESOLUTION_FIGURE],
        )

    def filterStep(self, _files, _options):
        volume = self._engineMap(self.inputVolume.get(), "map")
        self._runEngine(
            "local-filter",
            [
                volume,
                settings.RESOLUTION_MAP.option,
                self._getExtraPath(LOCAL_RESOLUTION_FILE),
                *engineOptions(self, (settings.THREADS,)),
            ],
            [FILTERED_FILE],
            folder=FILTERED_FOLDER,
        )

    def createOutputStep(self, _files, _options, filtered):
        volume = self.inputVolume.get()
        outputs = {
            "outputResolution": self._mapLike(volume, LOCAL_RESOLUTION_FILE),
            "outputMask": self._mask(volume.getSamplingRate(), MASK_FILE),
        }
        if filtered:
            outputs["outputVolume"] = self._mapLike(volume, os.path.join(FILTERED_FOLDER, FILTERED_FILE))
            outputs["outputVolume"].setHalfMaps(volume.getHalfMaps())
        self._defineOutputs(**outputs)
        for output in outputs.values():
            self._defineSourceRelation(self.inputVolume, output)

    # --------------------------- INFO functions -------------------------------
    def _validate(self):
        volume = self.inputVolume.get()
        if volume is None:
            return []  # Scipion itself reports an empty input
        return unfitHalves(volume, self.mask.get())

    def _summary(self):
        if not hasattr(self, "outputResolution"):
            return [self._progress()] if self.isActive() else ["Not measured yet."]
        results = self._results()
        low, median, high = results["quartiles"]
        lines = [
            f"Local resolution: median {median:.2f} Å, half of the voxels between {low:.2f} and {high:.2f} Å",
            f"Resolution of the whole: {describeResolution(results['resolution'], results.get('resolution_text', ''))}",
        ]
        if results["share_unresolved"] > 0:
            lines.append(
                f"{results['share_unresolved']:.1%} of the voxels inside the mask are worse than "
                f"{results['coarsest_measured']:.1f} Å, the coarsest that is measured"
            )
        return lines + self._notes()

    def _methods(self):
        if not hasattr(self, "outputResolution"):
            return []
        low, median, high = self._results()["quartiles"]
        return [
            f"The local resolution was measured from the half maps by GMM refine [Chen2023]; its median is {median:.2f} Å, "
            f"its quartiles {low:.2f} and {high:.2f} Å."
        ]

    def _citations(self):
        return ["Chen2023"]
