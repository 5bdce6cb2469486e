# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""What an audit found: Q by component class in every map, and what became of ligands, ions, lipids and waters."""

import os

from pyworkflow.protocol import params

from scipion_gmmrefine.constants import (
    AUDIT_FILE,
    AUDITED_MAPS_FILE,
    CHANGED_MODEL_SCRIPT,
    CHANGES_FIGURE,
    CHANGES_FILE,
    COPIES_FIGURE,
    MODEL_FSC_FIGURE,
    PARTS_FILE,
    Q_CLASSES_FIGURE,
)
from scipion_gmmrefine.convert.star import readTable
from scipion_gmmrefine.convert.tables import readRun
from scipion_gmmrefine.protocols import GmmRefineProtAudit
from scipion_gmmrefine.viewers.plots_patches import plotTable
from scipion_gmmrefine.viewers.viewer_base import ResultsViewer
from scipion_gmmrefine.viewers.views import chimeraViews, plotterOf

WORST_FIRST = ("lost", "weakened", "unjudged", "kept")
COLOURS = {"lost": (0.84, 0.15, 0.16), "weakened": (1, 0.69, 0), "unjudged": (0.8, 0.8, 0.8), "kept": (0.3, 0.47, 0.66)}
MOST_ROWS = 25
COLUMNS = {
    "gmmQReference": "Q before",
    "gmmQScore": "Q after",
    "gmmDensityReference": "Density\nbefore",
    "gmmDensity": "Density\nafter",
}
CLASS_COLUMNS = {
    "gmmQReference": "Q before",
    "gmmQMean": "Q after",
    "gmmQChange": "Change",
    "gmmQChangeLow": "95 % from",
    "gmmQChangeHigh": "to",
}


