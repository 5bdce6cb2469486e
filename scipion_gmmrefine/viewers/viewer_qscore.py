# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""What GMM Q-score found: Q by residue, chain and component class, and the model coloured by it."""

import glob
import os

from pyworkflow.protocol import params

from scipion_gmmrefine.constants import (
    MODEL_FSC_FIGURE,
    Q_CHAINS_FILE,
    Q_CLASSES_FIGURE,
    Q_CLASSES_FILE,
    Q_RESIDUE_FIGURES,
    Q_SCRIPT,
)
from scipion_gmmrefine.convert.star import readTable
from scipion_gmmrefine.protocols import GmmRefineProtQScore
from scipion_gmmrefine.viewers.plots_patches import plotTable
from scipion_gmmrefine.viewers.viewer_base import ResultsViewer
from scipion_gmmrefine.viewers.views import chimeraViews, plotterOf

STATISTICS = {
    "gmmAtoms": "Atoms",
    "gmmAtomsOutside": "Outside\nthe map",
    "gmmQMean": "Mean Q",
    "gmmQMedian": "Median",
    "gmmQQuartile1": "First\nquartile",
    "gmmQQuartile3": "Third\nquartile",
}


class GmmRefineQScoreViewer(ResultsViewer):
    """Results of GMM Q-score."""

    _targets = [GmmRefineProtQScore]
    _label = "viewer GMM Q-score"

    def _defineParams(self, form):
        form.addSection(label="Visualization")
        self._defineReport(form)
        group = form.addGroup("Residues")
        group.addParam(
            "chain",
            params.EnumParam,
            choices=list(self._chainFigures()) or ["none yet"],
            default=0,
            label="Chain",
            help="Chains of protein or nucleic acid.",
        )
        group.addParam(
            "showResidues",
            params.LabelParam,
            label="Q-score per residue",
            help="Mean of each residue, the mean of 11 residues around it, and what is usual at the resolution.",
        )
        group = form.addGroup("Component classes and chains")
        group.addParam(
            "showClasses",
            params.LabelParam,
            label="Q-scores by component class",
            help="Protein, nucleic acid, ligands, ions, waters, lipids, sugars: distributions with median and quartiles.",
        )
        group.addParam("showClassTable", params.LabelParam, label="Table of classes", help="Counts, mean, median, quartiles.")
        group.addParam("showChainTable", params.LabelParam, label="Table of chains", help="Counts, mean, median, quartiles.")
        group = form.addGroup("Model and map")
        group.addParam(
            "showColoured",
            params.LabelParam,
            label="Model coloured by Q in ChimeraX",
            help="From red (0) over white (0.6) to blue (1), in the map; needs ChimeraX.",
        )
        group.addParam(
            "showModelFsc",
            params.LabelParam,
            label="FSC with the model",
            help="Of the map, and of its half maps where it has them, under a mask made of the model.",
        )

    def _shown(self):
        return {
            "showResidues": self._showResidues,
            "showClasses": lambda: self._pictures(Q_CLASSES_FIGURE),
            "showClassTable": lambda: self._showTable(Q_CLASSES_FILE, "Class"),
            "showChainTable": lambda: self._showTable(Q_CHAINS_FILE, "Chain"),
            "showColoured": self._showColoured,
            "showModelFsc": lambda: self._pictures(MODEL_FSC_FIGURE),
        }

    def _chainFigures(self):
        """Figure of every chain, by the name of the chain in it."""
        paths = sorted(glob.glob(self._path(Q_RESIDUE_FIGURES)))
        return {os.path.splitext(os.path.basename(path))[0].split("_", 1)[1]: path for path in paths}

    def _showResidues(self):
        figures = list(self._chainFigures().values())
        if not figures:
            os.stat(self._path(Q_CLASSES_FIGURE))  # says what is missing while the run goes on
            return [self.errorMessage("The model has no chain of protein or nucleic acid.", "Nothing to show")]
        return self._pictures(os.path.relpath(figures[self.chain.get()], self._path("")))

    def _showTable(self, fileName, heading):
        table = readTable(self._path(fileName))
        names, *_ = table.values()
        rows = [
            [name.replace("_", " "), *values]
            for name, *values in zip(names, *(map(_short, table[column]) for column in STATISTICS))
        ]
        return [
            plotterOf(
                plotTable,
                [heading, *STATISTICS.values()],
                rows,
                f"Q-score by {heading.lower()}",
                size=(10, 1.5 + 0.32 * len(rows)),
            )
        ]

    def _showColoured(self):
        return chimeraViews(self, [os.path.abspath(self._existing(Q_SCRIPT))])


def _short(text):
    """A count as it is, a score with three digits, a dash for none."""
    if text == "<NA>":
        return "–"
    return f"{float(text):.3f}" if "." in text else text
