# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Sharpen a map, as a whole or locally."""

from pwem.objects import Volume
from pwem.protocols import ProtOperateVolumes
from pyworkflow.protocol import params

from gmmrefine import settings
from scipion_gmmrefine.constants import COMPARISON_FIGURE, FSC_FILE, GUINIER_FIGURE, SHARPENED_FILE, UNMODIFIED_FILE
from scipion_gmmrefine.convert.images import halfMapFiles
from scipion_gmmrefine.convert.tables import readRun, rounded
from scipion_gmmrefine.engine import EngineFailure
from scipion_gmmrefine.protocols.form import addSettings, addThreads, engineOptions, rows, without
from scipion_gmmrefine.protocols.form_checks import beyondNyquist, wrongGrid
from scipion_gmmrefine.protocols.protocol_maps import HANDED_OVER, MapProtocol, notACube

RESOLUTION_FOLDER = "resolution"
B_FACTOR, MODEL_PROFILE, LOCAL_RESOLUTION, LOCAL_MODEL, LOCAL = range(len(settings.SHARPENING.choices))
WITH_MODEL = f"sharpening in ({MODEL_PROFILE}, {LOCAL_MODEL})"
CONDITIONS = {
    "low_pass": "localResolution is None",
    "b_factor": f"not {WITH_MODEL}",
    "guinier_from": f"sharpening in ({LOCAL_MODEL}, {LOCAL}) or (sharpening!={MODEL_PROFILE} and not bFactor)",
    "reference_model": WITH_MODEL,
    "model_resolution": WITH_MODEL,
    "place_from": WITH_MODEL,
    "amplitude_window": f"sharpening in ({LOCAL_MODEL}, {LOCAL})",
    "mask_resolution": "mask is None",
    "mask_edge": "mask is None",
}
WAYS = {
    B_FACTOR: "by a B factor [Rosenthal2003]",
    MODEL_PROFILE: "to the radial amplitudes of the atomic model [Chen2023]",
    LOCAL_RESOLUTION: "by a B factor that follows the local resolution",
    LOCAL_MODEL: "to the local amplitudes of the atomic model [Jakobi2017]",
    LOCAL: "by making its local amplitudes even",
}


