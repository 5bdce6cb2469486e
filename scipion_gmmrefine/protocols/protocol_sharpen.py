"""Sharpen a map, as a whole or locally."""

from pwem.objects import Volume
from pwem.protocols import ProtOperateVolumes
from pyworkflow import BETA
from pyworkflow.protocol import params

from gmmrefine import settings
from scipion_gmmrefine.constants import COMPARISON_FIGURE, GUINIER_FIGURE, SHARPENED_FILE, UNMODIFIED_FILE
from scipion_gmmrefine.protocols.form import addSettings, engineOptions, rows, without
from scipion_gmmrefine.protocols.form_checks import beyondNyquist, wrongGrid
from scipion_gmmrefine.protocols.protocol_maps import HANDED_OVER, MapProtocol, notACube

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
    "mask_edge": "mask is None"}
WAYS = {
    B_FACTOR: "by a B factor [Rosenthal2003]", MODEL_PROFILE: "to the radial amplitudes of the atomic model [Chen2023]",
    LOCAL_RESOLUTION: "by a B factor that follows the local resolution",
    LOCAL_MODEL: "to the local amplitudes of the atomic model [Jakobi2017]", LOCAL: "by making its local amplitudes even"}


class GmmRefineProtSharpen(MapProtocol, ProtOperateVolumes):
    """Sharpen a map: by a B factor, to an atomic model's amplitudes, or locally.

    *Input*: an unsharpened, unmasked volume of any protocol, and its resolution: one number, or the volume of *GMM local
    resolution*. Beyond it sharpening shows nothing but noise.

    *Output*: the sharpened volume, and beside it the unmodified one. Both carry the half maps of the input as they were: an FSC
    is measured from those.

    Sharpening changes how a map looks and what can be seen in it, ligands, ions and waters above all. Compare both volumes
    with *GMM map audit* before believing a feature, and build models with both at hand.
    """

    _label = "GMM sharpen"
    _devStatus = BETA
    _possibleOutputs = {"outputVolume": Volume, "outputUnmodified": Volume}

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        form.addSection(label="Input")
        form.addParam("inputVolume", params.PointerParam, pointerClass="Volume", important=True, label="Input volume",
                      help="Unsharpened and unmasked; of any protocol.")
        addSettings(form, without(rows(settings.SharpenSettings), HANDED_OVER), CONDITIONS)

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        named = engineOptions(self, without(rows(settings.SharpenSettings), HANDED_OVER))
        options = [*named, *self._originOptions(self.inputVolume.get())]
        files = self._filesOf("inputVolume", "localResolution", "mask")
        self._insertFunctionStep(self.sharpenStep, files, options, needsGPU=False)
        self._insertFunctionStep(self.createOutputStep, files, options, needsGPU=False)

    # --------------------------- STEPS functions ------------------------------
    def sharpenStep(self, _files, options):
        volume = self._engineMap(self.inputVolume.get(), "map")
        self._runEngine("sharpen", [volume, *options], [
            SHARPENED_FILE, UNMODIFIED_FILE, GUINIER_FIGURE, COMPARISON_FIGURE])

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
                return [f"*{settings.REFERENCE_MODEL.form_label}* is empty; {self.getEnumText('sharpening')} takes its "
                        "amplitudes.\nGive an atomic model fitted to the map, or choose another way."]
            missing = self._missingModel(self.referenceModel.get())
            if missing:
                return missing
        if local is None and self.sharpening.get() == LOCAL_RESOLUTION:
            return [f"*{settings.RESOLUTION_MAP.form_label}* is empty; {self.getEnumText('sharpening')} follows it.\n"
                    "Run *GMM local resolution* on the volume first."]
        if local is None and not self.lowPass.get():
            return [f"*{settings.LOW_PASS.form_label}* is 0 and there is no local resolution map: the resolution is not "
                    "known.\nGive that of the FSC; the wizard finds it where the volume has half maps."]
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
        way = {LOCAL_MODEL: ["Jakobi2017"], B_FACTOR: ["Rosenthal2003"], LOCAL_RESOLUTION: ["Rosenthal2003"],
               LOCAL: ["Rosenthal2003"]}
        return ["Chen2023", *way.get(self.sharpening.get(), [])]
