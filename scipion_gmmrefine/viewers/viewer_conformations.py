# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""What GMM conformations made: maps along a motion, as slices and as a film."""

import os
from glob import glob

from pyworkflow.protocol import params

from scipion_gmmrefine.constants import MAP_FILE, MOVIE_FILE
from scipion_gmmrefine.protocols import GmmRefineProtConformations
from scipion_gmmrefine.viewers.viewer_base import ResultsViewer
from scipion_gmmrefine.viewers.views import browserOf, chimeraViews, filmOf, readMap

HALVES = ("half 1", "half 2")
FRAMES, CLASSES = range(2)


class GmmRefineConformationsViewer(ResultsViewer):
    """Results of GMM conformations."""

    _targets = [GmmRefineProtConformations]
    _label = "viewer GMM conformations"

    def _defineParams(self, form):
        form.addSection(label="Visualization")
        self._defineReport(form)
        group = form.addGroup("Conformations")
        group.addParam(
            "half",
            params.EnumParam,
            choices=list(HALVES),
            default=0,
            display=params.EnumParam.DISPLAY_HLIST,
            label="Half set",
            help="Each half set has a network of its own.",
        )
        group.addParam(
            "showFilm",
            params.LabelParam,
            label="Film of the motion",
            help="Projections along the direction in which most of the motion is seen. A click stops it, the slider "
            "chooses a frame. Needs no ChimeraX.",
        )
        group.addParam("showMovie", params.LabelParam, label="Film in ChimeraX", help="Both half sets side by side.")
        group = form.addGroup("Single maps")
        group.addParam(
            "kind",
            params.EnumParam,
            choices=["frame of the half set", "class of particles"],
            default=FRAMES,
            label="Map",
            help="Frames are drawn by the network, classes reconstructed from images.",
        )
        group.addParam("number", params.IntParam, default=1, label="Number", help="From 1.")
        group.addParam(
            "showSlices", params.LabelParam, label="Slices", help="In three directions; sliders, or a click, move them."
        )

    def _shown(self):
        return {"showFilm": self._showFilm, "showMovie": self._showMovie, "showSlices": self._showSlices}

    def _showFilm(self):
        half = self.half.get() + 1
        paths = sorted(glob(self._path(os.path.join(f"half_{half}", "frame_*.mrc"))))
        if not paths:
            return [self.errorMessage(f"No conformations of half {half} were made.", "Nothing to show")]
        maps = [readMap(path) for path in paths]
        return [filmOf([volume for volume, _ in maps], maps[0][1], f"Conformations of half {half}")]

    def _showMovie(self):
        return chimeraViews(self, [self._existing(MOVIE_FILE)])

    def _showSlices(self):
        number, half = self.number.get(), self.half.get() + 1
        name = (
            os.path.join(f"half_{half}", f"frame_{number:02d}.mrc")
            if self.kind.get() == FRAMES
            else os.path.join(f"subset_{number:02d}", MAP_FILE)
        )
        return [browserOf(*readMap(self._existing(name)), f"Slices of {name}")]
