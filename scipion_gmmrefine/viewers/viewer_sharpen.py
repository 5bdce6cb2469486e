# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""What GMM sharpen made: the sharpened map beside the unmodified one, and the amplitudes of both."""

from pyworkflow.protocol import params

from scipion_gmmrefine.constants import COMPARISON_FIGURE, GUINIER_FIGURE, SHARPENED_FILE, UNMODIFIED_FILE
from scipion_gmmrefine.protocols import GmmRefineProtSharpen
from scipion_gmmrefine.viewers.viewer_base import ResultsViewer


class GmmRefineSharpenViewer(ResultsViewer):
    """Results of GMM sharpen."""

    _targets = [GmmRefineProtSharpen]
    _label = "viewer GMM sharpen"
    MAPS = {"sharpened": SHARPENED_FILE, "unmodified": UNMODIFIED_FILE}
    MAPS_HELP = "Compare both; the unmodified map shows what sharpening has weakened."

    def _defineParams(self, form):
        form.addSection(label="Visualization")
        self._defineReport(form)
        form.addParam(
            "showComparison",
            params.LabelParam,
            label="Slices of both maps",
            help="The three central slices of the unmodified and of the sharpened map.",
        )
        form.addParam(
            "showGuinier",
            params.LabelParam,
            label="Guinier plot",
            help="Amplitudes by resolution before and after; the line and the range of the fit where a B factor was measured.",
        )
        self._defineMaps(form)

    def _shown(self):
        return {
            **super()._shown(),
            "showComparison": lambda: self._pictures(COMPARISON_FIGURE),
            "showGuinier": lambda: self._pictures(GUINIER_FIGURE),
        }
