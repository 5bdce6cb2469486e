# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Make a symmetric map from a focused refinement of one unit."""

from pwem.objects import SetOfFSCs, Volume, VolumeMask
from pwem.protocols import ProtOperateVolumes
from pyworkflow.protocol import params

from gmmrefine import settings
from scipion_gmmrefine.constants import FSC_FILE, HALF_MAP_FILES, MAP_FILE, MASK_FILE
from scipion_gmmrefine.protocols.form import addSettings, addThreads, engineOptions
from scipion_gmmrefine.protocols.form_checks import withoutHalfMaps, wrongGrid, wrongSymmetry
from scipion_gmmrefine.protocols.protocol_maps import MapProtocol

SETTINGS = (settings.SYMMETRY, settings.FSC_THRESHOLD, settings.SEED, settings.THREADS)


class GmmRefineProtImposeSymmetry(MapProtocol, ProtOperateVolumes):
    """Make a symmetric map from a focused refinement of one unit of an oligomer.

    *Input*: the volume of *GMM focused refine* on symmetry-expanded particles, with its half maps, and its focus mask. Copies
    of the half maps are turned to all units and averaged, weighted by the turned masks, each half on its own.

    *Output*: the symmetric map with its half maps, FSC, and the union of the masks. Outside that union the map is 0, or the
    background: a volume of the whole molecule that was made from the same half sets; another one of this plugin is refused.
    """

    _label = "GMM impose symmetry"
    _possibleOutputs = {"outputVolume": Volume, "outputFSC": SetOfFSCs, "outputMask": VolumeMask}

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        form.addSection(label="Input")
        form.addParam(
            "inputVolume",
            params.PointerParam,
            pointerClass="Volume",
            important=True,
            label="Volume of one unit",
            help="With half maps, as *GMM focused refine* gives it.",
        )
        form.addParam(
            "inputMask",
            params.PointerParam,
            pointerClass="VolumeMask",
            important=True,
            label="Mask of the unit",
            help="Focus mask of that refinement, values 0 to 1: how much a voxel counts.",
        )
        addSettings(form, SETTINGS[:1])
        form.addParam(
            "backgroundVolume",
            params.PointerParam,
            pointerClass="Volume",
            allowsNull=True,
            label="Background",
            help="Volume of the whole molecule with half maps, of the same half sets, for what lies outside all "
            "masks. The symmetry is measured on it and refused where it is absent; a volume that was refined "
            "with the symmetry has it in any case. Empty leaves 0 there.",
        )
        addSettings(form, SETTINGS[1:])
        addThreads(form)

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        files = self._filesOf("inputVolume", "inputMask", "backgroundVolume")
        options = [*engineOptions(self, SETTINGS), *self._extra()]
        self._insertFunctionStep(self.imposeStep, files, options, needsGPU=False)
        self._insertFunctionStep(self.createOutputStep, files, options, needsGPU=False)

    # --------------------------- STEPS functions ------------------------------
    def imposeStep(self, _files, options):
        halves = self._engineHalfMaps(self.inputVolume.get())
        mask = self._engineMap(self.inputMask.get(), "unit_mask")
        background = self.backgroundVolume.get()
        if background is not None:
            options = [*options, "--background", *self._engineHalfMaps(background, name="background")]
        self._runEngine(
            "impose-symmetry", [*halves, "--mask", mask, *options], [MAP_FILE, *HALF_MAP_FILES, MASK_FILE, FSC_FILE]
        )

    def createOutputStep(self, _files, _options):
        samplingRate = self.inputVolume.get().getSamplingRate()
        outputs = {
            "outputVolume": self._volume(samplingRate),
            "outputFSC": self._fscs(),
            "outputMask": self._mask(samplingRate, MASK_FILE),
        }
        self._defineOutputs(**outputs)
        for output in outputs.values():
            self._defineSourceRelation(self.inputVolume, output)

    # --------------------------- INFO functions -------------------------------
    def _validate(self):
        errors = wrongSymmetry(self.symmetry.get(), oligomer=True)
        volume, mask, background = self.inputVolume.get(), self.inputMask.get(), self.backgroundVolume.get()
        if volume is None or mask is None:
            return errors  # Scipion itself reports an empty input
        grid = volume.getXDim(), volume.getSamplingRate()
        errors += withoutHalfMaps(volume, "volume") + wrongGrid(mask, *grid, "mask")
        if background is not None:
            errors += withoutHalfMaps(background, "background") + wrongGrid(background, *grid, "background")
        return errors

    def _summary(self):
        if not hasattr(self, "outputVolume"):
            return ["Not imposed yet."]
        return [f"{self.symmetry.get().upper()}, resolution {self._resolution()}", self._describeSymmetry()]

    def _methods(self):
        return (
            [
                f"{self.symmetry.get().upper()} symmetry was imposed on the focused half maps by a mask-weighted average of "
                f"their turned copies [Chen2023]; the gold-standard resolution is {self._resolution()} [Rosenthal2003]."
            ]
            if hasattr(self, "outputVolume")
            else []
        )

    def _citations(self):
        return ["Chen2023", "Rosenthal2003"]
