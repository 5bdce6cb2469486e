import os
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
from matplotlib.figure import Figure
from pwem.objects import AtomStruct
from pyworkflow.tests import BaseTest, setupTestProject

from gmmrefine.settings import LOW_PASS
from scipion_gmmrefine import Plugin
from scipion_gmmrefine.convert.star import writeTables
from scipion_gmmrefine.protocols import (
    GmmRefineProtBuild,
    GmmRefineProtConformationToPose,
    GmmRefineProtFocus,
    GmmRefineProtHeterogeneity,
    GmmRefineProtPatches,
    GmmRefineProtQScore,
    GmmRefineProtRefine,
    GmmRefineProtSharpen,
)
from scipion_gmmrefine.protocols.form_checks import beyondNyquist
from scipion_gmmrefine.tests.maps import VOXEL, density, writeNoisyMap
from scipion_gmmrefine.tests.results import GAUSSIANS, writeGmm
from scipion_gmmrefine.tests.sets import makeParticles, writeVolume
from scipion_gmmrefine.wizards import (
    GmmRefineGaussiansWizard,
    GmmRefineMapResolutionWizard,
    GmmRefinePatchesWizard,
    GmmRefineResolutionWizard,
    GmmRefineSphereWizard,
    wizard_region,
    wizard_settings,
)

PDB = """\
ATOM      1  N   GLY A   1      11.000  12.000  13.000  1.00 10.00           N
ATOM      2  H   GLY A   1      11.500  12.000  13.000  1.00 10.00           H
ATOM      3  CA  GLY A   1      12.000  12.500  13.000  1.00 10.00           C
HETATM    4 MG    MG A   2      15.000  12.500  13.000  1.00 10.00          MG
END
"""


def writeModel(command, _arguments, folder, _goesOn=None):
    """What the engine would make of a molecule."""
    os.makedirs(folder)
    if command == "reconstruct":
        writeVolume(os.path.join(folder, "map.mrc"))
    elif command == "build":
        writeGmm(os.path.join(folder, "gmm.star"))
        Path(folder, "run.json").write_text('{"results": {"resolution": 6.0}}')
    else:
        writeTables(
            os.path.join(folder, "patches.star"),
            {"patches": {"gmmPatch": [1.0, 2.0], "gmmX": [-8, 8], "gmmY": [0, 0], "gmmZ": [0, 0], "gmmRadius": [9.0, 7]}},
        )


class FakeForm:
    """A form window that remembers what a wizard set."""

    root = None

    def __init__(self, protocol):
        self.protocol, self.values = protocol, {}

    def setVar(self, name, value):
        self.values[name] = value


