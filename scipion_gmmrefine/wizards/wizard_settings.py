"""Wizards that fill in numbers which follow from the inputs."""
import os
import tempfile

from pwem.convert.atom_struct import AtomicStructHandler
from pwem.wizards import EmWizard
from pyworkflow.gui.dialog import showInfo, showWarning

from gmmrefine.settings import MAKE_MASK, MAP_RESOLUTION, nyquist_text
from scipion_gmmrefine import Plugin
from scipion_gmmrefine.convert.images import halfMapFiles, stackFileName
from scipion_gmmrefine.convert.maps import mrcMap
from scipion_gmmrefine.convert.tables import readRun, rounded
from scipion_gmmrefine.engine import EngineFailure
from scipion_gmmrefine.protocols import (
    GmmRefineProtBuild,
    GmmRefineProtFocus,
    GmmRefineProtHeterogeneity,
    GmmRefineProtPatches,
    GmmRefineProtQScore,
    GmmRefineProtRefine,
    GmmRefineProtSharpen,
)

BUILD_PIXELS = 3


def countHeavyAtoms(fileName):
    """Number of non-hydrogen atoms in the first model of a structure file."""
    handler = AtomicStructHandler()
    handler.read(fileName)
    model = next(iter(handler.getStructure()))
    return sum(atom.element not in ("H", "D") for atom in model.get_atoms())


class GmmRefineGaussiansWizard(EmWizard):
    """Number of Gaussians from the atomic model: one for each non-hydrogen atom."""

    _targets = [(one, ["gaussians"]) for one in (
        GmmRefineProtBuild, GmmRefineProtRefine, GmmRefineProtPatches, GmmRefineProtHeterogeneity)]

    def show(self, form, *_parameters):
        structure = form.protocol.model.get()
        if structure is None:
            showInfo("Number of Gaussians",
                     "Choose an atomic model first: then this wizard counts its atoms.\n\nWithout a model, leave the "
                     "number at auto: it follows from the volume inside the mask and the resolution.", form.root)
            return
        form.setVar("gaussians", str(countHeavyAtoms(structure.getFileName())))


class GmmRefineResolutionWizard(EmWizard):
    """Finest resolution that the sampling of the input allows."""

    _targets = [(GmmRefineProtRefine, ["maxResolution"]), (GmmRefineProtPatches, ["maxResolution"]),
                (GmmRefineProtBuild, ["resolution"]), (GmmRefineProtHeterogeneity, ["targetResolution"])]

    def show(self, form, *_parameters):
        protocol = form.protocol
        refining = not isinstance(protocol, GmmRefineProtBuild)
        source = (protocol.inputParticles if refining else protocol.inputVolume).get()
        if source is None:
            showWarning("Empty input", "Choose the input first.", form.root)
            return
        name = "targetResolution" if isinstance(protocol, GmmRefineProtHeterogeneity) else "maxResolution"
        if refining:
            form.setVar(name, float(nyquist_text(source.getSamplingRate())))
        else:
            form.setVar("resolution", round(BUILD_PIXELS * source.getSamplingRate(), 2))


class GmmRefineSphereWizard(EmWizard):
    """A sphere about the middle of the box, with a quarter of its side as radius: a start to be moved to the region."""

    _targets = [(GmmRefineProtFocus, ["focusSphere"]), (GmmRefineProtHeterogeneity, ["focusSphere"])]

    def show(self, form, *_parameters):
        particles = form.protocol.inputParticles.get()
        if particles is None:
            showWarning("Empty input", "Choose the input first.", form.root)
            return
        side = particles.getXDim() * particles.getSamplingRate()
        form.setVar("focusSphere", f"{side / 2:.0f} {side / 2:.0f} {side / 2:.0f} {side / 4:.0f}")


class GmmRefineMapResolutionWizard(EmWizard):
    """Resolution of the input volume: what its protocol of this plugin says, else the FSC of its half maps."""

    _targets = [(GmmRefineProtQScore, ["mapResolution"]), (GmmRefineProtSharpen, ["lowPass"])]

    def show(self, form, *_parameters):
        volume = form.protocol.inputVolume.get()
        if volume is None:
            showWarning("Empty input", "Choose the input first.", form.root)
            return
        try:
            resolution = knownResolution(volume)
        except EngineFailure as error:
            showWarning("No resolution", str(error), form.root)
            return
        scoring = isinstance(form.protocol, GmmRefineProtQScore)
        if not resolution:
            showInfo("No resolution", "The volume has no half maps that agree; enter the resolution of its FSC.", form.root)
        elif scoring and resolution > MAP_RESOLUTION.maximum:
            showInfo("Coarse map", f"The resolution is {resolution:.2f} Å; what Q-score is usual is known up to "
                                   f"{MAP_RESOLUTION.maximum:g} Å.", form.root)
        else:
            form.setVar("mapResolution" if scoring else "lowPass", rounded(resolution, volume.getSamplingRate()))


def knownResolution(volume):
    """Resolution of a volume in Å.

    Parameters
    ----------
    volume : Volume

    Returns
    -------
    float or None
        As the engine reported it when it made the map; else that of the half maps inside a mask made from them.
    """
    reported = readRun(os.path.dirname(stackFileName(volume))).get("results", {}).get("resolution")
    if reported or not volume.hasHalfMaps():
        return reported
    with tempfile.TemporaryDirectory() as folder:
        halves = [mrcMap(name, os.path.join(folder, f"half_map_{number}.mrc"), volume.getSamplingRate())
                  for number, name in enumerate(halfMapFiles(volume), 1)]
        run = os.path.join(folder, "fsc")
        Plugin.runEngineNow("fsc", [*halves, MAKE_MASK.option], run)
        return readRun(run)["results"]["resolution"]
