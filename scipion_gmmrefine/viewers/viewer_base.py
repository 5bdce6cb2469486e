# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""What the viewers of protocols share: messages instead of missing files, and the rows about maps."""

import os

from pwem.viewers import EmPlotter, EmProtocolViewer
from pyworkflow.exceptions import PyworkflowException
from pyworkflow.protocol import params
from pyworkflow.viewer import DESKTOP_TKINTER

from gmmrefine.settings import FSC_THRESHOLD
from scipion_gmmrefine import Plugin
from scipion_gmmrefine.constants import FSC_FILE, HALF_MAP_FILES, LOCAL_RESOLUTION_FILE, MAP_FILE, MASK_FILE
from scipion_gmmrefine.convert.tables import readCurve
from scipion_gmmrefine.protocols.protocol_base import FSC_CURVES
from scipion_gmmrefine.viewers.chimera import colouredByMap
from scipion_gmmrefine.viewers.plots import plotFsc
from scipion_gmmrefine.viewers.plots_maps import plotLocalResolution
from scipion_gmmrefine.viewers.views import PageView, browserOf, chimeraViews, pictureView, plotterOf, readMap
from scipion_gmmrefine.viewers.waiting import waiting

LOCAL_RESOLUTION_FOLDER = "local_resolution"


class ResultsViewer(EmProtocolViewer):
    """Base of the viewers: figures of a protocol's files, by the name of their rows."""

    _environments = [DESKTOP_TKINTER]
    MAPS = {"map": MAP_FILE, "half map 1": HALF_MAP_FILES[0], "half map 2": HALF_MAP_FILES[1], "mask": MASK_FILE}
    MAPS_HELP = "The map is low-passed at the resolution; half maps are unfiltered."

    def _defineMaps(self, form):
        """Rows about the maps; returns their group."""
        group = form.addGroup("Maps")
        group.addParam("volume", params.EnumParam, choices=list(self.MAPS), default=0, label="Map", help=self.MAPS_HELP)
        self._defineMapChoice(group)
        group.addParam(
            "showSlices", params.LabelParam, label="Slices", help="In three directions; sliders, or a click, move them."
        )
        group.addParam("showChimera", params.LabelParam, label="Map in ChimeraX", help="Needs ChimeraX; the slices do not.")
        return group

    def _defineReport(self, form):
        """The row of the report."""
        form.addParam(
            "showReport",
            params.LabelParam,
            important=True,
            label="Report of the run, in the browser",
            help="One page with summary, figures, settings and provenance. It is one file that can be sent by mail: "
            "report.html in the folder of the run.",
        )

    def _defineMapChoice(self, group):
        """Rows that say more about which map."""

    def _shown(self):
        """Function of every row that shows something."""
        return {"showSlices": self._showSlices, "showChimera": self._showChimera}

    def _getVisualizeDict(self):
        return {name: self._guarded(show, name) for name, show in {"showReport": self._showReport, **self._shown()}.items()}

    def _guarded(self, show, row=""):
        """A view whose file the run has not written yet, or that the engine or Scipion refuses, becomes a message.

        Windows are called after the run and the row that opens them.
        """

        def views(_parameter=None):
            try:
                return self._titled(show(), row)
            except FileNotFoundError as error:
                return [self.errorMessage(self._whyMissing(str(error.filename or error)), "Nothing to show")]
            except PyworkflowException as error:
                return [self.errorMessage(str(error), "Nothing to show")]

        return views

    def _titled(self, views, row):
        """Views whose windows say which run they show, and what of it."""
        label = self.getParam(row).label.get() if row and self.getParam(row) is not None else ""
        title = ": ".join(filter(None, [self.protocol.getRunName(), label]))
        for view in views:
            if isinstance(view, EmPlotter):
                view.getFigure().canvas.manager.set_window_title(title)
        return views

    def _engine(self, title, command, arguments, folder):
        """Run a command of the engine while a small window says how far it is and can give it up."""
        with waiting(self.getTkRoot(), title) as window:
            Plugin.runEngineNow(command, arguments, folder, window.goesOn)

    def _whyMissing(self, fileName):
        """Why a file cannot be shown; a finished run has no patch 9 of 8, and no overlaps of one part."""
        if self.protocol.isFinished():
            return f"{os.path.relpath(fileName, self._path(''))} is not among the results of this run."
        return f"{os.path.basename(fileName)} is not there yet. Wait until the run has got that far."

    def _path(self, name):
        """A result file."""
        return self.protocol._getExtraPath(name)

    def _existing(self, name):
        """A result file that is there."""
        os.stat(self._path(name))
        return self._path(name)

    def _chosenMap(self):
        """Name and path of the map that the form asks for."""
        name, fileName = list(self.MAPS.items())[self.volume.get()]
        return name, self._path(fileName)

    def _showSlices(self):
        name, path = self._chosenMap()
        return [browserOf(*readMap(path), f"Slices of the {name}")]

    def _showChimera(self):
        _, path = self._chosenMap()
        os.stat(path)
        return chimeraViews(self, [path])

    def _showReport(self):
        with waiting(self.getTkRoot(), "Report") as window:
            path = Plugin.makeReport(self.protocol._getExtraPath(), window.goesOn)
        return [PageView(path)]

    def _pictures(self, *names):
        """Windows with figures that the engine has drawn."""
        return [pictureView(self._existing(name)) for name in names]


