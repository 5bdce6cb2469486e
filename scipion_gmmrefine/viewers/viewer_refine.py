# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""What GMM refine found, also while it runs: FSC per iteration, models, maps, and how far particles moved."""

import os

import numpy as np
from pyworkflow.protocol import params
from pyworkflow.utils import getListFromRangeString

from scipion_gmmrefine.constants import (
    DIRECTIONS_FILE,
    FSC_FILE,
    GMM_FSC_FILE,
    HALF_GMM_FILES,
    HALF_MAP_FILES,
    PARTICLES_FILE,
    ROTATION_CHANGE,
    SHIFT_CHANGE,
)
from scipion_gmmrefine.convert.star import readTable
from scipion_gmmrefine.convert.tables import curveLabel, readCurve, readGaussians
from scipion_gmmrefine.protocols import GmmRefineProtRefine
from scipion_gmmrefine.viewers.plots import plotChanges, plotDirections, plotFsc, plotGaussians
from scipion_gmmrefine.viewers.viewer_base import HalfMapsViewer
from scipion_gmmrefine.viewers.views import plotterOf, readMap

ALL, SELECTED = range(2)


class GmmRefineRefineViewer(HalfMapsViewer):
    """Results of GMM refine."""

    _targets = [GmmRefineProtRefine]
    _label = "viewer GMM refine"

    def _defineParams(self, form):
        form.addSection(label="Visualization")
        self._defineReport(form)
        group = form.addGroup("Gold-standard FSC")
        group.addParam(
            "iterations",
            params.EnumParam,
            choices=["all", "selected"],
            default=ALL,
            display=params.EnumParam.DISPLAY_HLIST,
            label="Iterations",
            help="Iteration 0 are the start poses.",
        )
        group.addParam(
            "selection",
            params.NumericRangeParam,
            default="0",
            condition=f"iterations=={SELECTED}",
            label="Selected",
            help="Such as 0,2-4.",
        )
        group.addParam(
            "showFsc",
            params.LabelParam,
            label="FSC per iteration",
            help="Corrected for the mask; the legend gives the resolution at the threshold.",
        )
        group.addParam(
            "showFscKinds",
            params.LabelParam,
            label="FSC with and without mask",
            help="Of the last iteration: without mask, with mask, with mask after the phases were "
            "randomised, and corrected by that.",
        )
        group.addParam(
            "showDirections",
            params.LabelParam,
            label="Resolution by direction",
            help="FSC of the half maps in cones of 20° around 256 axes: with preferred views it is much worse along "
            "some of them than the curve of all says.",
        )
        group = form.addGroup("Gaussian mixture models")
        group.addParam(
            "half",
            params.EnumParam,
            choices=["half 1", "half 2"],
            default=0,
            display=params.EnumParam.DISPLAY_HLIST,
            label="Half set",
            help="Each half set has a model of its own.",
        )
        group.addParam(
            "showGaussians",
            params.LabelParam,
            label="Gaussians over the half map",
            help="Colour is the amplitude, size the width; the map's shadows are contoured on the walls.",
        )
        group.addParam(
            "showGmmFsc",
            params.LabelParam,
            label="FSC of models and half maps",
            help="Each model against its own half map, up to the resolution.",
        )
        self._defineMaps(form)
        self._defineRegion(form)
        group = form.addGroup("Particles")
        group.addParam(
            "showChanges",
            params.LabelParam,
            label="Change of rotation and shift",
            help="Histograms of how far each particle moved from its start pose.",
        )

    def _defineRegion(self, form):
        """A global refinement has no region."""

    def _shown(self):
        return {
            **super()._shown(),
            "showFsc": self._showFsc,
            "showFscKinds": self._showFscKinds,
            "showDirections": self._showDirections,
            "showGaussians": self._showGaussians,
            "showGmmFsc": self._showGmmFsc,
            "showChanges": self._showChanges,
        }

    def _path(self, name):
        """A result file: the final one, or that of the newest iteration while the run goes on."""
        final = self.protocol._getExtraPath(name)
        newest = [os.path.join(folder, name) for folder in reversed(self.protocol.getIterationFolders())]
        return next((path for path in [final, *newest] if os.path.exists(path)), final)

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
            curves[curveLabel(_iterationLabel(folder), curve, self._threshold())] = curve
        if not curves:
            return [self.errorMessage("None of the selected iterations is there.", "Nothing to show")]
        return [plotterOf(plotFsc, curves, self._threshold(), "Gold-standard FSC")]

    def _showDirections(self):
        path = self.protocol._getExtraPath(DIRECTIONS_FILE)
        if not os.path.exists(path):
            return [self.errorMessage("The resolution by direction is measured when the run has ended.", "Nothing to show")]
        table = {name: np.array(values, float) for name, values in readTable(path).items()}
        return [plotterOf(plotDirections, *(table[name] for name in ("rlnAngleRot", "rlnAngleTilt", "gmmResolution")))]

    def _showGaussians(self):
        half = self.half.get()
        gaussians = readGaussians(self._path(HALF_GMM_FILES[half]))
        volume, voxelSize = readMap(self._path(HALF_MAP_FILES[half]))
        return [plotterOf(plotGaussians, gaussians, f"GMM of half {half + 1}", volume, voxelSize, size=(8, 7))]

    def _showGmmFsc(self):
        curves = {f"half {half}": readCurve(self._path(GMM_FSC_FILE), f"gmmFscHalf{half}") for half in (1, 2)}
        return [
            plotterOf(
                plotFsc,
                curves,
                0.9,
                "Agreement of Gaussians and half maps",
                resolution=self.protocol._results().get("resolution"),
            )
        ]

    def _showChanges(self):
        table = readTable(self._path(PARTICLES_FILE), "particles")
        changes = (np.array(table[name[1:]], float) for name in (ROTATION_CHANGE, SHIFT_CHANGE))
        return [plotterOf(plotChanges, *changes, size=(10, 4))]


def _iterationLabel(folder):
    """Legend of an iteration's curve."""
    number = int(os.path.basename(folder))
    return "start poses" if number == 0 else f"iteration {number}"
