# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""What GMM patch refine found: where the patches lie, what each has gained, the composite and its seams."""

import os

import numpy as np
from pyworkflow.protocol import params

from scipion_gmmrefine.constants import (
    COMPOSITE_HALF_FILES,
    FOCUS_MASK_FILE,
    FSC_FILE,
    GMM_FILE,
    MAP_FILE,
    OVERLAPS_FILE,
    PARTICLES_FILE,
    PATCH_EVIDENCE_FILE,
    PATCH_TABLE_FILE,
    PATCHES_FILE,
    ROTATION_CHANGE,
    SHIFT_CHANGE,
)
from scipion_gmmrefine.convert.star import readTable
from scipion_gmmrefine.convert.tables import curveLabel, readCurve, readGaussians, readPatches, readRows
from scipion_gmmrefine.protocols import GmmRefineProtPatches
from scipion_gmmrefine.protocols.protocol_base import describeResolution
from scipion_gmmrefine.protocols.protocol_refine_patches import GLOBAL_FOLDER, MODEL_FOLDER, patchFolder
from scipion_gmmrefine.viewers.chimera import patchesOverMap
from scipion_gmmrefine.viewers.plots import plotChanges, plotFsc
from scipion_gmmrefine.viewers.plots_patches import patchColours, plotEvidence, plotPatches, plotTable
from scipion_gmmrefine.viewers.viewer_base import HalfMapsViewer
from scipion_gmmrefine.viewers.viewer_composite import COMPOSITE_MAPS, overlapsPlotter
from scipion_gmmrefine.viewers.views import chimeraViews, plotterOf, readMap

OF_PATCH = {"map of a patch": MAP_FILE, "mask of a patch": FOCUS_MASK_FILE}
HEADINGS = [
    "Patch",
    "Volume\n(nm³)",
    "Resolution\nbefore",
    "Resolution\nafter",
    "Mean FSC\nbefore",
    "Mean FSC\nafter",
    "Particles\nturned",
    "Particles\nmoved",
]


