# Authors: the gmmrefine authors. Licence: GPL-3.0-or-later, see the file LICENSE.
"""Wizards that show the molecule: a sphere dragged on its map, patches beforehand, and what Gaussians stand for."""

import os
import tempfile

from matplotlib.backends.backend_tkagg import FigureCanvasTkAgg
from matplotlib.figure import Figure
from pwem.wizards import EmWizard
from pyworkflow.gui.dialog import RESULT_CANCEL, RESULT_YES, Dialog, showInfo, showWarning

from gmmrefine import settings
from scipion_gmmrefine import Plugin
from scipion_gmmrefine.constants import INPUT_FILE, PATCHES_FILE
from scipion_gmmrefine.convert.star_writer import writeParticles
from scipion_gmmrefine.convert.tables import readPatches
from scipion_gmmrefine.engine import EngineFailure
from scipion_gmmrefine.protocols import (
    GmmRefineProtBuild,
    GmmRefineProtFocus,
    GmmRefineProtHeterogeneity,
    GmmRefineProtPatches,
    GmmRefineProtRefine,
)
from scipion_gmmrefine.protocols.form import COMPUTING, engineOptions
from scipion_gmmrefine.viewers.plots_patches import plotPatches
from scipion_gmmrefine.viewers.slice_browser import SliceBrowser, SpherePicker
from scipion_gmmrefine.viewers.waiting import waiting
from scipion_gmmrefine.wizards.molecule import moleculeOf, resolvedBy
from scipion_gmmrefine.wizards.structure import countHeavyAtoms

SIZE = (12, 5.2)  # inches
FIRST_RADIUS = 0.25  # of the side
HINT = "Drag the sphere by its inside, its rim or with the wheel; sliders move the slices"
TABLE = (1 / 4, 1 / 2, 1, 2, 4)  # of the number that auto takes


class FigureDialog(Dialog):
    """A figure in a dialog of Scipion.

    Parameters
    ----------
    parent : tkinter.Misc
    title : str
    draw : callable
        Gets the figure; what it returns is kept as ``drawn``.
    isChoice : bool
        Whether there is something to accept or to leave.
    """

    def __init__(self, parent, title, draw, isChoice=True):
        self._draw = draw
        buttons = [("Select", RESULT_YES), ("Cancel", RESULT_CANCEL)] if isChoice else [("Close", RESULT_YES)]
        super().__init__(parent, title, buttons=buttons, default=buttons[0][0])

    def body(self, bodyFrame):
        figure = Figure(figsize=SIZE)
        canvas = FigureCanvasTkAgg(figure, master=bodyFrame)
        self.drawn = self._draw(figure)
        canvas.draw()
        canvas.get_tk_widget().grid(row=0, column=0, sticky="news")


class MoleculeWizard(EmWizard):
    """Base of the wizards that look at the molecule, which may have to be made first."""

    def show(self, form, *_parameters):
        protocol = form.protocol
        source = protocol.inputVolume if hasattr(protocol, "inputVolume") else protocol.inputParticles
        if source.get() is None:
            showWarning("Empty input", "Choose the input first.", form.root)
            return
        try:
            with tempfile.TemporaryDirectory() as folder:
                self.showMolecule(form, folder)
        except EngineFailure as error:
            showWarning("Nothing to show", str(error), form.root)

    def showMolecule(self, form, folder):
        """Make what is needed in a folder, and show it."""
        raise NotImplementedError


class GmmRefineSphereWizard(MoleculeWizard):
    """A sphere on slices of the map, in the map's own coordinates, with the Gaussians inside counted."""

    _targets = [(GmmRefineProtFocus, ["focusSphere"]), (GmmRefineProtHeterogeneity, ["focusSphere"])]

    def showMolecule(self, form, folder):
        with waiting(form.root, "Map of the molecule") as window:
            molecule = moleculeOf(form.protocol, folder, window.goesOn)
        sphere = _given(form.protocol.focusSphere.get(), len(molecule.volume) * molecule.voxelSize)
        chosen = pickSphere(form.root, molecule, sphere)
        if chosen:
            form.setVar("focusSphere", chosen)


