"""What GMM refine found, also while it runs: FSC per iteration, models, maps, and how far particles moved."""
import os

import numpy as np
from pwem.viewers import EmProtocolViewer
from pyworkflow.protocol import params
from pyworkflow.utils import getListFromRangeString
from pyworkflow.viewer import DESKTOP_TKINTER

from gmmrefine.settings import FSC_THRESHOLD
from scipion_gmmrefine.constants import (
    FSC_FILE,
    GMM_FSC_FILE,
    HALF_GMM_FILES,
    HALF_MAP_FILES,
    MAP_FILE,
    MASK_FILE,
    PARTICLES_FILE,
    ROTATION_CHANGE,
    SHIFT_CHANGE,
)
from scipion_gmmrefine.convert.star import readTable
from scipion_gmmrefine.convert.tables import crossing, readCurve, readGaussians
from scipion_gmmrefine.protocols import GmmRefineProtRefine
from scipion_gmmrefine.viewers.plots import plotChanges, plotFsc, plotGaussians, plotSlices
from scipion_gmmrefine.viewers.views import chimeraViews, plotterOf, readMap

ALL, SELECTED = range(2)
MAP_CHOICES = {"map": MAP_FILE, "half map 1": HALF_MAP_FILES[0], "half map 2": HALF_MAP_FILES[1], "mask": MASK_FILE}


class GmmRefineRefineViewer(EmProtocolViewer):
    """Results of GMM refine."""

    _environments = [DESKTOP_TKINTER]
    _targets = [GmmRefineProtRefine]
    _label = "viewer GMM refine"

    def _defineParams(self, form):
        form.addSection(label="Visualization")
        group = form.addGroup("Gold-standard FSC")
        group.addParam("iterations", params.EnumParam, choices=["all", "selected"], default=ALL,
                       display=params.EnumParam.DISPLAY_HLIST, label="Iterations",
                       help="Iteration 0 are the start poses.")
        group.addParam("selection", params.NumericRangeParam, default="0", condition=f"iterations=={SELECTED}",
                       label="Selected", help="Such as 0,2-4.")
        group.addParam("showFsc", params.LabelParam, label="FSC per iteration",
                       help="Corrected for the mask; the legend gives the resolution at the threshold.")
        group.addParam("showFscKinds", params.LabelParam, label="FSC with and without mask",
                       help="Of the last iteration: without mask, with mask, with mask after the phases were "
                            "randomised, and corrected by that.")
        group = form.addGroup("Gaussian mixture models")
        group.addParam("half", params.EnumParam, choices=["half 1", "half 2"], default=0,
                       display=params.EnumParam.DISPLAY_HLIST, label="Half set",
                       help="Each half set has a model of its own.")
        group.addParam("showGaussians", params.LabelParam, label="Gaussians over the half map",
                       help="Colour is the amplitude, size the width; the map's shadows are contoured on the walls.")
        group.addParam("showGmmFsc", params.LabelParam, label="FSC of models and half maps",
                       help="Each model against its own half map, up to the resolution.")
        group = form.addGroup("Maps")
        group.addParam("volume", params.EnumParam, choices=list(MAP_CHOICES), default=0, label="Map",
                       help="The map is low-passed at the resolution; half maps are unfiltered.")
        group.addParam("showSlices", params.LabelParam, label="Slices", help="The three central slices.")
        group.addParam("showChimera", params.LabelParam, label="Map in ChimeraX",
                       help="Needs ChimeraX; the slices do not.")
        group = form.addGroup("Particles")
        group.addParam("showChanges", params.LabelParam, label="Change of rotation and shift",
                       help="Histograms of how far each particle moved from its start pose.")

    def _getVisualizeDict(self):
        shown = {
            "showFsc": self._showFsc, "showFscKinds": self._showFscKinds, "showGaussians": self._showGaussians,
            "showGmmFsc": self._showGmmFsc, "showSlices": self._showSlices, "showChimera": self._showChimera,
            "showChanges": self._showChanges}
        return {name: self._guarded(show) for name, show in shown.items()}

    def _guarded(self, show):
        """A view whose file the run has not written yet becomes a message."""
        def views(_parameter=None):
            try:
                return show()
            except FileNotFoundError as error:
                return [self.errorMessage(
                    f"{os.path.basename(str(error.filename or error))} is not there yet. Wait until the run has got "
                    "that far.", "Nothing to show")]
        return views

    def _path(self, name):
        """A result file: the final one, or that of the newest iteration while the run goes on."""
        final = self.protocol._getExtraPath(name)
        newest = [os.path.join(folder, name) for folder in reversed(self.protocol.getIterationFolders())]
        return next((path for path in [final, *newest] if os.path.exists(path)), final)

    def _threshold(self):
        return self.protocol.fscThreshold.get(FSC_THRESHOLD.default)

    def _chosenFolders(self):
        folders = self.protocol.getIterationFolders()
        if self.iterations.get() == ALL:
            return folders
        wanted = set(getListFromRangeString(self.selection.get()))
        return [folder for folder in folders if int(os.path.basename(folder)) in wanted]

    def _showFsc(self):
        curves = {}
        for folder in self._chosenFolders():
            curve = readCurve(os.path.join(folder, FSC_FILE))
            curves[f"{_iterationLabel(folder)}: {crossing(*curve, self._threshold()):.1f} Å"] = curve
        if not curves:
            return [self.errorMessage("None of the selected iterations is there.", "Nothing to show")]
        return [plotterOf(plotFsc, curves, self._threshold(), "Gold-standard FSC")]

    def _showFscKinds(self):
        columns = {"corrected": "gmmFsc", "without mask": "gmmFscUnmasked", "with mask": "gmmFscMasked",
                   "phases randomised": "gmmFscRandomised"}
        curves = {label: readCurve(self._path(FSC_FILE), column) for label, column in columns.items()}
        return [plotterOf(plotFsc, curves, self._threshold(), "Gold-standard FSC and mask",
                          resolution=self.protocol._results().get("resolution"))]

    def _showGaussians(self):
        half = self.half.get()
        gaussians = readGaussians(self._path(HALF_GMM_FILES[half]))
        volume, voxelSize = readMap(self._path(HALF_MAP_FILES[half]))
        return [plotterOf(plotGaussians, gaussians, f"GMM of half {half + 1}", volume, voxelSize, size=(8, 7))]

    def _showGmmFsc(self):
        curves = {f"half {half}": readCurve(self._path(GMM_FSC_FILE), f"gmmFscHalf{half}") for half in (1, 2)}
        return [plotterOf(plotFsc, curves, 0.9, "Agreement of Gaussians and half maps",
                          resolution=self.protocol._results().get("resolution"))]

    def _showSlices(self):
        name, fileName = list(MAP_CHOICES.items())[self.volume.get()]
        return [plotterOf(plotSlices, *readMap(self._path(fileName)), f"Central slices, {name}", size=(11, 4))]

    def _showChimera(self):
        fileName = self._path(list(MAP_CHOICES.values())[self.volume.get()])
        os.stat(fileName)
        return chimeraViews(self, [fileName])

    def _showChanges(self):
        table = readTable(self._path(PARTICLES_FILE), "particles")
        changes = (np.array(table[name[1:]], float) for name in (ROTATION_CHANGE, SHIFT_CHANGE))
        return [plotterOf(plotChanges, *changes, size=(10, 4))]


def _iterationLabel(folder):
    """Legend of an iteration's curve."""
    number = int(os.path.basename(folder))
    return "start poses" if number == 0 else f"iteration {number}"