class GmmRefinePatchesViewer(HalfMapsViewer):
    """Results of GMM patch refine."""

    _targets = [GmmRefineProtPatches]
    _label = "viewer GMM patch refine"
    MAPS = {**COMPOSITE_MAPS, **OF_PATCH}
    HALVES = COMPOSITE_HALF_FILES

    def _defineParams(self, form):
        form.addSection(label="Visualization")
        self._defineReport(form)
        group = form.addGroup("Patches")
        group.addParam(
            "showPatches",
            params.LabelParam,
            label="Patches on Gaussians and map",
            help="Gaussians of the composite coloured by patch, and the patches as spheres on the map.",
        )
        group.addParam(
            "showPatchesChimera",
            params.LabelParam,
            label="Patches in ChimeraX",
            help="The composite and the patches' masks, transparent in the same colours; needs ChimeraX.",
        )
        group.addParam(
            "showTable",
            params.LabelParam,
            label="Table of patches",
            help="Resolution and mean FSC inside each patch before and after, and how far its particles moved.",
        )
        group.addParam(
            "showOverlaps",
            params.LabelParam,
            label="Overlaps of the masks",
            help="How much the masks of two patches share, and how far their maps disagree there.",
        )
        group.addParam(
            "showEvidence",
            params.LabelParam,
            label="Evidence for the number of patches",
            help="Only where the number of patches was auto: how well so many rigid regions predict the motions in "
            "the other half set. The smallest number within three errors of the best is taken.",
        )
        group = form.addGroup("Gold-standard FSC")
        group.addParam(
            "showFsc",
            params.LabelParam,
            label="FSC of global map, patches and composite",
            help="Corrected for the mask: of the whole molecule for the global map and the composite, of the patch "
            "for each patch. The legend gives the resolution at the threshold.",
        )
        group.addParam(
            "showFscKinds",
            params.LabelParam,
            label="FSC of the composite with and without mask",
            help="Without mask, with mask, with mask after the phases were randomised, and corrected by that.",
        )
        self._defineMaps(form)
        group = form.addGroup("Particles")
        group.addParam("changedPatch", params.IntParam, default=1, label="Patch", help="Number of the patch, from 1.")
        group.addParam(
            "showChanges",
            params.LabelParam,
            label="Change of rotation and shift",
            help="Histograms of how far each particle moved for this patch from its global pose.",
        )

    def _defineMapChoice(self, group):
        first = len(COMPOSITE_MAPS)
        group.addParam(
            "patch",
            params.IntParam,
            default=1,
            condition=f"volume>={first}",
            label="Patch",
            help="Number of the patch, from 1.",
        )

    def _shown(self):
        return {
            **super()._shown(),
            "showPatches": self._showPatches,
            "showPatchesChimera": self._showPatchesChimera,
            "showTable": self._showTable,
            "showOverlaps": self._showOverlaps,
            "showEvidence": self._showEvidence,
            "showFsc": self._showFsc,
            "showFscKinds": self._showFscKinds,
            "showChanges": self._showChanges,
        }

    def _patches(self):
        return readPatches(self._path(PATCHES_FILE))

    def _chosenMap(self):
        name, path = super()._chosenMap()
        if name not in OF_PATCH:
            return name, path
        number = self.patch.get()
        return name.replace("a patch", f"patch {number}"), self._path(os.path.join(patchFolder(number), OF_PATCH[name]))

    def _showPatches(self):
        patches, gaussians = self._patches(), readGaussians(self._path(os.path.join(MODEL_FOLDER, GMM_FILE)))
        return [
            plotterOf(
                plotPatches, gaussians["centers"], patches, *readMap(self._mapFile()), f"{len(patches)} patches", size=(13, 5.4)
            )
        ]

    def _showPatchesChimera(self):
        masks = [
            self._existing(os.path.join(patchFolder(number), FOCUS_MASK_FILE)) for number in range(1, len(self._patches()) + 1)
        ]
        script = self.protocol._getExtraPath("chimerax", "patches.cxc")
        return chimeraViews(self, [patchesOverMap(script, self._mapFile(), masks, patchColours(len(masks)))])

    def _showTable(self):
        rows = [
            [
                f"{row['gmmPatch']:.0f}",
                f"{row['gmmVolume'] / 1000:.1f}",
                describeResolution(row["gmmResolutionBefore"]),
                describeResolution(row["gmmResolutionAfter"]),
                f"{row['gmmMeanFscBefore']:.3f}",
                f"{row['gmmMeanFscAfter']:.3f}",
                f"{row['gmmRotationChange']:.2f}°",
                f"{row['gmmShiftChange']:.2f} Å",
            ]
            for row in readRows(self._path(PATCH_TABLE_FILE))
        ]
        return [
            plotterOf(
                plotTable,
                HEADINGS,
                rows,
                "What each patch has gained",
                patchColours(len(rows)),
                size=(9.5, 1.5 + 0.32 * len(rows)),
            )
        ]

    def _showOverlaps(self):
        return [overlapsPlotter(self._path(OVERLAPS_FILE))]

    def _showEvidence(self):
        if self.protocol.patches.get() != "auto":
            return [self.errorMessage("The number of patches was given; there is evidence only with auto.", "Nothing to show")]
        table = readTable(self._path(PATCH_EVIDENCE_FILE))
        columns = (np.array(table[name], float) for name in ("gmmPatches", "gmmEvidence", "gmmEvidenceError"))
        return [plotterOf(plotEvidence, *columns, len(self._patches()))]

    def _showFsc(self):
        files = {"global": os.path.join(GLOBAL_FOLDER, FSC_FILE), "composite": FSC_FILE}
        styles = {"global": {"color": "black", "linestyle": "--"}, "composite": {"color": "black", "linewidth": 2.5}}
        for number, colour in enumerate(patchColours(len(self._patches())), 1):
            files[f"patch {number}"] = os.path.join(patchFolder(number), FSC_FILE)
            styles[f"patch {number}"] = {"color": colour, "linewidth": 1}
        curves, lines = {}, {}
        for name, fileName in files.items():
            curve = readCurve(self._path(fileName))
            label = curveLabel(name, curve, self._threshold())
            curves[label], lines[label] = curve, styles[name]
        return [
            plotterOf(plotFsc, curves, self._threshold(), "FSC of global map, patches and composite", styles=lines, size=(8, 6))
        ]

    def _showChanges(self):
        number = self.changedPatch.get()
        table = readTable(self._path(os.path.join(patchFolder(number), PARTICLES_FILE)), "particles")
        changes = (np.array(table[name[1:]], float) for name in (ROTATION_CHANGE, SHIFT_CHANGE))
        return [plotterOf(plotChanges, *changes, size=(10, 4))]