class HalfMapsViewer(ResultsViewer):
    """Base of the viewers of half maps: also their FSC and local resolution."""

    HALVES = HALF_MAP_FILES
    LOCAL_HELP = "Measured from the half maps when asked for the first time, which takes a while."

    def _defineMaps(self, form):
        group = super()._defineMaps(form)
        group.addParam(
            "showLocalResolution", params.LabelParam, label="Slices coloured by local resolution", help=self.LOCAL_HELP
        )
        group.addParam(
            "showLocalChimera",
            params.LabelParam,
            label="Local resolution in ChimeraX",
            help="Colours the surface of the map; needs ChimeraX.",
        )
        return group

    def _shown(self):
        return {
            **super()._shown(),
            "showLocalResolution": self._showLocalResolution,
            "showLocalChimera": self._showLocalChimera,
        }

    def _threshold(self):
        return self.protocol.fscThreshold.get(FSC_THRESHOLD.default)

    def _showFscKinds(self):
        curves = {label: readCurve(self._path(FSC_FILE), column) for column, label in FSC_CURVES.items()}
        return [
            plotterOf(
                plotFsc,
                curves,
                self._threshold(),
                "Gold-standard FSC and mask",
                resolution=self.protocol._results().get("resolution"),
            )
        ]

    def _mapFile(self):
        """The map to be coloured."""
        return self._existing(next(iter(self.MAPS.values())))

    def _showLocalResolution(self):
        volume, voxelSize = readMap(self._mapFile())
        resolution, _ = readMap(self._localResolution())
        return [plotterOf(plotLocalResolution, volume, resolution, voxelSize, "Local resolution", size=(12, 4))]

    def _showLocalChimera(self):
        path = self._localResolution()
        resolution, _ = readMap(path)
        script = self.protocol._getExtraPath(LOCAL_RESOLUTION_FOLDER, "colours.cxc")
        return chimeraViews(self, [colouredByMap(script, self._mapFile(), path, resolution)])

    def _localResolution(self):
        """Map of the resolution around every voxel, made by the engine unless it is newer than the half maps."""
        halves = [self._existing(name) for name in self.HALVES]
        mask = self._existing(MASK_FILE)
        made = self.protocol._getExtraPath(LOCAL_RESOLUTION_FOLDER, LOCAL_RESOLUTION_FILE)
        if not os.path.exists(made) or os.path.getmtime(made) < max(map(os.path.getmtime, halves)):
            self._engine("Local resolution", "local-resolution", [*halves, "--mask", mask], os.path.dirname(made))
        return made
