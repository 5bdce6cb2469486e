"""A small piece of 6MSM with an ATP, and maps of it, for the tests of protocols that judge and modify maps."""

from pathlib import Path
from unittest import mock

import gemmi
import mrcfile
import numpy as np
from matplotlib import pyplot
from pwem.objects import AtomStruct, Volume
from pwem.protocols import ProtImportVolumes
from pwem.viewers.viewer_chimera import Chimera, ChimeraView
from pyworkflow.object import Pointer
from pyworkflow.tests import BaseTest, setupTestProject

from scipion_gmmrefine.demo import MODEL

SIDE, VOXEL = 48, 0.8  # voxels, Å
WIDTH = 0.7  # Å, standard deviation of every atom's density
NEAR = 6.0  # Å from the middle of the ATP to the nearest atom of a residue
LIGAND = "ATP"
NOISE = 0.2  # of a half map, in units of an atom's height


def writePocket(fileName):
    """Write the residues around the ATP, the middle of the ATP at 0.

    Returns
    -------
    tuple
        AtomStruct; positions (A, 3) in Å; which of the atoms are the ligand's (A,) bool.
    """
    structure = gemmi.read_structure(str(MODEL))
    model = structure[0]
    ligand = next(residue for residue in model["A"] if residue.name == LIGAND)
    middle = np.mean([atom.pos.tolist() for atom in ligand], axis=0)
    for chain in model:
        for index in reversed(range(len(chain))):
            if min(np.linalg.norm(np.subtract(atom.pos.tolist(), middle)) for atom in chain[index]) > NEAR:
                del chain[index]
    structure.remove_empty_chains()
    for site in model.all():
        site.atom.pos -= gemmi.Position(*middle)
    structure.make_mmcif_document().write_file(str(fileName))
    sites = list(model.all())
    positions = np.array([site.atom.pos.tolist() for site in sites])
    return AtomStruct(filename=str(fileName)), positions, np.array([site.residue.name == LIGAND for site in sites])


def writeMoved(structure, fileName, move):
    """An AtomStruct moved by (3,) Å as a whole."""
    moved = gemmi.read_structure(structure.getFileName())
    for site in moved[0].all():
        site.atom.pos += gemmi.Position(*move)
    moved.make_mmcif_document().write_file(str(fileName))
    return AtomStruct(filename=str(fileName))


def density(positions):
    """The map (Z, Y, X) of atoms of height 1 whose frame has the box centre at 0."""
    axis = (np.arange(SIDE) - SIDE // 2) * VOXEL
    gaussians = [np.exp(-0.5 * ((axis - place[:, None]) / WIDTH) ** 2) for place in positions.T[::-1]]
    return np.einsum("az,ay,ax->zyx", *gaussians, optimize=True)


def writeMap(fileName, data, halves=(), origin=(0, 0, 0), kind=Volume):
    """A map file and its Scipion volume, which keeps no origin of its own."""
    with mrcfile.new(str(fileName), data.astype("f4"), overwrite=True) as handle:
        handle.voxel_size = VOXEL
        handle.header.origin = tuple(origin)
    volume = kind(location=str(fileName))
    volume.setSamplingRate(VOXEL)
    if halves:
        volume.setHalfMaps([half.getFileName() for half in halves])
    return volume


def writeNoisyMap(folder, data, seed=1):
    """A volume with half maps of independent noise."""
    random = np.random.default_rng(seed)
    halves = [data + random.normal(0, NOISE, data.shape) for _ in range(2)]
    return writeMap(
        folder / "noisy.mrc",
        sum(halves) / 2,
        [writeMap(folder / f"noisy_half_{number}.mrc", half) for number, half in enumerate(halves, 1)],
    )


def asOutputs(project, **outputs):
    """A protocol with these outputs, as another one would leave it."""
    protocol = project.newProtocol(ProtImportVolumes)
    project.saveProtocol(protocol)
    protocol._defineOutputs(**outputs)
    return protocol


class MapsTest(BaseTest):
    """One pocket with an ATP, and maps of it."""

    @classmethod
    def setUpClass(cls):
        setupTestProject(cls)
        cls.folder = Path(cls.proj.getPath("data")).absolute()
        cls.folder.mkdir()
        cls.structure, cls.positions, cls.ofLigand = writePocket(cls.folder / "pocket.cif")
        cls.full = density(cls.positions)

    def tearDown(self):
        pyplot.close("all")

    @classmethod
    def execute(cls, protocolClass, inputs, **values):
        """Run a protocol to its end; `inputs` are names of outputs of ``cls.sources``, or lists of them."""
        protocol = cls.proj.newProtocol(protocolClass, **values)
        for name, outputs in inputs.items():
            row = getattr(protocol, name)
            if isinstance(outputs, list):
                for output in outputs:
                    row.append(Pointer(cls.sources, extended=output))
            else:
                row.set(cls.sources)
                row.setExtended(outputs)
        cls.proj.launchProtocol(protocol, wait=True)
        if not protocol.isFinished():
            raise AssertionError(protocol.getErrorMessage())
        return protocol

    def viewer(self, viewerClass, protocol):
        viewer = viewerClass(project=self.proj, protocol=protocol)
        viewer.setProtocol(protocol)
        return viewer

    def show(self, viewer, name):
        (view,) = viewer._getVisualizeDict()[name](name)
        return view

    def axes(self, viewer, name):
        figure = self.show(viewer, name).getFigure()
        figure.canvas.draw()
        return figure.axes

    def chimera(self, viewer, name):
        """Command line of ChimeraX."""
        with mock.patch.object(Chimera, "getProgram", return_value="/bin/true"), mock.patch.object(
            Chimera, "getHome", return_value="/"
        ):
            view = self.show(viewer, name)
        self.assertIsInstance(view, ChimeraView)
        return view._cmd
