# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Composite and symmetric maps: FSC, slices, seams and local resolution."""

from pyworkflow.protocol import params

from scipion_gmmrefine.constants import COMPOSITE_FILE, COMPOSITE_HALF_FILES, MASK_FILE, OVERLAPS_FILE, SEAMS_FILE
from scipion_gmmrefine.convert.tables import readRows
from scipion_gmmrefine.protocols import GmmRefineProtComposite, GmmRefineProtImposeSymmetry, GmmRefineProtReconstruct
from scipion_gmmrefine.viewers.plots_patches import plotTable
from scipion_gmmrefine.viewers.viewer_base import HalfMapsViewer
from scipion_gmmrefine.viewers.views import plotterOf

COMPOSITE_MAPS = {
    "composite": COMPOSITE_FILE,
    "half composite 1": COMPOSITE_HALF_FILES[0],
    "half composite 2": COMPOSITE_HALF_FILES[1],
    "seams": SEAMS_FILE,
    "mask": MASK_FILE,
}


def overlapsPlotter(fileName):
    """The window of the table of overlaps."""
    rows = [
        [
            f"{row['gmmPatch']:.0f}",
            f"{row['gmmOtherPatch']:.0f}",
            f"{row['gmmOverlapVolume'] / 1000:.1f}",
            f"{row['gmmSeamRms']:.3g}",
        ]
        for row in readRows(fileName)
    ]
    return plotterOf(
        plotTable,
        ["Part", "Other part", "Shared volume\n(nm³)", "Disagreement there\n(rms, map units)"],
        rows,
        "Overlaps of the masks",
        size=(7, 1.5 + 0.3 * len(rows)),
    )


class MapViewer(HalfMapsViewer):
    """Base of the viewers of protocols that only make a map."""

    def _defineParams(self, form):
        form.addSection(label="Visualization")
        self._defineReport(form)
        form.addParam(
            "showFscKinds",
            params.LabelParam,
            label="FSC with and without mask",
            help="Without mask, with mask, with mask after the phases were randomised, and corrected by that.",
        )
        self._defineMaps(form)

    def _shown(self):
        return {**super()._shown(), "showFscKinds": self._showFscKinds}


class GmmRefineImposeSymmetryViewer(MapViewer):
    """Results of impose symmetry."""

    _targets = [GmmRefineProtImposeSymmetry]
    _label = "viewer impose symmetry"


class GmmRefineReconstructViewer(MapViewer):
    """Results of GMM reconstruct."""

    _targets = [GmmRefineProtReconstruct]
    _label = "viewer GMM reconstruct"


class GmmRefineCompositeViewer(MapViewer):
    """Results of composite map."""

    _targets = [GmmRefineProtComposite]
    _label = "viewer composite map"
    MAPS = COMPOSITE_MAPS
    HALVES = COMPOSITE_HALF_FILES

    def _defineParams(self, form):
        super()._defineParams(form)
        form.addParam(
            "showOverlaps",
            params.LabelParam,
            label="Overlaps of the masks",
            help="How much the masks of two parts share, and how far their maps disagree there.",
        )

    def _shown(self):
        return {**super()._shown(), "showOverlaps": self._showOverlaps}

    def _showOverlaps(self):
        return [overlapsPlotter(self._path(OVERLAPS_FILE))]
