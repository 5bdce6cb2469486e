# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""What GMM local resolution measured, and the map filtered by it."""

import os

from pyworkflow.protocol import params

from scipion_gmmrefine.constants import (
    COMPARISON_FIGURE,
    FILTERED_FILE,
    LOCAL_RESOLUTION_FIGURE,
    LOCAL_RESOLUTION_FILE,
    MASK_FILE,
)
from scipion_gmmrefine.convert.images import stackFileName
from scipion_gmmrefine.protocols import GmmRefineProtLocalResolution
from scipion_gmmrefine.protocols.protocol_local_resolution import FILTERED_FOLDER
from scipion_gmmrefine.viewers.viewer_base import HalfMapsViewer


class GmmRefineLocalResolutionViewer(HalfMapsViewer):
    """Results of GMM local resolution."""

    _targets = [GmmRefineProtLocalResolution]
    _label = "viewer GMM local resolution"
    MAPS = {
        "local resolution": LOCAL_RESOLUTION_FILE,
        "mask": MASK_FILE,
        "filtered": os.path.join(FILTERED_FOLDER, FILTERED_FILE),
    }
    MAPS_HELP = "Filtered is there when the protocol was asked for it."
    LOCAL_HELP = "The input volume, coloured where the mask is."

    def _defineParams(self, form):
        form.addSection(label="Visualization")
        self._defineReport(form)
        form.addParam(
            "showDistribution",
            params.LabelParam,
            label="Slices and histogram of the local resolution",
            help="How many voxels inside the mask have which resolution.",
        )
        if self.protocol.filterVolume:
            form.addParam(
                "showComparison",
                params.LabelParam,
                label="Slices of the filtered and the unmodified map",
                help="The three central slices of both.",
            )
        self._defineMaps(form)

    def _shown(self):
        return {
            **super()._shown(),
            "showDistribution": lambda: self._pictures(LOCAL_RESOLUTION_FIGURE),
            "showComparison": lambda: self._pictures(os.path.join(FILTERED_FOLDER, COMPARISON_FIGURE)),
        }

    def _mapFile(self):
        return stackFileName(self.protocol.inputVolume.get())

    def _localResolution(self):
        return self._existing(LOCAL_RESOLUTION_FILE)
