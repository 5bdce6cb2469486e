# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""What GMM density modification made: the modified map beside the unmodified one, their FSC, the error model and the audit."""

from pyworkflow.protocol import params

from scipion_gmmrefine.constants import (
    AUDIT_FOLDER,
    COMPARISON_FIGURE,
    ERROR_MODEL_FIGURE,
    FSC_FILE,
    MASK_FILE,
    MODIFIED_FILE,
    MODIFIED_HALF_FILES,
    UNMODIFIED_FILE,
)
from scipion_gmmrefine.convert.tables import readCurve
from scipion_gmmrefine.protocols import GmmRefineProtModify
from scipion_gmmrefine.protocols.protocol_modify import FSC_CURVES_OF_BOTH
from scipion_gmmrefine.viewers.plots import plotFsc
from scipion_gmmrefine.viewers.viewer_audit import AuditedViewer
from scipion_gmmrefine.viewers.views import plotterOf


class GmmRefineModifyViewer(AuditedViewer):
    """Results of GMM density modification."""

    _targets = [GmmRefineProtModify]
    _label = "viewer GMM density modification"
    FOLDER = AUDIT_FOLDER
    MAPS = {
        "modified": MODIFIED_FILE,
        "unmodified": UNMODIFIED_FILE,
        "modified half map 1": MODIFIED_HALF_FILES[0],
        "modified half map 2": MODIFIED_HALF_FILES[1],
        "mask": MASK_FILE,
    }
    MAPS_HELP = "Compare the first two; the unmodified map shows what the modification has weakened."

    def _defineParams(self, form):
        form.addSection(label="Visualization")
        self._defineReport(form)
        form.addParam(
            "showComparison",
            params.LabelParam,
            label="Slices of both maps",
            help="The three central slices of the unmodified and of the modified map.",
        )
        form.addParam(
            "showFscKinds",
            params.LabelParam,
            label="FSC of the half maps, given and modified",
            help="The resolution to quote is that of the half maps given, corrected by randomised phases. The FSC of "
            "the modified ones is too high where a part is much weaker than another.",
        )
        form.addParam(
            "showErrorModel",
            params.LabelParam,
            label="Signal, noise and gain",
            help="By resolution, inside the mask and in the solvent: what the weights were made from.",
        )
        if self.protocol.inputStructure.get() is not None:
            group = form.addGroup("Audit against the unmodified map")
            self._defineAllMaps(group)
            self._defineOneMap(group)
        self._defineMaps(form)

    def _shown(self):
        return {
            **super()._shown(),
            **self._auditShown(),
            "showFscKinds": self._showFscKinds,
            "showComparison": lambda: self._pictures(COMPARISON_FIGURE),
            "showErrorModel": lambda: self._pictures(ERROR_MODEL_FIGURE),
        }

    def _showFscKinds(self):
        curves = {label: readCurve(self._path(FSC_FILE), column) for column, label in FSC_CURVES_OF_BOTH.items()}
        return [
            plotterOf(
                plotFsc,
                curves,
                self.protocol.fscThreshold.get(),
                "Half maps before and after the modification",
                resolution=self.protocol._results().get("resolution"),
            )
        ]
