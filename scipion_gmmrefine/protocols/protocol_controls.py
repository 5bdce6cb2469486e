"""Controls of a finished refinement."""

from pwem.protocols import ProtAnalysis3D
from pyworkflow.protocol import params

from gmmrefine import settings
from scipion_gmmrefine.protocols.form import COMPUTING, addComputing, addSettings, engineOptions, rows
from scipion_gmmrefine.protocols.form_checks import wrongControls
from scipion_gmmrefine.protocols.protocol_base import EngineProtocol, describeResolution

CONTROLS_FILES = ("controls.star", "controls.json", "report.html")


class GmmRefineProtControls(EngineProtocol, ProtAnalysis3D):
    """What would a refinement have found without a signal to find?

    *Input*: a finished *GMM refine*, *GMM focused refine* or *GMM patch refine*. It is repeated as it was with images of noise
    that have the same poses, CTF and half sets; from start maps whose phases are random beyond their resolution; with half
    sets drawn anew at its final poses; and with images of noise against its final maps. Of patches the first is made, patch by
    patch.

    *Result* (summary, and report.html in the extra folder): what each control gained and by how much it changed the poses. A
    control passes when it gains no more than a tenth of the resolution that the refinement gained, and changes poses by no
    more than their expected errors. *Methods* has a sentence for the paper. Nothing of the refinement is changed. It takes
    about three times as long as the refinement did; an interrupted run goes on with *Continue*.
    """

    _label = "GMM controls"

    # --------------------------- DEFINE param functions ----------------------
    def _defineParams(self, form):
        form.addSection(label="Input")
        form.addParam(
            "inputRefinement",
            params.PointerParam,
            important=True,
            label="Refinement",
            pointerClass="GmmRefineProtRefine,GmmRefineProtFocus,GmmRefineProtPatches",
            help="Finished. Its folder must still hold its iterations.",
        )
        addSettings(form, rows(settings.ControlsSettings))
        form.addSection(label="Computing")
        addComputing(form)

    # --------------------------- INSERT steps functions ----------------------
    def _insertAllSteps(self):
        options = engineOptions(self, rows(settings.ControlsSettings), COMPUTING)
        self._insertFunctionStep(self.controlStep, self.inputRefinement.get().getObjId(), options)

    # --------------------------- STEPS functions ------------------------------
    def controlStep(self, _refinementId, options):
        folder = self.inputRefinement.get()._getExtraPath()
        self._runEngine("controls", [folder, *options], CONTROLS_FILES)

    # --------------------------- INFO functions -------------------------------
    def _validate(self):
        return wrongControls(self.controls.get())

    def _summary(self):
        results = self._results()
        if not results:
            return [self._progress()] if self.isActive() else ["Not made yet."]
        lines = ["All controls passed." if results["passes"] else "*Not all controls passed.*"]
        if "gain" in results:
            lines.append(
                f"The refinement gained {results['gain']:.4f} 1/Å, with expected errors of "
                f"{results['expected_rotation_error']:.2f}° and {results['expected_shift_error']:.2f} Å"
            )
        for row in results["controls"]:
            text = (
                f"{row['title']}: {'passes' if row['passes'] else 'does not pass'}; "
                f"{describeResolution(row['resolution_before'])} → "
                f"{describeResolution(row['resolution_after'])}, gain {row['gain']:.4f} 1/Å, poses changed by "
                f"{row['rotation_change_deg']:.2f}° and {row['shift_change']:.2f} Å"
            )
            lines.append(text)
        return lines + self._notes()

    def _methods(self):
        return [self._results()["methods"]] if self._results() else []

    def _citations(self):
        return ["Chen2023"]
