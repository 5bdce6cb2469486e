# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""What GMM build made: the model over its map, and how well the two agree."""

from pyworkflow.protocol import params
from pyworkflow.viewer import DESKTOP_TKINTER, Viewer

from scipion_gmmrefine.constants import GMM_FSC_FILE
from scipion_gmmrefine.convert.images import plainFileName
from scipion_gmmrefine.convert.tables import readCurve, readGaussians
from scipion_gmmrefine.objects import GmmModel
from scipion_gmmrefine.protocols import GmmRefineProtBuild
from scipion_gmmrefine.viewers.plots import plotFsc, plotGaussians
from scipion_gmmrefine.viewers.viewer_base import ResultsViewer
from scipion_gmmrefine.viewers.views import browserOf, chimeraViews, plotterOf, readMap


def gaussianPlotter(model):
    """The window of a GmmModel over its map."""
    volume, voxelSize = readMap(model.getMapFileName())
    return plotterOf(
        plotGaussians,
        readGaussians(model.getFileName()),
        "Gaussian mixture model",
        volume,
        model.getSamplingRate() or voxelSize,
        size=(8, 7),
    )


class GmmRefineModelViewer(Viewer):
    """Shows a Gaussian mixture model wherever it is an output."""

    _environments = [DESKTOP_TKINTER]
    _targets = [GmmModel]
    _name = "Gaussian mixture model"

    def _visualize(self, obj, **_options):
        return [gaussianPlotter(obj)]


class GmmRefineBuildViewer(ResultsViewer):
    """Model, agreement with the map, and the map itself."""

    _targets = [GmmRefineProtBuild]
    _label = "viewer GMM build"

    def _defineParams(self, form):
        form.addSection(label="Visualization")
        self._defineReport(form)
        form.addParam(
            "showGaussians",
            params.LabelParam,
            label="Gaussians over the map",
            help="Colour is the amplitude, size the width; the map's shadows are contoured on the walls.",
        )
        form.addParam(
            "showGmmFsc",
            params.LabelParam,
            label="FSC of model and map",
            help="Should stay above 0.9 up to the resolution of the map.",
        )
        form.addParam(
            "showSlices",
            params.LabelParam,
            label="Slices of the map",
            help="In three directions; sliders, or a click, move them.",
        )
        form.addParam("showChimera", params.LabelParam, label="Map in ChimeraX", help="Needs ChimeraX; the slices do not.")

    def _shown(self):
        return {
            **super()._shown(),
            "showGaussians": self._ofModel(self._showGaussians),
            "showGmmFsc": self._ofModel(self._showGmmFsc),
        }

    def _ofModel(self, show):
        """What shows the model, or a message before there is one."""
        return lambda: (
            show()
            if hasattr(self.protocol, "outputGmm")
            else [self.errorMessage("There is no model yet. Wait until the run has finished.", "Nothing to show")]
        )

    def _showGaussians(self):
        return [gaussianPlotter(self.protocol.outputGmm)]

    def _showGmmFsc(self):
        curve = readCurve(self.protocol._getExtraPath(GMM_FSC_FILE))
        return [plotterOf(plotFsc, {"model against map": curve}, 0.9, "Agreement of Gaussians and map")]

    def _showSlices(self):
        volume, _ = readMap(plainFileName(self.protocol.inputVolume.get().getFileName()))
        return [browserOf(volume, self.protocol.inputVolume.get().getSamplingRate(), "Slices of the input map")]

    def _showChimera(self):
        return chimeraViews(self, [self.protocol.inputVolume.get().getFileName()])
