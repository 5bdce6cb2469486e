"""What GMM map audit found: Q by component class in every map, and what became of ligands, ions, lipids and waters."""
import os

from pyworkflow.protocol import params

from scipion_gmmrefine.constants import (
    AUDIT_FILE,
    AUDITED_MAPS_FILE,
    CHANGES_FIGURE,
    COPIES_FIGURE,
    Q_CLASSES_FIGURE,
)
from scipion_gmmrefine.convert.star import readTable
from scipion_gmmrefine.protocols import GmmRefineProtAudit
from scipion_gmmrefine.viewers.plots_patches import plotTable
from scipion_gmmrefine.viewers.viewer_base import ResultsViewer
from scipion_gmmrefine.viewers.views import chimeraViews, plotterOf

WORST_FIRST = ("lost", "weakened", "unjudged", "kept")
COLOURS = {"lost": (0.84, 0.15, 0.16), "weakened": (1, 0.69, 0), "unjudged": (0.8, 0.8, 0.8), "kept": (0.3, 0.47, 0.66)}
MOST_ROWS = 25
COLUMNS = {"gmmQReference": "Q before", "gmmQScore": "Q after", "gmmDensityReference": "Density\nbefore",
           "gmmDensity": "Density\nafter"}


class GmmRefineAuditViewer(ResultsViewer):
    """Results of GMM map audit."""

    _targets = [GmmRefineProtAudit]
    _label = "viewer GMM map audit"

    def _defineParams(self, form):
        form.addSection(label="Visualization")
        group = form.addGroup("All maps")
        group.addParam("showCopies", params.LabelParam, label="What became of ligands, ions, lipids and waters",
                       help="One row per molecule, one column per modified map: kept, weakened, lost or unjudged. Where there "
                            "are many, the worst.")
        group.addParam("showClasses", params.LabelParam, label="Q-scores by component class",
                       help="Distributions with median and quartiles, the maps side by side.")
        group.addParam("showChanges", params.LabelParam, label="Change of Q by component class",
                       help="Mean change against the unmodified map, with its 95 % confidence interval.")
        group = form.addGroup("One modified map")
        group.addParam("modified", params.EnumParam, choices=self._modifiedMaps() or ["none yet"], default=0,
                       label="Map", help="By the name of its protocol.")
        group.addParam("showTable", params.LabelParam, label="Table of molecules",
                       help="Q and density before and after; density in units of the polymer's. The worst first.")
        group.addParam("showColoured", params.LabelParam, label="Model coloured by the change of Q in ChimeraX",
                       help="From red (worse by 0.4) over white to blue (better by 0.4), in both maps; needs ChimeraX.")

    def _shown(self):
        return {
            "showCopies": self._showCopies, "showClasses": lambda: self._pictures(Q_CLASSES_FIGURE),
            "showChanges": lambda: self._pictures(CHANGES_FIGURE), "showTable": self._showTable,
            "showColoured": self._showColoured}

    def _modifiedMaps(self):
        """Names of the modified maps, in order."""
        path = self._path(AUDITED_MAPS_FILE)
        return readTable(path)["gmmMap"][1:] if os.path.exists(path) else []

    def _showCopies(self):
        if not self.protocol._results().get("copies", 1):
            return [self.errorMessage("The model has no ligand, ion, lipid, water or sugar.", "Nothing to show")]
        return self._pictures(COPIES_FIGURE)

    def _showTable(self):
        table = readTable(self._existing(AUDIT_FILE))
        name = self._modifiedMaps()[self.modified.get()]
        mine = [row for row in range(len(table["gmmMap"])) if table["gmmMap"][row] == name]
        if not mine:
            return [self.errorMessage("The model has no ligand, ion, lipid, water or sugar.", "Nothing to show")]
        mine.sort(key=lambda row: WORST_FIRST.index(table["gmmStatus"][row]))
        shown = mine[:MOST_ROWS]
        rows = [[table["gmmStatus"][row], _label(table, row), table["gmmClass"][row],
                 *(_short(table[column][row]) for column in COLUMNS)] for row in shown]
        title = name if len(shown) == len(mine) else f"{name}: {len(shown)} of {len(mine)}, the worst"
        return [plotterOf(plotTable, ["Status", "Molecule", "Class", *COLUMNS.values()], rows, title,
                          [COLOURS[row[0]] for row in rows], size=(9, 1.5 + 0.32 * len(rows)))]

    def _showColoured(self):
        self._existing(AUDITED_MAPS_FILE)
        script = self._existing(f"change_map_{self.modified.get() + 2}.cxc")
        return chimeraViews(self, [os.path.abspath(script)])


def _label(table, row):
    """How a person names the molecule of a row."""
    chain, name, number, code = (table[column][row] for column in (
        "gmmChain", "gmmResidueName", "gmmResidueNumber", "gmmInsertionCode"))
    return f"{chain}/{name} {number}{'' if code == '<NA>' else code}"


def _short(text):
    """A number with two digits, a dash for none."""
    return "–" if text == "<NA>" else f"{float(text):.2f}"
