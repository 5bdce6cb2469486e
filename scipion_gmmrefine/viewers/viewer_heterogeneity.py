# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""What GMM heterogeneity found: whether the motion is real, where particles lie in it, and what a conformation looks like."""

import os
from glob import glob

import numpy as np
from pwem.viewers.viewer_chimera import Chimera
from pyworkflow.protocol import params
from pyworkflow.viewer import CommandView, MessageView

from scipion_gmmrefine import Plugin
from scipion_gmmrefine.constants import FOCUS_MASK_FILE, HALF_MAP_FILES, MASK_FILE, MOTIONS_FILE, MOVIE_FILE, TRAINING_FILE
from scipion_gmmrefine.convert.latents import readLatents
from scipion_gmmrefine.convert.star import readTable
from scipion_gmmrefine.convert.tables import readRows
from scipion_gmmrefine.flexhub.annotation import annotation, haxProgram
from scipion_gmmrefine.protocols import GmmRefineProtHeterogeneity
from scipion_gmmrefine.viewers.latent_space import alongAxes, alongComponents, byUmap
from scipion_gmmrefine.viewers.latent_tools import ConformationPicker, ParticleLasso
from scipion_gmmrefine.viewers.plots_latents import NOTE_SIZE, plotFrames, plotHistogram, plotLatents, plotTraining
from scipion_gmmrefine.viewers.plots_patches import plotTable
from scipion_gmmrefine.viewers.subsets import registerSubset
from scipion_gmmrefine.viewers.viewer_base import ResultsViewer
from scipion_gmmrefine.viewers.views import browserOf, chimeraViews, filmOf, plotterOf, readMap

CONFORMATIONS_FOLDER = "conformations"
PICKED_FOLDER = "picked_conformations"
START = os.path.join("iterations", "00")
HALVES = (1, 2)
PROJECTIONS = ("latent axes", "principal components", "UMAP")
AXES, COMPONENTS, UMAP = range(len(PROJECTIONS))
COLOURINGS = {  # by choice: label of the colours, name of the colour map, what of Latents
    "motion": ("Motion (Å rms)", "viridis", "motion"),
    "half set": ("Half set", "coolwarm", "halves"),
    "defocus": ("Defocus (Å)", "plasma", "defocus"),
    "view: rot": ("Rot (degrees)", "twilight", "rot"),
    "view: tilt": ("Tilt (degrees)", "viridis", "tilt"),
}
TOOLS = {
    "look": "",
    "make the map at a point": "Click in a panel: the map of the conformation there is made and shown.",
    "make a morph between two points": "Click both ends of an axis in one panel: the maps along it are made and shown.",
    "select particles": "Draw a loop in each panel, then press the button: the particles inside become a set and a STAR file.",
}
LOOK, POINT, AXIS, SELECT = range(len(TOOLS))
HEADINGS = ["Axis", "Motion of half 1\n(Å rms)", "Motion of half 2\n(Å rms)", "Cosine between\nthe halves"]


