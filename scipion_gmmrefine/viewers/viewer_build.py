"""What GMM build made: the model over its map, and how well the two agree."""
from pwem.viewers import EmProtocolViewer
from pyworkflow.protocol import params
from pyworkflow.viewer import DESKTOP_TKINTER, Viewer

from scipion_gmmrefine.constants import GMM_FSC_FILE
from scipion_gmmrefine.convert.images import plainFileName
from scipion_gmmrefine.convert.tables import readCurve, readGaussians
from scipion_gmmrefine.objects import GmmModel
from scipion_gmmrefine.protocols import GmmRefineProtBuild
from scipion_gmmrefine.viewers.plots import plotFsc, plotGaussians, plotSlices
from scipion_gmmrefine.viewers.views import chimeraViews, plotterOf, readMap


def gaussianPlotter(model):
    """The window of a GmmModel over its map."""
    volume, voxelSize = readMap(model.getMapFileName())
    return plotterOf(plotGaussians, readGaussians(model.getFileName()), "Gaussian mixture model", volume,
                     model.getSamplingRate() or voxelSize, size=(8, 7))


class GmmRefineModelViewer(Viewer):
    """Shows a Gaussian mixture model wherever it is an output."""

    _environments = [DESKTOP_TKINTER]
    _targets = [GmmModel]
    _name = "Gaussian mixture model"

    def _visualize(self, obj, **_options):
        return [gaussianPlotter(obj)]


class GmmRefineBuildViewer(EmProtocolViewer):
    """Model, agreement with the map, and the map itself."""

    _environments = [DESKTOP_TKINTER]
    _targets = [GmmRefineProtBuild]
    _label = "viewer GMM build"

    def _defineParams(self, form):
        form.addSection(label="Visualization")
        form.addParam("showGaussians", params.LabelParam, label="Gaussians over the map",
                      help="Colour is the amplitude, size the width; the map's shadows are contoured on the walls.")
        form.addParam("showGmmFsc", params.LabelParam, label="FSC of model and map",
                      help="Should stay above 0.9 up to the resolution of the map.")
        form.addParam("showSlices", params.LabelParam, label="Slices of the map",
                      help="The three central slices.")
        form.addParam("showChimera", params.LabelParam, label="Map in ChimeraX",
                      help="Needs ChimeraX; the slices do not.")

    def _getVisualizeDict(self):
        return {
            "showGaussians": self._showGaussians, "showGmmFsc": self._showGmmFsc, "showSlices": self._showSlices,
            "showChimera": self._showChimera}

    def _unfinished(self):
        return [] if hasattr(self.protocol, "outputGmm") else [
            self.errorMessage("There is no model yet. Wait until the run has finished.", "Nothing to show")]

    def _showGaussians(self, _parameter=None):
        return self._unfinished() or [gaussianPlotter(self.protocol.outputGmm)]

    def _showGmmFsc(self, _parameter=None):
        if self._unfinished():
            return self._unfinished()
        curve = readCurve(self.protocol._getExtraPath(GMM_FSC_FILE))
        return [plotterOf(plotFsc, {"model against map": curve}, 0.9, "Agreement of Gaussians and map")]

    def _showSlices(self, _parameter=None):
        fileName = plainFileName(self.protocol.inputVolume.get().getFileName())
        volume, _ = readMap(fileName)
        return [plotterOf(plotSlices, volume, self.protocol.inputVolume.get().getSamplingRate(), "Input map",
                          size=(11, 4))]

    def _showChimera(self, _parameter=None):
        return chimeraViews(self, [self.protocol.inputVolume.get().getFileName()])
