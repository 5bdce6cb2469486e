# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""What GMM conformation to pose found: all of GMM focused refine, and what the conformations were good for."""

import os

import numpy as np
from pyworkflow.protocol import params

from scipion_gmmrefine.constants import FSC_FILE, MOTIONS_FILE
from scipion_gmmrefine.convert.star import readTable
from scipion_gmmrefine.convert.tables import curveLabel, readCurve
from scipion_gmmrefine.protocols import GmmRefineProtConformationToPose
from scipion_gmmrefine.viewers.plots import plotFsc
from scipion_gmmrefine.viewers.plots_latents import plotRigidMotions
from scipion_gmmrefine.viewers.viewer_focus import GmmRefineFocusViewer
from scipion_gmmrefine.viewers.views import plotterOf

TURN, MOVE = ([f"gmm{name}{axis}" for axis in "XYZ"] for name in ("Turn", "Move"))


class GmmRefineConformationToPoseViewer(GmmRefineFocusViewer):
    """Results of GMM conformation to pose."""

    _targets = [GmmRefineProtConformationToPose]
    _label = "viewer GMM conformation to pose"

    def _defineRegion(self, form):
        super()._defineRegion(form)
        group = form.addGroup("Conversion")
        group.addParam(
            "showBeforeAfter",
            params.LabelParam,
            label="FSC of the region before and after",
            help="Before: at the poses of the whole molecule. Both under the mask of the region.",
        )
        group.addParam(
            "showRigidMotions",
            params.LabelParam,
            label="Motions of the region, and who was converted",
            help="Rigid motion that each conformation asks for. Particles are converted where held-out signal likes "
            "the new pose better than the usual focused one.",
        )

    def _shown(self):
        return {**super()._shown(), "showBeforeAfter": self._showBeforeAfter, "showRigidMotions": self._showRigidMotions}

    def _showBeforeAfter(self):
        curves = {}
        for name, fileName in (("before", os.path.join("iterations", "00", FSC_FILE)), ("after", FSC_FILE)):
            curve = readCurve(self._existing(fileName))
            curves[curveLabel(name, curve, self._threshold())] = curve
        return [plotterOf(plotFsc, curves, self._threshold(), "FSC of the region")]

    def _showRigidMotions(self):
        table = readTable(self._existing(MOTIONS_FILE))
        turns, moves = (np.linalg.norm([np.array(table[name], float) for name in names], axis=0) for names in (TURN, MOVE))
        return [plotterOf(plotRigidMotions, turns, moves, self.protocol.converted(), size=(10, 4.4))]