class GmmRefineHeterogeneityViewer(ResultsViewer):
    """Results of GMM heterogeneity."""

    _targets = [GmmRefineProtHeterogeneity]
    _label = "viewer GMM heterogeneity"
    MAPS = {
        **{f"start map of half {half}": os.path.join(START, name) for half, name in zip(HALVES, HALF_MAP_FILES)},
        "mask": MASK_FILE,
        "region": FOCUS_MASK_FILE,
    }
    MAPS_HELP = "Half maps of the poses as they came; the region where one was given."

    def _defineParams(self, form):
        form.addSection(label="Visualization")
        self._defineReport(form)
        group = form.addGroup("Is the motion real?")
        group.addParam(
            "showMotions",
            params.LabelParam,
            label="Motions and agreement of the halves",
            help="How far the leading motions reach, and how well the halves agree on them: cosine 1 is the same "
            "motion, 0 another one.",
        )
        group.addParam(
            "showTraining",
            params.LabelParam,
            label="Loss of every epoch",
            help="Gain over the neutral state. Held-out particles must gain too: else the networks learned noise.",
        )
        group.addParam(
            "showHistogram",
            params.LabelParam,
            label="How far particles are from neutral",
            help="Histogram of the rms displacement of what may move.",
        )
        group = form.addGroup("Conformations")
        group.addParam(
            "projection",
            params.EnumParam,
            choices=list(PROJECTIONS),
            default=AXES,
            label="Seen along",
            help="Axis 1 is the largest motion of its half set. UMAP needs the package umap-learn; a click then "
            "stands for the particle nearest to it.",
        )
        for name, number in (("horizontal", 1), ("vertical", 2)):
            group.addParam(
                name,
                params.IntParam,
                default=number,
                condition=f"projection!={UMAP}",
                label=name.capitalize(),
                help="Number of the axis or component, from 1.",
            )
        group.addParam("colouring", params.EnumParam, choices=list(COLOURINGS), default=0, label="Coloured by")
        group.addParam(
            "tool",
            params.EnumParam,
            choices=list(TOOLS),
            default=LOOK,
            label="The mouse is used to",
            help="\n".join(f"*{name}*: {text}" for name, text in TOOLS.items() if text),
        )
        group.addParam(
            "morphModel",
            params.FileParam,
            default="",
            condition=f"tool in ({POINT}, {AXIS})",
            label="Atomic model to move along",
            help="mmCIF or PDB, fitted into the maps; shown in ChimeraX. Empty shows maps alone.",
        )
        group.addParam(
            "showLatents",
            params.LabelParam,
            label="Conformations of both half sets",
            help="Every dot is a particle. Each half set has axes of its own, which may run the other way.",
        )
        group.addParam(
            "showFilm",
            params.LabelParam,
            label="Largest motion of a half as a film",
            help="Projections of maps along the first axis of half set 1, seen where most of the motion is; needs "
            "no ChimeraX. *GMM conformations* makes films of other axes and of half set 2.",
        )
        group.addParam(
            "showMovie",
            params.LabelParam,
            label="Largest motion of both halves in ChimeraX",
            help="A film of maps along the first axis; needs ChimeraX.",
        )
        group.addParam(
            "annotated",
            params.EnumParam,
            choices=["half 1", "half 2"],
            default=0,
            display=params.EnumParam.DISPLAY_HLIST,
            label="Half set to annotate",
            help="Its latents, decoded by its own network.",
        )
        group.addParam(
            "showAnnotation",
            params.LabelParam,
            label="Annotate the space with hax (Flexibility Hub)",
            help="Starts annotate_space of the plugin scipion-em-hax, for which this plugin's engine decodes maps.",
        )
        self._defineMaps(form)

    def _shown(self):
        return {
            **super()._shown(),
            "showMotions": self._showMotions,
            "showTraining": self._showTraining,
            "showHistogram": self._showHistogram,
            "showLatents": self._showLatents,
            "showMovie": self._showMovie,
            "showFilm": self._showFilm,
            "showAnnotation": self._showAnnotation,
        }

    # --------------------------- is it real? ---------------------------------
    def _showMotions(self):
        rows = [
            [f"{row['gmmAxis']:.0f}", f"{row['gmmRmsHalf1']:.2f}", f"{row['gmmRmsHalf2']:.2f}", f"{row['gmmCosine']:.2f}"]
            for row in readRows(self._path(MOTIONS_FILE))
        ]
        verdict = self.protocol._results().get("verdict", "").replace("; ", "\n").replace(": ", ":\n")
        return [plotterOf(plotTable, HEADINGS, rows, verdict, size=(7, 2.2 + 0.3 * len(rows)))]

    def _showTraining(self):
        table = {name: np.array(values, float) for name, values in readTable(self._path(TRAINING_FILE)).items()}
        curves = {half: (table[f"gmmTrainingHalf{half}"], table[f"gmmHeldOutHalf{half}"]) for half in HALVES}
        return [plotterOf(plotTraining, table["gmmEpoch"], curves)]

    def _showHistogram(self):
        latents = readLatents(self.protocol._getExtraPath())
        return [
            plotterOf(
                plotHistogram,
                {half: latents.ofHalf(half).motion for half in HALVES},
                "Motion (Å rms)",
                "How far particles are from neutral",
            )
        ]

    # --------------------------- conformations -------------------------------
    def _showLatents(self):
        latents = readLatents(self.protocol._getExtraPath())
        parts = {half: latents.ofHalf(half) for half in HALVES}
        size, chosen = latents.latent.shape[1], (self.horizontal.get(), self.vertical.get())
        if self.projection.get() != UMAP and not (1 <= chosen[0] <= size and 1 <= chosen[1] <= max(size, 2)):
            return [self.errorMessage(f"There are {size} latent dimensions; choose numbers from 1 to {size}.", "No such axis")]
        try:
            views = {half: self._flat(part.latent, chosen) for half, part in parts.items()}
        except ImportError:
            return [
                self.errorMessage(
                    "UMAP is not installed. Install the package umap-learn in Scipion's environment, or "
                    "choose principal components.",
                    "UMAP is missing",
                )
            ]
        label, colours, name = COLOURINGS[list(COLOURINGS)[self.colouring.get()]]
        panels = {}

        def draw(figure):
            values = {half: getattr(part, name) for half, part in parts.items()}
            panels.update(plotLatents(figure, views, values, label, colours, list(TOOLS.values())[self.tool.get()]))

        window = plotterOf(draw, size=(11, 5))
        # pyplot keeps the figure as long as its window is open; matplotlib itself holds callbacks weakly
        window.getFigure().tool = self._tool(panels, views, {half: part.ids for half, part in parts.items()})
        return [window]

    def _flat(self, latent, chosen):
        """Latents (N, D) as the form wants to see them."""
        if self.projection.get() == UMAP:
            return byUmap(latent)
        return (alongAxes if self.projection.get() == AXES else alongComponents)(latent, *chosen)

    def _tool(self, panels, views, ids):
        """What the mouse does, as the form says."""
        figure = panels[HALVES[0]].figure
        if self.tool.get() == SELECT:
            return ParticleLasso(panels, views, ids, self._atOnce(figure, self._subset))
        if self.tool.get() in (POINT, AXIS):
            return ConformationPicker(
                panels, views, 1 if self.tool.get() == POINT else 2, self._atOnce(figure, self._conformations)
            )
        return None

    def _atOnce(self, figure, makeViews):
        """Show what a click asks for in new windows; messages in the figure, as a dialog would come up behind it."""

        def show(*arguments):
            hint = list(TOOLS.values())[self.tool.get()]
            _say(figure, "One moment ...")
            for view in self._guarded(lambda: makeViews(*arguments))():
                if isinstance(view, MessageView):
                    hint = view.getMessage()
                else:
                    view.show()
            _say(figure, hint)

        return show

    def _conformations(self, half, latents):
        """Windows with the maps of conformations of a half set, or along the line between two; the engine makes them."""
        through = "; ".join(" ".join(f"{value:.4f}" for value in latent) for latent in latents)
        model = ["--model", os.path.abspath(self.morphModel.get())] if self.morphModel.get() else []
        folder = self.protocol._getExtraPath(PICKED_FOLDER)
        self._engine(
            "Maps of conformations",
            "conformations",
            [self.protocol._getExtraPath(), f"--through={through}", "--half", str(half), *model],
            folder,
        )
        program = Chimera.getProgram()
        if program and os.path.exists(program):
            return chimeraViews(self, [os.path.join(folder, MOVIE_FILE)])
        frames = sorted(glob(os.path.join(folder, f"half_{half}", "frame_*.mrc")))
        places = " to ".join(f"({', '.join(f'{value:.2f}' for value in latent)})" for latent in latents)
        title = f"Conformation of half {half} at {places}"
        if len(frames) == 1:
            return [browserOf(*readMap(frames[0]), title)]
        return [plotterOf(plotFrames, *zip(*map(readMap, frames)), title, size=(9, 9))]

    def _showMovie(self):
        return chimeraViews(self, [self._existing(os.path.join(CONFORMATIONS_FOLDER, MOVIE_FILE))])

    def _showFilm(self):
        paths = sorted(glob(self._path(os.path.join(CONFORMATIONS_FOLDER, "half_1", "frame_*.mrc"))))
        if not paths:
            return [self.errorMessage("The conformations are made when the run has ended.", "Nothing to show")]
        maps = [readMap(path) for path in paths]
        return [filmOf([volume for volume, _ in maps], maps[0][1], "Largest motion of half 1")]

    def _showAnnotation(self):
        latents = readLatents(self.protocol._getExtraPath()).ofHalf(self.annotated.get() + 1)
        command = annotation(self.protocol._getExtraPath(), self.annotated.get() + 1, latents.latent, Plugin.getPython())
        program = haxProgram("annotate_space")
        if program is None:
            return [
                self.infoMessage(
                    f"The plugin scipion-em-hax is not installed. With hax elsewhere, start\n\n{command}", "Annotate the space"
                )
            ]
        return [CommandView(command.replace("annotate_space", program, 1))]

    def _subset(self, ids):
        """Particles as a set of the project; a message that says where they are."""
        if not ids:
            return [self.errorMessage("No particles are selected. Draw a loop around some first.", "Empty selection")]
        subset, path = registerSubset(self.protocol, ids)
        return [
            self.infoMessage(
                f"{len(ids)} particles are now the set of the protocol '{subset.getObjLabel()}', and in the "
                f"STAR file\n{os.path.abspath(path)}",
                "Subset made",
            )
        ]


def _say(figure, text):
    """Write above the panels, also while something else is about to take its time."""
    figure.suptitle(text, fontsize=NOTE_SIZE)
    figure.canvas.draw()
    figure.canvas.flush_events()
