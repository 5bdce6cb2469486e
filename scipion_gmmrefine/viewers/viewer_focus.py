# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""What GMM focused refine found: all of GMM refine, and where the region lies."""

from pyworkflow.protocol import params

from scipion_gmmrefine.constants import FOCUS_MASK_FILE
from scipion_gmmrefine.protocols import GmmRefineProtFocus
from scipion_gmmrefine.viewers.chimera import patchesOverMap
from scipion_gmmrefine.viewers.plots_maps import plotRegion
from scipion_gmmrefine.viewers.viewer_base import HalfMapsViewer
from scipion_gmmrefine.viewers.viewer_refine import GmmRefineRefineViewer
from scipion_gmmrefine.viewers.views import chimeraViews, plotterOf, readMap

COLOUR = "orange"


class GmmRefineFocusViewer(GmmRefineRefineViewer):
    """Results of GMM focused refine."""

    _targets = [GmmRefineProtFocus]
    _label = "viewer GMM focused refine"
    MAPS = {**HalfMapsViewer.MAPS, "focus mask": FOCUS_MASK_FILE}

    def _defineRegion(self, form):
        group = form.addGroup("Focus")
        group.addParam(
            "showRegion",
            params.LabelParam,
            label="Region on slices of the map",
            help="Outline of the focus mask at half its height, on slices through its middle.",
        )
        group.addParam(
            "showRegionChimera",
            params.LabelParam,
            label="Region in ChimeraX",
            help="Map and transparent focus mask; needs ChimeraX.",
        )

    def _shown(self):
        return {**super()._shown(), "showRegion": self._showRegion, "showRegionChimera": self._showRegionChimera}

    def _showRegion(self):
        (volume, voxelSize), (mask, _) = readMap(self._mapFile()), readMap(self._existing(FOCUS_MASK_FILE))
        return [plotterOf(plotRegion, volume, mask, voxelSize, "Focus (outlined) on the map", size=(11, 4))]

    def _showRegionChimera(self):
        script = self.protocol._getExtraPath("chimerax", "focus.cxc")
        return chimeraViews(self, [patchesOverMap(script, self._mapFile(), [self._existing(FOCUS_MASK_FILE)], [COLOUR])])
