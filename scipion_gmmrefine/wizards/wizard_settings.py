"""Wizards that fill in numbers which follow from the inputs."""
from pwem.convert.atom_struct import AtomicStructHandler
from pwem.wizards import EmWizard
from pyworkflow.gui.dialog import showInfo, showWarning

from scipion_gmmrefine.protocols import GmmRefineProtBuild, GmmRefineProtRefine

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

    _targets = [(GmmRefineProtBuild, ["gaussians"]), (GmmRefineProtRefine, ["gaussians"])]

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

    _targets = [(GmmRefineProtRefine, ["maxResolution"]), (GmmRefineProtBuild, ["resolution"])]

    def show(self, form, *_parameters):
        protocol = form.protocol
        refining = isinstance(protocol, GmmRefineProtRefine)
        source = (protocol.inputParticles if refining else protocol.inputVolume).get()
        if source is None:
            showWarning("Empty input", "Choose the input first.", form.root)
            return
        name, pixels = ("maxResolution", NYQUIST_PIXELS) if refining else ("resolution", BUILD_PIXELS)
        form.setVar(name, round(pixels * source.getSamplingRate(), 2))