class GmmRefineProtSharpen(MapProtocol, ProtOperateVolumes):
    """Sharpen a map: by a B factor, to an atomic model's amplitudes, or locally.

    *Input*: an unsharpened, unmasked volume of any protocol. Up to its resolution amplitudes are corrected; beyond it
    sharpening shows nothing but noise. Left empty, the resolution is that of the volume's half maps inside a mask. The volume
    of *GMM local resolution* says it for every voxel.

    *Output*: the sharpened volume, and beside it the unmodified one. Both carry the half maps of the input as they were: an FSC
    is measured from those.

    Sharpening changes how a map looks and what can be seen in it, ligands, ions and waters above all. Compare both volumes
    with *GMM map audit* before believing a feature, and build models with both at hand.
    """

    _label = "GMM sharpen"
    _possibleOutputs = {"outputVolume": Volume, "outputUnmodified": Volume}

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        form.addSection(label="Input")
        form.addParam(
            "inputVolume",
            params.PointerParam,
            pointerClass="Volume",
            important=True,
            label="Input volume",
            help="Unsharpened and unmasked; of any protocol.",
        )
        addSettings(form, (settings.SHARPENING, settings.RESOLUTION_MAP, settings.LOW_PASS, settings.MASK), CONDITIONS)
        addSettings(form, without(rows(settings.SharpenSettings), HANDED_OVER), CONDITIONS)
        addThreads(form)

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        named = engineOptions(self, without(rows(settings.SharpenSettings), HANDED_OVER))
        options = [*named, *self._originOptions(self.inputVolume.get()), *self._extra()]
        files = self._filesOf("inputVolume", "localResolution", "mask")
        self._insertFunctionStep(self.sharpenStep, files, options, self._mustMeasure(), needsGPU=False)
        self._insertFunctionStep(self.createOutputStep, files, options, needsGPU=False)

    # --------------------------- STEPS functions ------------------------------
    def sharpenStep(self, _files, options, mustMeasure):
        volume = self._engineMap(self.inputVolume.get(), "map")
        if mustMeasure:
            options = [*options, settings.LOW_PASS.option, str(self._measuredResolution())]
        self._runEngine("sharpen", [volume, *options], [SHARPENED_FILE, UNMODIFIED_FILE, GUINIER_FIGURE, COMPARISON_FIGURE])

    def _mustMeasure(self):
        """Whether the resolution is not said, so that the half maps have to tell it."""
        return self.localResolution.get() is None and not self.lowPass.get()

    def _measuredResolution(self):
        """Resolution of the half maps inside the mask, one made from them where none is given, Å."""
        volume, mask = self.inputVolume.get(), self.mask.get()
        inside = [settings.MAKE_MASK.option] if mask is None else engineOptions(self, (settings.MASK,))
        self._runEngine(
            "fsc",
            [*self._engineHalfMaps(volume), *inside, *engineOptions(self, (settings.THREADS,))],
            [FSC_FILE],
            folder=RESOLUTION_FOLDER,
        )
        found = readRun(self._getExtraPath(RESOLUTION_FOLDER)).get("results", {}).get("resolution")
        if not found:
            raise EngineFailure(
                "The half maps do not agree at any resolution, so that nothing can be sharpened. Fill in "
                f"'{settings.LOW_PASS.form_label}' if the resolution is known otherwise."
            )
        return rounded(found, volume.getSamplingRate())

    def createOutputStep(self, _files, _options):
        volume, outputs = self.inputVolume.get(), {}
        for name, fileName in (("outputVolume", SHARPENED_FILE), ("outputUnmodified", UNMODIFIED_FILE)):
            outputs[name] = self._mapLike(volume, fileName)
            if volume.hasHalfMaps():
                outputs[name].setHalfMaps(volume.getHalfMaps())
        self._defineOutputs(**outputs)
        for output in outputs.values():
            self._defineSourceRelation(self.inputVolume, output)

    def _needsModel(self):
        return self.sharpening.get() in (MODEL_PROFILE, LOCAL_MODEL)

    # --------------------------- INFO functions -------------------------------
    def _validate(self):
        volume, local = self.inputVolume.get(), self.localResolution.get()
        if volume is None:
            return []  # Scipion itself reports an empty input
        errors = self._validateChoice(local) + notACube(volume, "volume")
        if local is None:
            errors += beyondNyquist(settings.LOW_PASS, self.lowPass.get(), volume.getSamplingRate())
        for other, name in ((local, "local resolution volume"), (self.mask.get(), "mask")):
            if other is not None and not errors:
                errors += wrongGrid(other, volume.getXDim(), volume.getSamplingRate(), name)
        return errors

    def _validateChoice(self, local):
        """Errors of a way to sharpen that lacks what it needs."""
        if self._needsModel():
            if self.referenceModel.get() is None:
                return [
                    f"*{settings.REFERENCE_MODEL.form_label}* is empty; {self.getEnumText('sharpening')} takes its "
                    "amplitudes.\nGive an atomic model fitted to the map, or choose another way."
                ]
            missing = self._missingModel(self.referenceModel.get())
            if missing:
                return missing
        if local is None and self.sharpening.get() == LOCAL_RESOLUTION:
            return [
                f"*{settings.RESOLUTION_MAP.form_label}* is empty; {self.getEnumText('sharpening')} follows it.\n"
                "Run *GMM local resolution* on the volume first."
            ]
        if self._mustMeasure() and len(halfMapFiles(self.inputVolume.get())) != 2:
            return [
                f"*{settings.LOW_PASS.form_label}* is empty, and the volume has no half maps that would tell it.\n"
                "Give the resolution of its FSC, or a local resolution map."
            ]
        return []

    def _summary(self):
        if not hasattr(self, "outputVolume"):
            return [self._progress()] if self.isActive() else ["Not sharpened yet."]
        results = self._results()
        lines = [f"Sharpened ({results['sharpening']}) to {results['resolution']:.2f} Å"]
        if "b_factor" in results:
            lines.append(f"B factor {results['b_factor']:.1f} Å², {self._originOfB(results)}")
        if results.get("atoms_outside"):
            lines.append(f"{results['atoms_outside']} atoms of the model lie outside the map and were left out")
        return [*lines, *self._notes(), "Compare it with the unmodified volume by GMM map audit before believing a feature."]

    @staticmethod
    def _originOfB(results):
        if "guinier_range" not in results:
            return "as given"
        coarse, fine = results["guinier_range"]
        return f"fitted from {coarse:.1f} to {fine:.1f} Å"

    def _methods(self):
        if not hasattr(self, "outputVolume"):
            return []
        results = self._results()
        text = f"The map was sharpened {WAYS[self.sharpening.get()]}, to {results['resolution']:.2f} Å"
        return [text + (f" (B factor {results['b_factor']:.1f} Å²)." if "b_factor" in results else ".")]

    def _citations(self):
        way = {
            LOCAL_MODEL: ["Jakobi2017"],
            B_FACTOR: ["Rosenthal2003"],
            LOCAL_RESOLUTION: ["Rosenthal2003"],
            LOCAL: ["Rosenthal2003"],
        }
        return ["Chen2023", *way.get(self.sharpening.get(), [])]
