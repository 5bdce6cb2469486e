"""Wizards that fill in numbers which follow from the inputs."""
from pwem.convert.atom_struct import AtomicStructHandler
from pwem.wizards import EmWizard
from pyworkflow.gui.dialog import showInfo, showWarning

from scipion_gmmrefine.protocols import (
    GmmRefineProtBuild,
    GmmRefineProtFocus,
    GmmRefineProtPatches,
    GmmRefineProtRefine,
)

BUILD_PIXELS = 3
NYQUIST_PIXELS = 2


def countHeavyAtoms(fileName):
    """Number of non-hydrogen atoms in the first model of a structure file."""
    handler = AtomicStructHandler()
    handler.read(fileName)
    model = next(iter(handler.getStructure()))
    return sum(atom.element not in ("H", "D") for atom in model.get_atoms())


class GmmRefineGaussiansWizard(EmWizard):
    """Number of Gaussians from the atomic model: one for each non-hydrogen atom."""

    _targets = [(one, ["gaussians"]) for one in (GmmRefineProtBuild, GmmRefineProtRefine, GmmRefineProtPatches)]

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
                (GmmRefineProtBuild, ["resolution"])]

    def show(self, form, *_parameters):
        protocol = form.protocol
        refining = not isinstance(protocol, GmmRefineProtBuild)
        source = (protocol.inputParticles if refining else protocol.inputVolume).get()
        if source is None:
            showWarning("Empty input", "Choose the input first.", form.root)
            return
        name, pixels = ("maxResolution", NYQUIST_PIXELS) if refining else ("resolution", BUILD_PIXELS)
        form.setVar(name, round(pixels * source.getSamplingRate(), 2))


class GmmRefineSphereWizard(EmWizard):
    """A sphere about the middle of the box, with a quarter of its side as radius: a start to be moved to the region."""

    _targets = [(GmmRefineProtFocus, ["focusSphere"])]

    def show(self, form, *_parameters):
        particles = form.protocol.inputParticles.get()
        if particles is None:
            showWarning("Empty input", "Choose the input first.", form.root)
            return
        side = particles.getXDim() * particles.getSamplingRate()
        form.setVar("focusSphere", f"{side / 2:.0f} {side / 2:.0f} {side / 2:.0f} {side / 4:.0f}")