class AuditedViewer(ResultsViewer):
    """Base of the viewers of protocols that audit maps: rows about the audit."""

    FOLDER = ""  # of the audit, in the extra folder

    def _defineAllMaps(self, group):
        """Rows about all the maps."""
        group.addParam(
            "showCopies",
            params.LabelParam,
            label="What became of ligands, ions, lipids and waters",
            help="One row per molecule, one column per modified map: kept, weakened, lost or unjudged. Where there "
            "are many, the worst.",
        )
        group.addParam(
            "showClasses",
            params.LabelParam,
            label="Q-scores by component class",
            help="Distributions with median and quartiles, the maps side by side.",
        )
        group.addParam(
            "showChanges",
            params.LabelParam,
            label="Change of Q by component class",
            help="Mean change against the unmodified map, with its 95 % confidence interval.",
        )
        group.addParam(
            "showModelFsc",
            params.LabelParam,
            label="FSC with the model",
            help="Of every map, and of the half maps of the unmodified one, under a mask made of the model.",
        )

    def _defineOneMap(self, group):
        """Rows about one modified map."""
        group.addParam(
            "showTable",
            params.LabelParam,
            label="Table of molecules",
            help="Q and density before and after; density in units of the polymer's. The worst first.",
        )
        group.addParam(
            "showParts",
            params.LabelParam,
            label="Parts of residues that were lost",
            help="An iron, a phosphate, a side chain: atoms that are gone while the rest of their residue is there.",
        )
        group.addParam(
            "showClassTable",
            params.LabelParam,
            label="Table of component classes",
            help="Mean Q before and after, and the mean change with its 95 % confidence interval.",
        )
        group.addParam(
            "showColoured",
            params.LabelParam,
            label="Model coloured by the change of Q in ChimeraX",
            help="From red (worse by 0.4) over white to blue (better by 0.4), in both maps; needs ChimeraX.",
        )

    def _auditShown(self):
        """Function of every row about the audit."""
        return {
            "showCopies": self._showCopies,
            "showClasses": lambda: self._pictures(self._of(Q_CLASSES_FIGURE)),
            "showChanges": lambda: self._pictures(self._of(CHANGES_FIGURE)),
            "showTable": self._showTable,
            "showParts": self._showParts,
            "showModelFsc": lambda: self._pictures(self._of(MODEL_FSC_FIGURE)),
            "showClassTable": self._showClassTable,
            "showColoured": self._showColoured,
        }

    def _of(self, name):
        """A file of the audit, below the extra folder."""
        return os.path.join(self.FOLDER, name)

    def _modifiedMaps(self):
        """Names of the modified maps, in order."""
        path = self._path(self._of(AUDITED_MAPS_FILE))
        return readTable(path)["gmmMap"][1:] if os.path.exists(path) else []

    def _chosen(self):
        """Number of the modified map that the rows are about, from 0."""
        return 0

    def _showCopies(self):
        if not readRun(self._path(self.FOLDER)).get("results", {}).get("copies", 1):
            return [self.errorMessage("The model has no ligand, ion, lipid, water or sugar.", "Nothing to show")]
        return self._pictures(self._of(COPIES_FIGURE))

    def _rowsOf(self, fileName):
        """A table of the audit, the numbers of its rows about the chosen map, and the name of the map."""
        table = readTable(self._existing(self._of(fileName)))
        name = self._modifiedMaps()[self._chosen()]
        return table, [row for row in range(len(table["gmmMap"])) if table["gmmMap"][row] == name], name

    def _showTable(self):
        table, mine, name = self._rowsOf(AUDIT_FILE)
        if not mine:
            return [self.errorMessage("The model has no ligand, ion, lipid, water or sugar.", "Nothing to show")]
        mine.sort(key=lambda row: WORST_FIRST.index(table["gmmStatus"][row]))
        shown = mine[:MOST_ROWS]
        rows = [
            [
                table["gmmStatus"][row],
                _label(table, row),
                table["gmmClass"][row],
                *(_short(table[column][row]) for column in COLUMNS),
            ]
            for row in shown
        ]
        title = name if len(shown) == len(mine) else f"{name}: {len(shown)} of {len(mine)}, the worst"
        return [
            plotterOf(
                plotTable,
                ["Status", "Molecule", "Class", *COLUMNS.values()],
                rows,
                title,
                [COLOURS[row[0]] for row in rows],
                size=(9, 1.5 + 0.32 * len(rows)),
            )
        ]

    def _showParts(self):
        table, mine, name = self._rowsOf(PARTS_FILE)
        if not mine:
            return [self.errorMessage("No part of a residue was lost, or nothing could be judged.", "Nothing to show")]
        shown = mine[:MOST_ROWS]
        rows = [
            [
                _label(table, row),
                table["gmmPart"][row],
                table["gmmAtoms"][row],
                table["gmmAtomsOfResidue"][row],
                *(_short(table[column][row]) for column in COLUMNS),
            ]
            for row in shown
        ]
        title = name if len(shown) == len(mine) else f"{name}: {len(shown)} of {len(mine)}"
        return [
            plotterOf(
                plotTable, ["Residue", "Lost", "Atoms", "of", *COLUMNS.values()], rows, title, size=(10, 1.5 + 0.32 * len(rows))
            )
        ]

    def _showClassTable(self):
        table, mine, name = self._rowsOf(CHANGES_FILE)
        rows = [
            [
                table["gmmClass"][row].replace("_", " "),
                table["gmmAtoms"][row],
                *(_short(table[column][row], 3) for column in CLASS_COLUMNS),
            ]
            for row in mine
        ]
        return [plotterOf(plotTable, ["Class", "Atoms", *CLASS_COLUMNS.values()], rows, name, size=(9, 1.5 + 0.32 * len(rows)))]

    def _showColoured(self):
        self._existing(self._of(AUDITED_MAPS_FILE))
        script = self._existing(self._of(CHANGED_MODEL_SCRIPT.format(self._chosen() + 2)))
        return chimeraViews(self, [os.path.abspath(script)])


class GmmRefineAuditViewer(AuditedViewer):
    """Results of GMM map audit."""

    _targets = [GmmRefineProtAudit]
    _label = "viewer GMM map audit"

    def _defineParams(self, form):
        form.addSection(label="Visualization")
        self._defineReport(form)
        self._defineAllMaps(form.addGroup("All maps"))
        group = form.addGroup("One modified map")
        group.addParam(
            "modified",
            params.EnumParam,
            choices=self._modifiedMaps() or ["none yet"],
            default=0,
            label="Map",
            help="By the name of its protocol.",
        )
        self._defineOneMap(group)

    def _shown(self):
        return self._auditShown()

    def _chosen(self):
        return self.modified.get()


def _label(table, row):
    """How a person names the molecule of a row."""
    chain, name, number, code = (
        table[column][row] for column in ("gmmChain", "gmmResidueName", "gmmResidueNumber", "gmmInsertionCode")
    )
    return f"{chain}/{name} {number}{'' if code == '<NA>' else code}"


def _short(text, digits=2):
    """A number with some digits, a dash for none."""
    return "–" if text == "<NA>" else f"{float(text):.{digits}f}"
