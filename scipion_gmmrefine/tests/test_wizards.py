import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
from pwem.objects import AtomStruct
from pyworkflow.tests import BaseTest, setupTestProject

from gmmrefine.settings import LOW_PASS
from scipion_gmmrefine.protocols import (
    GmmRefineProtBuild,
    GmmRefineProtConformationToPose,
    GmmRefineProtFocus,
    GmmRefineProtHeterogeneity,
    GmmRefineProtQScore,
    GmmRefineProtRefine,
    GmmRefineProtSharpen,
)
from scipion_gmmrefine.protocols.form_checks import beyondNyquist
from scipion_gmmrefine.tests.maps import VOXEL, density, writeNoisyMap
from scipion_gmmrefine.tests.sets import makeParticles, writeVolume
from scipion_gmmrefine.wizards import (
    GmmRefineGaussiansWizard,
    GmmRefineMapResolutionWizard,
    GmmRefineResolutionWizard,
    GmmRefineSphereWizard,
    wizard_settings,
)

PDB = """\
ATOM      1  N   GLY A   1      11.000  12.000  13.000  1.00 10.00           N
ATOM      2  H   GLY A   1      11.500  12.000  13.000  1.00 10.00           H
ATOM      3  CA  GLY A   1      12.000  12.500  13.000  1.00 10.00           C
HETATM    4 MG    MG A   2      15.000  12.500  13.000  1.00 10.00          MG
END
"""


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

    def test_gaussians_without_a_model_are_explained(self):
        form = FakeForm(self.proj.newProtocol(GmmRefineProtBuild))
        with mock.patch.object(wizard_settings, "showInfo") as shown:
            GmmRefineGaussiansWizard().show(form)
        self.assertIn("Choose an atomic model first", shown.call_args[0][1])
        self.assertEqual(form.values, {})

    def test_resolution_from_the_sampling(self):
        form = FakeForm(self.proj.newProtocol(GmmRefineProtRefine))
        form.protocol.inputParticles.set(makeParticles(self.folder))
        GmmRefineResolutionWizard().show(form)
        self.assertEqual(form.values, {"maxResolution": 5.0})
        form = FakeForm(self.proj.newProtocol(GmmRefineProtHeterogeneity))
        form.protocol.inputParticles.set(makeParticles(self.folder))
        GmmRefineResolutionWizard().show(form)
        self.assertEqual(form.values, {"targetResolution": 5.0})
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

    def test_sphere_starts_in_the_middle_of_the_box(self):
        form = FakeForm(self.proj.newProtocol(GmmRefineProtFocus))
        form.protocol.inputParticles.set(makeParticles(self.folder))
        GmmRefineSphereWizard().show(form)
        self.assertEqual(form.values, {"focusSphere": "20 20 20 10"})

    def test_conversion_takes_the_grid_of_the_particles_whose_conformations_were_learned(self):
        form = FakeForm(self.proj.newProtocol(GmmRefineProtConformationToPose))
        with mock.patch.object(wizard_settings, "showWarning") as shown:
            GmmRefineSphereWizard().show(form)
            GmmRefineResolutionWizard().show(form)
        self.assertEqual(shown.call_count, 2)
        heterogeneity = self.proj.newProtocol(GmmRefineProtHeterogeneity)
        heterogeneity.inputParticles.set(makeParticles(self.folder))
        form.protocol.inputHeterogeneity.set(heterogeneity)
        GmmRefineSphereWizard().show(form)
        GmmRefineResolutionWizard().show(form)
        self.assertEqual(form.values, {"focusSphere": "20 20 20 10", "maxResolution": 5.0})

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