def pickSphere(root, molecule, sphere):
    """The sphere that a user leaves on the map, as the form has it; empty when the dialog is cancelled."""
    dialog = FigureDialog(
        root,
        "Focus sphere",
        lambda figure: SpherePicker(SliceBrowser(figure, molecule.volume, molecule.voxelSize, HINT), sphere, molecule.centers),
    )
    return dialog.drawn.text() if dialog.resultYes() else ""


def _given(text, side):
    """The sphere in the form, or one about the middle of the box."""
    try:
        numbers = [float(word) for word in (text or "").replace(",", " ").split()]
    except ValueError:
        numbers = []
    return numbers if len(numbers) == 4 and numbers[3] > 0 else [side / 2, side / 2, side / 2, FIRST_RADIUS * side]


class GmmRefinePatchesWizard(MoleculeWizard):
    """The patches that the form as it is would make, on the map."""

    _targets = [(GmmRefineProtPatches, ["patches"])]

    def showMolecule(self, form, folder):
        protocol = form.protocol
        with waiting(form.root, "Patches") as window:
            molecule = moleculeOf(protocol, folder, window.goesOn)
            patches = previewedPatches(protocol, folder, window.goesOn)
        FigureDialog(
            form.root,
            "Patches",
            lambda figure: plotPatches(
                figure,
                molecule.centers - len(molecule.volume) // 2 * molecule.voxelSize,
                patches,
                molecule.volume,
                molecule.voxelSize,
                f"{len(patches)} patches; other numbers show when the wizard is pressed again",
            ),
            isChoice=False,
        )


def previewedPatches(protocol, folder, goesOn=None):
    """The patches of a form, made in a folder now; a list of (n, 4) float as ``readPatches`` gives them."""
    table, made = os.path.join(folder, f"patches_{INPUT_FILE}"), os.path.join(folder, "patches")
    writeParticles(protocol.inputParticles.get(), table, os.path.join(folder, "stacks"))
    mode = [settings.PATCH_MODE.option, "apart", settings.ONLY.option, "geometry"]
    named = tuple(one for one in protocol.SETTINGS if one not in (settings.PATCH_MODE, settings.COMPOSITE_WEIGHTS))
    Plugin.runEngineNow("refine-patches", [table, *engineOptions(protocol, named, COMPUTING), *mode], made, goesOn)
    return readPatches(os.path.join(made, PATCHES_FILE))


class GmmRefineGaussiansWizard(MoleculeWizard):
    """Number of Gaussians: one for each non-hydrogen atom of a model, else what numbers stand for in this molecule."""

    _targets = [
        (one, ["gaussians"])
        for one in (GmmRefineProtBuild, GmmRefineProtRefine, GmmRefineProtPatches, GmmRefineProtHeterogeneity)
    ]

    def show(self, form, *parameters):
        structure = form.protocol.model.get()
        if structure is not None:
            form.setVar("gaussians", str(countHeavyAtoms(structure.getFileName())))
        else:
            super().show(form, *parameters)

    def showMolecule(self, form, folder):
        with waiting(form.root, "Gaussians of the molecule") as window:
            molecule = moleculeOf(form.protocol, folder, window.goesOn, mustFit=True)
        showInfo("Number of Gaussians", describeNumbers(form.protocol.gaussians.get(), molecule.fitted), form.root)


def describeNumbers(text, fitted):
    """What numbers of Gaussians stand for, in words.

    Parameters
    ----------
    text : str
        In the form.
    fitted : tuple of (int, float)
        How many stand for the molecule up to which resolution in Å.
    """
    lines = [
        "auto follows the resolution in every iteration; leave it unless you know better.",
        "",
        "In this molecule so many Gaussians stand for detail of:",
    ]
    numbers = {int(round(share * fitted[0])) for share in TABLE}
    numbers |= {int(text)} if text.isdecimal() and int(text) > 0 else set()
    lines += [
        f"  {number}: {resolvedBy(number, fitted):.1f} Å{' (in the form)' if str(number) == text else ''}"
        for number in sorted(numbers)
    ]
    return "\n".join(lines)