class TestWizards(BaseTest):
    @classmethod
    def setUpClass(cls):
        setupTestProject(cls)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_gaussians_of_an_atomic_model(self):
        (self.folder / "model.pdb").write_text(PDB)
        form = FakeForm(self.proj.newProtocol(GmmRefineProtBuild))
        form.protocol.model.set(AtomStruct(str(self.folder / "model.pdb")))
        GmmRefineGaussiansWizard().show(form)
        self.assertEqual(form.values, {"gaussians": "3"})

    def test_gaussians_without_a_model_are_shown_with_what_they_represent(self):
        form = FakeForm(self.proj.newProtocol(GmmRefineProtBuild, gaussians="125"))
        form.protocol.inputVolume.set(writeVolume(self.folder / "map.mrc"))
        with mock.patch.object(Plugin, "runEngineNow", side_effect=writeModel) as engine, mock.patch.object(
            wizard_region, "showInfo"
        ) as shown:
            GmmRefineGaussiansWizard().show(form)
        self.assertEqual(engine.call_args[0][:2], ("build", [str(self.folder / "map.mrc"), "--fit-evaluations", "1"]))
        said = shown.call_args[0][1]
        self.assertIn("\n  20: 6.0 Å\n", said)  # as many as the engine took at 6 Å
        self.assertIn("\n  80: 3.8 Å\n", said)
        self.assertIn("\n  125: 3.3 Å (in the form)", said)
        self.assertEqual(form.values, {})

    def test_resolution_from_the_sampling(self):
        form = FakeForm(self.proj.newProtocol(GmmRefineProtRefine))
        form.protocol.inputParticles.set(makeParticles(self.folder))
        GmmRefineResolutionWizard().show(form)
        self.assertEqual(form.values, {"maxResolution": 5.0})
        form = FakeForm(self.proj.newProtocol(GmmRefineProtHeterogeneity))
        form.protocol.inputParticles.set(makeParticles(self.folder))
        GmmRefineResolutionWizard().show(form)
        self.assertEqual(form.values, {"targetResolution": 7.0})
        form = FakeForm(self.proj.newProtocol(GmmRefineProtBuild))
        form.protocol.inputVolume.set(writeVolume(self.folder / "map.mrc"))
        GmmRefineResolutionWizard().show(form)
        self.assertEqual(form.values, {"resolution": 7.5})

    def test_what_the_wizards_find_at_nyquist_is_allowed(self):
        """Also for 1.0624 Å/px, where two decimals, 2.12 Å, are beyond it."""
        for samplingRate in np.round(np.arange(50, 391) / 100, 2) * 1.00166:
            found = wizard_settings.rounded(2 * samplingRate, float(np.float32(samplingRate)))
            self.assertEqual(beyondNyquist(LOW_PASS, found, samplingRate), [])
            self.assertAlmostEqual(found, 2 * samplingRate, delta=0.01)
        self.assertEqual(wizard_settings.rounded(4.256, 1.0624), 4.26)
        form = FakeForm(self.proj.newProtocol(GmmRefineProtRefine))
        particles = makeParticles(self.folder)
        particles.setSamplingRate(1.0624)
        form.protocol.inputParticles.set(particles)
        GmmRefineResolutionWizard().show(form)
        self.assertEqual(form.values, {"maxResolution": 2.125})

    def test_target_resolution_is_coarser_where_the_sampling_ends_before(self):
        form = FakeForm(self.proj.newProtocol(GmmRefineProtHeterogeneity))
        particles = makeParticles(self.folder)
        particles.setSamplingRate(4.0)
        form.protocol.inputParticles.set(particles)
        GmmRefineResolutionWizard().show(form)
        self.assertEqual(form.values, {"targetResolution": 8.0})

    def pick(self, form, chosen):
        """Start the wizard of the sphere; what its dialog was given."""
        with mock.patch.object(Plugin, "runEngineNow", side_effect=writeModel) as engine, mock.patch.object(
            wizard_region, "pickSphere", return_value=chosen
        ) as dialog:
            GmmRefineSphereWizard().show(form)
        _, molecule, sphere = dialog.call_args[0]
        return molecule, sphere, [call[0][0] for call in engine.call_args_list]

    def test_a_sphere_is_picked_on_a_map_of_the_particles(self):
        form = FakeForm(self.proj.newProtocol(GmmRefineProtFocus))
        form.protocol.inputParticles.set(makeParticles(self.folder))
        molecule, sphere, commands = self.pick(form, "21 22 23 9")
        self.assertEqual(commands, ["reconstruct", "build"])
        self.assertEqual(sphere, [20, 20, 20, 10])
        self.assertLess(np.abs(molecule.centers.mean(axis=0) - 20).max(), 6)  # from the first voxel, not from the centre
        self.assertEqual(form.values, {"focusSphere": "21 22 23 9"})
        form.protocol.focusSphere.set("5 6 7 8")
        self.assertEqual(self.pick(form, "")[1], [5, 6, 7, 8])
        self.assertEqual(form.values, {"focusSphere": "21 22 23 9"})  # cancelled

    def test_a_map_that_the_run_of_the_particles_has_made_is_not_made_again(self):
        run = self.proj.newProtocol(GmmRefineProtRefine)
        self.proj.saveProtocol(run)
        run.makeWorkingDir()
        run._defineOutputs(outputParticles=makeParticles(self.folder), outputVolume=writeVolume(run._getExtraPath("map.mrc")))
        writeGmm(run._getExtraPath("gmm_half_1.star"))
        form = FakeForm(self.proj.newProtocol(GmmRefineProtFocus))
        form.protocol.inputParticles.set(run)
        form.protocol.inputParticles.setExtended("outputParticles")
        molecule, _, commands = self.pick(form, "")
        self.assertEqual(commands, [])
        self.assertEqual(len(molecule.centers), GAUSSIANS)

    def test_patches_are_previewed(self):
        form = FakeForm(self.proj.newProtocol(GmmRefineProtPatches, patches="2", compositeWeights=1))
        form.protocol.inputParticles.set(makeParticles(self.folder))
        with mock.patch.object(Plugin, "runEngineNow", side_effect=writeModel) as engine, mock.patch.object(
            wizard_region, "FigureDialog"
        ) as dialog:
            GmmRefinePatchesWizard().show(form)
        (command, words, *_), _ = engine.call_args
        self.assertEqual(command, "refine-patches")
        self.assertEqual(words[words.index("--patches") + 1], "2")
        self.assertEqual(words[-4:], ["--patch-mode", "apart", "--only", "geometry"])
        self.assertEqual(words.count("--patch-mode"), 1)
        figure = Figure()
        dialog.call_args[0][2](figure)
        self.assertIn("2 patches", figure._suptitle.get_text())

    def test_conversion_takes_the_grid_of_the_particles_whose_conformations_were_learned(self):
        form = FakeForm(self.proj.newProtocol(GmmRefineProtConformationToPose))
        with mock.patch.object(wizard_settings, "showWarning") as shown, mock.patch.object(
            wizard_region, "showWarning"
        ) as shownToo:
            GmmRefineSphereWizard().show(form)
            GmmRefineResolutionWizard().show(form)
        self.assertEqual((shown.call_count, shownToo.call_count), (1, 1))
        heterogeneity = self.proj.newProtocol(GmmRefineProtHeterogeneity)
        heterogeneity.inputParticles.set(makeParticles(self.folder))
        form.protocol.inputHeterogeneity.set(heterogeneity)
        self.assertEqual(self.pick(form, "")[1], [20, 20, 20, 10])
        GmmRefineResolutionWizard().show(form)
        self.assertEqual(form.values, {"maxResolution": 5.0})

    def test_resolution_without_input_is_explained(self):
        form = FakeForm(self.proj.newProtocol(GmmRefineProtRefine))
        with mock.patch.object(wizard_settings, "showWarning") as shown:
            GmmRefineResolutionWizard().show(form)
        self.assertEqual(shown.call_args[0][0], "Empty input")

    def test_resolution_of_a_map_as_its_run_reported_it(self):
        (self.folder / "run.json").write_text('{"results": {"resolution": 4.256}}')
        for protocolClass, row in ((GmmRefineProtQScore, "mapResolution"), (GmmRefineProtSharpen, "lowPass")):
            form = FakeForm(self.proj.newProtocol(protocolClass))
            form.protocol.inputVolume.set(writeVolume(self.folder / "map.mrc"))
            GmmRefineMapResolutionWizard().show(form)
            self.assertEqual(form.values, {row: 4.26})
        (self.folder / "run.json").write_text('{"results": {"resolution": 15.5}}')
        form = FakeForm(self.proj.newProtocol(GmmRefineProtQScore))
        form.protocol.inputVolume.set(writeVolume(self.folder / "map.mrc"))
        with mock.patch.object(wizard_settings, "showInfo") as shown:
            GmmRefineMapResolutionWizard().show(form)
        self.assertIn("known up to 15 Å", shown.call_args[0][1])

    def test_resolution_of_half_maps_is_measured(self):
        form = FakeForm(self.proj.newProtocol(GmmRefineProtSharpen))
        atoms = np.random.default_rng(3).uniform(-8, 8, (60, 3))
        form.protocol.inputVolume.set(writeNoisyMap(self.folder, density(atoms)))
        GmmRefineMapResolutionWizard().show(form)
        self.assertTrue(2 * VOXEL <= form.values["lowPass"] < 4, form.values)

    def test_resolution_of_a_map_without_half_maps_is_asked_for(self):
        form = FakeForm(self.proj.newProtocol(GmmRefineProtSharpen))
        form.protocol.inputVolume.set(writeVolume(self.folder / "map.mrc"))
        with mock.patch.object(wizard_settings, "showInfo") as shown:
            GmmRefineMapResolutionWizard().show(form)
        self.assertIn("enter the resolution of its FSC", shown.call_args[0][1])
